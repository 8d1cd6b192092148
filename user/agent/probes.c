/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probes.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <uv.h>

/* The default, HASH_JEN, falls through case labels in a way clang warns of. */
#define HASH_FUNCTION(key, len, hash) HASH_SAX(key, len, hash)
#include <uthash.h>

#include "agent/health.h"
#include "agent/http.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/option.h"
#include "svc/svc.h"

#define RETRY_MS 1000

/* One server. */
struct probe_server {
	UT_hash_handle hh;
	const struct probes *all;
	bool wanted;
	struct http_server *http; /* NULL: not to be had, yet */
	struct option_listen at;
	size_t endpoints;
	char weight[24];
	struct http_header headers[3];
	struct http_route route;
	char *ns, *name;
	char *told; /* why it can't listen, as told last; NULL: it can */
	char key[]; /* "demo/web 192.0.2.1:32000" */
};

struct probes {
	struct probe_server *table;
	const struct probes_ops *ops;
	void *arg;
	size_t max, left_out;
	uv_timer_t retry;
};

/* ---- Answering ------------------------------------------------------------------------------ */

/* To the byte as kube-proxy's, for those who do not parse it. Names need no escapes: k8s/object.h. */
static unsigned int answer(void *ctx, struct buf *body)
{
	const struct probe_server *s = ctx;
	bool healthy = s->all->ops->healthy(s->all->arg);

	buf_printf(body,
		   "{\n"
		   "\t\"service\": {\n"
		   "\t\t\"namespace\": \"%s\",\n"
		   "\t\t\"name\": \"%s\"\n"
		   "\t},\n"
		   "\t\"localEndpoints\": %zu,\n"
		   "\t\"serviceProxyHealthy\": %s\n"
		   "}",
		   s->ns, s->name, s->endpoints, healthy ? "true" : "false");
	return healthy && s->endpoints ? 200 : 503;
}

/* ---- One server ----------------------------------------------------------------------------- */

static void server_free(struct probe_server **server)
{
	struct probe_server *s = take_ptr(*server);

	if (!s)
		return;
	http_server_stop(&s->http);
	free(s->ns);
	free(s->name);
	free(s->told);
	free(s);
}

static void drop(struct probes *ps, struct probe_server *s)
{
	HASH_DEL(ps->table, s);
	server_free(&s);
}

static int server_new(const struct probes *ps, const struct health_port *port,
		      const struct option_listen *at, const char *key, struct probe_server **ret)
{
	size_t size = strlen(key) + 1;
	cleanup(server_free) struct probe_server *s = calloc(1, sizeof(*s) + size);

	if (!s)
		return -ENOMEM;
	memcpy(s->key, key, size);
	s->all = ps;
	s->at = *at;
	s->ns = strdup(port->ns);
	s->name = strdup(port->name);
	if (!s->ns || !s->name)
		return -ENOMEM;
	s->headers[0] = (struct http_header){ "X-Content-Type-Options", "nosniff" };
	s->headers[1] = (struct http_header){ "X-Load-Balancing-Endpoint-Weight", s->weight };
	s->route = (struct http_route){ .content_type = "application/json",
					.fn = answer,
					.headers = s->headers };
	*ret = take_ptr(s);
	return 0;
}

static int start(struct probe_server *s, const struct option_listen *at, struct err *err)
{
	const struct http_options opt = {
		.loop = s->all->retry.loop,
		.listen = at,
		.key = "healthCheckNodePort",
		.routes = &s->route,
		.n_routes = 1,
		.ctx = s,
		.connections = PROBES_CONNECTIONS,
	};

	return http_server_start(&opt, &s->http, err);
}

static int open_one(struct probe_server *s, struct err *err)
{
	static const struct addr any = {}, any_v4 = { { [10] = 0xff, [11] = 0xff } };
	const struct option_listen v4 = { .on = true, .port = s->at.port, .addr = any_v4 };
	int r = start(s, &s->at, err);

	if (r == -EAFNOSUPPORT && addr_eq(&s->at.addr, &any))
		r = start(s, &v4, err); /* a kernel without IPv6 */
	if (r == -EPERM) /* the datapath's own word: it guards node ports */
		err_set(err, r,
			"healthCheckNodePort: %u is a node port of some Service; use another",
			s->at.port);
	if (r < 0)
		err_wrap(err, "Service %s/%s", s->ns, s->name);
	return r;
}

/* ---- All of them ---------------------------------------------------------------------------- */

static void tell(const struct probes *ps, struct probe_server *s, const struct err *err)
{
	if (s->told && !strcmp(s->told, err->text))
		return;
	free(s->told);
	s->told = strdup(err->text); /* without memory it is told again */
	ps->ops->failed(ps->arg, s->ns, s->name, err);
}

static void tell_left_out(struct probes *ps, size_t left_out)
{
	struct err err = {};

	if (left_out && left_out != ps->left_out) {
		err_set(&err, -E2BIG,
			"%zu healthCheckNodePort servers are left out: %zu are the limit%s",
			left_out, ps->max, ps->max < PROBES_MAX ? "; raise RLIMIT_NOFILE" : "");
		ps->ops->failed(ps->arg, NULL, NULL, &err);
	}
	ps->left_out = left_out;
}

static void open_all(struct probes *ps);

static void on_retry(uv_timer_t *timer)
{
	open_all(timer->data);
}

static void open_all(struct probes *ps)
{
	bool again = false;

	for (struct probe_server *s = ps->table; s; s = s->hh.next) {
		struct err err = {};

		if (s->http)
			continue;
		if (open_one(s, &err) < 0) {
			again = true;
			tell(ps, s, &err);
		} else {
			free(s->told);
			s->told = NULL;
		}
	}
	if (again)
		uv_timer_start(&ps->retry, on_retry, RETRY_MS, 0);
	else
		uv_timer_stop(&ps->retry);
}

static int want(struct probes *ps, const struct health_port *port, const struct addr *addr)
{
	const struct option_listen at = { .on = true, .port = port->port, .addr = *addr };
	char key[2 * (SVC_MAX_TEXT + 1) + LISTEN_TEXT_MAX], text[LISTEN_TEXT_MAX];
	struct probe_server *s = NULL;
	int r;

	snprintf(key, sizeof(key), "%s/%s %s", port->ns, port->name,
		 option_listen_format(&at, text));
	HASH_FIND_STR(ps->table, key, s);
	if (!s) {
		r = server_new(ps, port, &at, key, &s);
		if (r < 0)
			return r;
		HASH_ADD_KEYPTR(hh, ps->table, s->key, strlen(s->key), s);
	}
	s->wanted = true;
	s->endpoints = port->endpoints;
	snprintf(s->weight, sizeof(s->weight), "%zu", port->endpoints);
	return 0;
}

int probes_sync(struct probes *ps, const struct health_port *ports, size_t n,
		const struct addr *addrs, size_t n_addrs)
{
	struct probe_server *s, *next;
	size_t left_out = n * n_addrs > ps->max ? n * n_addrs - ps->max : 0;

	for (s = ps->table; s; s = s->hh.next)
		s->wanted = false;
	for (size_t i = 0; i < n * n_addrs - left_out; i++) {
		int r = want(ps, &ports[i / n_addrs], &addrs[i % n_addrs]);

		if (r < 0)
			return r;
	}
	HASH_ITER(hh, ps->table, s, next) {
		if (!s->wanted)
			drop(ps, s);
	}
	tell_left_out(ps, left_out);
	open_all(ps);
	return 0;
}

static size_t limit(void)
{
	struct rlimit files = {};
	rlim_t n;

	getrlimit(RLIMIT_NOFILE, &files);
	n = files.rlim_cur / 2 / (HTTP_FDS + PROBES_CONNECTIONS);
	return n < PROBES_MAX ? n : PROBES_MAX;
}

int probes_new(struct uv_loop_s *loop, const struct probes_ops *ops, void *arg, struct probes **ret)
{
	struct probes *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return -ENOMEM;
	ps->ops = ops;
	ps->arg = arg;
	ps->max = limit();
	uv_timer_init(loop, &ps->retry);
	ps->retry.data = ps;
	*ret = ps;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void probes_stop(struct probes **probes)
{
	struct probes *ps = take_ptr(*probes);
	struct probe_server *s, *next;

	if (!ps)
		return;
	HASH_ITER(hh, ps->table, s, next) {
		drop(ps, s);
	}
	uv_close((uv_handle_t *)&ps->retry, on_closed);
}
