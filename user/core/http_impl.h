/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside http: the set of calls (http.c) and one call (http_call.c).
 */
#pragma once

#include <curl/curl.h>

#include "core/http.h"

struct http {
	CURLM *multi;
	int epoll_fd, timer_fd;
	bool working; /* curl may be on the stack: calls are taken out at the end */
	struct http_call *calls;
};

struct http_call {
	struct http *http;
	struct http_call *prev, *next;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	struct http_request req; /* its pointers but data, head, body, done and arg are not kept */
	bool head_told, cancelled;
	int stopped; /* what head, body or a limit said */
	uint64_t received;
	char what[160]; /* "GET https://host/path", for errors */
	char curl_text[CURL_ERROR_SIZE];
};

/* A call with all that the request asks for, not yet given to the set. */
int http_call_new(struct http *http, const struct http_request *req, struct http_call **ret_call,
		  struct err *err);
void http_call_free(struct http_call **call);
/* What the call came to, by what curl says of it. */
int http_call_result(const struct http_call *call, CURLcode code, struct err *err);
