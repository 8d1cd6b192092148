/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"
#include "workload/inside/inside.h"

#define NUMBER_MAX 255

static const struct {
	const char *text;
	enum status_word word;
	bool has_number;
} words[] = {
	{ "starting", STATUS_STARTING, false }, { "ready", STATUS_READY, false },
	{ "unready", STATUS_UNREADY, false },	{ "exit ", STATUS_EXIT, true },
	{ "signal ", STATUS_SIGNAL, true },
};

static void parse(const char *line, struct status *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i].text);
		const char *rest = line + len;

		if (strncmp(line, words[i].text, len) != 0)
			continue;
		if (words[i].has_number ? parse_u32(rest, 0, NUMBER_MAX, &ret->number) < 0 :
					  *rest != '\0')
			continue;
		ret->word = words[i].word;
		return;
	}
}

static int open_file(const char *dir, int flags, int *ret_fd, struct err *err)
{
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/status", dir);

	if (r < 0)
		return err_errno(err, r, "%s", dir);
	int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, -errno, "opening %s", path);
	*ret_fd = fd;
	return 0;
}

int status_open(const char *dir, int *ret_fd, struct err *err)
{
	return open_file(dir, O_WRONLY | O_CREAT | O_TRUNC, ret_fd, err);
}

int status_read(const char *dir, struct status *ret, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	char line[INSIDE_STATUS_LEN + 1] = "";
	struct status s = {};
	struct err why = {};
	struct stat st;
	int r = open_file(dir, O_RDONLY, &fd, &why);

	if (r == -ENOENT)
		*ret = s;
	if (r < 0)
		return r == -ENOENT ? 0 : err_set(err, r, "%s", why.text);
	if (fstat(fd, &st) < 0 || pread(fd, line, INSIDE_STATUS_LEN, 0) < 0)
		return err_errno(err, -errno, "reading %s/status", dir);
	line[strcspn(line, "\n")] = '\0';
	for (size_t len = strlen(line); len > 0 && line[len - 1] == ' '; len--)
		line[len - 1] = '\0';
	parse(line, &s);
	s.at_ms = (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
	*ret = s;
	return 0;
}
