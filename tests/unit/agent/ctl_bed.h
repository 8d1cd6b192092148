/* SPDX-License-Identifier: Apache-2.0 */
/* A control socket with both its sides: an agent on a loop, and clients beside it. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <uv.h>

#include <cmocka.h>

#include "agent/ctl.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

#define DEADLINE_MS 20000 /* far away: only a hung test meets it */

struct fixture {
	uv_loop_t loop;
	struct ctl *ctl;
	char dir[64], run[80], path[96];
	struct ctl_reply *kept; /* of "keep", not yet answered */
	uv_work_t work; /* of "later" */
	struct err err;
};

/* ---- The agent's side ----------------------------------------------------------------------- */

static void do_echo(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	(void)ctx;
	ctl_reply_ok(reply, args ? json_dup(args) : NULL);
}

static void do_fail(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	struct err err = {};

	(void)ctx;
	err_set(&err, -EINVAL, "lease \"%s\": \"no\" such\nlease", json_str(args, "id", "?"));
	ctl_reply_error(reply, &err);
}

static void do_keep(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	struct fixture *f = ctx;

	(void)args;
	assert_null(f->kept);
	f->kept = reply;
}

static void do_large(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	struct json *result = json_new_object();
	char *text = malloc(3 << 20);

	(void)ctx;
	(void)args;
	memset(text, 'x', (3 << 20) - 1);
	text[(3 << 20) - 1] = '\0';
	json_set_str(result, "text", text);
	free(text);
	ctl_reply_ok(reply, result);
}

static void work(uv_work_t *req)
{
	(void)req;
}

static void worked(uv_work_t *req, int status)
{
	struct fixture *f = req->data;
	struct json *result = json_new_object();

	(void)status;
	json_set_str(result, "state", "done");
	ctl_reply_ok(take_ptr(f->kept), result);
}

static void do_later(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	struct fixture *f = ctx;

	do_keep(ctx, args, reply);
	f->work.data = f;
	uv_queue_work(&f->loop, &f->work, work, worked);
}

static const struct ctl_handler handlers[] = {
	{ "echo", do_echo },   { "fail", do_fail },   { "keep", do_keep },
	{ "large", do_large }, { "later", do_later },
};

static int start(struct fixture *f, uint64_t idle_ms, struct ctl **ret)
{
	const struct ctl_options opt = {
		.loop = &f->loop,
		.run_dir = f->run,
		.handlers = handlers,
		.n_handlers = ARRAY_LEN(handlers),
		.ctx = f,
		.idle_ms = idle_ms,
	};

	return ctl_start(&opt, ret, &f->err);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/weir-ctl-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->run, sizeof(f->run), "%s/run", f->dir);
	snprintf(f->path, sizeof(f->path), "%s/weir.sock", f->run);
	uv_loop_init(&f->loop);
	*state = f;
	return start(f, 0, &f->ctl);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	ctl_stop(&f->ctl);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&f->loop); /* -EBUSY if a handle was left open */
	dir_remove(f->dir, NULL);
	free(f);
	return r;
}

/* ---- The clients', on libuv's thread pool --------------------------------------------------- */

struct job {
	uv_work_t work;
	const struct fixture *f;
	const char *command;
	const struct json *args;
	const char *raw; /* sent as it is, then everything is read */
	size_t raw_len;
	struct buf answer;
	struct json *result;
	struct err err;
	int r;
	bool done;
};

static int connect_raw(const struct fixture *f)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", f->path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static void read_all(int fd, struct buf *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char chunk[65536];
	ssize_t n;

	while (poll(&p, 1, DEADLINE_MS) == 1 && (n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		buf_append(out, chunk, (size_t)n);
}

static void job_work(uv_work_t *req)
{
	struct job *job = req->data;
	size_t sent = 0;
	int fd;

	if (!job->raw) {
		job->r = ctl_call(job->f->run, job->command, job->args, DEADLINE_MS, &job->result,
				  &job->err);
		return;
	}
	fd = connect_raw(job->f);
	while (fd >= 0 && sent < job->raw_len) {
		ssize_t n = send(fd, job->raw + sent, job->raw_len - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break; /* refused on the way: the answer is there */
		sent += (size_t)n;
	}
	read_all(fd, &job->answer);
	close(fd);
}

static void job_done(uv_work_t *req, int status)
{
	struct job *job = req->data;

	(void)status;
	job->done = true;
}

static void job_run(struct fixture *f, struct job *job)
{
	job->f = f;
	job->work.data = job;
	job->answer = (struct buf)BUF_INIT(64 << 20);
	uv_queue_work(&f->loop, &job->work, job_work, job_done);
	while (!job->done)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void check_raw(struct fixture *f, const char *raw, const char *answer)
{
	struct job job = { .raw = raw, .raw_len = strlen(raw) };

	job_run(f, &job);
	assert_string_equal(job.answer.data ? job.answer.data : "", answer);
	buf_fini(&job.answer);
}

/* Turns the loop until the socket can be read. */
static void run_until_readable(struct fixture *f, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, 1) == 0) /* it may be a descriptor that the loop does not know */
		uv_run(&f->loop, UV_RUN_NOWAIT);
}
