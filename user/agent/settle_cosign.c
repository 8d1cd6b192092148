/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settle_cosign.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/parse.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/receipt.h"

#define COSIGNS_KEY "settle.cosigned"
/* of all lines */
#define TEXT_MAX (SETTLE_BATCH_MAX * (LEDGER_LABEL_MAX + 28 + 2 * SIG_LEN))
_Static_assert(TEXT_MAX <= LEDGER_META_MAX, "one fact of the ledger holds them");

/* One line "LABEL SEQ SIGNATURE SENT"; *text goes on to the next. */
static int parse_line(char **text, struct settle_cosigned *ret)
{
	char *words[4] = {};
	char *end = strchr(*text, '\n');
	uint64_t sent = 0;

	if (!end)
		return -EBADMSG;
	*end = '\0';
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		words[i] = strsep(text, " ");
		if (!words[i])
			return -EBADMSG;
	}
	if (*text || strlen(words[0]) >= sizeof(ret->lease) ||
	    parse_u64(words[1], 1, INT64_MAX, &ret->seq) < 0 ||
	    parse_hex(words[2], ret->sig, SIG_LEN) < 0 || parse_u64(words[3], 0, 1, &sent) < 0)
		return -EBADMSG;
	memcpy(ret->lease, words[0], strlen(words[0]) + 1);
	ret->sent = sent;
	*text = end + 1;
	return 0;
}

int settle_cosigns_get(struct ledger *l, struct settle_cosigns *ret, struct err *err)
{
	struct settle_cosigns found = {};
	char text[TEXT_MAX], *at = text;
	int r = ledger_meta_get(l, COSIGNS_KEY, text, sizeof(text), err);

	if (r == -ENOENT) {
		text[0] = '\0';
		if (err)
			*err = (struct err){};
	} else if (r < 0) {
		return r;
	}
	while (*at) {
		if (found.n == SETTLE_BATCH_MAX || parse_line(&at, &found.at[found.n]) < 0)
			return err_set(err, -EBADMSG, "ledger: " COSIGNS_KEY " can't be read");
		found.n++;
	}
	*ret = found;
	return 0;
}

static int put(struct ledger_tx *tx, const struct settle_cosigns *all, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	char sig[2 * SIG_LEN + 1];

	buf_puts(&text, "");
	for (size_t i = 0; i < all->n; i++) {
		format_hex(all->at[i].sig, SIG_LEN, sig);
		buf_printf(&text, "%s %" PRIu64 " %s %d\n", all->at[i].lease, all->at[i].seq, sig,
			   all->at[i].sent);
	}
	if (buf_error(&text))
		return err_errno(err, buf_error(&text), "co-signatures");
	return ledger_meta_set(tx, COSIGNS_KEY, text.data ? text.data : "", err);
}

static size_t find(const struct settle_cosigns *all, const char *lease)
{
	size_t i = 0;

	while (i < all->n && strcmp(all->at[i].lease, lease) != 0)
		i++;
	return i;
}

int settle_cosigns_drop(struct ledger_tx *tx, const char *lease, uint64_t seq, struct err *err)
{
	struct settle_cosigns all = {};
	int r = settle_cosigns_get(tx->ledger, &all, err);
	size_t i;

	if (r < 0)
		return r;
	i = find(&all, lease);
	if (i == all.n || all.at[i].seq > seq)
		return 0;
	all.at[i] = all.at[--all.n];
	return put(tx, &all, err);
}

int settle_cosigns_sent(struct ledger_tx *tx, const char *lease, struct err *err)
{
	struct settle_cosigns all = {};
	int r = settle_cosigns_get(tx->ledger, &all, err);
	size_t i;

	if (r < 0)
		return r;
	i = find(&all, lease);
	if (i == all.n)
		return 0;
	all.at[i].sent = true;
	return put(tx, &all, err);
}

int settle_cosigns_done(struct ledger_tx *tx, const char *lease, uint64_t seq, struct err *err)
{
	struct settle_cosigns all = {};
	int r = settle_cosigns_get(tx->ledger, &all, err);
	size_t i;

	if (r < 0)
		return r;
	i = find(&all, lease);
	/* one of the same number may have come when the report was on its way without it */
	if (i == all.n || (all.at[i].seq == seq && !all.at[i].sent))
		return 0;
	return settle_cosigns_drop(tx, lease, seq, err);
}

/* ---- Accepting one -------------------------------------------------------------------------- */

struct search {
	const uint8_t *id;
	struct ledger_lease found;
	bool is;
};

static int is_it(const struct ledger_lease *row, void *arg)
{
	struct search *s = arg;

	if (memcmp(row->id, s->id, LEDGER_ID_LEN) != 0)
		return 0;
	s->found = *row;
	s->is = true;
	return 1;
}

static int find_receipt(struct ledger *l, const struct cosign *c, struct ledger_lease *ret,
			struct err *err)
{
	cleanup(ledger_receipt_fini) struct ledger_receipt receipt = {};
	struct search s = { .id = c->fields.lease };
	int r = ledger_lease_list(l, is_it, &s, err);

	if (r < 0)
		return r;
	if (!s.is)
		return err_set(err, -ENOENT, "the co-signature is of no lease that is here");
	r = ledger_receipt_get(l, s.found.label, c->fields.seq, &receipt, err);
	if (r == -ENOENT)
		return err_set(err, r, "lease %s has no receipt %" PRIu64, s.found.label,
			       c->fields.seq);
	if (r < 0)
		return r;
	if (memcmp(receipt.report, c->report, REPORT_LEN) != 0)
		return err_set(err, -EBADMSG,
			       "lease %s: the co-signature is of another receipt %" PRIu64
			       " than the one that is here",
			       s.found.label, c->fields.seq);
	*ret = s.found;
	return 0;
}

static int check_chain(struct settle *s, const struct cosign *c, const struct ledger_lease *row,
		       struct err *err)
{
	struct settle_lease on_chain = {};
	int r = s->chain->lease(s->arg, row->id, &on_chain, err);

	if (r < 0)
		return err_wrap(err, "lease %s", row->label);
	if (!on_chain.has_tenant_key || memcmp(on_chain.tenant_key, c->key, PUBKEY_LEN) != 0)
		return err_set(err, -EPERM,
			       "lease %s: not the key that the lease on chain wants co-signatures "
			       "of",
			       row->label);
	if (on_chain.lease.seq > c->fields.seq)
		return err_set(err, -ESTALE,
			       "lease %s: the chain has report %" PRIu64
			       ", and takes no older one; let the tenant co-sign the newest",
			       row->label, on_chain.lease.seq);
	if (on_chain.lease.seq == c->fields.seq && !on_chain.lease.chain.waiting)
		return err_set(err, -EALREADY,
			       "lease %s: nothing of it waits: receipt %" PRIu64
			       " has been released on chain",
			       row->label, c->fields.seq);
	return 0;
}

static int keep(struct ledger *l, const struct settle_cosigned *c, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct settle_cosigns all = {};
	int r = ledger_begin(l, &tx, err);
	size_t i;

	if (r == 0)
		r = settle_cosigns_get(l, &all, err);
	if (r < 0)
		return r;
	i = find(&all, c->lease);
	if (i == SETTLE_BATCH_MAX)
		return err_set(err, -EBUSY, "%d co-signatures wait already; try again later",
			       SETTLE_BATCH_MAX);
	if (i < all.n && all.at[i].seq > c->seq) /* a newer one says all */
		return 0;
	all.n += i == all.n;
	all.at[i] = *c;
	r = put(&tx, &all, err);
	return r < 0 ? r : ledger_commit(&tx, err);
}

int settle_accept(struct settle *s, const struct cosign *c, struct settle_cosigned *ret,
		  struct err *err)
{
	struct settle_cosigned one = { .seq = c->fields.seq };
	struct ledger_lease row;
	int r = find_receipt(s->ledger, c, &row, err);

	if (r == 0)
		r = check_chain(s, c, &row, err);
	if (r < 0)
		return r;
	snprintf(one.lease, sizeof(one.lease), "%s", row.label);
	memcpy(one.sig, c->sig, SIG_LEN);
	r = keep(s->ledger, &one, err);
	if (r == 0)
		*ret = one;
	return r;
}
