/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

#define MOUNTINFO_MAX (4u << 20)

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
static int on_line(const char *line, cgroup_mount_fn fn, void *arg, struct err *err)
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

	if (!len || at >= dash)
		return 0;
	int r = unescape(at, len, mount, sizeof(mount));

	return r < 0 ? err_errno(err, r, "reading the cgroup mounts") : fn(mount, v2, arg, err);
}

int cgroup_mounts(const char *mountinfo, cgroup_mount_fn fn, void *arg, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(MOUNTINFO_MAX);
	int r = file_read(mountinfo, &text, err);

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

int cgroup2_mount(const char *mountinfo, char *ret, size_t size, struct err *err)
{
	char mount[PATH_MAX];
	struct cgroup_find f = { .ret = mount, .size = sizeof(mount) };
	int r = cgroup_mounts(mountinfo, find_v2, &f, err);

	if (r < 0)
		return r;
	if (!f.found)
		return err_set(err, -ENOENT,
			       "%s: no cgroup2 file system is mounted; mount one (mount -t cgroup2 "
			       "none /sys/fs/cgroup) or set paths.cgroup",
			       mountinfo);
	return path_format(ret, size, "%s", mount);
}
