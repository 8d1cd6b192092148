/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending UDP sockets whose backend is gone. An iterator over sockets sees the network namespace that it
 * is made in, so a sweep enters one after the other and makes an iterator of the one pinned link there.
 *
 * A thread does that which was made for it and ends with it: no way back has to be found, and no other
 * work can ever run in the wrong namespace.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp_int.h"

#define NAMED_MAX 1024 /* sockets that are ended by netlink between two looks */

struct sweep {
	struct dp *dp;
	struct weir_end *named;
	uint64_t ended; /* by netlink */
	struct dp_ended sum;
	struct err err;
};

/* Lets the program look at all sockets of this namespace: it ends those that are due or, up to
 * NAMED_MAX, names them. */
static int look(struct sweep *s, size_t *ret_n, struct err *err)
{
	cleanup(close_fd) int fd = bpf_iter_create(s->dp->ends);
	const size_t size = NAMED_MAX * sizeof(*s->named);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return err_errno(err, -errno, "starting to look at sockets");
	do {
		n = read(fd, (char *)s->named + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	if (n < 0)
		return err_errno(err, -errno, "looking at sockets");
	*ret_n = len / sizeof(*s->named);
	return 0;
}

static int end_named(struct sweep *s, size_t n, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	int r = n ? dp_diag_open(&fd, err) : 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = dp_diag_end(fd, &s->named[i], err);
		s->ended += r > 0;
	}
	return r < 0 ? r : 0;
}

/* As long as there may be more, and it helps. */
static int sweep_one(void *arg, int netns, const char *path, struct err *err)
{
	struct sweep *s = arg;
	uint64_t was;
	size_t n = 0;
	int r = 0;

	if (setns(netns, CLONE_NEWNET) < 0)
		return err_errno(err, -errno, "entering %s", path);
	s->sum.namespaces++;
	do {
		was = s->ended;
		r = look(s, &n, err);
		if (!r)
			r = end_named(s, n, err);
	} while (!r && n == NAMED_MAX && s->ended > was);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

static void *sweep_run(void *arg)
{
	struct sweep *s = arg;

	dp_netns_each(sweep_one, s, &s->sum.hidden, &s->err);
	return NULL;
}

static int sweep(struct sweep *s, struct err *err)
{
	pthread_t thread;
	int r = -pthread_create(&thread, NULL, sweep_run, s);

	if (r < 0)
		return err_errno(err, r, "starting a thread");
	pthread_join(thread, NULL);
	return s->err.code ? err_set(err, s->err.code, "%s", s->err.text) : 0;
}

int dp_ends(struct dp *dp, struct dp_ended *ret, struct err *err)
{
	cleanup(free_ptr) struct weir_end *named = calloc(NAMED_MAX, sizeof(*named));
	uint64_t before[WEIR_REASON_MAX_], after[WEIR_REASON_MAX_];
	struct sweep s = { .dp = dp, .named = named };
	int r, counted;

	if (!named)
		return err_errno(err, -ENOMEM, "ending sockets");
	r = dp_reasons(dp, before, err);
	if (r < 0)
		return r;
	r = sweep(&s, err);
	/* those that the program ended it has counted itself */
	counted = dp_reason_add(dp, WEIR_REASON_SOCKET_ENDED, s.ended, r ? NULL : err);
	if (!r)
		r = counted;
	if (!r)
		r = dp_reasons(dp, after, err);
	if (r)
		return r;
	s.sum.sockets = after[WEIR_REASON_SOCKET_ENDED] - before[WEIR_REASON_SOCKET_ENDED];
	*ret = s.sum;
	return 0;
}
