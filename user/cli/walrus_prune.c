/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/prune.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "agent/run_record.h"
#include "cli/number.h"
#include "cli/walrus.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "walrus/store.h"
#include "workload/workload.h"

#define KEEP_MS (24ull * 60 * 60 * 1000) /* what was pulled today may be run today */

const struct cli_flag walrus_prune_flags[] = {
	{ "dry-run", 0, NULL, "only show what would go" },
	{ "keep", 'k', "TIME", "leave blobs that were stored within this time; 1d unless given" },
	{},
};

static const struct column prune_columns[] = {
	{ "KIND", "kind", FORM_TEXT },
	{ "INTEGRITY", "integrity", FORM_TEXT },
	{ "WORKLOADS", "workloads", FORM_NUMBER },
	{ "REMOVED", "removed", FORM_TEXT },
	{},
};

const struct view walrus_prune_views[] = {
	{ .path = "", .columns = prune_columns, .empty = "no packages and no blobs" },
	{},
};

static void add(struct json *list, const char *kind, const uint8_t *digest, uint64_t workloads,
		bool removed)
{
	struct json *o = json_new_object();
	char sri[SRI_TEXT_MAX];

	json_set_str(o, "kind", kind);
	json_set_str(o, "integrity", sri_format(digest, sri));
	json_set_u64(o, "workloads", workloads);
	json_set_bool(o, "removed", removed);
	json_add(list, o);
}

/* Of workloads that are Pods, whose records are the agent's. */
struct hosted {
	struct prune_packages *packages; /* counts their folders; may be NULL */
	struct json *made_of; /* gets their packages; may be NULL */
	struct err *err;
};

static int take_pod(void *arg, struct run_record *r, const struct err *why)
{
	const struct hosted *hosted = arg;
	int rc = r ? 0 : err_set(hosted->err, why->code, "%s", why->text);

	if (r && hosted->packages)
		prune_count(hosted->packages, r->code);
	if (r && hosted->made_of)
		rc = json_add_str(hosted->made_of, r->package);
	run_record_free(&r);
	return rc;
}

static int list_pods(const char *state, struct hosted *hosted, struct err *err)
{
	char dir[PATH_MAX];
	int r = path_format(dir, sizeof(dir), "%s/" RUN_RECORDS_DIR, state);

	hosted->err = err;
	return r < 0 ? err_errno(err, r, "%s", state) : run_record_list(dir, take_pod, hosted, err);
}

static int count_pods(void *arg, struct prune_packages *packages, struct err *err)
{
	const char *const *state = arg;

	return list_pods(*state, &(struct hosted){ .packages = packages }, err);
}

static int prune_packages(const char *state, bool only_look, struct json *list, struct err *err)
{
	cleanup(free_ptr) struct prune_package *packages = NULL;
	size_t n = 0;
	int r = packages_prune(state, only_look, count_pods, &state, &packages, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		add(list, "package", packages[i].digest, packages[i].references,
		    packages[i].removed);
	return r;
}

/* What each workload is made of, one text each. */
static int made_of(const char *state, struct json **ret, struct err *err)
{
	cleanup(workloads_fini) struct workloads all = {};
	cleanup(json_free) struct json *list = json_new_array();
	int r = list ? workload_list(state, &all, err) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < all.len; i++)
		r = json_add_str(list, all.at[i]->sri);
	if (r == 0)
		r = list_pods(state, &(struct hosted){ .made_of = list }, err);
	if (r == 0)
		*ret = take_ptr(list);
	return r;
}

static uint64_t count(const struct json *made, const uint8_t *digest)
{
	char sri[SRI_TEXT_MAX];
	uint64_t n = 0;

	sri_format(digest, sri);
	json_foreach(one, made) {
		n += strcmp(json_text(one, ""), sri) == 0;
	}
	return n;
}

static int prune_blobs(const struct config *cfg, bool only_look, uint64_t keep_ms,
		       struct json *list, struct err *err)
{
	cleanup(json_free) struct json *made = NULL;
	cleanup(store_free) struct store *store = NULL;
	cleanup(free_ptr) struct blob *blobs = NULL;
	uint64_t now_ms = clock_wall_ms();
	size_t n = 0;
	int r = store_open(cfg->paths.state, cfg->walrus.max_blob_bytes, &store, err);

	if (r == 0)
		r = store_list(store, &blobs, &n, err);
	if (r == 0) /* behind the list: what came meanwhile is not in it */
		r = made_of(cfg->paths.state, &made, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t workloads = count(made, blobs[i].digest);
		bool goes = workloads == 0 && blobs[i].stored_ms + keep_ms <= now_ms;

		if (goes && !only_look)
			r = store_remove(store, blobs[i].digest, err);
		add(list, "blob", blobs[i].digest, workloads, goes);
	}
	return r < 0 || only_look ? r : store_sweep_names(store, err);
}

int walrus_prune(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *list = json_new_array();
	static const struct number_range keep = { NUMBER_TIME, 0, NUMBER_YEARS_100_MS };
	bool only_look = cli_flag(cli, "dry-run");
	uint64_t keep_ms = KEEP_MS;
	const struct config *cfg;
	int rc;

	if (!list)
		return -ENOMEM;
	rc = number_flag(cli, "keep", &keep, &keep_ms, err);
	if (rc == 0)
		rc = cli_config(cli, &cfg, err);
	if (rc == 0)
		rc = prune_packages(cfg->paths.state, only_look, list, err);
	if (rc == 0)
		rc = prune_blobs(cfg, only_look, keep_ms, list, err);
	if (rc < 0)
		return rc;
	*ret = take_ptr(list);
	return 0;
}
