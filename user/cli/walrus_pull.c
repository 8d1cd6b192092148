/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/pull.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "cli/format.h"
#include "cli/node.h"
#include "cli/number.h"
#include "cli/walrus.h"
#include "cli/walrus_unseal.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "walrus/blobname.h"
#include "walrus/quilt.h"

#define PROGRESS_MS 200

const struct cli_flag walrus_pull_flags[] = {
	{ "integrity", 'i', "SRI", "refuse content without this digest (sha512-...)" },
	{ "unseal", 'u', "LEASE",
	  "decrypt it as the provider of this lease: its label, or its id on chain" },
	{ "file", 'f', "NAME", "ID is a quilt: get this file of it" },
	{ "timeout", 't', "TIME", "give up after this time; 30m unless given" },
	{ "patience", 0, "TIME",
	  "turn from an aggregator that is silent, or slow, for this time; 20s unless given" },
	{ "shards", 0, "N", "shards of the Walrus committee; 1000 unless given" },
	{},
};

static const struct column aggregator_columns[] = {
	{ "AGGREGATOR", "url", FORM_TEXT },
	{ "SERVED", "served", FORM_NUMBER },
	{ "FAILED", "failed", FORM_NUMBER },
	{ "WRONG", "wrong", FORM_NUMBER },
	{ "LEFT", "left", FORM_TEXT },
	{ "WHY", "why", FORM_TEXT },
	{},
};

static const struct column server_columns[] = {
	{ "KEY SERVER", "url", FORM_TEXT }, { "SHARES", "shares", FORM_NUMBER },
	{ "GAVE", "gave", FORM_TEXT },	    { "FAILED", "failed", FORM_NUMBER },
	{ "WRONG", "wrong", FORM_NUMBER },  { "LEFT", "left", FORM_TEXT },
	{ "WHY", "why", FORM_TEXT },	    {},
};

const struct view walrus_pull_views[] = {
	{ .path = "" },
	{ .path = "aggregators", .columns = aggregator_columns },
	{ .path = "unsealed.servers", .columns = server_columns },
	{},
};

/* What the words ask for. */
struct pull_wish {
	uint8_t blob_id[BLOBID_LEN];
	uint32_t shards;
	const char *file; /* of a quilt */
	struct quilt_patch_id patch;
	bool is_patch, has_sri, unseal;
	uint8_t lease[SEAL_OBJECT_ID_LEN]; /* on chain, when unseal */
	struct sri sri;
	struct pull_limits limits;
};

static int read_id(struct cli *cli, struct pull_wish *w, struct err *err)
{
	const char *text = cli_arg(cli, 0);

	w->is_patch = quilt_patch_id_parse(text, &w->patch) == 0;
	if (!w->is_patch)
		return blobname_parse(text, w->blob_id, err);
	memcpy(w->blob_id, w->patch.quilt, sizeof(w->blob_id));
	return w->file ? cli_usage(cli, err, "ID is a file of a quilt already; leave --file out") :
			 0;
}

static int read_lease(struct cli *cli, struct pull_wish *w, struct err *err)
{
	const char *lease = cli_flag(cli, "unseal");

	if (!lease)
		return 0;
	if (w->is_patch || w->file)
		return cli_usage(cli, err, "--unseal: is for a blob, not for a file of a quilt");
	w->unseal = true;
	return unsealing_lease(cli, lease, w->lease, err);
}

static int read_time(struct cli *cli, const char *flag, uint32_t *ret_ms, struct err *err)
{
	static const struct number_range some = { NUMBER_TIME, 1, UINT32_MAX };
	uint64_t ms = *ret_ms;
	int rc = number_flag(cli, flag, &some, &ms, err);

	if (rc == 0)
		*ret_ms = (uint32_t)ms;
	return rc;
}

static int read_wish(struct cli *cli, const struct config *cfg, struct pull_wish *w,
		     struct err *err)
{
	const char *sri = cli_flag(cli, "integrity");
	w->file = cli_flag(cli, "file");
	w->has_sri = sri;
	w->limits.max_bytes = cfg->walrus.max_blob_bytes;
	int rc = sri ? sri_parse(sri, &w->sri, err) : 0;

	if (rc == 0)
		rc = walrus_shards(cli, &w->shards, err);
	if (rc == 0)
		rc = read_time(cli, "timeout", &w->limits.total_ms, err);
	if (rc == 0)
		rc = read_time(cli, "patience", &w->limits.idle_ms, err);
	w->limits.slow_after_ms = w->limits.idle_ms;
	if (rc == 0)
		rc = read_id(cli, w, err);
	return rc < 0 ? rc : read_lease(cli, w, err);
}

/* A line on a terminal that is written over. */
struct progress {
	uint64_t shown_ms;
	bool shown;
};

static void show_progress(void *arg, const char *url, uint64_t have, uint64_t size)
{
	struct progress *p = arg;
	uint64_t now = clock_boot_ns() / 1000000;
	char done[FORMAT_MAX], all[FORMAT_MAX] = "?";

	if (now - p->shown_ms < PROGRESS_MS)
		return;
	p->shown_ms = now;
	p->shown = true;
	format_bytes(have, done);
	if (size)
		format_bytes(size, all);
	fprintf(stderr, "\r%s of %s from %.100s\033[K", done, all, url);
	fflush(stderr);
}

static int describe(const struct pull_wish *w, const struct pull_result *result, const char *state,
		    const struct aggregators *a, struct json *told, struct json **ret)
{
	char id[BLOBNAME_MAX], sri[SRI_TEXT_MAX], hex[2 * SHA512_LEN + 1], path[PATH_MAX];
	struct json *o = json_new_object(), *list = json_new_array();

	format_hex(result->digest, SHA512_LEN, hex);
	json_set_str(o, "blob_id", blobname_format(w->blob_id, id));
	json_set_str(o, "integrity", sri_format(result->digest, sri));
	json_set_u64(o, "bytes", result->bytes);
	json_set_str(o, "from", result->url);
	json_set_bool(o, "was_stored", !result->url);
	if (path_format(path, sizeof(path), "%s/blobs/sha512/%s", state, hex) == 0)
		json_set_str(o, "path", path);
	for (size_t i = 0; result->url && i < a->len; i++) {
		const struct aggregator *g = &a->at[i];
		struct json *one = json_new_object();

		json_set_str(one, "url", g->url);
		json_set_u64(one, "served", g->served);
		json_set_u64(one, "failed", g->failed);
		json_set_u64(one, "wrong", g->wrong);
		json_set_bool(one, "left", g->left);
		json_set_str(one, "why", g->why[0] ? g->why : NULL);
		json_add(list, one);
	}
	json_set(o, "aggregators", list);
	if (told)
		json_set(o, "unsealed", told);
	if (!o)
		return -ENOMEM;
	*ret = o;
	return 0;
}

static int pull(struct cli *cli, const struct pull_wish *w, struct store *s, struct aggregators *a,
		struct pull_result *ret, struct err *err)
{
	bool of_quilt = w->is_patch || w->file;
	struct progress progress = {};
	const struct pull want = {
		.blob_id = w->blob_id,
		.shards = w->shards,
		.sri = w->has_sri && !of_quilt && !w->unseal ? &w->sri : NULL,
		.limits = w->limits,
		.progress = isatty(STDERR_FILENO) && !cli->args.json ? show_progress : NULL,
		.arg = &progress,
	};
	const struct pull_file file = {
		.name = w->file,
		.start = w->patch.start,
		.end = w->patch.end,
		.shards = w->shards,
		.sri = w->has_sri ? &w->sri : NULL,
		.max_bytes = w->limits.max_bytes,
	};
	int rc = pull_blob(s, a, &want, ret, err);

	if (progress.shown)
		fprintf(stderr, "\r\033[K");
	return rc < 0 || !of_quilt ? rc : pull_file(s, &file, ret, err);
}

static int open_sealed(const struct config *cfg, const struct pull_wish *w, struct store *s,
		       struct pull_result *result, struct json **ret_told, struct err *err)
{
	const struct unseal want = {
		.cfg = cfg,
		.store = s,
		.blob_id = w->blob_id,
		.lease = w->lease,
		.sri = w->has_sri ? &w->sri : NULL,
		.total_ms = w->limits.total_ms,
	};

	return w->unseal ? unsealing(&want, result, ret_told, err) : 0;
}

int walrus_pull(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(aggregators_fini) struct aggregators aggregators = {};
	cleanup(store_free) struct store *store = NULL;
	cleanup(json_free) struct json *told = NULL;
	struct pull_wish wish = { .limits = PULL_LIMITS_DEFAULT };
	struct pull_result result = {};
	const struct config *cfg;
	int rc = cli_config(cli, &cfg, err);

	if (rc == 0)
		rc = read_wish(cli, cfg, &wish, err);
	if (rc == 0)
		rc = aggregators_init(&aggregators, (const char *const *)cfg->walrus.aggregators.v,
				      cfg->walrus.aggregators.n, err);
	if (rc == 0)
		rc = store_open(cfg->paths.state, cfg->walrus.max_blob_bytes, &store, err);
	if (rc == 0)
		rc = pull(cli, &wish, store, &aggregators, &result, err);
	if (rc == 0)
		rc = open_sealed(cfg, &wish, store, &result, &told, err);
	return rc < 0 ? rc :
			describe(&wish, &result, cfg->paths.state, &aggregators, take_ptr(told),
				 ret);
}
