/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: how the CLI asks the running agent to change state.
 *
 * A Unix stream socket RUN/weir.sock, mode 0600. A connection carries one request and one reply,
 * each a line of JSON:
 *
 *	{"command":"lease.open","args":{"id":"L1"}}	at most CTL_REQUEST_MAX bytes
 *	{"result":...} or {"error":"one line"}		at most CTL_REPLY_MAX bytes
 *
 * I1. One agent per run directory: the holder of the lock on RUN/weir.lock owns the socket. The
 *     kernel drops the lock with the process, so the socket of a dead agent is replaced at once and
 *     that of a live one never. The lock file stays: unlinking it would let two hold "the" lock.
 * I2. Only root and the agent's own user are served (SO_PEERCRED), whatever the file's mode.
 * I3. Every request that reaches a handler is answered exactly once, by the handler, now or later;
 *     the reply outlives connection and server, so work on the thread pool may finish in any order.
 * I4. At most CTL_CONNECTIONS_MAX connections; further ones wait in the listen queue. A connection
 *     is closed when the next bytes of its request, or the taking of its answer, need longer than
 *     the idle time. A handler has all the time it needs.
 *
 * The process must ignore SIGPIPE: a peer may go while it is written to.
 * Threading: all calls on the loop's thread. ctl_call() and ctl_request_parse() (ctl_client.c,
 * ctl_request.c) know no loop and may be used anywhere.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CTL_REQUEST_MAX (1u << 20)
#define CTL_REPLY_MAX (64u << 20)
#define CTL_CONNECTIONS_MAX 32
#define CTL_IDLE_MS 30000

struct ctl;
struct ctl_reply;
struct err;
struct json;
struct uv_loop_s;

struct ctl_handler {
	const char *name; /* "lease.open" */
	/* args: borrowed, an object or NULL. Must lead to ctl_reply_ok() or ctl_reply_error(). */
	void (*fn)(void *ctx, const struct json *args, struct ctl_reply *reply);
};

struct ctl_options {
	struct uv_loop_s *loop;
	const char *run_dir; /* made when missing */
	const struct ctl_handler *handlers;
	size_t n_handlers;
	void *ctx;
	uint64_t idle_ms; /* 0: CTL_IDLE_MS */
};

/* -EADDRINUSE: another agent runs. handlers and ctx must live until ctl_stop(). */
int ctl_start(const struct ctl_options *opt, struct ctl **ret, struct err *err);
/* Removes the socket, drops the lock and closes all connections; NULL-safe. What the kernel hasn't
 * taken of a reply yet is lost (a small one is never), and memory goes with the next turns of the
 * loop. */
void ctl_stop(struct ctl **ctl);

/* Both consume the reply. result is taken; NULL is JSON null. */
void ctl_reply_ok(struct ctl_reply *reply, struct json *result);
void ctl_reply_error(struct ctl_reply *reply, const struct err *err);

/* Sends one request and waits for the reply; args (borrowed) is an object or NULL. The result is
 * NULL for JSON null. -ECONNREFUSED no agent answers, -EREMOTEIO the agent answered with an error
 * (whose text err holds), -EBUSY, -EACCES, -ETIMEDOUT, -EBADMSG, -E2BIG. */
int ctl_call(const char *run_dir, const char *command, const struct json *args, int timeout_ms,
	     struct json **ret, struct err *err);

/* Reads one request line without its newline. On success ret is an object with a string "command"
 * and, if any, an object "args". -EBADMSG, -E2BIG. */
int ctl_request_parse(const char *line, size_t len, struct json **ret, struct err *err);
