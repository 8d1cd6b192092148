/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "workload/cgroup.h"
#include "workload/place.h"
#include "workload/runtime.h"
#include "workload/status.h"

int launch_clear(const struct workload_place *p, const struct workload *w, uint32_t grace_ms,
		 struct err *err)
{
	int r = runtime_stop(p->runc, w->name, grace_ms, err);

	return r < 0 ? r : cgroup_remove(w->cgroup, err);
}

static int write_bundle(const struct workload_place *p, const struct workload *w, char *ret_dir,
			size_t size, struct err *err)
{
	const char *env[BUNDLE_ENV_MAX + 2]; /* one too many is refused there */
	size_t n = 0;
	const struct bundle_spec spec = {
		.dir = ret_dir,
		.code = w->code,
		.entry = w->package.entry,
		.hostname = w->name,
		.cgroup = w->cgroup,
		.netns = w->netns[0] ? w->netns : NULL,
		.host = w->host,
		.ready = w->ready[0] ? w->ready : "none",
		.port = w->port,
		.env = env,
		.limits = w->limits,
	};
	int r = path_format(ret_dir, size, "%s/bundle", p->dir);

	json_foreach(v, w->env) {
		if (n <= BUNDLE_ENV_MAX)
			env[n++] = json_text(v, "");
	}
	env[n] = NULL;
	return r < 0 ? err_errno(err, r, "%s", p->dir) : bundle_write(&spec, err);
}

static int open_log(const struct workload_place *p, const char *name, int flags, int *ret_fd,
		    struct err *err)
{
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/%s", p->dir, name);

	if (r < 0)
		return err_errno(err, r, "%s", p->dir);
	int fd = open(path, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, -errno, "opening %s", path);
	*ret_fd = fd;
	return 0;
}

/* What the init gets (inside/inside.h). */
static int open_files(const struct workload_place *p, bool anew, struct runtime_files *f,
		      struct err *err)
{
	int more = anew ? O_TRUNC : 0;
	int r = open_log(p, "log", O_RDWR | O_APPEND | more, &f->log, err);

	if (r == 0)
		r = open_log(p, "log.old", O_WRONLY | more, &f->handed[0], err);
	return r < 0 ? r : status_open(p->dir, &f->handed[1], err);
}

static void close_files(struct runtime_files *f)
{
	close_fd(&f->log);
	close_fd(&f->handed[0]);
	close_fd(&f->handed[1]);
}

int launch(const struct workload_place *p, struct workload *w, bool anew, struct err *err)
{
	cleanup(close_files) struct runtime_files files = { -1, { -1, -1 } };
	struct runtime_state rs = {};
	char bundle[PATH_MAX];
	int r = write_bundle(p, w, bundle, sizeof(bundle), err);

	if (r == 0)
		r = open_files(p, anew, &files, err);
	if (r == 0)
		r = dir_make(p->runc, 0700, err);
	if (r == 0)
		r = cgroup_make(w->cgroup, err);
	if (r == 0)
		r = runtime_create(p->runc, w->name, bundle, &files, err);
	if (r == 0)
		r = runtime_state(p->runc, w->name, &rs, err);
	if (r == 0)
		r = cgroup_check(w->cgroup, rs.pid, err);
	if (r == 0)
		r = runtime_start(p->runc, w->name, err);
	if (r < 0)
		return r;
	w->state = WORKLOAD_STATE_RUNNING;
	w->reason[0] = '\0';
	w->pid = rs.pid;
	w->started_ms = clock_wall_ms();
	return 0;
}
