/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/option.h"

/*
 * libmicrohttpd runs in its external epoll mode: it owns one epoll descriptor with all its sockets,
 * which we poll, and tells the next time-out, for which we keep a timer. Freed when both handles
 * are closed.
 */
struct http_server {
	struct http_options opt;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int handles; /* not yet closed */
	uint16_t port;
};

/* ---- Answering ------------------------------------------------------------------------------ */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned int status,
			     const char *content_type, const struct http_header *more,
			     struct buf *body)
{
	struct MHD_Response *response;
	enum MHD_Result r;
	size_t len = body->len;
	char *data = buf_take(body);

	if (!data)
		return MHD_NO;
	response = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(data);
		return MHD_NO;
	}
	r = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	if (r == MHD_YES)
		r = MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (r == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
		r = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	for (; r == MHD_YES && more && more->name; more++)
		r = MHD_add_response_header(response, more->name, more->value);
	if (r == MHD_YES)
		r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result fail(struct MHD_Connection *connection, unsigned int status,
			    const char *text)
{
	cleanup(buf_fini) struct buf body = BUF_INIT(256);

	buf_printf(&body, "%u %s\n", status, text);
	return queue(connection, status, "text/plain; charset=utf-8", NULL, &body);
}

static enum MHD_Result serve(const struct http_server *http, const struct http_route *route,
			     struct MHD_Connection *connection)
{
	cleanup(buf_fini) struct buf body = BUF_INIT(HTTP_BODY_MAX);
	unsigned int status = route->fn(http->opt.ctx, &body);

	if (buf_error(&body))
		return fail(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
			    "the answer could not be made");
	return queue(connection, status, route->content_type, route->headers, &body);
}

static const struct http_route *find_route(const struct http_server *http, const char *path)
{
	for (size_t i = 0; i < http->opt.n_routes; i++) {
		const struct http_route *route = &http->opt.routes[i];

		if (!route->path || strcmp(route->path, path) == 0)
			return route;
	}
	return NULL;
}

/*
 * libmicrohttpd calls once when the headers are there and again for the body and its end. A GET is
 * answered at the end, so that the connection can stay; anything else at once, which closes it
 * without reading a body that nobody asked for.
 */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	static char seen;
	const struct http_server *http = ctx;
	const struct http_route *route = find_route(http, path);
	bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	(void)version;
	(void)data;
	if (*len > 0)
		return MHD_NO;
	if (get && !*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (!route)
		return fail(connection, MHD_HTTP_NOT_FOUND, "no such page");
	if (!get)
		return fail(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "use GET");
	return serve(http, route, connection);
}

/* ---- The loop ------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static unsigned int connections(struct http_server *http)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info ? info->num_connections : 0;
}

static void turn(struct http_server *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
	unsigned int before = connections(http);

	MHD_run(http->daemon);
	if (connections(http) < before)
		MHD_run(http->daemon); /* after the limit it listens again from the next run on */
	if (MHD_get_timeout(http->daemon, &timeout_ms) == MHD_YES)
		uv_timer_start(&http->timer, on_timer, timeout_ms, 0);
	else
		uv_timer_stop(&http->timer);
}

static void on_timer(uv_timer_t *timer)
{
	turn(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	turn(poll->data);
}

static void on_closed(uv_handle_t *handle)
{
	struct http_server *http = handle->data;

	if (--http->handles == 0)
		free(http);
}

/* ---- Starting and stopping ------------------------------------------------------------------ */

static socklen_t make_sockaddr(const struct option_listen *listen_at, struct sockaddr_storage *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(listen_at->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(listen_at->port) };

	*ret = (struct sockaddr_storage){};
	if (addr_is_v4(&listen_at->addr)) {
		memcpy(&in.sin_addr, listen_at->addr.b + 12, sizeof(in.sin_addr));
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(&in6.sin6_addr, listen_at->addr.b, sizeof(in6.sin6_addr));
	memcpy(ret, &in6, sizeof(in6));
	return sizeof(in6);
}

/* Ours and not libmicrohttpd's, so that errno says why. [::] takes IPv4 too, as kube-proxy does. */
static int open_listener(const struct http_options *opt, int *ret_fd, uint16_t *ret_port,
			 struct err *err)
{
	cleanup(close_fd) int fd = -1;
	struct sockaddr_storage sa;
	struct sockaddr_in6 bound = {}; /* a sockaddr_in has its port at the same place */
	socklen_t len = make_sockaddr(opt->listen, &sa), bound_len = sizeof(bound);
	char text[LISTEN_TEXT_MAX];
	int on = 1, off = 0;

	option_listen_format(opt->listen, text);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, -errno, "%s: %s", opt->key, text);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (sa.ss_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) ||
	    bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, HTTP_CONNECTIONS_MAX) < 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &bound_len) < 0)
		return err_errno(err, -errno, "%s: can't listen on %s", opt->key, text);
	*ret_port = ntohs(bound.sin6_port);
	*ret_fd = take_fd(fd);
	return 0;
}

static int start_daemon(struct http_server *http, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	int r = open_listener(&http->opt, &fd, &http->port, err);

	if (r < 0)
		return r;
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http,
					MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
					http->opt.connections, MHD_OPTION_CONNECTION_TIMEOUT,
					HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					(size_t)HTTP_MEMORY_MAX, MHD_OPTION_END);
	if (!http->daemon)
		return err_set(err, -EIO, "%s: the HTTP server did not start", http->opt.key);
	take_fd(fd); /* the daemon's now */
	return 0;
}

static int nest(struct http_server *http, struct err *err)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r = info ? uv_poll_init(http->opt.loop, &http->poll, info->epoll_fd) : -EIO;

	if (r < 0)
		return err_errno(err, r, "%s: HTTP server", http->opt.key);
	uv_timer_init(http->opt.loop, &http->timer);
	http->poll.data = http->timer.data = http;
	http->handles = 2;
	uv_poll_start(&http->poll, UV_READABLE, on_poll);
	turn(http);
	return 0;
}

int http_server_start(const struct http_options *opt, struct http_server **ret, struct err *err)
{
	cleanup(free_ptr) struct http_server *http = calloc(1, sizeof(*http));
	int r;

	if (!http)
		return err_errno(err, -ENOMEM, "%s", opt->key);
	http->opt = *opt;
	if (!http->opt.connections)
		http->opt.connections = HTTP_CONNECTIONS_MAX;
	r = start_daemon(http, err);
	if (r < 0)
		return r;
	r = nest(http, err);
	if (r < 0) {
		MHD_stop_daemon(http->daemon);
		return r;
	}
	*ret = take_ptr(http);
	return 0;
}

void http_server_stop(struct http_server **http)
{
	struct http_server *h = *http;

	if (!h)
		return;
	*http = NULL;
	uv_close((uv_handle_t *)&h->poll, on_closed); /* before its descriptor goes */
	uv_close((uv_handle_t *)&h->timer, on_closed);
	MHD_stop_daemon(h->daemon);
}

uint16_t http_port(const struct http_server *http)
{
	return http->port;
}
