/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "chain/receipt.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/parse.h"

/* What the signed report and the readable record both say. */
static int check_shared(const struct report *said, const struct record *r,
			const uint8_t market[OBJECT_ID_LEN], struct err *err)
{
	const char *field = memcmp(said->market, market, OBJECT_ID_LEN) != 0  ? "market" :
			    memcmp(said->lease, r->lease, OBJECT_ID_LEN) != 0 ? "lease" :
			    said->seq != r->seq				      ? "seq" :
			    said->from_ms != r->from_ms			      ? "from" :
			    said->to_ms != r->to_ms			      ? "to" :
										NULL;

	if (field)
		return err_set(err, -EBADMSG, "%s: not what the signed report says", field);
	return 0;
}

/* What the record yields must be what was signed. */
static int check_derived(const struct report *said, const struct record *r,
			 const uint8_t market[OBJECT_ID_LEN], struct err *err)
{
	struct report derived;
	struct err why = {};
	int e = record_report(r, market, &derived, &why);

	if (e == -ENOMEM)
		return err_set(err, e, "%s", why.text);
	if (e < 0)
		return err_set(err, -EBADMSG, "%s", why.text);
	if (said->total_due != derived.total_due)
		return err_set(err, -EBADMSG,
			       "total_due: the report says %" PRIu64
			       " MIST, usage times prices is %" PRIu64,
			       said->total_due, derived.total_due);
	if (memcmp(said->usage_hash, derived.usage_hash, HASH_LEN) != 0)
		return err_set(err, -EBADMSG,
			       "usage_hash: the record is not the one that was signed (a pod, the "
			       "node, the label, a price or a total differs)");
	return 0;
}

static int verify_one(const struct receipts *rs, size_t i, struct err *err)
{
	const struct receipt *rc = &rs->list[i], *before = i ? rc - 1 : NULL;
	struct report said;
	int e;

	/* The signature first: behind it, any difference is the readable part's fault. */
	e = report_verify(rc->report, REPORT_LEN, rc->sig, rs->provider, &said, err);
	if (!e)
		e = check_shared(&said, &rc->record, rs->market, err);
	if (!e)
		e = record_follows(&rc->record, before ? &before->record : NULL,
				   before ? before->report : NULL, err);
	if (!e)
		e = check_derived(&said, &rc->record, rs->market, err);
	if (e < 0)
		err_wrap(err, "receipt %zu (seq %" PRIu64 ")", i + 1, rc->record.seq);
	return e;
}

static int check_provider(const struct receipts *rs, const uint8_t *want, struct err *err)
{
	char is[2 * PUBKEY_LEN + 1], should[2 * PUBKEY_LEN + 1];

	if (!want || memcmp(rs->provider, want, PUBKEY_LEN) == 0)
		return 0;
	format_hex(rs->provider, PUBKEY_LEN, is);
	format_hex(want, PUBKEY_LEN, should);
	return err_set(err, -EBADMSG, "provider: the file is of %s, expected %s", is, should);
}

static int summarize(const struct receipts *rs, struct receipts_summary *ret, struct err *err)
{
	const struct receipt *first = &rs->list[0], *last = &rs->list[rs->count - 1];
	struct receipts_summary s = {
		.count = rs->count,
		.first_seq = first->record.seq,
		.last_seq = last->record.seq,
		.from_ms = first->record.from_ms,
		.to_ms = last->record.to_ms,
		.totals = last->record.totals,
	};
	struct report report;
	int e = report_decode(last->report, REPORT_LEN, &report, err);

	if (e < 0)
		return e;
	s.total_due = report.total_due;
	memcpy(s.provider, rs->provider, sizeof(s.provider));
	memcpy(s.market, rs->market, sizeof(s.market));
	memcpy(s.lease, last->record.lease, sizeof(s.lease));
	memcpy(s.label, last->record.label, sizeof(s.label));
	report_hash(last->report, s.last_hash);
	*ret = s;
	return 0;
}

int receipts_verify(const char *text, size_t len, const uint8_t provider[PUBKEY_LEN],
		    struct receipts_summary *ret, struct err *err)
{
	cleanup(receipts_free) struct receipts *rs = NULL;
	int e;

	e = receipts_parse(text, len, &rs, err);
	if (!e)
		e = check_provider(rs, provider, err);
	for (size_t i = 0; !e && i < rs->count; i++)
		e = verify_one(rs, i, err);
	if (!e)
		e = summarize(rs, ret, err);
	return e;
}
