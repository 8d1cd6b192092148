/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "workload/engines.h"
#include "workload/launch.h"
#include "workload/place.h"
#include "workload/record.h"
#include "workload/spec.h"
#include "workload/unpack.h"

static struct json *copy_env(const char *const *env)
{
	cleanup(json_free) struct json *list = json_new_array();
	int failed = list ? 0 : -ENOMEM;

	for (size_t i = 0; env && env[i]; i++)
		failed |= json_add_str(list, env[i]);
	return failed ? NULL : take_ptr(list);
}

/* spec was checked: what is copied fits. */
static int new_record(const struct workload_place *p, const struct workload_spec *spec,
		      struct workload **ret)
{
	cleanup(workload_free) struct workload *w = calloc(1, sizeof(*w));
	char hex[2 * SHA512_LEN + 1];

	if (!w)
		return -ENOMEM;
	format_hex(spec->digest, SHA512_LEN, hex);
	snprintf(w->name, sizeof(w->name), "%s", spec->name);
	snprintf(w->sri, sizeof(w->sri), "sha512-");
	base64_encode(spec->digest, SHA512_LEN, w->sri + strlen(w->sri));
	snprintf(w->cgroup, sizeof(w->cgroup), "%s", spec->cgroup);
	snprintf(w->netns, sizeof(w->netns), "%s", spec->netns ? spec->netns : "");
	snprintf(w->host, sizeof(w->host), "%s", spec->host ? spec->host : "0.0.0.0");
	snprintf(w->lease, sizeof(w->lease), "%s", spec->lease ? spec->lease : "");
	snprintf(w->ready, sizeof(w->ready), "%s", spec->ready ? spec->ready : "tcp");
	w->port = spec->port;
	w->restart = spec->restart;
	w->limits = spec->limits;
	w->env = copy_env(spec->env);
	if (!w->env)
		return -ENOMEM;
	int r = path_format(w->code, sizeof(w->code), "%s/sha512-%s", p->packages, hex);

	if (r == 0)
		*ret = take_ptr(w);
	return r;
}

static void set_reason(struct workload *w, const char *text)
{
	snprintf(w->reason, sizeof(w->reason), "%s", text);
}

static int unpack_code(int fd, const char *packages, const char *code, struct package *ret,
		       struct err *err)
{
	const struct unpack_limits limits = UNPACK_LIMITS_DEFAULT;
	const char *name = strrchr(code, '/') + 1;
	int r = unpack(fd, packages, name, &limits, err);

	if (r == 0)
		r = package_read(code, ret, err);
	if (r < 0)
		err_wrap(err, "package %.24s...", name);
	return r;
}

/* From the record to a running process; what fails is undone, and the record says so. */
static int bring_up(const struct workload_place *p, const struct workload_spec *spec,
		    struct workload *w, struct err *err)
{
	struct err why = {};
	int r = record_save(p->dir, w, err);

	if (r < 0)
		return r;
	r = unpack_code(spec->blob_fd, p->packages, w->code, &w->package, &why);
	if (r == 0)
		r = engines_check(&w->package, &why);
	w->started_ms = clock_wall_ms();
	if (r == 0)
		r = record_save(p->dir, w, &why); /* now workload_tend() could start it */
	if (r == 0)
		r = launch(p, w, true, &why);
	if (r == 0)
		r = record_save(p->dir, w, &why);
	if (r == 0)
		return 0;
	launch_clear(p, w, 0, NULL);
	w->state = WORKLOAD_STATE_FAILED;
	w->pid = 0;
	set_reason(w, why.text);
	record_save(p->dir, w, NULL);
	return err_set(err, r, "workload %s: %s", w->name, why.text);
}

/* Whatever is there under this name must have ended; its remains go. */
static int replace_old(const struct workload_place *p, const char *name, struct err *err)
{
	cleanup(workload_free) struct workload *old = NULL;
	struct err why = {};
	int r = record_load(p->dir, &old, &why);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	r = place_observe(p, old, NULL, err);
	if (r < 0)
		return r;
	if (old->state == WORKLOAD_STATE_RUNNING || old->state == WORKLOAD_STATE_WAITING)
		return err_set(err, -EEXIST, "workload %s is %s already; stop it first", name,
			       workload_shown_state(old->state, old->health));
	return launch_clear(p, old, 0, err);
}

int workload_run(const char *state, const struct workload_spec *spec, struct workload **ret,
		 struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	cleanup(workload_free) struct workload *w = NULL;
	int r = spec_check(spec, err);

	if (r == 0)
		r = place_make(&p, state, spec->name, err);
	if (r == 0)
		r = replace_old(&p, spec->name, err);
	if (r < 0)
		return r;
	r = new_record(&p, spec, &w);
	if (r < 0)
		return err_errno(err, r, "workload %s", spec->name);
	r = bring_up(&p, spec, w, err);
	if (r == 0)
		*ret = take_ptr(w);
	return r;
}

int workload_stop(const char *state, const char *name, uint32_t grace_ms, struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	cleanup(workload_free) struct workload *w = NULL;
	int r = place_lock(&p, state, name, err);

	if (r == 0)
		r = place_load(&p, name, &w, err);
	if (r == 0)
		r = launch_clear(&p, w, grace_ms, err);
	if (r)
		return r;
	if (w->state == WORKLOAD_STATE_FAILED)
		return 0; /* its reason stays */
	w->state = WORKLOAD_STATE_STOPPED;
	w->pid = 0;
	return record_save(p.dir, w, err);
}

int workload_remove(const char *state, const char *name, struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	cleanup(workload_free) struct workload *w = NULL;
	int r = place_lock(&p, state, name, err);

	if (r == 0)
		r = place_load(&p, name, &w, err);
	if (r == 0)
		r = place_observe(&p, w, NULL, err);
	if (r)
		return r;
	if (w->state == WORKLOAD_STATE_RUNNING || w->state == WORKLOAD_STATE_WAITING)
		return err_set(err, -EBUSY, "workload %s runs; stop it first", name);
	r = launch_clear(&p, w, 0, err);
	return r < 0 ? r : dir_remove(p.dir, err);
}

int workload_sweep(const char *state, struct err *err)
{
	char packages[PATH_MAX];
	int r = path_format(packages, sizeof(packages), "%s/packages", state);

	return r < 0 ? err_errno(err, r, "%s", state) : unpack_sweep(packages, err);
}

int workload_unpack(const char *state, const uint8_t digest[SHA512_LEN], int blob_fd,
		    char ret_code[WORKLOAD_PATH_MAX], struct package *ret, struct err *err)
{
	char packages[WORKLOAD_PATH_MAX], code[WORKLOAD_PATH_MAX], hex[2 * SHA512_LEN + 1];
	struct package package = {};
	int r = path_format(packages, sizeof(packages), "%s/packages", state);

	format_hex(digest, SHA512_LEN, hex);
	if (r == 0)
		r = path_format(code, sizeof(code), "%s/sha512-%s", packages, hex);
	if (r < 0)
		return err_errno(err, r, "%s", state);
	r = dir_make(packages, 0700, err);
	if (r == 0)
		r = unpack_code(blob_fd, packages, code, &package, err);
	if (r < 0)
		return r;
	memcpy(ret_code, code, sizeof(code));
	*ret = package;
	return 0;
}
