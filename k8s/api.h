/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API server as one place to ask: requests with our credentials to whichever of the servers is
 * in use, over HTTP/2 where it is offered, certificates always verified.
 *
 *	kube_api_new(&opt, &api, &err);
 *	... kube_api_fd(api) is readable: kube_api_work(api) ...
 *	kube_api_call(api, &(struct kube_request){ .path = "/api/v1/namespaces/x/events",
 *		.method = "POST", .data = text, .len = len, .done = on_done, .arg = arg }, &call, &err);
 *
 * I1. done is called exactly once for each call that began, out of kube_api_work(), kube_api_lost() or
 *     kube_api_free(), never out of kube_api_call(); not after kube_api_cancel(). All callbacks may
 *     cancel other calls, done may begin some.
 * I2. A server that can't be reached, or says that it can't serve (502, 503), is no longer the current
 *     one when done is called: to ask again is to ask the next. Nothing is asked again by itself.
 * I3. Credentials are read anew for each request, so what is rotated is used at once.
 * I4. A reply has a limit (max_body), checked as it comes.
 *
 * Threading: one thread, the one whose loop watches the descriptor.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct addr;
struct buf;
struct err;
struct kube_api;
struct kube_call;

struct kube_api_options {
	const char *kubeconfig; /* NULL or "": that of the pod we are in */
	const char *const *servers; /* URLs to try before the kubeconfig's */
	size_t n_servers;
	const char *pod_dir; /* NULL: KUBE_POD_DIR */
	const char *pod_host, *pod_port; /* KUBERNETES_SERVICE_HOST and _PORT; NULL: none */
};

int kube_api_new(const struct kube_api_options *opt, struct kube_api **ret, struct err *err);
void kube_api_free(struct kube_api **api); /* open calls end with -ECANCELED */

/* Readable when there is work; the same one for the life of the api. */
int kube_api_fd(const struct kube_api *api);
void kube_api_work(struct kube_api *api);

/* What a call came to. Borrowed for the callback. */
struct kube_reply {
	int code; /* 0: 2xx, and the body is whole; else -errno as in core/err.h */
	unsigned int status; /* 0: there was no answer */
	uint32_t retry_after_s; /* 0: the server did not say */
	const char *body; /* without a body callback: all of it, NUL-terminated, never NULL */
	size_t len;
	const struct err *err; /* names method, path, and the message of the API's Status */
	const char *server; /* that was asked */
};

#define KUBE_REPLY_MAX (4u << 20)

struct kube_request {
	const char *method; /* NULL: GET */
	const char *path; /* "/api/v1/pods?limit=1", percent-encoded, at most KUBE_PATH_MAX */
	const char *content_type; /* of data; NULL: application/json */
	const void *data; /* stays the caller's until done or kube_api_cancel() */
	size_t len;
	uint32_t total_ms; /* 0: KUBE_CALL_MS; UINT32_MAX: no limit, as for a watch */
	size_t max_body; /* 0: KUBE_REPLY_MAX; SIZE_MAX: no limit, where body has its own */
	/* The status is known. Below 0: ends the call with that code. NULL: don't care. */
	int (*head)(void *arg, unsigned int status);
	/* Bytes of the body of a 2xx reply as they come (of another, they are collected for the error).
	 * NULL: collected for done. */
	int (*body)(void *arg, const void *data, size_t len);
	void (*done)(void *arg, const struct kube_reply *reply);
	void *arg;
};
#define KUBE_CALL_MS 30000
#define KUBE_PATH_MAX 2048

/* For server-side apply: PATCH with content_type KUBE_APPLY and ?fieldManager=weir. JSON is YAML too. */
#define KUBE_APPLY "application/apply-patch+yaml"

/* Everything in req but data is copied. -EHOSTUNREACH: no server is known; errors of credentials. */
int kube_api_call(struct kube_api *api, const struct kube_request *req, struct kube_call **ret,
		  struct err *err);
/* NULL: nothing. */
void kube_api_cancel(struct kube_call **call);

/* Appends text percent-encoded, as a value of a query or a part of a path. */
int kube_path_escape(struct buf *out, const char *text);

/* ---- Servers -------------------------------------------------------------------------------- */

const char *kube_api_server(const struct kube_api *api); /* the current one; NULL: none */
/* The connection to this server, or the server, is dead though nothing says so: all calls to it end
 * with -ETIMEDOUT, and others follow on new connections. */
void kube_api_lost(struct kube_api *api, const char *server);
/* See k8s/servers.h. */
int kube_api_learn(struct kube_api *api, const char *const *urls, size_t n, struct err *err);
void kube_api_shun(struct kube_api *api, const struct addr *addr);
int kube_api_remember(const struct kube_api *api, struct buf *out);
int kube_api_recall(struct kube_api *api, const char *text, size_t len, const char *name,
		    struct err *err);
