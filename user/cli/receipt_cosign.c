/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/receipt_cosign.h"
#include "cli/number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/settle_lease.h"
#include "chain/amount.h"
#include "chain/cosign.h"
#include "chain/receipt.h"
#include "chain/suikey.h"
#include "cli/deed.h"
#include "cli/members.h"
#include "cli/node.h"
#include "cli/own_count.h"
#include "cli/provider_view.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"

#define OWN_MAX (64U << 20) /* bytes of a file */

const struct cli_flag receipt_cosign_flags[] = {
	{ "key", 'k', "FILE", "the tenant's key, which the lease was opened with" },
	{ "cap", 0, "AMOUNT", "the most that may be due in all" },
	{ "own", 0, "FILE",
	  "the tenant's own count since the lease was opened, as 'usage show -j'" },
	{ "tolerance", 0, "PERCENT",
	  "so much more than the own count is let pass; 0 unless given" },
	{ "offline", 0, NULL,
	  "don't compare with the lease on chain: keys, prices and times are the file's word" },
	{ "output", 'o', "FILE", "write there instead of standard output" },
	{},
};

/* What is to be accepted, and by whom. */
struct cosigning {
	struct receipts *file;
	const struct receipt *last; /* amounts are cumulative: it says all */
	struct receipts_summary summary;
	struct key *key;
};

static void cosigning_fini(struct cosigning *c)
{
	receipts_free(&c->file);
	key_free(&c->key);
}

static int read_receipts(const char *path, struct cosigning *c, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	int r = file_read(path, &text, err);

	if (r < 0)
		return r;
	r = receipts_verify(text.data ? text.data : "", text.len, NULL, &c->summary, err);
	if (r == 0)
		r = receipts_parse(text.data, text.len, &c->file, err);
	if (r < 0)
		return err_wrap(err, "%s", path);
	c->last = &c->file->list[c->file->count - 1];
	return 0;
}

/* ---- Against the chain ---------------------------------------------------------------------- */

/* The terms that the file claims are those that the lease was opened under. */
static int check_lease(const struct cosigning *c, const struct settle_view *view, struct err *err)
{
	const struct lease_terms *terms = &view->lease.terms;
	const struct record *record = &c->last->record;
	const char *price = price_diff(&terms->prices, &record->prices);

	if (memcmp(terms->market, c->summary.market, OBJECT_ID_LEN) != 0)
		return err_set(err, -EBADMSG, "it is of another market than the lease on chain");
	if (price)
		return err_set(err, -EBADMSG, "its price %s is not that of the lease on chain",
			       price);
	if (terms->opened_ms != record->opened_ms)
		return err_set(err, -EBADMSG, "its lease was opened at another time than on chain");
	if (!view->has_tenant_key || memcmp(view->tenant_key, key_public(c->key), PUBKEY_LEN) != 0)
		return err_set(err, -EPERM,
			       "--key: is not the key that the lease on chain wants co-signatures "
			       "of");
	if (view->lease.seq > record->seq)
		return err_set(err, -ESTALE,
			       "the chain has report %" PRIu64 " already, and takes no older one; "
			       "get a newer file from the provider",
			       view->lease.seq);
	return 0;
}

static int check_chain(struct cli *cli, const struct cosigning *c, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object lease = {}, provider = {};
	cleanup(deed_fini) struct deed d = {};
	struct settle_view view = {};
	uint8_t key[PUBKEY_LEN];
	int r = deed_look(cli, &d, err);

	if (r == 0)
		r = sui_get_object(d.sui, c->summary.lease, &lease, err);
	if (r == 0)
		r = settle_read_lease(lease.json, &view, err);
	if (r == 0)
		r = sui_get_object(d.sui, view.provider, &provider, err);
	if (r == 0)
		r = provider_current_key(provider.json, key, err);
	if (r < 0)
		return r;
	if (memcmp(key, c->summary.provider, sizeof(key)) != 0)
		return err_set(err, -EBADMSG,
			       "it is signed by another key than the provider's on chain");
	return check_lease(c, &view, err);
}

/* ---- Against the tenant's own numbers ------------------------------------------------------- */

static int check_cap(struct cli *cli, const struct cosigning *c, struct err *err)
{
	char due[AMOUNT_SIZE], most[AMOUNT_SIZE];
	struct err why = {};
	uint64_t cap;

	if (amount_parse(cli_flag(cli, "cap"), &cap, &why) < 0)
		return cli_usage(cli, err, "--cap: %s", why.text);
	if (c->summary.total_due > cap)
		return err_set(err, -EDQUOT,
			       "receipt %" PRIu64 " says that %s is due, over --cap %s",
			       c->summary.last_seq, amount_format(c->summary.total_due, due),
			       amount_format(cap, most));
	return 0;
}

static int check_own(struct cli *cli, const struct cosigning *c, struct err *err)
{
	static const struct number_range range = { NUMBER_COUNT, 0, OWN_COUNT_TOLERANCE_MAX };
	const char *path = cli_flag(cli, "own");
	cleanup(buf_fini) struct buf own = BUF_INIT(OWN_MAX);
	cleanup(json_free) struct json *j = NULL;
	uint64_t percent = 0;
	int r = number_flag(cli, "tolerance", &range, &percent, err);

	if (r == 0)
		r = file_read(path, &own, err);
	if (r == 0)
		r = json_parse(own.data ? own.data : "", own.len, OWN_MAX, path, &j, err);
	if (r == 0)
		r = own_count_check(&c->summary.totals, &c->last->record.prices, j, percent, err);
	return r < 0 ? err_wrap(err, "receipt %" PRIu64, c->summary.last_seq) : 0;
}

/* Without a number of its own a tenant would sign whatever it is told. */
static int check_words(struct cli *cli, struct err *err)
{
	if (!cli_flag(cli, "key"))
		return cli_usage(cli, err, "receipt cosign: --key FILE is missing");
	if (!cli_flag(cli, "cap") && !cli_flag(cli, "own"))
		return cli_usage(cli, err,
				 "receipt cosign: --cap or --own is needed: what is signed "
				 "is paid");
	if (cli_flag(cli, "tolerance") && !cli_flag(cli, "own"))
		return cli_usage(cli, err, "receipt cosign: --tolerance is for --own");
	return 0;
}

static int write_out(struct cli *cli, const struct cosign *signature, struct json **ret,
		     struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(COSIGN_LEN_MAX);
	cleanup(json_free) struct json *o = json_new_object();
	const char *path = cli_flag(cli, "output");
	int r = cosign_render(signature, &text);

	if (r < 0)
		return err_errno(err, r, "co-signature");
	if (!path || strcmp(path, "-") == 0)
		return buf_append(&cli->raw, text.data, text.len);
	r = file_write_atomic(path, text.data, text.len, 0644, err);
	if (r < 0)
		return r;
	json_set_str(o, "file", path);
	member_hex(o, "lease_id", signature->fields.lease, OBJECT_ID_LEN);
	json_set_u64(o, "seq", signature->fields.seq);
	member_mist(o, "total_due", signature->fields.total_due);
	*ret = take_ptr(o);
	return 0;
}

int receipt_cosign(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(cosigning_fini) struct cosigning c = {};
	struct cosign signature = {};
	int r = check_words(cli, err);

	if (r == 0)
		r = suikey_load(cli_flag(cli, "key"), &c.key, err);
	if (r == 0)
		r = read_receipts(cli_arg(cli, 0), &c, err);
	if (r == 0 && !cli_flag(cli, "offline"))
		r = check_chain(cli, &c, err);
	if (r == 0 && cli_flag(cli, "cap"))
		r = check_cap(cli, &c, err);
	if (r == 0 && cli_flag(cli, "own"))
		r = check_own(cli, &c, err);
	if (r == 0)
		r = cosign_make(c.last->report, c.key, &signature, err);
	return r < 0 ? r : write_out(cli, &signature, ret, err);
}

int receipt_accept(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(COSIGN_LEN_MAX);
	cleanup(json_free) struct json *args = json_new_object();
	struct cosign c = {};
	int r = file_read(cli_arg(cli, 0), &text, err);

	/* what is none is refused where its text can be looked at */
	if (r == 0)
		r = cosign_parse(text.data ? text.data : "", text.len, &c, err);
	if (r < 0)
		return r;
	json_set_str(args, "cosignature", text.data);
	return node_call(cli, "receipt.accept", take_ptr(args), ret, err);
}
