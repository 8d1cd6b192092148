/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/api.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <utlist.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/http.h"
#include "core/json.h"
#include "core/parse.h"
#include "k8s/kubeconfig.h"
#include "k8s/servers.h"

#define CONNECT_MS 5000
#define WHY_MAX (64u << 10) /* of a body that says why a request failed */

struct kube_api {
	struct kube_config *cfg;
	struct kube_servers *servers;
	struct http *http;
	struct http *old; /* given up while it worked: freed when it has returned */
	int epoll_fd; /* has that of http in it, whichever that is */
	bool working;
	uint64_t round; /* of end_all() */
	struct kube_call *calls;
};

struct kube_call {
	struct kube_call *prev, *next;
	struct kube_api *api;
	struct http_call *http;
	uint64_t round;
	struct kube_request req; /* what it points to but data and arg is not kept */
	char *server, *what;
	unsigned int status;
	uint32_t retry_after_s;
	struct buf body;
};

/* ---- Making ---------------------------------------------------------------------------------- */

static int config_of(const struct kube_api_options *opt, struct kube_config **ret, struct err *err)
{
	int r;

	if (opt->kubeconfig && *opt->kubeconfig)
		return kube_config_load(opt->kubeconfig, ret, err);
	r = kube_config_pod(opt->pod_dir ? opt->pod_dir : KUBE_POD_DIR, opt->pod_host,
			    opt->pod_port, ret, err);
	return r;
}

static int servers_of(struct kube_api *api, const struct kube_api_options *opt, struct err *err)
{
	const struct kube_config *cfg = api->cfg;
	int r = kube_servers_new(&api->servers);

	if (r < 0)
		return err_errno(err, r, "API servers");
	for (size_t i = 0; r == 0 && i < opt->n_servers; i++)
		r = kube_servers_add(api->servers, opt->servers[i], KUBE_SERVER_GIVEN, err);
	if (r == 0 && cfg->server && !(cfg->by_service && kube_servers_len(api->servers)))
		r = kube_servers_add(api->servers, cfg->server,
				     cfg->by_service ? KUBE_SERVER_SERVICE : KUBE_SERVER_GIVEN,
				     err);
	return r;
}

/* A set of calls with connections of its own, in place of the one there is. */
static int http_renew(struct kube_api *api, struct err *err)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct http *fresh = NULL;
	int r = http_new(&fresh, err);

	if (r < 0)
		return r;
	if (epoll_ctl(api->epoll_fd, EPOLL_CTL_ADD, http_fd(fresh), &event) < 0) {
		r = -errno;
		http_free(&fresh);
		return err_errno(err, r, "HTTP: epoll");
	}
	if (api->http)
		epoll_ctl(api->epoll_fd, EPOLL_CTL_DEL, http_fd(api->http), NULL);
	api->old = api->http;
	api->http = fresh;
	return 0;
}

int kube_api_new(const struct kube_api_options *opt, struct kube_api **ret, struct err *err)
{
	cleanup(kube_api_free) struct kube_api *api = calloc(1, sizeof(*api));
	struct kube_login login = {};
	int r;

	if (!api)
		return err_errno(err, -ENOMEM, "API server");
	api->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (api->epoll_fd < 0)
		return err_errno(err, -errno, "API server: epoll");
	r = config_of(opt, &api->cfg, err);
	if (r == 0)
		r = servers_of(api, opt, err);
	if (r == 0)
		r = kube_config_login(api->cfg, &login, err); /* so that a wrong file is told now */
	kube_login_fini(&login);
	if (r == 0)
		r = http_renew(api, err);
	if (r < 0)
		return r;
	*ret = take_ptr(api);
	return 0;
}

/* ---- The end of a call ------------------------------------------------------------------------ */

static void call_free(struct kube_call **call)
{
	struct kube_call *c = take_ptr(*call);

	if (!c)
		return;
	buf_fini(&c->body);
	free(c->server);
	free(c->what);
	free(c);
}

/* What the API says of itself in a Status, or nothing. */
static const char *message_of(struct kube_call *c, struct json **ret)
{
	if (!c->body.len || json_parse(c->body.data, c->body.len, WHY_MAX, "", ret, NULL) < 0)
		return "";
	return json_str(*ret, "message", "");
}

static int status_fail(struct kube_call *c, struct err *err)
{
	cleanup(json_free) struct json *body = NULL;
	const char *message = message_of(c, &body);
	int r = http_status_error(c->status);
	uint64_t s = 0;

	if (r == 0)
		return 0;
	if (!c->retry_after_s &&
	    json_u64(json_get(body, "details"), "retryAfterSeconds", &s) == 0 && s <= 86400)
		c->retry_after_s = (uint32_t)s;
	return err_set(err, r, "%s: %u%s%.300s", c->what, c->status, *message ? ": " : "", message);
}

/* Nothing of the call is left when this returns. */
static void call_end(struct kube_call *c, int code, const struct err *why)
{
	struct kube_api *api = c->api;
	struct err err = why ? *why : (struct err){};

	DL_DELETE(api->calls, c);
	if (code == 0)
		code = status_fail(c, &err);
	if (code < 0 && (c->status == 0 || c->status == 502 || c->status == 503))
		kube_servers_failed(api->servers, c->server);
	c->req.done(c->req.arg, &(struct kube_reply){
					.code = code,
					.status = c->status,
					.retry_after_s = c->retry_after_s,
					.body = c->body.data ? c->body.data : "",
					.len = c->body.len,
					.err = &err,
					.server = c->server,
				});
	call_free(&c);
}

static void on_done(void *arg, int code, const struct err *err)
{
	call_end(arg, code, err);
}

static int on_head(void *arg, struct http_call *http, unsigned int status)
{
	struct kube_call *c = arg;
	const char *after = http_header(http, "Retry-After");

	c->status = status;
	if (after)
		parse_u32(after, 0, 86400, &c->retry_after_s);
	return c->req.head ? c->req.head(c->req.arg, status) : 0;
}

static int on_body(void *arg, const void *data, size_t len)
{
	struct kube_call *c = arg;
	bool good = http_status_error(c->status) == 0;

	if (good && c->req.body)
		return c->req.body(c->req.arg, data, len);
	int r = buf_append(&c->body, data, len);
	return good ? r : 0; /* half of a reason is enough */
}

/* ---- The beginning of a call ------------------------------------------------------------------ */

#define HEADERS_MAX 4

static int put_header(char **headers, const char *name, const char *value, struct err *err)
{
	char *line;
	size_t n = 0;

	if (!value)
		return 0;
	if (asprintf(&line, "%s%s", name, value) < 0)
		return err_errno(err, -ENOMEM, "a request");
	while (headers[n])
		n++;
	headers[n] = line;
	return 0;
}

static void headers_fini(char *(*headers)[HEADERS_MAX])
{
	for (size_t i = 0; (*headers)[i]; i++) {
		wipe((*headers)[i], strlen((*headers)[i])); /* one holds the token */
		free((*headers)[i]);
	}
}

static int call_start(struct kube_call *c, const struct kube_request *req, const char *url,
		      const struct kube_login *login, struct err *err)
{
	cleanup(headers_fini) char *headers[HEADERS_MAX] = {};
	const struct http_tls tls = {
		.ca = login->ca,
		.cert = login->cert,
		.key = login->key,
		.server_name = c->api->cfg->server_name,
	};
	bool endless = req->total_ms == UINT32_MAX;
	struct http_request http = {
		.method = req->method,
		.url = url,
		.headers = (const char *const *)headers,
		.data = req->data,
		.data_len = req->len,
		.tls = &tls,
		.connect_ms = CONNECT_MS,
		.total_ms = endless	  ? 0 :
			    req->total_ms ? req->total_ms :
					    KUBE_CALL_MS,
		.gzip = true,
		.head = on_head,
		.body = on_body,
		.done = on_done,
		.arg = c,
	};
	int r = put_header(headers, "Accept: ", "application/json", err);

	if (r == 0)
		r = put_header(headers, "Authorization: Bearer ", login->token, err);
	if (r == 0 && req->data)
		r = put_header(headers, "Content-Type: ",
			       req->content_type ? req->content_type : "application/json", err);
	return r < 0 ? r : http_start(c->api->http, &http, &c->http, err);
}

static int call_new(struct kube_api *api, const struct kube_request *req, struct kube_call **ret,
		    struct err *err)
{
	cleanup(call_free) struct kube_call *c = calloc(1, sizeof(*c));
	size_t limit = req->max_body ? req->max_body : KUBE_REPLY_MAX;

	if (!c || !(c->server = strdup(kube_servers_current(api->servers))) ||
	    asprintf(&c->what, "%s %.*s at %s", req->method ? req->method : "GET",
		     (int)strcspn(req->path, "?"), req->path, c->server) < 0)
		return err_errno(err, -ENOMEM, "a request");
	c->api = api;
	c->round = api->round;
	c->req = *req;
	c->body = (struct buf)BUF_INIT(req->body ? WHY_MAX : limit);
	*ret = take_ptr(c);
	return 0;
}

int kube_api_call(struct kube_api *api, const struct kube_request *req, struct kube_call **ret,
		  struct err *err)
{
	const char *server = kube_servers_current(api->servers);
	cleanup(kube_login_fini) struct kube_login login = {};
	cleanup(buf_fini) struct buf url = BUF_INIT(KUBE_URL_MAX + KUBE_PATH_MAX);
	cleanup(call_free) struct kube_call *c = NULL;
	int r;

	if (!server)
		return err_set(err, -EHOSTUNREACH,
			       "no API server is known; name some in source.servers");
	buf_puts(&url, server);
	buf_puts(&url, req->path);
	r = buf_error(&url);
	if (r < 0)
		return err_errno(err, r, "%.64s", req->path);
	r = kube_config_login(api->cfg, &login, err);
	if (r == 0)
		r = call_new(api, req, &c, err);
	if (r == 0)
		r = call_start(c, req, url.data, &login, err);
	if (r < 0)
		return r;
	assert(c); /* which the analyser does not see */
	DL_APPEND(api->calls, c);
	*ret = take_ptr(c);
	return 0;
}

void kube_api_cancel(struct kube_call **call)
{
	struct kube_call *c = *call;

	if (!c)
		return;
	*call = NULL;
	http_cancel(c->http);
	DL_DELETE(c->api->calls, c);
	call_free(&c);
}

/* ---- All calls -------------------------------------------------------------------------------- */

int kube_api_fd(const struct kube_api *api)
{
	return api->epoll_fd;
}

static void free_old(struct kube_api *api)
{
	if (!api->working)
		http_free(&api->old);
}

void kube_api_work(struct kube_api *api)
{
	api->working = true;
	http_work(api->http);
	api->working = false;
	free_old(api);
}

/* Those that callbacks begin meanwhile are of the next round. */
static void end_all(struct kube_api *api, int code, const char *text)
{
	uint64_t round = api->round++;
	struct kube_call *c;
	struct err err = {};

	/* from the front each time: a callback may take others out; new ones are at the end */
	while ((c = api->calls) && c->round <= round) {
		err_set(&err, code, "%s: %s", c->what, text);
		http_cancel(c->http);
		call_end(c, code, &err);
	}
}

void kube_api_lost(struct kube_api *api, const char *server)
{
	/* once in a turn is enough: what began since is on new connections already */
	if (api->old || http_renew(api, NULL) < 0)
		return;
	kube_servers_failed(api->servers, server);
	end_all(api, -ETIMEDOUT, "the connection is silent; given up");
	free_old(api);
}

void kube_api_free(struct kube_api **api)
{
	struct kube_api *a = take_ptr(*api);

	if (!a)
		return;
	end_all(a, -ECANCELED, "given up");
	http_free(&a->http);
	http_free(&a->old);
	kube_servers_free(&a->servers);
	kube_config_free(&a->cfg);
	close_fd(&a->epoll_fd);
	free(a);
}

/* ---- Servers ---------------------------------------------------------------------------------- */

const char *kube_api_server(const struct kube_api *api)
{
	return kube_servers_current(api->servers);
}

int kube_api_learn(struct kube_api *api, const char *const *urls, size_t n, struct err *err)
{
	return kube_servers_learn(api->servers, urls, n, err);
}

void kube_api_shun(struct kube_api *api, const struct addr *addr)
{
	kube_servers_shun(api->servers, addr);
}

int kube_api_remember(const struct kube_api *api, struct buf *out)
{
	return kube_servers_print(api->servers, out);
}

int kube_api_recall(struct kube_api *api, const char *text, size_t len, const char *name,
		    struct err *err)
{
	return kube_servers_parse(api->servers, text, len, name, err);
}

int kube_path_escape(struct buf *out, const char *text)
{
	int r = 0;

	for (; *text && r == 0; text++) {
		uint8_t c = (uint8_t)*text;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || strchr("-._~", c);

		r = plain ? buf_append(out, text, 1) : buf_printf(out, "%%%02X", c);
	}
	return r;
}
