/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding network namespaces: those of all processes, and those that are mounted where ip(8) and
 * container runtimes put them. Told apart by their inode number.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "dp/dp_int.h"

#define NETNS_MAX 4096
#define ENTRIES_MAX 65536 /* of a folder */

struct netns_each {
	dp_netns_fn fn;
	void *arg;
	dev_t nsfs; /* the device of all namespaces */
	uint64_t seen[NETNS_MAX]; /* inode numbers, in order */
	size_t n;
	uint32_t hidden;
	struct err first;
};

/* Where the number is in e->seen, or belongs. */
static size_t place_of(const struct netns_each *e, uint64_t ino)
{
	size_t low = 0, high = e->n;

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (e->seen[at] < ino)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

/* What open() or stat() said. A process may end at any moment, and some may not be looked at: neither
 * is a failure, for others may lead to the same namespace. */
static int unseen(struct netns_each *e, const char *path, int code, struct err *err)
{
	if (code == -ENOENT || code == -ESRCH)
		return 0;
	if (code != -EACCES)
		return err_errno(err, code, "%s", path);
	e->hidden++;
	return 0;
}

static int visit(struct netns_each *e, const char *path, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	struct stat st;
	size_t place;

	if (stat(path, &st) < 0)
		return unseen(e, path, -errno, err);
	if (st.st_dev != e->nsfs)
		return 0; /* some other file */
	place = place_of(e, st.st_ino);
	if (place < e->n && e->seen[place] == st.st_ino)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return unseen(e, path, -errno, err);
	if (e->n == NETNS_MAX)
		return err_set(err, -E2BIG, "%s: more than %d network namespaces; not visited",
			       path, NETNS_MAX);
	memmove(&e->seen[place + 1], &e->seen[place], (e->n - place) * sizeof(*e->seen));
	e->seen[place] = st.st_ino;
	e->n++;
	return e->fn(e->arg, fd, path, err);
}

/* What the entries of a folder lead to: /proc/NUMBER/ns/net, /run/netns/NAME. */
static int visit_all(struct netns_each *e, const char *folder, const char *below, struct err *err)
{
	cleanup(close_dir) DIR *dir = opendir(folder);
	char path[DP_PATH_MAX];
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, -errno, "%s", folder);
	while ((entry = readdir(dir))) {
		struct err why = {};

		if (entry->d_name[0] == '.' ||
		    (below[0] && !isdigit((unsigned char)entry->d_name[0])))
			continue;
		if (n++ == ENTRIES_MAX)
			return err_set(err, -E2BIG,
				       "%s: more than %d entries; not all were visited", folder,
				       ENTRIES_MAX);
		if (!path_format(path, sizeof(path), "%s/%s%s", folder, entry->d_name, below) &&
		    visit(e, path, &why) < 0 && !e->first.code)
			e->first = why;
	}
	return 0;
}

int dp_netns_each(dp_netns_fn fn, void *arg, uint32_t *ret_hidden, struct err *err)
{
	static const struct {
		const char *folder, *below;
	} where[] = { { "/proc", "/ns/net" }, { "/run/netns", "" }, { "/var/run/netns", "" } };
	struct netns_each e = { .fn = fn, .arg = arg };
	struct stat st;

	if (stat("/proc/self/ns/net", &st) < 0)
		return err_errno(err, -errno, "/proc/self/ns/net");
	e.nsfs = st.st_dev;
	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		struct err why = {};

		if (visit_all(&e, where[i].folder, where[i].below, &why) < 0 && !e.first.code)
			e.first = why;
	}
	if (e.first.code)
		return err_set(err, e.first.code, "%s", e.first.text);
	*ret_hidden = e.hidden;
	return 0;
}
