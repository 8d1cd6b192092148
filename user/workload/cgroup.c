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
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

#define MARK "trusted.weir.workload"
#define MOUNTINFO_MAX (4u << 20)
#define PROC_CGROUP_MAX (64u << 10)

/* Calls fn for each cgroup mount until it fails. */
typedef int (*mount_fn)(const char *mount, bool v2, void *arg, struct err *err);

/* Field n (from 0) of a line split by single blanks; len 0 when there is none. */
static const char *field(const char *line, size_t n, size_t *ret_len)
{
	for (; n > 0 && *line && *line != '\n'; n--) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	*ret_len = strcspn(line, " \n");
	return line;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
static int unescape(const char *at, size_t len, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; n++) {
		if (n + 1 >= size)
			return -ENAMETOOLONG;
		if (at[i] == '\\' && len - i >= 4) {
			ret[n] = (char)((at[i + 1] - '0') << 6 | (at[i + 2] - '0') << 3 |
					(at[i + 3] - '0'));
			i += 4;
		} else {
			ret[n] = at[i++];
		}
	}
	ret[n] = '\0';
	return 0;
}

/* "id parent dev root MOUNT options [tags...] - TYPE source options" */
static int on_line(const char *line, mount_fn fn, void *arg, struct err *err)
{
	char mount[PATH_MAX];
	size_t len = 0;
	const char *end = line + strcspn(line, "\n"), *dash = strstr(line, " - ");

	if (!dash || dash > end)
		return 0;
	const char *type = field(dash + 3, 0, &len);
	bool v2 = len == 7 && memcmp(type, "cgroup2", 7) == 0;

	if (!v2 && !(len == 6 && memcmp(type, "cgroup", 6) == 0))
		return 0;
	const char *at = field(line, 4, &len);
	int r = unescape(at, len, mount, sizeof(mount));

	return r < 0 ? err_errno(err, r, "reading /proc/self/mountinfo") : fn(mount, v2, arg, err);
}

static int each_mount(mount_fn fn, void *arg, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(MOUNTINFO_MAX);
	int r = file_read("/proc/self/mountinfo", &text, err);

	for (const char *line = text.data; r == 0 && line && *line;) {
		r = on_line(line, fn, arg, err);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return r;
}

struct cgroup_find {
	char *ret;
	size_t size;
	bool found;
};

static int find_v2(const char *mount, bool v2, void *arg, struct err *err)
{
	struct cgroup_find *f = arg;

	if (!v2 || f->found)
		return 0;
	int r = path_format(f->ret, f->size, "%s", mount);

	f->found = r == 0;
	return r < 0 ? err_errno(err, r, "the cgroup2 mount %s", mount) : 0;
}

int cgroup2_mount(char *ret, size_t size, struct err *err)
{
	char mount[PATH_MAX];
	struct cgroup_find f = { .ret = mount, .size = sizeof(mount) };
	int r = each_mount(find_v2, &f, err);

	if (r < 0)
		return r;
	if (!f.found)
		return err_set(err, -ENOENT, "cgroup2 is not mounted; mount it at /sys/fs/cgroup");
	return path_format(ret, size, "%s", mount);
}

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

	return r < 0 ? err_errno(err, r, "the cgroup %s", path) : each_mount(remove_in, copy, err);
}

int cgroup_make(const char *path, struct err *err)
{
	char copy[PATH_MAX];
	int r = path_format(copy, sizeof(copy), "%s", path);

	if (r < 0)
		return err_errno(err, r, "the cgroup %s", path);
	r = each_mount(make_in, copy, err);
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
