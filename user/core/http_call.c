// SPDX-License-Identifier: Apache-2.0
/* One call: what curl is asked for, what it calls back, what came of it. */
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/http.h"
#include "core/http_impl.h"

#define CONNECT_MS 10000
/* A peer that is silently gone is noticed within a minute, also by a watch that only listens. */
#define PROBE_S 15
#define UNACKED_MS 45000

int http_status_error(unsigned int status)
{
	static const struct {
		unsigned int status;
		int code;
	} known[] = {
		{ 400, -EINVAL },     { 401, -EACCES },	   { 403, -EACCES }, { 404, -ENOENT },
		{ 405, -EOPNOTSUPP }, { 408, -ETIMEDOUT }, { 409, -EEXIST }, { 410, -ESTALE },
		{ 413, -E2BIG },      { 429, -EAGAIN },	   { 503, -EAGAIN }, { 504, -ETIMEDOUT },
	};

	if (status >= 200 && status < 300)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].status == status)
			return known[i].code;
	return -EIO;
}

int http_to_buf(void *arg, const void *data, size_t len)
{
	return buf_append(arg, data, len);
}

const char *http_header(struct http_call *call, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

static size_t stop(struct http_call *call, int code)
{
	call->stopped = code;
	return CURL_WRITEFUNC_ERROR;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	long status = 0;
	int rc;

	(void)size;
	if (call->cancelled)
		return stop(call, -ECANCELED);
	/* the empty line ends a head; 1xx is not the final one, and trailers come after it */
	if (n > 2 || (*line != '\r' && *line != '\n') || call->head_told)
		return n;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return n;
	call->head_told = true;
	rc = call->req.head ? call->req.head(call->req.arg, call, (unsigned int)status) : 0;
	return rc < 0 ? stop(call, rc) : n;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	int rc;

	(void)size;
	if (call->cancelled)
		return stop(call, -ECANCELED);
	call->received += n;
	if (call->req.max_body && call->received > call->req.max_body)
		return stop(call, -E2BIG);
	rc = call->req.body ? call->req.body(call->req.arg, data, n) : 0;
	return rc < 0 ? stop(call, rc) : n;
}

static int on_socket_made(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned int ms = UNACKED_MS;

	(void)arg;
	(void)purpose;
	/* a kernel that refuses it has keep-alive probes still */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

void http_call_free(struct http_call **call)
{
	if (!*call)
		return;
	if ((*call)->easy)
		curl_easy_cleanup((*call)->easy);
	curl_slist_free_all((*call)->headers);
	curl_slist_free_all((*call)->connect_to);
	free(*call);
	*call = NULL;
}

static int errno_of(CURLcode code)
{
	switch ((int)code) {
	case CURLE_OK:
		return 0;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return -EINVAL;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EKEYREJECTED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return -ECONNRESET;
	case CURLE_FILESIZE_EXCEEDED:
		return -E2BIG;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int http_call_result(const struct http_call *call, CURLcode code, struct err *err)
{
	int rc = call->stopped ? call->stopped : errno_of(code);

	if (rc == -E2BIG && call->req.max_body)
		return err_set(err, rc, "%s: the reply has more than %llu bytes", call->what,
			       (unsigned long long)call->req.max_body);
	if (call->stopped)
		return err_errno(err, rc, "%s: not read to its end", call->what);
	if (rc)
		return err_set(err, rc, "%s: %s", call->what,
			       *call->curl_text ? call->curl_text : curl_easy_strerror(code));
	return 0;
}

static int add_headers(struct http_call *call, const char *const *headers)
{
	/* no "Expect: 100-continue": it costs a second where a server ignores it */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	call->headers = list;
	for (; list && headers && *headers; headers++) {
		list = curl_slist_append(call->headers, *headers);
		if (list)
			call->headers = list;
	}
	return list ? 0 : -ENOMEM;
}

static void url_free(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void text_free(char **text)
{
	curl_free(*text);
}

/* Another name for the certificate: the URL gets the name, and the connection the URL's own place. */
static int set_name(struct http_call *call, const char *name, CURLU *url)
{
	cleanup(text_free) char *host = NULL;
	cleanup(text_free) char *port = NULL;
	cleanup(buf_fini) struct buf line = BUF_INIT(HTTP_URL_MAX);

	if (curl_url_get(url, CURLUPART_HOST, &host, 0) ||
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ||
	    curl_url_set(url, CURLUPART_HOST, name, 0))
		return -EINVAL;
	if (buf_printf(&line, "::%s:%s", host, port) < 0)
		return buf_error(&line);
	call->connect_to = curl_slist_append(NULL, line.data);
	if (!call->connect_to)
		return -ENOMEM;
	curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
	return 0;
}

static int set_url(struct http_call *call, const struct http_request *req, struct err *err)
{
	const char *name = req->tls ? req->tls->server_name : NULL;
	cleanup(text_free) char *text = NULL;
	cleanup(text_free) char *user = NULL;
	cleanup(url_free) CURLU *url = curl_url();
	int rc;

	if (!url)
		return err_errno(err, -ENOMEM, "%s", call->what);
	if (strlen(req->url) > HTTP_URL_MAX || curl_url_set(url, CURLUPART_URL, req->url, 0) ||
	    (strncasecmp(req->url, "http://", 7) != 0 && strncasecmp(req->url, "https://", 8) != 0))
		return err_set(err, -EINVAL, "%s: not a URL of http or https", call->what);
	if (!curl_url_get(url, CURLUPART_USER, &user, 0))
		return err_set(err, -EINVAL,
			       "a URL with a user's name in it is refused; leave it out");
	rc = name && *name ? set_name(call, name, url) : 0;
	if (rc < 0)
		return err_errno(err, rc, "%s: server name '%s'", call->what, name);
	if (curl_url_get(url, CURLUPART_URL, &text, 0) ||
	    curl_easy_setopt(call->easy, CURLOPT_URL, text))
		return err_errno(err, -ENOMEM, "%s", call->what);
	return 0;
}

static int set_pem(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = { .flags = CURL_BLOB_COPY };

	if (!pem)
		return 0;
	/* curl's member is not const, and copied */
	blob.data = (void *)(uintptr_t)pem; // NOLINT(performance-no-int-to-ptr): see above
	blob.len = strlen(pem);
	return curl_easy_setopt(easy, option, &blob) ? -ENOMEM : 0;
}

static int set_tls(CURL *easy, const struct http_tls *tls)
{
	int rc;

	if (!tls)
		return 0;
	rc = set_pem(easy, CURLOPT_CAINFO_BLOB, tls->ca);
	if (!rc)
		rc = set_pem(easy, CURLOPT_SSLCERT_BLOB, tls->cert);
	if (!rc)
		rc = set_pem(easy, CURLOPT_SSLKEY_BLOB, tls->key);
	return rc;
}

static int set_what_is_sent(CURL *easy, const struct http_request *req)
{
	if (req->data) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->data_len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->data);
	}
	if (!req->method)
		return 0;
	if (!strcmp(req->method, "HEAD"))
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, req->method) ? -ENOMEM : 0;
}

static void set_limits(CURL *easy, const struct http_request *req)
{
	uint32_t connect_ms = req->connect_ms ? req->connect_ms : CONNECT_MS;

	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)req->total_ms);
	if (req->idle_ms) {
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)(req->idle_ms + 999) / 1000);
	}
	if (req->max_body)
		curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)req->max_body);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)PROBE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)PROBE_S);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
}

static void set_manner(struct http_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir");
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* a stream, rather than a connection */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_text);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	if (call->req.gzip)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
}

static void name_call(struct http_call *call, const struct http_request *req)
{
	/* names it in errors: cut where it is long, and no query, which may hold what is secret */
	int url_len = (int)strnlen(req->url, 128);
	const char *query = memchr(req->url, '?', (size_t)url_len);
	struct err text = {};

	if (query)
		url_len = (int)(query - req->url);
	err_set(&text, -EIO, "%s %.*s", req->method ? req->method : "GET", url_len, req->url);
	memcpy(call->what, text.text, sizeof(call->what) - 1);
}

int http_call_new(struct http *http, const struct http_request *req, struct http_call **ret_call,
		  struct err *err)
{
	cleanup(http_call_free) struct http_call *call = calloc(1, sizeof(*call));
	int rc;

	if (!call)
		return err_errno(err, -ENOMEM, "a request");
	call->http = http;
	call->req = *req;
	name_call(call, req);
	call->easy = curl_easy_init();
	rc = call->easy ? add_headers(call, req->headers) : -ENOMEM;
	if (!rc)
		rc = set_tls(call->easy, req->tls);
	if (!rc)
		rc = set_what_is_sent(call->easy, req);
	if (rc < 0)
		return err_errno(err, rc, "%s", call->what);
	rc = set_url(call, req, err);
	if (rc < 0)
		return rc;
	set_limits(call->easy, req);
	set_manner(call);
	*ret_call = take_ptr(call);
	return 0;
}
