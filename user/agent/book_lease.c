/* SPDX-License-Identifier: Apache-2.0 */
/* Leases and settlement of `chain: local`: the rules of chain/lease.h over rows of the ledger. */
#include <errno.h>

#include "agent/book_int.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"
#include "ledger/ledger.h"
#include "ledger/pod.h"
#include "ledger/receipt.h"
#include "ledger/settlement.h"

static int leases_add(const struct ledger_lease *row, void *arg)
{
	struct book_leases *ls = arg;
	struct ledger_lease *more = reallocarray(ls->row, ls->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	ls->row = more;
	ls->row[ls->n++] = *row;
	return 0;
}

int book_leases(struct ledger *l, struct book_leases *ret, struct err *err)
{
	return ledger_lease_list(l, leases_add, ret, err);
}

void book_leases_fini(struct book_leases *ls)
{
	free(ls->row);
}

int book_account(const struct ledger_lease *row, struct lease *ret, struct err *err)
{
	int r = lease_decode(row->account, row->account_len, ret, err);

	return r < 0 ? err_wrap(err, "lease %s", row->label) : 0;
}

/* As record_check() wants texts. */
static bool is_plain(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			return false;
	return *text != '\0';
}

int book_check(const struct book *b, struct err *err)
{
	cleanup(book_leases_fini) struct book_leases leases = {};
	int r;

	if (!is_plain(b->node) || strlen(b->node) >= RECORD_NODE_SIZE)
		return err_set(err, -EINVAL,
			       "node.name: must be 1 to %d characters of printable ASCII without "
			       "'\"' and '\\', since receipts carry it",
			       RECORD_NODE_SIZE - 1);
	r = book_leases(b->ledger, &leases, err);
	for (size_t i = 0; !r && i < leases.n; i++)
		if (memcmp(leases.row[i].provider, key_public(b->key), PUBKEY_LEN))
			r = err_set(err, -EKEYREJECTED,
				    "key.file: not the key that lease %s of this ledger was opened "
				    "with; put that key back",
				    leases.row[i].label);
	return r;
}

int book_account_put(struct ledger_tx *tx, struct ledger_lease *row, const struct lease *l,
		     uint64_t now_ms, struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(sizeof(row->account));

	lease_encode(l, &bytes);
	if (buf_error(&bytes))
		return err_errno(err, buf_error(&bytes), "lease %s", row->label);
	memcpy(row->account, bytes.data, bytes.len);
	row->account_len = bytes.len;
	row->deposited = l->deposited;
	row->paid = l->paid;
	row->refunded = l->refunded;
	snprintf(row->state, sizeof(row->state), "%s", lease_state_name(l->state));
	if (l->state == LEASE_CLOSED && !row->closed_ms)
		row->closed_ms = now_ms;
	return ledger_lease_put(tx, row, err);
}

static int view(const struct ledger_lease *row, const struct lease *l, struct json **ret,
		struct err *err)
{
	struct json *j = json_new_object();
	char id[2 * OBJECT_ID_LEN + 1];

	if (!j)
		return err_errno(err, -ENOMEM, "lease %s", row->label);
	format_hex(row->id, sizeof(row->id), id);
	json_set_str(j, "lease", row->label);
	json_set_str(j, "id", id);
	json_set_str(j, "state", lease_state_name(l->state));
	json_set_u64_text(j, "deposited", l->deposited);
	json_set_u64_text(j, "paid", l->paid);
	json_set_u64_text(j, "refunded", l->refunded);
	json_set_u64_text(j, "escrow", lease_escrow(l));
	json_set_u64_text(j, "unpaid", lease_unpaid(l));
	*ret = j;
	return 0;
}

/* ---- Opening, topping up, closing ----------------------------------------------------------- */

static int hash_of(const char *domain, const void *a, size_t a_len, const char *b,
		   uint8_t ret[HASH_LEN])
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1024);

	buf_puts(&text, domain);
	buf_append(&text, a, a_len);
	buf_puts(&text, b);
	if (!buf_error(&text))
		blake2b256(text.data, text.len, ret);
	return buf_error(&text);
}

int book_local_market(const uint8_t provider[OBJECT_ID_LEN], uint8_t ret[OBJECT_ID_LEN])
{
	return hash_of("weir-local-market-v1", provider, OBJECT_ID_LEN, "", ret);
}

/* An address as chains write it, or a plain name for one who has none. A mistyped address must not
 * become a name: the refund would be nobody's. */
static int tenant_address(const char *tenant, uint8_t ret[OBJECT_ID_LEN], struct err *err)
{
	int r;

	if (strncmp(tenant, "0x", 2)) {
		r = hash_of("weir-local-tenant-v1", "", 0, tenant, ret);
		return r < 0 ? err_errno(err, r, "tenant") : 0;
	}
	if (parse_hex(tenant + 2, ret, OBJECT_ID_LEN) < 0)
		return err_set(err, -EINVAL,
			       "tenant %.80s: want 0x and %d lower-case hex digits, or a name",
			       tenant, 2 * OBJECT_ID_LEN);
	return 0;
}

static int terms_of(const struct book *b, const struct book_lease *l, uint64_t opened_ms,
		    struct lease_terms *ret, struct err *err)
{
	struct lease_terms t = { .prices = l->prices,
				 .opened_ms = opened_ms,
				 .grace_ms = l->grace_ms };
	size_t len = strlen(l->label);
	int r;

	if (!len || len >= sizeof(t.label) || strlen(l->tenant) > 256)
		return err_set(err, -EINVAL,
			       "lease: a label of 1 to %zu characters and a tenant of at most 256 "
			       "are needed",
			       sizeof(t.label) - 1);
	memcpy(t.provider, key_public(b->key), sizeof(t.provider));
	memcpy(t.label, l->label, len);
	r = book_local_market(t.provider, t.market);
	if (!r)
		r = hash_of("weir-local-lease-v1", t.market, sizeof(t.market), l->label, t.id);
	if (r < 0)
		return err_errno(err, r, "lease %s", l->label);
	r = tenant_address(l->tenant, t.tenant, err);
	if (!r)
		*ret = t;
	return r;
}

/* The row of a label that is not taken. */
static int row_new(struct book *b, const struct lease_terms *terms, struct ledger_lease *ret,
		   struct err *err)
{
	struct ledger_lease row = { .opened_ms = terms->opened_ms };
	int r = ledger_lease_get(b->ledger, terms->label, &row, NULL);

	if (!r)
		return err_set(err, -EEXIST,
			       "lease %s: there is one of this label already; choose another",
			       terms->label);
	if (r != -ENOENT)
		return err_errno(err, r, "lease %s", terms->label);
	snprintf(row.label, sizeof(row.label), "%s", terms->label);
	memcpy(row.id, terms->id, sizeof(row.id));
	memcpy(row.market, terms->market, sizeof(row.market));
	memcpy(row.provider, terms->provider, sizeof(row.provider));
	*ret = row;
	return 0;
}

int book_lease_adopt(struct book *b, const struct lease *lease, struct json **ret, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_lease row;
	int r = lease_check(lease, err);

	if (!r)
		r = row_new(b, &lease->terms, &row, err);
	if (!r)
		r = ledger_begin(b->ledger, &tx, err);
	if (!r)
		r = book_account_put(&tx, &row, lease, lease->terms.opened_ms, err);
	if (!r)
		r = ledger_commit(&tx, err);
	return r ? r : view(&row, lease, ret, err);
}

int book_lease_open(struct book *b, const struct book_lease *l, uint64_t opened_ms,
		    struct json **ret, struct err *err)
{
	struct lease_terms terms;
	struct lease lease;
	int r = terms_of(b, l, opened_ms, &terms, err);

	if (!r)
		r = lease_open(&terms, l->deposit, &lease, err);
	return r < 0 ? r : book_lease_adopt(b, &lease, ret, err);
}

/* Reads the lease, lets fn change it, and writes it back. */
static int change(struct book *b, const char *label, uint64_t arg,
		  int (*fn)(struct lease *l, uint64_t arg, struct err *err), uint64_t now_ms,
		  struct json **ret, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct ledger_lease row;
	struct lease lease;
	int r;

	r = ledger_lease_get(b->ledger, label, &row, err);
	if (r == -ENOENT)
		return err_set(err, r, "lease %s: no such lease; weir lease show lists them",
			       label);
	if (!r)
		r = book_account(&row, &lease, err);
	if (!r)
		r = fn(&lease, arg, err);
	if (!r)
		r = ledger_begin(b->ledger, &tx, err);
	if (!r)
		r = book_account_put(&tx, &row, &lease, now_ms, err);
	if (!r)
		r = ledger_commit(&tx, err);
	return r ? r : view(&row, &lease, ret, err);
}

static int top_up(struct lease *l, uint64_t amount, struct err *err)
{
	uint64_t payout;

	return lease_top_up(l, amount, &payout, err);
}

int book_lease_top_up(struct book *b, const char *label, uint64_t amount, struct json **ret,
		      struct err *err)
{
	return change(b, label, amount, top_up, 0, ret, err);
}

static int close_at(struct lease *l, uint64_t now_ms, struct err *err)
{
	(void)err; /* closing can't fail; the account shows the refund */
	lease_close(l, now_ms);
	return 0;
}

int book_lease_close(struct book *b, const char *label, uint64_t now_ms, struct json **ret,
		     struct err *err)
{
	return change(b, label, now_ms, close_at, now_ms, ret, err);
}

/* ---- Settling ------------------------------------------------------------------------------- */

struct due {
	struct ledger_settlement *at;
	size_t n;
};

static int due_add(const struct ledger_settlement *s, void *arg)
{
	struct due *d = arg;
	struct ledger_settlement *more = reallocarray(d->at, d->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	d->at = more;
	d->at[d->n++] = *s;
	return 0;
}

static void due_fini(struct due *d)
{
	free(d->at);
}

/* The local market answers at once, so the steps of one settlement are one transaction. */
static int step(struct ledger_tx *tx, struct ledger_settlement *s, enum ledger_settle to,
		uint64_t now_ms, struct err *err)
{
	s->state = to;
	s->updated_ms = now_ms;
	return ledger_settlement_put(tx, s, err);
}

static int submit(struct book *b, struct ledger_settlement *s, uint64_t now_ms, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	cleanup(ledger_receipt_fini) struct ledger_receipt receipt = {};
	struct err refused = {};
	struct ledger_lease row;
	struct lease lease;
	uint64_t payout;
	int r;

	r = ledger_lease_get(b->ledger, s->lease, &row, err);
	if (!r)
		r = book_account(&row, &lease, err);
	if (!r)
		r = ledger_receipt_get(b->ledger, s->lease, s->seq, &receipt, err);
	if (!r)
		r = ledger_begin(b->ledger, &tx, err);
	s->attempts++;
	if (!r && s->state == LEDGER_SETTLE_DUE)
		r = step(&tx, s, LEDGER_SETTLE_BUILT, now_ms, err);
	if (!r && s->state == LEDGER_SETTLE_BUILT)
		r = step(&tx, s, LEDGER_SETTLE_SUBMITTED, now_ms, err);
	if (r < 0)
		return r;
	if (lease_submit(&lease, receipt.report, receipt.signature, now_ms, &payout, &refused) <
	    0) {
		snprintf(s->error, sizeof(s->error), "%s", refused.text);
		r = step(&tx, s, LEDGER_SETTLE_FAILED, now_ms, err);
	} else {
		s->error[0] = '\0';
		r = book_account_put(&tx, &row, &lease, now_ms, err);
		if (!r)
			r = step(&tx, s, LEDGER_SETTLE_FINAL, now_ms, err);
	}
	return r < 0 ? r : ledger_commit(&tx, err);
}

int book_settle(struct book *b, uint64_t now_ms, size_t *ret_settled, struct err *err)
{
	const unsigned int open =
		1U << LEDGER_SETTLE_DUE | 1U << LEDGER_SETTLE_BUILT | 1U << LEDGER_SETTLE_SUBMITTED;
	cleanup(due_fini) struct due due = {};
	size_t settled = 0;
	int r;

	r = ledger_settlement_list(b->ledger, NULL, open, due_add, &due, err);
	for (size_t i = 0; !r && i < due.n; i++) {
		r = submit(b, &due.at[i], now_ms, err);
		settled += due.at[i].state == LEDGER_SETTLE_FINAL;
	}
	if (r < 0)
		return err_wrap(err, "settling");
	*ret_settled = settled;
	return 0;
}

/* ---- After a restart ------------------------------------------------------------------------ */

struct recall {
	int (*fn)(void *arg, uint64_t cgroup_id, const struct meter_pod *p,
		  const struct usage *last);
	void *arg;
};

static int recall_one(const struct ledger_pod *row, void *arg)
{
	const struct recall *rc = arg;
	struct meter_pod pod = {};

	snprintf(pod.ns, sizeof(pod.ns), "%s", row->namespace);
	snprintf(pod.name, sizeof(pod.name), "%s", row->name);
	snprintf(pod.uid, sizeof(pod.uid), "%s", row->uid);
	snprintf(pod.lease, sizeof(pod.lease), "%s", row->lease);
	return rc->fn(rc->arg, row->cgroup_id, &pod, &row->last);
}

int book_recall(struct book *b,
		int (*fn)(void *arg, uint64_t cgroup_id, const struct meter_pod *p,
			  const struct usage *last),
		void *arg, struct err *err)
{
	struct recall rc = { fn, arg };

	return ledger_pod_list(b->ledger, b->boot, LEDGER_PODS_OPEN, recall_one, &rc, err);
}
