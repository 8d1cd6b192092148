/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <uv.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

#define CHUNK 65536

/*
 * A connection reads a line, hands it to a handler, writes the answer and closes. Its place is free
 * when both of its handles are closed; the server's memory, when those of all places and of the
 * listener are.
 */
struct conn {
	struct ctl *ctl;
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	unsigned int handles; /* not yet closed; 0: a free place */
	struct buf request, answer;
	struct ctl_reply *reply; /* a handler works */
};

/* Outlives its connection: conn is NULL when there is no one left to tell. */
struct ctl_reply {
	struct conn *conn;
};

struct ctl {
	struct ctl_options opt;
	uv_pipe_t listener;
	unsigned int handles; /* the listener's, and each connection's as one */
	bool waiting; /* a connection that we had no place for */
	int lock_fd;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char chunk[CHUNK]; /* libuv reads and delivers in one go, so one for all */
	struct conn conns[CTL_CONNECTIONS_MAX];
};

/* ---- Closing -------------------------------------------------------------------------------- */

static void accept_one(struct ctl *ctl);

static void release(struct ctl *ctl)
{
	if (--ctl->handles == 0)
		free(ctl);
}

static void on_conn_closed(uv_handle_t *handle)
{
	struct conn *conn = handle->data;
	struct ctl *ctl = conn->ctl;

	if (--conn->handles > 0)
		return;
	buf_fini(&conn->request);
	buf_fini(&conn->answer);
	if (ctl->waiting && !uv_is_closing((uv_handle_t *)&ctl->listener))
		accept_one(ctl);
	release(ctl);
}

static void conn_close(struct conn *conn)
{
	if (uv_is_closing((uv_handle_t *)&conn->timer))
		return;
	if (conn->reply)
		conn->reply->conn = NULL;
	conn->reply = NULL;
	uv_close((uv_handle_t *)&conn->timer, on_conn_closed);
	uv_close((uv_handle_t *)&conn->pipe, on_conn_closed);
}

static void on_idle(uv_timer_t *timer)
{
	conn_close(timer->data);
}

static void rearm(struct conn *conn)
{
	uv_timer_start(&conn->timer, on_idle, conn->ctl->opt.idle_ms, 0);
}

/* ---- Answering ------------------------------------------------------------------------------ */

static void on_written(uv_write_t *write, int status)
{
	(void)status; /* gone or answered: both end here */
	conn_close(write->handle->data);
}

/* {"KEY":value}, of which value is taken. */
static int put_answer(const char *key, struct json *value, struct buf *out)
{
	cleanup(json_free) struct json *root = json_new_object();
	int r;

	if (!root) {
		json_free(&value);
		return -ENOMEM;
	}
	r = value ? json_set(root, key, value) : json_set_null(root, key);
	if (r == 0)
		r = json_print(root, false, out);
	return r < 0 ? r : buf_puts(out, "\n");
}

static int put_error(const char *text, struct buf *out)
{
	cleanup(json_free) struct json *root = json_new_object();
	int r = root ? json_set_str(root, "error", text) : -ENOMEM;

	if (r == 0)
		r = json_print(root, false, out);
	return r < 0 ? r : buf_puts(out, "\n");
}

static void conn_write(struct conn *conn)
{
	uv_buf_t out = { .base = conn->answer.data, .len = conn->answer.len };

	uv_read_stop((uv_stream_t *)&conn->pipe);
	rearm(conn);
	if (uv_write(&conn->write, (uv_stream_t *)&conn->pipe, &out, 1, on_written) < 0)
		conn_close(conn);
}

static void conn_fail(struct conn *conn, const char *text)
{
	buf_reset(&conn->answer);
	if (put_error(text, &conn->answer) < 0)
		conn_close(conn);
	else
		conn_write(conn);
}

/* The connection that waits for this reply, or NULL; the reply is gone after it. */
static struct conn *reply_take(struct ctl_reply *reply)
{
	struct conn *conn = reply->conn;

	if (conn)
		conn->reply = NULL;
	free(reply);
	return conn;
}

void ctl_reply_ok(struct ctl_reply *reply, struct json *result)
{
	struct conn *conn = reply_take(reply);
	int r;

	if (!conn) {
		json_free(&result);
		return;
	}
	r = put_answer("result", result, &conn->answer);
	if (r == 0)
		conn_write(conn);
	else
		conn_fail(conn, r == -E2BIG ? "the answer is too large; ask for less" :
					      "the agent is out of memory");
}

void ctl_reply_error(struct ctl_reply *reply, const struct err *err)
{
	struct conn *conn = reply_take(reply);

	if (conn)
		conn_fail(conn, err->text);
}

/* ---- Asking --------------------------------------------------------------------------------- */

static void dispatch(struct conn *conn, const struct json *request)
{
	const struct ctl_options *opt = &conn->ctl->opt;
	const char *command = json_str(request, "command", "");
	char text[160];

	for (size_t i = 0; i < opt->n_handlers; i++) {
		if (strcmp(opt->handlers[i].name, command) != 0)
			continue;
		conn->reply = malloc(sizeof(*conn->reply));
		if (!conn->reply) {
			conn_fail(conn, "the agent is out of memory");
			return;
		}
		conn->reply->conn = conn;
		uv_timer_stop(&conn->timer);
		opt->handlers[i].fn(opt->ctx, json_get(request, "args"), conn->reply);
		return;
	}
	snprintf(text, sizeof(text), "unknown command \"%.64s\"; is the agent of another version?",
		 command);
	conn_fail(conn, text);
}

static void conn_request(struct conn *conn, size_t len)
{
	cleanup(json_free) struct json *request = NULL;
	struct err err = {};

	uv_read_stop((uv_stream_t *)&conn->pipe);
	if (len + 1 < conn->request.len)
		conn_fail(conn, "request: one line for each connection");
	else if (ctl_request_parse(conn->request.data, len, &request, &err) < 0)
		conn_fail(conn, err.text);
	else
		dispatch(conn, request);
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *ret)
{
	struct conn *conn = handle->data;

	(void)hint;
	*ret = (uv_buf_t){ .base = conn->ctl->chunk, .len = CHUNK };
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
	struct conn *conn = stream->data;
	const char *end;
	int r;

	if (n < 0) {
		conn_close(conn);
		return;
	}
	rearm(conn);
	r = buf_append(&conn->request, chunk->base, (size_t)n);
	end = n ? memchr(chunk->base, '\n', (size_t)n) : NULL;
	if (r == -E2BIG)
		conn_fail(conn, "request: over 1 MiB");
	else if (r < 0)
		conn_fail(conn, "the agent is out of memory");
	else if (end)
		conn_request(conn, conn->request.len - (size_t)n + (size_t)(end - chunk->base));
}

/* ---- Accepting ------------------------------------------------------------------------------ */

static bool peer_allowed(uv_pipe_t *pipe)
{
	struct ucred peer = {};
	socklen_t len = sizeof(peer);
	int fd = -1;

	return uv_fileno((uv_handle_t *)pipe, &fd) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static struct conn *free_place(struct ctl *ctl)
{
	for (size_t i = 0; i < ARRAY_LEN(ctl->conns); i++)
		if (ctl->conns[i].handles == 0)
			return &ctl->conns[i];
	return NULL;
}

static void accept_one(struct ctl *ctl)
{
	struct conn *conn = free_place(ctl);

	/* libuv announces no further connection before this one is accepted. */
	ctl->waiting = !conn;
	if (!conn)
		return;
	*conn = (struct conn){
		.ctl = ctl,
		.handles = 2,
		.request = BUF_INIT(CTL_REQUEST_MAX + 1),
		.answer = BUF_INIT(CTL_REPLY_MAX),
	};
	ctl->handles++;
	uv_pipe_init(ctl->opt.loop, &conn->pipe, 0); /* neither of these two can fail on Linux */
	uv_timer_init(ctl->opt.loop, &conn->timer);
	conn->pipe.data = conn->timer.data = conn;
	rearm(conn);
	if (uv_accept((uv_stream_t *)&ctl->listener, (uv_stream_t *)&conn->pipe) < 0)
		conn_close(conn);
	else if (!peer_allowed(&conn->pipe))
		conn_fail(conn, "permission denied; run as root");
	else if (uv_read_start((uv_stream_t *)&conn->pipe, on_alloc, on_read) < 0)
		conn_close(conn);
}

static void on_connection(uv_stream_t *listener, int status)
{
	if (status == 0)
		accept_one(listener->data);
}

/* ---- Starting and stopping ------------------------------------------------------------------ */

static int take_lock(const char *run_dir, int *ret_fd, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/weir.lock", run_dir);

	if (r < 0)
		return err_errno(err, r, "%.64s", run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, -errno, "%s", path);
	r = file_lock(fd);
	if (r == -EWOULDBLOCK)
		return err_set(err, -EADDRINUSE,
			       "another agent runs: it holds %s; stop it with: weir agent stop",
			       path);
	if (r < 0)
		return err_errno(err, r, "%s", path);
	*ret_fd = take_fd(fd);
	return 0;
}

/* Only the lock's holder comes here, so a socket that is there belongs to nobody alive. */
static int bind_socket(const char *path, int *ret_fd, struct err *err)
{
	cleanup(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (fd < 0)
		return err_errno(err, -errno, "control socket");
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, -errno, "%s", path);
	/* Linux gives the file the mode of the unbound socket: 0600 from its first moment on. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return err_errno(err, -errno, "%s", path);
	*ret_fd = take_fd(fd);
	return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static int listen_on(struct ctl *ctl, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	int r = bind_socket(ctl->path, &fd, err);

	if (r < 0)
		return r;
	r = uv_pipe_open(&ctl->listener, fd);
	if (r < 0)
		return err_errno(err, r, "%s", ctl->path);
	take_fd(fd); /* the handle's now */
	r = uv_listen((uv_stream_t *)&ctl->listener, CTL_CONNECTIONS_MAX, on_connection);
	return r < 0 ? err_errno(err, r, "%s", ctl->path) : 0;
}

int ctl_start(const struct ctl_options *opt, struct ctl **ret, struct err *err)
{
	cleanup(free_ptr) struct ctl *ctl = calloc(1, sizeof(*ctl));
	struct ctl *started;
	int r;

	if (!ctl)
		return err_errno(err, -ENOMEM, "control socket");
	ctl->opt = *opt;
	ctl->opt.idle_ms = opt->idle_ms ? opt->idle_ms : CTL_IDLE_MS;
	r = path_format(ctl->path, sizeof(ctl->path), "%s/weir.sock", opt->run_dir);
	if (r < 0)
		return err_set(err, r, "%.64s: too long for a Unix socket", opt->run_dir);
	r = dir_make(opt->run_dir, 0755, err);
	if (r < 0)
		return r;
	r = take_lock(opt->run_dir, &ctl->lock_fd, err);
	if (r < 0)
		return r;
	/* From here on the loop knows the listener: only its close frees it. */
	uv_pipe_init(opt->loop, &ctl->listener, 0);
	ctl->listener.data = ctl;
	ctl->handles = 1;
	started = take_ptr(ctl);
	r = listen_on(started, err);
	if (r < 0)
		ctl_stop(&started);
	else
		*ret = started;
	return r;
}

void ctl_stop(struct ctl **ctl)
{
	struct ctl *c = *ctl;

	if (!c)
		return;
	*ctl = NULL;
	unlink(c->path); /* before the lock goes: the next agent's socket is not ours to remove */
	close_fd(&c->lock_fd);
	for (size_t i = 0; i < ARRAY_LEN(c->conns); i++)
		if (c->conns[i].handles > 0)
			conn_close(&c->conns[i]);
	uv_close((uv_handle_t *)&c->listener, on_listener_closed);
}
