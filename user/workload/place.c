/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/place.h"

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
#include "workload/cgroup.h"
#include "workload/record.h"
#include "workload/restart.h"
#include "workload/runtime.h"
#include "workload/spec.h"
#include "workload/status.h"

void place_fini(struct workload_place *p)
{
	close_fd(&p->lock);
}

int place_init(struct workload_place *p, const char *state, const char *name, struct err *err)
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

static int lock(struct workload_place *p, const char *state, const char *name, int how,
		struct err *err)
{
	int r = spec_check_name(name, err);

	if (r == 0)
		r = place_init(p, state, name, err);
	if (r < 0)
		return r;
	r = lock_dir(p->dir, how, &p->lock);
	if (r == -ENOENT)
		return err_set(err, r, "there is no workload '%s'", name);
	return r < 0 ? err_errno(err, r, "locking %s", p->dir) : 0;
}

int place_lock(struct workload_place *p, const char *state, const char *name, struct err *err)
{
	return lock(p, state, name, LOCK_EX, err);
}

int place_try_lock(struct workload_place *p, const char *state, const char *name, struct err *err)
{
	return lock(p, state, name, LOCK_EX | LOCK_NB, err);
}

int place_make(struct workload_place *p, const char *state, const char *name, struct err *err)
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

int place_try_share(struct workload_place *p)
{
	return lock_dir(p->dir, LOCK_SH | LOCK_NB, &p->lock);
}

int place_load(const struct workload_place *p, const char *name, struct workload **ret,
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

/* A container of before has no init that could tell. */
int place_health(const struct workload_place *p, struct workload *w, struct err *err)
{
	static const enum workload_health health[] = {
		[STATUS_NONE] = WORKLOAD_HEALTH_STARTING,
		[STATUS_STARTING] = WORKLOAD_HEALTH_STARTING,
		[STATUS_READY] = WORKLOAD_HEALTH_READY,
		[STATUS_UNREADY] = WORKLOAD_HEALTH_UNREADY,
		[STATUS_EXIT] = WORKLOAD_HEALTH_UNREADY,
		[STATUS_SIGNAL] = WORKLOAD_HEALTH_UNREADY,
	};
	struct status s = { .word = STATUS_READY };
	int r = w->ready[0] ? status_read(p->dir, &s, err) : 0;

	if (r == 0)
		w->health = health[s.word];
	return r;
}

static int observe_end(const struct workload_place *p, struct workload *w,
		       const struct workload_backoff *backoff, struct err *err)
{
	static const struct workload_backoff usual = WORKLOAD_BACKOFF(WORKLOAD_BACKOFF_MS);
	struct status how = {};
	uint64_t kills = 0;
	int r = cgroup_oom_kills(w->cgroup, &kills, err);

	if (r == 0 && w->ready[0])
		r = status_read(p->dir, &how, err);
	if (r == 0)
		restart_after_end(w, &how, kills > 0, backoff ? backoff : &usual, clock_wall_ms());
	return r;
}

int place_observe(const struct workload_place *p, struct workload *w,
		  const struct workload_backoff *backoff, struct err *err)
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
		return place_health(p, w, err);
	}
	/* also one that ended before its record could say that it runs */
	if (w->state == WORKLOAD_STATE_RUNNING || rs.status == RUNTIME_STATUS_STOPPED)
		return observe_end(p, w, backoff, err);
	if (w->restart == WORKLOAD_RESTART_NEVER || !w->package.name[0]) {
		w->state = WORKLOAD_STATE_FAILED;
		snprintf(w->reason, sizeof(w->reason), "%s",
			 "the agent ended while it was starting; run it again");
	}
	return 0;
}
