/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/book_totals.h"
#include "chain/proof.h"
#include "chain/receipt.h"
#include "cli/members.h"
#include "cli/node.h"
#include "cli/number.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "cli/receipt_cosign.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/receipt.h"

_Static_assert(LEDGER_REPORT_LEN == REPORT_LEN && LEDGER_SIG_LEN == SIG_LEN, "one form of receipt");
_Static_assert(LEDGER_ID_LEN == OBJECT_ID_LEN && LEDGER_ID_LEN == PUBKEY_LEN, "one form of ids");

static int add_shown(const struct ledger_receipt *r, void *arg)
{
	struct json *o = json_new_object();

	json_set_str(o, "lease", r->lease);
	json_set_u64(o, "seq", r->seq);
	member_time(o, "from", r->from_ms);
	member_time(o, "to", r->to_ms);
	member_mist(o, "total_due", r->total_due);
	json_set_u64(o, "record_bytes", r->record_len);
	member_hex(o, "hash", r->hash, sizeof(r->hash));
	member_hex(o, "signature", r->signature, sizeof(r->signature));
	return json_add(arg, o);
}

static int fill(struct cli *cli, struct ledger *ledger, struct json *list, struct err *err)
{
	return ledger_receipt_list(ledger, cli_flag(cli, "lease"), 0, add_shown, list, err);
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	return node_ledger_list(cli, fill, ret, err);
}

struct export
{
	struct receipts file;
	uint64_t to_seq;
	struct err *err;
};

static int add_exported(const struct ledger_receipt *r, void *arg)
{
	struct export *e = arg;
	struct receipt *receipt;
	int rc;

	if (r->seq > e->to_seq)
		return 0;
	rc = receipts_add(&e->file, &receipt);
	if (rc < 0)
		return err_errno(e->err, rc, "receipt %" PRIu64 " of %s", r->seq, r->lease);
	memcpy(receipt->report, r->report, REPORT_LEN);
	memcpy(receipt->sig, r->signature, SIG_LEN);
	rc = record_decode(r->record, r->record_len, &receipt->record, e->err);
	if (rc < 0)
		return err_wrap(e->err, "receipt %" PRIu64 " of %s in the ledger", r->seq,
				r->lease);
	return 0;
}

/* One snapshot for lease, receipts and proofs, which are wanted unless NULL. */
static int collect(struct ledger *ledger, const char *label, const uint64_t seqs[2],
		   struct receipts *file, struct proofs *proofs, struct err *err)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	struct export e = { .to_seq = seqs[1], .err = err };
	struct ledger_lease lease = {};
	int rc = ledger_begin(ledger, &tx, err);

	if (rc == 0)
		rc = ledger_lease_get(ledger, label, &lease, err);
	if (rc == -ENOENT)
		return err_set(err, rc, "no lease '%s'; 'weir lease show' lists all", label);
	if (rc < 0)
		return rc;
	memcpy(e.file.provider, lease.provider, sizeof(e.file.provider));
	memcpy(e.file.market, lease.market, sizeof(e.file.market));
	rc = ledger_receipt_list(ledger, label, seqs[0], add_exported, &e, err);
	if (rc == 0 && e.file.count == 0)
		rc = err_set(err, -ENOENT,
			     "lease '%s' has no receipt from %" PRIu64 " on; its last is %" PRIu64,
			     label, seqs[0], lease.signed_seq);
	if (rc == 0 && proofs)
		rc = book_prove(ledger, &e.file, proofs, err);
	if (rc != 0)
		receipts_fini(&e.file);
	else
		*file = e.file;
	return rc;
}

static int write_file(const struct buf *text, const struct receipts *file, const char *path,
		      struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *o = json_new_object();
	int rc;

	if (!o)
		return -ENOMEM;
	json_set_str(o, "file", path);
	json_set_u64(o, "receipts", file->count);
	json_set_u64(o, "first_seq", file->list[0].record.seq);
	json_set_u64(o, "last_seq", file->list[file->count - 1].record.seq);
	rc = file_write_atomic(path, text->data, text->len, 0644, err);
	if (rc == 0)
		*ret = take_ptr(o);
	return rc;
}

static int run_export(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	cleanup(receipts_fini) struct receipts file = {};
	cleanup(proofs_fini) struct proofs proofs = {};
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	static const struct number_range range = { NUMBER_COUNT, 1, UINT64_MAX };
	const bool proven = cli_flag(cli, "proofs");
	const char *label = cli_flag(cli, "lease");
	const char *path = cli_flag(cli, "output");
	uint64_t seqs[] = { 1, UINT64_MAX };
	int rc;

	if (!label)
		return cli_usage(cli, err, "receipt export: --lease LEASE is missing");
	rc = number_flag(cli, "from-seq", &range, &seqs[0], err);
	if (rc == 0)
		rc = number_flag(cli, "to-seq", &range, &seqs[1], err);
	if (rc == 0 && seqs[1] < seqs[0])
		rc = cli_usage(cli, err, "--to-seq: is before --from-seq");
	if (rc == 0)
		rc = node_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = collect(ledger, label, seqs, &file, proven ? &proofs : NULL, err);
	if (rc == 0)
		rc = receipts_render(&file, &text, err);
	if (rc == 0 && proven)
		rc = proofs_render(&proofs, &text, err);
	if (rc != 0)
		return rc;
	if (path && strcmp(path, "-") != 0)
		return write_file(&text, &file, path, ret, err);
	return buf_append(&cli->raw, text.data, text.len);
}

static struct json *summary_json(const struct receipts_summary *s)
{
	struct json *o = json_new_object(), *totals = json_new_object();

	json_set_bool(o, "valid", true);
	json_set_u64(o, "receipts", s->count);
	json_set_u64(o, "first_seq", s->first_seq);
	json_set_u64(o, "last_seq", s->last_seq);
	json_set_bool(o, "whole_history", s->first_seq == 1);
	member_time(o, "from", s->from_ms);
	member_time(o, "to", s->to_ms);
	member_mist(o, "total_due", s->total_due);
	json_set_str(o, "lease", s->label);
	member_hex(o, "lease_id", s->lease, sizeof(s->lease));
	member_hex(o, "market", s->market, sizeof(s->market));
	member_hex(o, "public_key", s->provider, sizeof(s->provider));
	member_hex(o, "last_hash", s->last_hash, sizeof(s->last_hash));
	usage_to_json(&s->totals, totals);
	json_set(o, "totals", totals);
	return o;
}

/* What is behind the receipts, if anything; *ret is then an object that says what it proves, else NULL. */
static int proofs_check(const char *text, size_t len, struct json **ret, struct err *err)
{
	cleanup(receipts_free) struct receipts *rs = NULL;
	cleanup(proofs_fini) struct proofs p = {};
	size_t behind = proofs_behind(text, len);
	struct proofs_summary s = {};
	struct json *o;
	int r;

	*ret = NULL;
	if (behind == len)
		return 0;
	r = proofs_parse(text + behind, len - behind, &p, err);
	if (r == 0)
		r = receipts_parse(text, behind, &rs, err);
	if (r == 0)
		r = proofs_verify(&p, rs, &s, err);
	if (r < 0)
		return r;
	o = json_new_object();
	json_set_u64(o, "statements", s.statements);
	json_set_u64(o, "receipts_proven", s.proven);
	json_set_u64(o, "receipts_unproven", s.unproven);
	member_hex(o, "provider", s.provider, sizeof(s.provider));
	*ret = o;
	return o ? 0 : -ENOMEM;
}

static int run_verify(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	const char *path = cli_arg(cli, 0), *hex = cli_flag(cli, "key"), *body;
	cleanup(json_free) struct json *proofs = NULL;
	struct receipts_summary summary;
	uint8_t key[PUBKEY_LEN];
	struct json *o;
	int rc;

	if (hex && parse_hex(hex, key, sizeof(key)) < 0)
		return cli_usage(cli, err,
				 "--key: not a public key, which is %d lower-case hex digits",
				 2 * PUBKEY_LEN);
	if (!path && isatty(STDIN_FILENO))
		return cli_usage(cli, err, "receipt verify: FILE is missing; - is standard input");
	path = path ? path : "-";
	rc = file_read(path, &text, err);
	if (rc < 0)
		return rc;
	body = text.data ? text.data : "";
	rc = receipts_verify(body, proofs_behind(body, text.len), hex ? key : NULL, &summary, err);
	if (rc == 0)
		rc = proofs_check(body, text.len, &proofs, err);
	if (rc < 0)
		return err_wrap(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
	o = summary_json(&summary);
	if (!o)
		return -ENOMEM;
	json_set_bool(o, "key_given", hex != NULL);
	if (proofs)
		json_set(o, "proofs", take_ptr(proofs));
	*ret = o;
	return 0;
}

static const struct column columns[] = {
	{ "LEASE", "lease", FORM_TEXT },
	{ "SEQ", "seq", FORM_NUMBER },
	{ "FROM", "from", FORM_TEXT },
	{ "TO", "to", FORM_TEXT },
	{ "TOTAL DUE", "total_due", FORM_SUI },
	{ "HASH", "hash", FORM_TEXT },
	{},
};

static const char *const due[] = { "total_due", NULL };

static const struct view verify_views[] = {
	{ .path = "", .money = due },
	{ .path = "totals" },
	{ .path = "proofs" },
	{},
};

static const struct cli_flag export_flags[] = {
	{ "lease", 'l', "LEASE", "whose receipts" },
	{ "from-seq", 0, "N", "from this one on; 1 unless given" },
	{ "to-seq", 0, "N", "up to this one; the last one unless given" },
	{ "output", 'o', "FILE", "write there instead of standard output" },
	{ "proofs", 0, NULL, "with proofs that the node's stated totals have these pods in them" },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.flags = (const struct cli_flag[]){ { "lease", 'l', "LEASE", "of this lease only" },
						    {} },
		.help = "the signed receipts in the ledger",
		.more = "Amounts are cumulative: the newest receipt of a lease says all that is due.",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_show,
	},
	{
		.name = "verify",
		.args = "[FILE]",
		.flags = (const struct cli_flag[]){ { "key", 'k', "HEX",
						      "the public key that must have signed" },
						    {} },
		.help = "recompute everything in a receipt file; exit status 1 if a bit is wrong",
		.more = "Without FILE, or when it is -, standard input is read. Needs neither agent "
			"nor ledger. Without --key the file's own key is taken, which proves only that "
			"the file agrees with itself: get the key from the provider by another way.",
		.views = verify_views,
		.run = run_verify,
	},
	{
		.name = "cosign",
		.args = "FILE",
		.flags = receipt_cosign_flags,
		.help = "tenant: accept what a receipt file says, so that it is paid at once",
		.more = "FILE is what the provider exports. Its newest receipt says all: it is compared with "
			"the lease on chain (keys, prices, times), with --cap and with the own count, and "
			"signed. What comes out is for the provider's 'receipt accept'. Needs no agent.",
		.views = (const struct view[]){ { .path = "", .money = due }, {} },
		.run = receipt_cosign,
	},
	{
		.name = "accept",
		.args = "FILE",
		.help = "provider: take a tenant's co-signature; the next settlement is paid with it at "
			"once",
		.more = "FILE is what the tenant's 'receipt cosign' wrote. The agent does it, and only with "
			"chain.kind sui.",
		.views = (const struct view[]){ { .path = "", .money = due }, {} },
		.run = receipt_accept,
	},
	{
		.name = "export",
		.flags = export_flags,
		.help = "a file of one lease's receipts that anyone can verify",
		.more = "With --proofs the node's signed totals stand behind the receipts, with the "
			"path from each pod of the lease to them: what is billed is part of what the "
			"node says it used in all, which can't be more than it has. That can be shown "
			"for as long as usage is kept window by window (meter.keep); a file that was "
			"made in time stays valid.",
		.views = (const struct view[]){ { .path = "" }, {} },
		.run = run_export,
	},
	{},
};

const struct cli_object cli_object_receipt = {
	.name = "receipt",
	.summary = "signed statements of what was used",
	.commands = commands,
};
