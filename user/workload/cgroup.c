/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cgroup.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"

#define MARK "trusted.weir.workload"
#define OOM_KILL "oom_kill "
#define PROC_CGROUP_MAX (64u << 10)

static bool is_marked(const char *dir)
{
	return getxattr(dir, MARK, NULL, 0) >= 0;
}

static int make_one(const char *dir, struct err *err)
{
	if (mkdir(dir, 0755) < 0)
		return errno == EEXIST ? 0 : err_errno(err, -errno, "making the cgroup %s", dir);
	if (setxattr(dir, MARK, "1", 1, 0) < 0) {
		int code = -errno;

		rmdir(dir);
		return err_errno(err, code, "marking the cgroup %s", dir);
	}
	return 0;
}

static int check_unused(const char *dir, struct err *err)
{
	cleanup(buf_fini) struct buf procs = BUF_INIT(PROC_CGROUP_MAX);
	char file[PATH_MAX];
	int r = path_format(file, sizeof(file), "%s/cgroup.procs", dir);

	if (r < 0)
		return err_errno(err, r, "%s", dir);
	r = file_read(file, &procs, err);
	if (r < 0 && r != -E2BIG)
		return r;
	if (procs.len > 0 || r == -E2BIG)
		return err_set(err, -EBUSY,
			       "the cgroup %s has processes; give the workload one of its own",
			       dir);
	return 0;
}

static int make_in(const char *mount, bool v2, void *arg, struct err *err)
{
	const char *path = arg;
	char dir[PATH_MAX];
	int r = path_format(dir, sizeof(dir), "%s%s", mount, path);

	(void)v2;
	if (r < 0)
		return err_errno(err, r, "the cgroup %s", path);
	for (char *slash = strchr(dir + strlen(mount) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = make_one(dir, err);
		*slash = '/';
		if (r < 0)
			return r;
	}
	r = make_one(dir, err);
	return r < 0 ? r : check_unused(dir, err);
}

/* The leaf must go; a parent stays while others use it, and is not ours without the mark. */
static int remove_in(const char *mount, bool v2, void *arg, struct err *err)
{
	const char *path = arg;
	char dir[PATH_MAX];
	bool leaf = true;
	int r = path_format(dir, sizeof(dir), "%s%s", mount, path);

	(void)v2;
	if (r < 0)
		return err_errno(err, r, "the cgroup %s", path);
	for (size_t end = strlen(dir); end > strlen(mount); leaf = false) {
		dir[end] = '\0';
		if (is_marked(dir) && rmdir(dir) < 0 && errno != ENOENT)
			return leaf ? err_errno(err, -errno, "removing the cgroup %s", dir) : 0;
		if (access(dir, F_OK) == 0)
			return 0;
		do
			end--;
		while (dir[end] != '/');
	}
	return 0;
}

int cgroup_remove(const char *path, struct err *err)
{
	char copy[PATH_MAX];
	int r = path_format(copy, sizeof(copy), "%s", path);

	return r < 0 ? err_errno(err, r, "the cgroup %s", path) :
		       cgroup_mounts(CGROUP_MOUNTINFO, remove_in, copy, err);
}

int cgroup_make(const char *path, struct err *err)
{
	char copy[PATH_MAX];
	int r = path_format(copy, sizeof(copy), "%s", path);

	if (r < 0)
		return err_errno(err, r, "the cgroup %s", path);
	r = cgroup_mounts(CGROUP_MOUNTINFO, make_in, copy, err);
	if (r < 0)
		cgroup_remove(path, NULL);
	return r;
}

int cgroup_check(const char *path, pid_t pid, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(PROC_CGROUP_MAX);
	char file[64];
	const char *at;
	int r = path_format(file, sizeof(file), "/proc/%d/cgroup", (int)pid);

	if (r == 0)
		r = file_read(file, &text, err);
	if (r < 0)
		return r;
	at = text.data ? strstr(text.data, "0::") : NULL;
	if (!at || (at != text.data && at[-1] != '\n'))
		return err_set(err, -EXDEV, "process %d is in no cgroup2; mount cgroup2", (int)pid);
	at += strlen("0::");
	if (strlen(path) == strcspn(at, "\n") && strncmp(at, path, strlen(path)) == 0)
		return 0;
	return err_set(
		err, -EXDEV,
		"process %d is in the cgroup %.*s, not in %s: runc uses another cgroup2 mount",
		(int)pid, (int)strcspn(at, "\n"), at, path);
}

struct oom {
	const char *path;
	uint64_t kills;
};

/* Of v1 the memory hierarchy has one of these files, of cgroup2 the other. */
static int add_kills(const char *mount, bool v2, void *arg, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(PROC_CGROUP_MAX);
	struct oom *oom = arg;
	char file[PATH_MAX];
	int r = path_format(file, sizeof(file), "%s%s/%s", mount, oom->path,
			    v2 ? "memory.events" : "memory.oom_control");

	if (r < 0)
		return err_errno(err, r, "the cgroup %s", oom->path);
	if (access(file, F_OK) < 0)
		return 0;
	r = file_read(file, &text, err);
	for (char *line = r == 0 ? text.data : NULL; line && *line;) {
		char *end = strchrnul(line, '\n'), *next = *end ? end + 1 : end;
		uint64_t n = 0;

		*end = '\0';
		if (strncmp(line, OOM_KILL, strlen(OOM_KILL)) == 0 &&
		    parse_u64(line + strlen(OOM_KILL), 0, UINT64_MAX, &n) == 0)
			oom->kills += n;
		line = next;
	}
	return r;
}

int cgroup_oom_kills(const char *path, uint64_t *ret, struct err *err)
{
	struct oom oom = { .path = path };
	int r = cgroup_mounts(CGROUP_MOUNTINFO, add_kills, &oom, err);

	if (r == 0)
		*ret = oom.kills;
	return r;
}
