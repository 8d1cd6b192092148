/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that remember: connections of packets on their way, and what sockets have dialled. */
#include <bpf/bpf.h>
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp_int.h"

#define BATCH 4096 /* entries: far more than a bucket of the hash has */

/* ---- Connections ----------------------------------------------------------------------------- */

struct batch {
	struct weir_tuple keys[BATCH];
	struct weir_conn values[BATCH];
};

/* The next entries, whole buckets at a time, so that what comes and goes meanwhile moves no other. 1:
 * there are no more. */
static int conns_next(const struct dp *dp, struct batch *b, uint32_t *at, bool first,
		      uint32_t *ret_n, struct err *err)
{
	uint32_t n = BATCH;
	int r = bpf_map_lookup_batch(dp->map[DP_CONN], first ? NULL : at, at, b->keys, b->values,
				     &n, NULL);

	if (r < 0 && r != -ENOENT)
		return err_errno(err, r, "reading weir_conn");
	*ret_n = n;
	return r == -ENOENT;
}

int dp_conns(struct dp *dp, struct dp_conn **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct dp_conn *out = NULL;
	cleanup(free_ptr) struct batch *b = malloc(sizeof(*b));
	uint32_t at = 0, got = 0;
	size_t n = 0;
	int r = 0;

	if (!b)
		return err_errno(err, -ENOMEM, "reading weir_conn");
	while (!r) {
		struct dp_conn *room;

		r = conns_next(dp, b, &at, !out, &got, err);
		if (r < 0)
			return r;
		room = reallocarray(out, n + got + 1, sizeof(*out));
		if (!room)
			return err_errno(err, -ENOMEM, "reading weir_conn");
		out = room;
		for (uint32_t i = 0; i < got; i++)
			out[n++] = (struct dp_conn){ b->keys[i], b->values[i] };
	}
	*ret = take_ptr(out);
	*ret_n = n;
	return 0;
}

/* ---- Sockets --------------------------------------------------------------------------------- */

#define CHUNK 512 /* records: more than the kernel gives at once, and it gives whole ones */

/* A fresh walk over the sockets; its records are read from it. */
static int socks_walk(const struct dp *dp, int *ret_fd, struct err *err)
{
	cleanup(close_fd) int link = -1;
	char path[DP_PATH_MAX];
	int fd, r = dp_pin_path(dp, "links", "weir_socks", path, err);

	if (r < 0)
		return r;
	link = bpf_obj_get(path);
	if (link < 0)
		return err_errno(err, -errno, "%s", path);
	fd = bpf_iter_create(link);
	if (fd < 0)
		return err_errno(err, -errno, "listing sockets");
	*ret_fd = fd;
	return 0;
}

int dp_socks(struct dp *dp, struct weir_sock **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct weir_sock *out = NULL;
	cleanup(close_fd) int fd = -1;
	size_t n = 0;
	ssize_t got;
	int r = socks_walk(dp, &fd, err);

	if (r < 0)
		return r;
	do {
		struct weir_sock *room = reallocarray(out, n + CHUNK, sizeof(*out));

		if (!room)
			return err_errno(err, -ENOMEM, "listing sockets");
		out = room;
		got = read(fd, out + n, CHUNK * sizeof(*out));
		if (got > 0)
			n += (size_t)got / sizeof(*out);
		if (n > DP_SOCKS_MAX)
			return err_set(
				err, -E2BIG,
				"over %d sockets have dialled Services: more than can be listed",
				DP_SOCKS_MAX);
	} while (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)));
	if (got < 0)
		return err_errno(err, -errno, "listing sockets");
	*ret = take_ptr(out);
	*ret_n = n;
	return 0;
}
