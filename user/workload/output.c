/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/utf8.h"
#include "workload/place.h"
#include "workload/spec.h"

static int open_part(const struct workload_place *p, const char *name, int *ret_fd, size_t *ret_len,
		     struct err *err)
{
	char path[PATH_MAX];
	struct stat st = {};
	int r = path_format(path, sizeof(path), "%s/%s", p->dir, name);

	if (r < 0)
		return err_errno(err, r, "%s", p->dir);
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if ((fd < 0 && errno != ENOENT) || (fd >= 0 && fstat(fd, &st) < 0))
		return err_errno(err, -errno, "reading %s", path);
	*ret_len = (size_t)st.st_size;
	*ret_fd = take_fd(fd);
	return 0;
}

/* The last bytes of a file of this length; less when it was turned meanwhile. */
static size_t read_tail(int fd, size_t len, size_t last, char *ret)
{
	size_t got = 0;

	while (fd >= 0 && got < last) {
		ssize_t n = pread(fd, ret + got, last - got, (off_t)(len - last + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static bool is_harmless(uint32_t code)
{
	return code == '\n' || code == '\t' || (code >= ' ' && code < 0x7f) || code > 0x9f;
}

/* text ends with a NUL. */
static int append_clean(const char *text, size_t len, struct buf *out)
{
	for (const char *end = text + len; text < end;) {
		uint32_t code = 0;
		size_t n = utf8_next(text, &code);

		if (n && is_harmless(code))
			buf_append(out, text, n);
		else
			buf_puts(out, "?");
		text += n ? n : 1;
	}
	return buf_error(out);
}

static int append_last(const struct workload_place *p, size_t last, struct buf *out,
		       struct err *err)
{
	cleanup(close_fd) int old_fd = -1;
	cleanup(close_fd) int new_fd = -1;
	size_t old_len = 0, new_len = 0, n = 0;
	int r = open_part(p, "log", &new_fd, &new_len, err);

	if (r == 0)
		r = open_part(p, "log.old", &old_fd, &old_len, err);
	if (r < 0)
		return r;
	size_t of_new = new_len < last ? new_len : last;
	size_t of_old = old_len < last - of_new ? old_len : last - of_new;
	cleanup(free_ptr) char *text = calloc(1, of_old + of_new + 1);

	if (!text)
		return err_errno(err, -ENOMEM, "%s/log", p->dir);
	n = read_tail(old_fd, old_len, of_old, text);
	n += read_tail(new_fd, new_len, of_new, text + n);
	bool cut = of_old + of_new < old_len + new_len;
	const char *line = cut ? memchr(text, '\n', n) : NULL;
	const char *from = line ? line + 1 : text;

	r = append_clean(from, n - (size_t)(from - text), out);
	return r < 0 ? err_errno(err, r, "%s/log", p->dir) : 0;
}

int workload_output(const char *state, const char *name, size_t last, struct buf *out,
		    struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	cleanup(workload_free) struct workload *w = NULL;
	int r = spec_check_name(name, err);

	if (r == 0)
		r = place_init(&p, state, name, err);
	if (r == 0)
		r = place_load(&p, name, &w, err);
	return r < 0 ? r : append_last(&p, last, out, err);
}
