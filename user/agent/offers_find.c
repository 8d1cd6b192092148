/* SPDX-License-Identifier: Apache-2.0 */
/* New leases on chain, from the events of their opening on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/book_int.h"
#include "agent/config.h"
#include "agent/offers.h"
#include "agent/settling_int.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/json.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"

#define CURSOR_KEY "offers.cursor"

/* Ids of leases that were opened for this provider. */
struct opened {
	const struct settle *settle;
	uint8_t (*ids)[OBJECT_ID_LEN];
	size_t n;
};

/* Those that started by themselves and go on. */
struct open_leases {
	struct ledger *ledger;
	size_t n;
};

static void opened_fini(struct opened *o)
{
	free(o->ids);
}

static bool is(const struct json *fields, const char *name, const uint8_t want[OBJECT_ID_LEN])
{
	uint8_t id[OBJECT_ID_LEN];

	return address_parse(json_str(fields, name, ""), id) == 0 && !memcmp(id, want, sizeof(id));
}

static int opened_add(void *arg, const char *digest, const struct json *fields)
{
	struct opened *o = arg;
	uint8_t(*more)[OBJECT_ID_LEN];

	(void)digest;
	if (!is(fields, "market", o->settle->market.id) ||
	    !is(fields, "provider", o->settle->provider.id))
		return 0;
	more = reallocarray(o->ids, o->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	o->ids = more;
	if (address_parse(json_str(fields, "lease", ""), o->ids[o->n]) == 0)
		o->n++;
	return 0;
}

static int note(struct ledger *l, const char *key, const char *value, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	int r = ledger_begin(l, &tx, err);

	if (r == 0)
		r = ledger_meta_set(&tx, key, value, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

/* First the note, then the lease: a note without a lease starts nothing. */
static int take_over(struct settling *s, const struct lease *lease, const char *work,
		     struct offers_found *ret, struct err *err)
{
	cleanup(json_free) struct json *view = NULL;
	char key[OFFER_KEY_SIZE];
	int r;

	offer_key(lease->terms.label, key);
	r = note(s->agent->book.ledger, key, work, err);
	if (r == 0)
		r = book_lease_adopt(&s->agent->book, lease, &view, err);
	if (r == -EEXIST)
		return 0; /* under another label already: somebody took it over by hand */
	ret->taken += r == 0;
	return r;
}

static int count(const struct ledger_lease *row, void *arg)
{
	char key[OFFER_KEY_SIZE], text[OFFER_WORK_MAX];
	struct open_leases *open = arg;
	struct lease lease;

	offer_key(row->label, key);
	if (ledger_meta_get(open->ledger, key, text, sizeof(text), NULL) == 0 &&
	    book_account(row, &lease, NULL) == 0 && !lease.closing_ms)
		open->n++;
	return 0;
}

/* Its work goes into *text, as it will be noted. */
static int check(struct settling *s, const struct json *fields, const struct lease *lease,
		 struct buf *text, struct err *err)
{
	struct open_leases open = { .ledger = s->agent->book.ledger };
	const struct json *json = json_get(fields, "work");
	struct offer_work work;
	int r = offer_read(json, &work, err);

	if (r == 0)
		r = offer_check(lease, &work, s->agent->cfg, err);
	if (r == 0)
		r = ledger_lease_list(s->agent->book.ledger, count, &open, err);
	if (r == 0 && open.n >= s->agent->cfg->offers.leases)
		r = err_set(err, -EPERM, "%zu leases are open, offers.leases allows no more",
			    open.n);
	if (r == 0 && (json_print(json, false, text) < 0 || buf_append(text, "", 1) < 0))
		r = err_set(err, -E2BIG, "its work is longer than %d bytes", OFFER_WORK_MAX);
	return r;
}

static void refuse(const uint8_t id[OBJECT_ID_LEN], const struct err *why, struct offers_found *ret)
{
	char text[ADDRESS_SIZE];

	address_format(id, text);
	ret->why = *why;
	err_wrap(&ret->why, "%s", text);
	ret->refused++;
}

/* *ret_code: why it could not be read, so that the search has to come back. */
static int consider(struct settling *s, const uint8_t id[OBJECT_ID_LEN], struct offers_found *ret,
		    int *ret_code, struct err *err)
{
	cleanup(buf_fini) struct buf work = BUF_INIT(OFFER_WORK_MAX);
	cleanup(sui_object_fini) struct sui_object object = {};
	struct settle_view view = {};
	struct lease *l = &view.lease;
	char label[LEDGER_LABEL_MAX];
	struct ledger_lease row;
	struct err why = {};

	offer_label(id, label);
	if (ledger_lease_get(s->agent->book.ledger, label, &row, NULL) == 0)
		return 0;
	*ret_code = settling_get_object(s, id, &object, &ret->why);
	if (*ret_code < 0)
		return 0;
	if (settle_read_lease(object.json, &view, &why) == 0 && (l->closing_ms || l->seq))
		return 0; /* over, or another ledger's */
	if (why.code || check(s, object.json, l, &work, &why) < 0) {
		refuse(id, &why, ret);
		return 0;
	}
	memcpy(l->terms.label, label, sizeof(l->terms.label));
	memcpy(l->terms.provider, key_public(s->agent->book.key), sizeof(l->terms.provider));
	l->chain.version = object.ref.version;
	l->chain.checkpoint = object.checkpoint;
	return take_over(s, l, work.data, ret, err);
}

static int list_opened(struct settling *s, struct opened *o, char cursor[SUI_CURSOR_SIZE],
		       struct err *err)
{
	char package[ADDRESS_SIZE], type[ADDRESS_SIZE + 32];
	int r = settling_ask(s, err);

	address_format(s->settle.package, package);
	snprintf(type, sizeof(type), "%s::lease::Opened", package);
	if (r == 0)
		r = sui_list_events(s->sui, type, cursor[0] ? cursor : NULL, opened_add, o, cursor,
				    err);
	return settling_asked(s, r);
}

int offers_find(struct settling *s, struct offers_found *ret, struct err *err)
{
	cleanup(opened_fini) struct opened o = { .settle = &s->settle };
	char cursor[SUI_CURSOR_SIZE] = "", before[SUI_CURSOR_SIZE] = "";
	int code = 0;
	int r = ledger_meta_get(s->agent->book.ledger, CURSOR_KEY, cursor, sizeof(cursor), NULL);

	if (r < 0 && r != -ENOENT)
		return err_errno(err, r, "offers");
	memcpy(before, cursor, sizeof(before));
	if (list_opened(s, &o, cursor, &ret->why) < 0)
		return 0;
	if (o.n)
		code = settling_check_key(s, &ret->why);
	r = 0;
	for (size_t i = 0; r == 0 && code == 0 && i < o.n; i++)
		r = consider(s, o.ids[i], ret, &code, err);
	if (r < 0 || code < 0 || strcmp(cursor, before) == 0)
		return r;
	return note(s->agent->book.ledger, CURSOR_KEY, cursor, err);
}
