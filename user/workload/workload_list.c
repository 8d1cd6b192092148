/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at workloads: reads only. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "workload/place.h"
#include "workload/spec.h"
#include "workload/workload.h"

#define LIST_MAX 65536u

/* What the record says, and of one that runs its init. */
static int load(const struct workload_place *p, const char *name, struct workload **ret,
		struct err *err)
{
	cleanup(workload_free) struct workload *w = NULL;
	int r = place_load(p, name, &w, err);

	if (r == 0 && w->state == WORKLOAD_STATE_RUNNING)
		r = place_health(p, w, err);
	if (r == 0)
		*ret = take_ptr(w);
	return r;
}

int workload_recorded(const char *state, const char *name, struct workload **ret, struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	int r = place_init(&p, state, name, err);

	return r < 0 ? r : load(&p, name, ret, err);
}

int workload_get(const char *state, const char *name, struct workload **ret, struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	cleanup(workload_free) struct workload *w = NULL;
	int r = spec_check_name(name, err);

	if (r == 0)
		r = place_init(&p, state, name, err);
	if (r < 0)
		return r;
	/* While somebody acts on it, the record is the best there is to say. */
	bool busy = place_try_share(&p) == -EWOULDBLOCK;

	r = load(&p, name, &w, err);
	if (r == 0 && !busy)
		r = place_observe(&p, w, NULL, err);
	if (r == 0)
		*ret = take_ptr(w);
	return r;
}

void workloads_fini(struct workloads *ws)
{
	for (size_t i = 0; i < ws->len; i++)
		workload_free(&ws->at[i]);
	free(ws->at);
	*ws = (struct workloads){};
}

static int append(struct workloads *ws, struct workload *w)
{
	struct workload **grown = reallocarray(ws->at, ws->len + 1, sizeof(struct workload *));

	if (!grown) {
		workload_free(&w);
		return -ENOMEM;
	}
	ws->at = grown;
	ws->at[ws->len++] = w;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct workload *const *)a)->name, (*(struct workload *const *)b)->name);
}

static int visit_dir(DIR *dir, workload_visit *visit, void *arg, struct err *err)
{
	size_t n = 0;

	for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		int r;

		if (spec_check_name(d->d_name, NULL) < 0)
			continue;
		if (n++ == LIST_MAX)
			return err_set(err, -E2BIG, "there are more than %u workloads", LIST_MAX);
		r = visit(arg, d->d_name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int workload_each(const char *state, workload_visit *visit, void *arg, struct err *err)
{
	cleanup(close_dir) DIR *dir = NULL;
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/workloads", state);

	if (r < 0)
		return err_errno(err, r, "%s", state);
	dir = opendir(path);
	if (!dir && errno != ENOENT)
		return err_errno(err, -errno, "reading %s", path);
	return dir ? visit_dir(dir, visit, arg, err) : 0;
}

struct workload_listing {
	const char *state;
	struct workloads all;
};

static int list_one(void *arg, const char *name, struct err *err)
{
	struct workload_listing *l = arg;
	struct workload *w = NULL;
	struct err why = {};
	int r = workload_get(l->state, name, &w, &why);

	if (r == -ENOENT) /* removed meanwhile, or never recorded */
		return 0;
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	return append(&l->all, w) < 0 ? err_errno(err, -ENOMEM, "listing workloads") : 0;
}

int workload_list(const char *state, struct workloads *ret, struct err *err)
{
	struct workload_listing l = { .state = state };
	int r = workload_each(state, list_one, &l, err);

	if (r < 0) {
		workloads_fini(&l.all);
		return r;
	}
	if (l.all.len > 0)
		qsort(l.all.at, l.all.len, sizeof(struct workload *), by_name);
	*ret = l.all;
	return 0;
}
