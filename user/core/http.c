// SPDX-License-Identifier: Apache-2.0
#include "core/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utlist.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/http_impl.h"

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http *http = arg;
	struct epoll_event event = { .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		/* one that is closed already is not there any more */
		(void)epoll_ctl(http->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(http->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
		return -1;
	curl_multi_assign(http->multi, fd, http);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct http *http = arg;
	struct itimerspec at = {};

	(void)multi;
	if (ms >= 0) {
		at.it_value.tv_sec = ms / 1000;
		at.it_value.tv_nsec = ms % 1000 * 1000000;
		if (!ms)
			at.it_value.tv_nsec = 1; /* 0 would disarm it */
	}
	return timerfd_settime(http->timer_fd, 0, &at, NULL) < 0 ? -1 : 0;
}

static void call_end(struct http_call *call)
{
	curl_multi_remove_handle(call->http->multi, call->easy);
	DL_DELETE(call->http->calls, call);
	http_call_free(&call);
}

void http_cancel(struct http_call *call)
{
	call->cancelled = true;
	if (!call->http->working)
		call_end(call);
}

int http_start(struct http *http, const struct http_request *req, struct http_call **ret_call,
	       struct err *err)
{
	cleanup(http_call_free) struct http_call *call = NULL;
	int rc = http_call_new(http, req, &call, err);

	if (rc < 0)
		return rc;
	if (curl_multi_add_handle(http->multi, call->easy))
		return err_errno(err, -ENOMEM, "%s", call->what);
	DL_APPEND(http->calls, call);
	*ret_call = take_ptr(call);
	return 0;
}

static void global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_new(struct http **ret_http, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	cleanup(http_free) struct http *http = calloc(1, sizeof(*http));
	struct epoll_event event = { .events = EPOLLIN };

	if (!http)
		return err_errno(err, -ENOMEM, "HTTP");
	pthread_once(&once, global_init);
	http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	http->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event.data.fd = http->timer_fd;
	if (http->epoll_fd < 0 || http->timer_fd < 0 ||
	    epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, http->timer_fd, &event) < 0)
		return err_errno(err, -errno, "HTTP: epoll");
	http->multi = curl_multi_init();
	if (!http->multi)
		return err_errno(err, -ENOMEM, "HTTP");
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	*ret_http = take_ptr(http);
	return 0;
}

void http_free(struct http **http)
{
	struct http_call *call, *next;

	if (!*http)
		return;
	DL_FOREACH_SAFE((*http)->calls, call, next)
		call_end(call);
	if ((*http)->multi)
		curl_multi_cleanup((*http)->multi);
	close_fd(&(*http)->epoll_fd);
	close_fd(&(*http)->timer_fd);
	free(*http);
	*http = NULL;
}

int http_fd(const struct http *http)
{
	return http->epoll_fd;
}

static void drive(struct http *http)
{
	struct epoll_event events[32];
	int n = epoll_wait(http->epoll_fd, events, (int)ARRAY_LEN(events), 0);
	int running;

	for (int i = 0; i < n; i++) {
		int fd = events[i].data.fd;
		int bits = 0;
		uint64_t ticks;

		if (fd == http->timer_fd) {
			/* emptied, so that the descriptor is not readable any more */
			if (read(fd, &ticks, sizeof(ticks)) == sizeof(ticks))
				curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0,
							 &running);
			continue;
		}
		if (events[i].events & (EPOLLIN | EPOLLHUP))
			bits |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			bits |= CURL_CSELECT_OUT;
		if (events[i].events & EPOLLERR)
			bits |= CURL_CSELECT_ERR;
		curl_multi_socket_action(http->multi, fd, bits, &running);
	}
}

static void tell_done(struct http *http)
{
	struct http_call *call;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left)) != NULL) {
		CURLcode code = msg->data.result;
		struct err err = {};
		int rc;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		rc = http_call_result(call, code, &err);
		if (!call->cancelled && call->req.done)
			call->req.done(call->req.arg, rc, rc < 0 ? &err : NULL);
		call_end(call);
	}
}

void http_work(struct http *http)
{
	struct http_call *call, *next;

	http->working = true;
	drive(http);
	tell_done(http);
	http->working = false;
	DL_FOREACH_SAFE(http->calls, call, next)
		if (call->cancelled)
			call_end(call);
}

struct waiting {
	const struct http_request *req;
	unsigned int status;
	bool done;
	int code;
	struct err *err;
};

static int waiting_head(void *arg, struct http_call *call, unsigned int status)
{
	struct waiting *w = arg;

	w->status = status;
	return w->req->head ? w->req->head(w->req->arg, call, status) : 0;
}

static int waiting_body(void *arg, const void *data, size_t len)
{
	struct waiting *w = arg;

	return w->req->body ? w->req->body(w->req->arg, data, len) : 0;
}

static void waiting_done(void *arg, int code, const struct err *err)
{
	struct waiting *w = arg;

	w->done = true;
	w->code = code;
	if (err && w->err)
		*w->err = *err;
}

int http_do(struct http *http, const struct http_request *req, unsigned int *ret_status,
	    struct err *err)
{
	struct waiting w = { .req = req, .err = err };
	struct http_request own = *req;
	struct pollfd ready = { .fd = http->epoll_fd, .events = POLLIN };
	struct http_call *call;
	int rc;

	own.head = waiting_head;
	own.body = waiting_body;
	own.done = waiting_done;
	own.arg = &w;
	rc = http_start(http, &own, &call, err);
	if (rc < 0)
		return rc;
	while (!w.done) {
		if (poll(&ready, 1, -1) < 0 && errno != EINTR) {
			rc = -errno;
			http_cancel(call);
			return err_errno(err, rc, "waiting for a reply");
		}
		http_work(http);
	}
	if (!w.code && ret_status)
		*ret_status = w.status;
	return w.code;
}
