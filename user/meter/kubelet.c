/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/kubelet.h"

#include <errno.h>
#include <stdbool.h>

#include "core/buf.h"
#include "core/cleanup.h"

static const char *const classes[] = { "", "burstable", "besteffort" };
_Static_assert(KUBELET_PLACES == 2 * ARRAY_LEN(classes), "both drivers");

static bool ends_in_slice(const char *text)
{
	size_t len = strlen(text);

	return len > 6 && strcmp(text + len - 6, ".slice") == 0;
}

static void put_escaped(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_append(out, text[i] == '-' ? "_" : &text[i], 1);
}

static int give(const struct buf *b, char *ret, size_t size)
{
	if (buf_error(b) || b->len >= size)
		return -ENAMETOOLONG;
	memcpy(ret, b->len ? b->data : "", b->len + 1);
	return 0;
}

/* Each slice carries the names of those above it. */
int kubelet_slice(const char *pods, char *ret, size_t size)
{
	cleanup(buf_fini) struct buf path = BUF_INIT(size), name = BUF_INIT(size);

	if (ends_in_slice(pods))
		buf_puts(&path, pods);
	for (const char *part = path.len ? "" : pods; *part; part += strspn(part, "/")) {
		size_t len = strcspn(part, "/");

		if (name.len)
			buf_puts(&name, "-");
		put_escaped(&name, part, len);
		if (buf_error(&name))
			return -ENAMETOOLONG;
		buf_printf(&path, "%s%s.slice", path.len ? "/" : "", name.data);
		part += len;
	}
	return give(&path, ret, size);
}

/* "kubelet-kubepods" of "kubelet.slice/kubelet-kubepods.slice" */
static void put_base(struct buf *out, const char *slice)
{
	const char *last = strrchr(slice, '/');

	last = last ? last + 1 : slice;
	buf_append(out, last, strlen(last) - strlen(".slice"));
}

static int place_of_systemd(const char *pods, const char *uid, const char *class,
			    struct buf *parent, struct buf *name)
{
	char slice[4096];
	int r = kubelet_slice(pods, slice, sizeof(slice));

	if (r < 0)
		return r;
	put_base(name, slice);
	buf_puts(parent, slice);
	if (*class) {
		buf_printf(name, "-%s", class);
		buf_printf(parent, "/%s.slice", buf_error(name) ? "" : name->data);
	}
	buf_puts(name, "-pod");
	put_escaped(name, uid, strlen(uid));
	return buf_puts(name, ".slice");
}

int kubelet_place(const char *pods, const char *uid, size_t i, char *ret_parent, size_t size,
		  char ret_name[KUBELET_NAME_MAX])
{
	cleanup(buf_fini) struct buf parent = BUF_INIT(size), name = BUF_INIT(KUBELET_NAME_MAX);
	const char *class = classes[i % ARRAY_LEN(classes)];
	int r = 0;

	if (i < ARRAY_LEN(classes)) {
		buf_printf(&parent, "%s%s%s", pods, *class ? "/" : "", class);
		buf_printf(&name, "pod%s", uid);
	} else {
		r = place_of_systemd(pods, uid, class, &parent, &name);
	}
	if (r < 0 || buf_error(&name))
		return -ENAMETOOLONG;
	r = give(&parent, ret_parent, size);
	return r < 0 ? r : give(&name, ret_name, KUBELET_NAME_MAX);
}
