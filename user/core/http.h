/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP(S) requests, by libcurl (http.c is its only includer): HTTP/2 where it is offered, connections
 * shared, certificates always verified, redirects told and never followed.
 *
 * A struct http is a set of calls under way and the connections they share; it belongs to one
 * thread. There is no loop in it: http_fd() is one descriptor that is readable when there is work,
 * for whatever loop the caller has, and http_work() does that work without waiting. Who has no
 * loop calls http_do().
 *
 * A call's callbacks come from http_work(): head once, when the final status is known; body as the
 * bytes come; done once, last, with the call's memory still there. What head or body return below
 * 0 ends the call with that code. A reply of any status is a success to this layer: what it means
 * is the caller's to say, http_status_error() helps. Cancelled calls call nothing back.
 *
 * Limits: bytes of a reply after decompression, time to connect, time without a byte, time in all.
 * Ownership: everything in struct http_request is copied by http_start(), but `data`, which stays
 * the caller's and must live until done or http_cancel().
 *
 * Errors: -EINVAL (URL, TLS material), -EHOSTUNREACH (no such name, no route), -ECONNREFUSED (no
 * connection), -EKEYREJECTED (the server's certificate), -ETIMEDOUT, -ECONNRESET (ended too early),
 * -E2BIG, -ENOMEM, -EIO; texts begin with the method and the URL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct http;
struct http_call;

/* PEM texts; NULL: the system's authorities, no client certificate, the name that the URL has. */
struct http_tls {
	const char *ca;
	const char *cert, *key;
	const char *server_name;
};

struct http_request {
	const char *method; /* NULL: GET */
	const char *url; /* http or https, at most HTTP_URL_MAX characters */
	const char *const *headers; /* "Name: value", closed by NULL; NULL: none */
	const void *data; /* what is sent; NULL: nothing */
	size_t data_len;
	const struct http_tls *tls; /* NULL: all by default */
	uint32_t connect_ms; /* 0: 10 s */
	uint32_t idle_ms; /* without a byte; in whole seconds, rounded up; 0: no limit */
	uint32_t total_ms; /* 0: no limit */
	uint64_t max_body; /* 0: no limit, where the sink has its own */
	bool gzip; /* offers compression */
	int (*head)(void *arg, struct http_call *call, unsigned int status); /* NULL: don't care */
	int (*body)(void *arg, const void *data, size_t len); /* NULL: dropped */
	void (*done)(void *arg, int code, const struct err *err); /* code: 0 or -errno */
	void *arg;
};

#define HTTP_URL_MAX 4096

int http_new(struct http **ret_http, struct err *err);
void http_free(struct http **http); /* calls nothing back; not from a callback */
int http_fd(const struct http *http);
/* Not from a callback. */
void http_work(struct http *http);

/* Not from head or body; from done it may be called. */
int http_start(struct http *http, const struct http_request *req, struct http_call **ret_call,
	       struct err *err);
/* From anywhere but the call's own done. */
void http_cancel(struct http_call *call);

/* A header of the final reply, from head on; NULL if it has none. Valid until the callback ends. */
const char *http_header(struct http_call *call, const char *name);

/* Starts, and works until the end; req->done is not called. ret_status may be NULL. */
int http_do(struct http *http, const struct http_request *req, unsigned int *ret_status,
	    struct err *err);
/* A ready body callback: arg is a struct buf, whose limit holds. */
int http_to_buf(void *arg, const void *data, size_t len);

/* The -errno that err.h gives a status: 0 for 2xx, -EIO for what has none of its own. */
int http_status_error(unsigned int status);
