/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/workload.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "workload/cgroup.h"
#include "workload/record.h"
#include "workload/runtime.h"
#include "workload/unpack.h"

#define LIST_MAX 65536u
#define MEMORY_MAX (1ull << 50) /* more would not travel as a JSON number */

/* Where things of one workload are. */
struct workload_place {
	char state[WORKLOAD_PATH_MAX / 2]; /* absolute */
	char dir[WORKLOAD_PATH_MAX]; /* STATE/workloads/NAME */
	char runc[WORKLOAD_PATH_MAX];
	char packages[WORKLOAD_PATH_MAX];
	int lock; /* on dir */
};

static void place_fini(struct workload_place *p)
{
	close_fd(&p->lock);
}

/* RFC 1123: lower-case letters, digits and '-', which is not at an end. */
static int check_name(const char *name, struct err *err)
{
	size_t len = strnlen(name, WORKLOAD_NAME_MAX);
	bool ok = len > 0 && len < WORKLOAD_NAME_MAX && name[0] != '-' && name[len - 1] != '-';

	for (size_t i = 0; ok && i < len; i++)
		ok = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) ||
		     name[i] == '-';
	return ok ? 0 :
		    err_set(err, -EINVAL,
			    "workload name '%.64s' is not a DNS label; use up to 63 of a-z, 0-9 and '-'",
			    name);
}

/* Absolute, below the root, without "", "." and ".." in it. */
static int check_cgroup(const char *path, struct err *err)
{
	bool ok = path[0] == '/' && strnlen(path, WORKLOAD_PATH_MAX) < WORKLOAD_PATH_MAX;

	for (const char *at = path; ok && *at; at += strcspn(at, "/")) {
		size_t len = strcspn(++at, "/");

		ok = len > 0 && len <= NAME_MAX && !(len <= 2 && strncmp(at, "..", len) == 0);
	}
	return ok ? 0 :
		    err_set(err, -EINVAL,
			    "cgroup '%.64s' is not a path below the cgroup mount; give one as /weir/app",
			    path);
}

static int check_text(const char *what, const char *text, size_t size, struct err *err)
{
	if (!text || strnlen(text, size) < size)
		return 0;
	return err_set(err, -EINVAL, "%s '%.32s...' is longer than %zu bytes", what, text,
		       size - 1);
}

static int check_spec(const struct workload_spec *spec, struct err *err)
{
	int r = check_name(spec->name, err);

	if (r == 0)
		r = check_cgroup(spec->cgroup, err);
	if (r == 0)
		r = check_text("netns", spec->netns, WORKLOAD_PATH_MAX, err);
	if (r == 0)
		r = check_text("host", spec->host, WORKLOAD_HOST_MAX, err);
	if (r == 0)
		r = check_text("lease", spec->lease, WORKLOAD_LEASE_MAX, err);
	if (r == 0)
		r = bundle_check_env(spec->env, err);
	if (r == 0 && spec->limits.memory_bytes > MEMORY_MAX)
		r = err_set(err, -EINVAL, "a memory limit of %" PRIu64 " bytes is out of range",
			    spec->limits.memory_bytes);
	if (r == 0 && spec->port == 0)
		r = err_set(err, -EINVAL, "port 0 is out of range; use 1 to 65535");
	return r;
}

static int place_init(struct workload_place *p, const char *state, const char *name,
		      struct err *err)
{
	cleanup(free_ptr) char *real = realpath(state, NULL);

	p->lock = -1;
	if (!real)
		return err_errno(err, -errno, "opening the state folder %s", state);
	if (path_format(p->state, sizeof(p->state), "%s", real) < 0 ||
	    path_format(p->dir, sizeof(p->dir), "%s/workloads/%s", real, name) < 0 ||
	    path_format(p->runc, sizeof(p->runc), "%s/runc", real) < 0 ||
	    path_format(p->packages, sizeof(p->packages), "%s/packages", real) < 0)
		return err_errno(err, -ENAMETOOLONG, "the state folder %s", state);
	return 0;
}

static bool same_file(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
	       held.st_dev == named.st_dev;
}

static int lock_dir(const char *dir, int how, int *ret_fd)
{
	for (;;) {
		cleanup(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		if (flock(fd, how) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		/* workload_remove() may have taken the folder away while we waited. */
		if (!same_file(fd, dir))
			continue;
		*ret_fd = take_fd(fd);
		return 0;
	}
}

/* Finds the workload and holds its lock. */
static int place_lock(struct workload_place *p, const char *state, const char *name,
		      struct err *err)
{
	int r = check_name(name, err);

	if (r == 0)
		r = place_init(p, state, name, err);
	if (r < 0)
		return r;
	r = lock_dir(p->dir, LOCK_EX, &p->lock);
	if (r == -ENOENT)
		return err_set(err, r, "there is no workload '%s'", name);
	return r < 0 ? err_errno(err, r, "locking %s", p->dir) : 0;
}

static void set_reason(struct workload *w, const char *text)
{
	snprintf(w->reason, sizeof(w->reason), "%s", text);
}

/* What the record says, corrected by what runc says. */
static int observe(const struct workload_place *p, struct workload *w, struct err *err)
{
	struct runtime_state rs = {};

	if (w->state != WORKLOAD_STATE_CREATED && w->state != WORKLOAD_STATE_RUNNING)
		return 0;
	int r = runtime_state(p->runc, w->name, &rs, err);

	if (r < 0)
		return r;
	w->pid = 0;
	if (rs.status == RUNTIME_STATUS_RUNNING) {
		w->state = WORKLOAD_STATE_RUNNING;
		w->pid = rs.pid;
	} else if (w->state == WORKLOAD_STATE_RUNNING || rs.status == RUNTIME_STATUS_STOPPED) {
		w->state = WORKLOAD_STATE_STOPPED;
	} else {
		w->state = WORKLOAD_STATE_FAILED;
		set_reason(w, "the agent ended while it was starting; run it again");
	}
	return 0;
}

static int load(const struct workload_place *p, const char *name, struct workload **ret,
		struct err *err)
{
	cleanup(workload_free) struct workload *w = NULL;
	int r = record_load(p->dir, &w, err);

	if (r == -ENOENT)
		return err_set(err, r, "there is no workload '%s'", name);
	if (r < 0)
		return r;
	if (strcmp(w->name, name) != 0)
		return err_set(err, -EBADMSG, "%s/workload.json is of another workload, '%s'",
			       p->dir, w->name);
	*ret = take_ptr(w);
	return 0;
}

/* Takes container and cgroup away, in this order; both may be gone already. */
static int clear(const struct workload_place *p, const struct workload *w, uint32_t grace_ms,
		 struct err *err)
{
	int r = runtime_stop(p->runc, w->name, grace_ms, err);

	return r < 0 ? r : cgroup_remove(w->cgroup, err);
}

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
	w->port = spec->port;
	w->limits = spec->limits;
	w->env = copy_env(spec->env);
	if (!w->env)
		return -ENOMEM;
	int r = path_format(w->code, sizeof(w->code), "%s/sha512-%s", p->packages, hex);

	if (r == 0)
		*ret = take_ptr(w);
	return r;
}

static int write_bundle(const struct workload_place *p, const struct workload *w,
			const char *const *env, char *ret_dir, size_t size, struct err *err)
{
	const struct bundle_spec spec = {
		.dir = ret_dir,
		.code = w->code,
		.entry = w->package.entry,
		.hostname = w->name,
		.cgroup = w->cgroup,
		.netns = w->netns[0] ? w->netns : NULL,
		.host = w->host,
		.port = w->port,
		.env = env,
		.limits = w->limits,
	};
	int r = path_format(ret_dir, size, "%s/bundle", p->dir);

	return r < 0 ? err_errno(err, r, "%s", p->dir) : bundle_write(&spec, err);
}

static int open_log(const struct workload_place *p, int *ret_fd, struct err *err)
{
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/log", p->dir);

	if (r < 0)
		return err_errno(err, r, "%s", p->dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, -errno, "opening %s", path);
	*ret_fd = fd;
	return 0;
}

static int prepare(const struct workload_place *p, const struct workload_spec *spec,
		   struct workload *w, char *ret_bundle, size_t size, struct err *err)
{
	const struct unpack_limits limits = UNPACK_LIMITS_DEFAULT;
	const char *name = strrchr(w->code, '/') + 1;
	int r = unpack(spec->blob_fd, p->packages, name, &limits, err);

	if (r == 0)
		r = package_read(w->code, &w->package, err);
	if (r < 0) {
		err_wrap(err, "package %.24s...", w->sri);
		return r;
	}
	return write_bundle(p, w, spec->env, ret_bundle, size, err);
}

static int launch(const struct workload_place *p, struct workload *w, const char *bundle,
		  struct err *err)
{
	cleanup(close_fd) int log_fd = -1;
	struct runtime_state rs = {};
	int r = open_log(p, &log_fd, err);

	if (r == 0)
		r = dir_make(p->runc, 0700, err);
	if (r == 0)
		r = cgroup_make(w->cgroup, err);
	if (r == 0)
		r = runtime_create(p->runc, w->name, bundle, log_fd, err);
	if (r == 0)
		r = runtime_state(p->runc, w->name, &rs, err);
	if (r == 0)
		r = cgroup_check(w->cgroup, rs.pid, err);
	if (r == 0)
		r = runtime_start(p->runc, w->name, err);
	if (r < 0)
		return r;
	w->state = WORKLOAD_STATE_RUNNING;
	w->pid = rs.pid;
	w->started_ms = clock_wall_ms();
	return 0;
}

/* From the record to a running process; what fails is undone, and the record says so. */
static int bring_up(const struct workload_place *p, const struct workload_spec *spec,
		    struct workload *w, struct err *err)
{
	char bundle[PATH_MAX];
	struct err why = {};
	int r = record_save(p->dir, w, err);

	if (r < 0)
		return r;
	r = prepare(p, spec, w, bundle, sizeof(bundle), &why);
	if (r == 0)
		r = launch(p, w, bundle, &why);
	if (r == 0)
		r = record_save(p->dir, w, &why);
	if (r == 0)
		return 0;
	clear(p, w, 0, NULL);
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
	int r = record_load(p->dir, &old, err);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = observe(p, old, err);
	if (r < 0)
		return r;
	if (old->state == WORKLOAD_STATE_RUNNING)
		return err_set(err, -EEXIST,
			       "workload %s runs already, as process %d; stop it first", name,
			       (int)old->pid);
	return clear(p, old, 0, err);
}

static int make_place(struct workload_place *p, const char *state, const char *name,
		      struct err *err)
{
	int r = dir_make(state, 0711, err);

	if (r == 0)
		r = place_init(p, state, name, err);
	while (r == 0) {
		r = dir_make(p->dir, 0700, err);
		if (r < 0)
			break;
		r = lock_dir(p->dir, LOCK_EX, &p->lock);
		if (r != -ENOENT) /* removed in between: make it again */
			return r < 0 ? err_errno(err, r, "locking %s", p->dir) : 0;
		r = 0;
	}
	return r;
}

int workload_run(const char *state, const struct workload_spec *spec, struct workload **ret,
		 struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	cleanup(workload_free) struct workload *w = NULL;
	int r = check_spec(spec, err);

	if (r == 0)
		r = make_place(&p, state, spec->name, err);
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
		r = load(&p, name, &w, err);
	if (r == 0)
		r = clear(&p, w, grace_ms, err);
	if (r < 0)
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
		r = load(&p, name, &w, err);
	if (r == 0)
		r = observe(&p, w, err);
	if (r < 0)
		return r;
	if (w->state == WORKLOAD_STATE_RUNNING)
		return err_set(err, -EBUSY, "workload %s runs; stop it first", name);
	r = clear(&p, w, 0, err);
	return r < 0 ? r : dir_remove(p.dir, err);
}

int workload_get(const char *state, const char *name, struct workload **ret, struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	cleanup(workload_free) struct workload *w = NULL;
	int r = check_name(name, err);

	if (r == 0)
		r = place_init(&p, state, name, err);
	if (r < 0)
		return r;
	/* While somebody acts on it, the record is the best there is to say. */
	bool busy = lock_dir(p.dir, LOCK_SH | LOCK_NB, &p.lock) == -EWOULDBLOCK;

	r = load(&p, name, &w, err);
	if (r == 0 && !busy)
		r = observe(&p, w, err);
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

static int list_dir(const char *state, DIR *dir, struct workloads *ws, struct err *err)
{
	int r = 0;

	for (const struct dirent *d = readdir(dir); d && r == 0; d = readdir(dir)) {
		struct workload *w = NULL;

		if (check_name(d->d_name, NULL) < 0)
			continue;
		if (ws->len == LIST_MAX)
			return err_set(err, -E2BIG, "there are more than %u workloads", LIST_MAX);
		r = workload_get(state, d->d_name, &w, err);
		if (r == -ENOENT) /* removed meanwhile, or never recorded */
			r = 0;
		else if (r == 0)
			r = append(ws, w);
	}
	return r;
}

int workload_list(const char *state, struct workloads *ret, struct err *err)
{
	cleanup(workloads_fini) struct workloads ws = {};
	cleanup(close_dir) DIR *dir = NULL;
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/workloads", state);

	if (r < 0)
		return err_errno(err, r, "%s", state);
	dir = opendir(path);
	if (!dir && errno != ENOENT)
		return err_errno(err, -errno, "reading %s", path);
	if (dir)
		r = list_dir(state, dir, &ws, err);
	if (r < 0)
		return r;
	if (ws.len > 0)
		qsort(ws.at, ws.len, sizeof(struct workload *), by_name);
	*ret = ws;
	ws = (struct workloads){};
	return 0;
}

int workload_sweep(const char *state, struct err *err)
{
	char packages[PATH_MAX];
	int r = path_format(packages, sizeof(packages), "%s/packages", state);

	return r < 0 ? err_errno(err, r, "%s", state) : unpack_sweep(packages, err);
}
