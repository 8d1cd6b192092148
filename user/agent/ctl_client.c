/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/ctl.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"

struct call {
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	uint64_t deadline_ns;
	int fd;
};

static int fail_connect(const struct call *c, int code, struct err *err)
{
	if (code == -ENOENT || code == -ECONNREFUSED || code == -ENOTDIR)
		return err_set(err, -ECONNREFUSED,
			       "no agent answers at %s; start one with: weir agent run -c FILE",
			       c->path);
	if (code == -EACCES || code == -EPERM)
		return err_set(err, -EACCES, "%s: permission denied; run as root", c->path);
	return err_errno(err, code, "%s", c->path);
}

/* Waits until the socket is ready; a signal only restarts the wait for the time that is left. */
static int wait_for(const struct call *c, short events, struct err *err)
{
	for (;;) {
		uint64_t now = clock_boot_ns();
		struct pollfd p = { .fd = c->fd, .events = events };
		uint64_t left = now < c->deadline_ns ? c->deadline_ns - now : 0;
		int r = poll(&p, 1, (int)((left + 999999) / 1000000));

		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return err_errno(err, -errno, "%s", c->path);
		if (r == 0)
			return err_set(err, -ETIMEDOUT,
				       "%s: the agent did not answer in time; see its log",
				       c->path);
	}
}

static int open_socket(const struct call *c, int *ret_fd, struct err *err)
{
	cleanup(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	_Static_assert(sizeof(c->path) == sizeof(sun.sun_path), "one size");
	memcpy(sun.sun_path, c->path, sizeof(sun.sun_path));
	if (fd < 0)
		return err_errno(err, -errno, "control socket");
	/* A full listen queue of a Unix socket is EAGAIN, and there is nothing to poll for it. */
	while (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		int code = -errno;

		if (code == -EAGAIN)
			return err_set(err, -EBUSY, "%s: the agent is busy; try again", c->path);
		if (code != -EINTR)
			return fail_connect(c, code, err);
	}
	*ret_fd = take_fd(fd);
	return 0;
}

static int send_request(const struct call *c, const struct buf *request, struct err *err)
{
	size_t sent = 0;

	while (sent < request->len) {
		ssize_t n = send(c->fd, request->data + sent, request->len - sent, MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EPIPE || errno == ECONNRESET)
			return 0; /* refused: the reply says why */
		else if (errno == EAGAIN && wait_for(c, POLLOUT, err) < 0)
			return -ETIMEDOUT;
		else if (errno != EAGAIN && errno != EINTR)
			return err_errno(err, -errno, "%s", c->path);
	}
	return 0;
}

static int read_reply(const struct call *c, struct buf *reply, struct err *err)
{
	char chunk[16384];

	for (;;) {
		ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);
		int r = 0;

		if (n > 0)
			r = buf_append(reply, chunk, (size_t)n);
		if (n > 0 && r == 0 && chunk[n - 1] == '\n')
			return 0;
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return err_set(err, -EBADMSG, "%s: the agent closed without an answer",
				       c->path);
		if (n < 0 && errno == EAGAIN)
			r = wait_for(c, POLLIN, err);
		else if (n < 0 && errno != EINTR)
			r = err_errno(err, -errno, "%s", c->path);
		else if (r < 0)
			err_errno(err, r, "%s: answer", c->path);
		if (r < 0)
			return r;
	}
}

static int read_result(const struct call *c, const struct buf *reply, struct json **ret,
		       struct err *err)
{
	cleanup(json_free) struct json *root = NULL, *copy = NULL;
	const struct json *result;
	const char *error;
	int r = json_parse(reply->data, reply->len - 1, CTL_REPLY_MAX, c->path, &root, err);

	if (r < 0)
		return r;
	error = json_str(root, "error", NULL);
	if (error)
		return err_set(err, -EREMOTEIO, "%s", error);
	result = json_get(root, "result");
	if (!result)
		return err_set(err, -EBADMSG, "%s: an answer without \"result\"", c->path);
	if (json_type(result) != JSON_NULL) {
		copy = json_dup(result);
		if (!copy)
			return err_errno(err, -ENOMEM, "%s: answer", c->path);
	}
	*ret = take_ptr(copy);
	return 0;
}

static int put_request(const char *command, const struct json *args, struct buf *out,
		       struct err *err)
{
	cleanup(json_free) struct json *request = json_new_object();
	int r = request ? json_set_str(request, "command", command) : -ENOMEM;

	if (r == 0 && args)
		r = json_set(request, "args", json_dup(args));
	if (r == 0)
		r = json_print(request, false, out);
	if (r == 0)
		r = buf_puts(out, "\n");
	if (r == -E2BIG)
		return err_set(err, r, "request %s: over 1 MiB", command);
	return r < 0 ? err_errno(err, r, "request %s", command) : 0;
}

int ctl_call(const char *run_dir, const char *command, const struct json *args, int timeout_ms,
	     struct json **ret, struct err *err)
{
	cleanup(buf_fini) struct buf request = BUF_INIT(CTL_REQUEST_MAX + 1);
	cleanup(buf_fini) struct buf reply = BUF_INIT(CTL_REPLY_MAX);
	cleanup(close_fd) int fd = -1;
	struct call c = { .fd = -1 };
	int r = put_request(command, args, &request, err);

	if (r < 0)
		return r;
	if (snprintf(c.path, sizeof(c.path), "%s/weir.sock", run_dir) >= (int)sizeof(c.path))
		return err_set(err, -ENAMETOOLONG, "%.64s: too long for a Unix socket", run_dir);
	c.deadline_ns = clock_boot_ns() + (uint64_t)timeout_ms * 1000000;
	r = open_socket(&c, &fd, err);
	if (r < 0)
		return r;
	c.fd = fd;
	r = send_request(&c, &request, err);
	if (r == 0)
		r = read_reply(&c, &reply, err);
	return r < 0 ? r : read_result(&c, &reply, ret, err);
}
