/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server on the loop: a table of paths that answer GET and HEAD (health, metrics, probes
 * of load balancers, the local page). libmicrohttpd speaks HTTP; its epoll descriptor is nested in libuv's.
 *
 * A route's function runs on the loop's thread and must not block: it fills the body from memory.
 * Another path is 404, another method on a known path is 405 with Allow, an over-long header is
 * 431, a body over HTTP_BODY_MAX or a failed one is 500. The number of connections is limited; each is
 * closed after HTTP_IDLE_S seconds of silence. A server has HTTP_FDS descriptors beside them.
 *
 * The process must ignore SIGPIPE: a peer may go while it is written to.
 * Threading: all calls on the loop's thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HTTP_CONNECTIONS_MAX 64
#define HTTP_FDS 2 /* the listening socket, and libmicrohttpd's epoll */
#define HTTP_IDLE_S 15
#define HTTP_MEMORY_MAX (16u << 10) /* of a connection: request line, headers, answer's headers */
#define HTTP_BODY_MAX (64u << 20)

struct buf;
struct err;
struct http_server;
struct option_listen;
struct uv_loop_s;

struct http_header {
	const char *name, *value;
};

struct http_route {
	const char *path; /* exact, "/metrics"; NULL: any that no route before has */
	const char *content_type; /* "text/plain; charset=utf-8" */
	/* Appends the body and returns the status, 200 to 599. A body that has failed makes it
	 * 500. */
	unsigned int (*fn)(void *ctx, struct buf *body);
	/* More headers of its answers, read at each; the last one's name is NULL. NULL: none. */
	const struct http_header *headers;
};

struct http_options {
	struct uv_loop_s *loop;
	const struct option_listen *listen; /* must be on; port 0 takes any free one */
	const char *key; /* what errors call it: "listen.metrics" */
	const struct http_route *routes;
	size_t n_routes;
	void *ctx;
	unsigned int connections; /* at most; 0: HTTP_CONNECTIONS_MAX */
};

/* routes, their headers and ctx must live until http_server_stop(). Errors of binding name the address and the key. */
int http_server_start(const struct http_options *opt, struct http_server **ret, struct err *err);
/* Closes at once, with answers on the way; NULL-safe. Memory goes with the next loop turns. */
void http_server_stop(struct http_server **http);
uint16_t http_port(const struct http_server *http);
