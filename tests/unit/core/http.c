// SPDX-License-Identifier: Apache-2.0
/* HTTP against a server that says what the test wrote down: one connection for each of its lines. */
#include "core/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

#define OK "HTTP/1.1 200 OK\r\n"

struct server {
	int fd;
	pthread_t thread;
	const char *reply; /* NULL: accepts, and says nothing until the client has gone */
	char url[64];
	char heard[8192];
};

static void *serve(void *arg)
{
	struct server *s = arg;
	cleanup(close_fd) int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (!strstr(s->heard, "\r\n\r\n") && len < sizeof(s->heard) - 1) {
		n = read(fd, s->heard + len, sizeof(s->heard) - 1 - len);
		if (n <= 0)
			return NULL;
		len += (size_t)n;
	}
	if (s->reply)
		(void)!send(fd, s->reply, strlen(s->reply), MSG_NOSIGNAL);
	else
		(void)!read(fd, s->heard, 1);
	return NULL;
}

static void server_start(struct server *s, const char *reply)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	memset(s, 0, sizeof(*s));
	s->reply = reply;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/a?secret=1", ntohs(addr.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static struct http *http;
static struct err err;

static int setup(void **state)
{
	(void)state;
	memset(&err, 0, sizeof(err));
	return http_new(&http, &err);
}

static int teardown(void **state)
{
	(void)state;
	http_free(&http);
	return 0;
}

/* One request for one reply; the body is in the buffer. */
static int ask(struct server *s, const char *reply, struct http_request req, unsigned int *status)
{
	int rc;

	server_start(s, reply);
	req.url = s->url;
	rc = http_do(http, &req, status, &err);
	server_end(s);
	return rc;
}

static void sends_what_was_asked_and_gives_the_reply(void **state)
{
	const char *headers[] = { "X-One: 1", "Accept: application/json", NULL };
	cleanup(buf_fini) struct buf body = BUF_INIT(64);
	unsigned int status = 0;
	struct server s;

	(void)state;
	assert_int_equal(ask(&s, OK "Content-Length: 5\r\n\r\nhello",
			     (struct http_request){ .method = "PATCH",
						    .headers = headers,
						    .data = "12345",
						    .data_len = 5,
						    .body = http_to_buf,
						    .arg = &body },
			     &status),
			 0);
	assert_int_equal(status, 200);
	assert_string_equal(body.data, "hello");
	assert_non_null(strstr(s.heard, "PATCH /a?secret=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(s.heard, "X-One: 1\r\n"));
	assert_non_null(strstr(s.heard, "Content-Length: 5\r\n"));
	assert_null(strstr(s.heard, "Expect:"));
}

static void gives_any_status_as_a_reply(void **state)
{
	unsigned int status = 0;
	struct server s;

	(void)state;
	assert_int_equal(ask(&s, "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n",
			     (struct http_request){ 0 }, &status),
			 0);
	assert_int_equal(status, 503);
	assert_int_equal(http_status_error(status), -EAGAIN);
	assert_int_equal(http_status_error(299), 0);
	assert_int_equal(http_status_error(302), -EIO);
}

static void follows_no_redirect(void **state)
{
	unsigned int status = 0;
	struct server s;

	(void)state;
	assert_int_equal(ask(&s,
			     "HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\n"
			     "Content-Length: 0\r\n\r\n",
			     (struct http_request){ 0 }, &status),
			 0);
	assert_int_equal(status, 302);
}

static int keep_header(void *arg, struct http_call *call, unsigned int status)
{
	const char *value = http_header(call, "retry-after");

	snprintf(arg, 32, "%u %s %s", status, value ? value : "-",
		 http_header(call, "x-none") ? "?" : "-");
	return 0;
}

static void tells_the_final_head_once(void **state)
{
	char told[32] = "";
	struct server s;

	(void)state;
	assert_int_equal(ask(&s,
			     "HTTP/1.1 103 Early\r\nRetry-After: 9\r\n\r\n"
			     "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
			     (struct http_request){ .head = keep_header, .arg = told }, NULL),
			 0);
	assert_string_equal(told, "429 7 -");
}

static int refuse(void *arg, struct http_call *call, unsigned int status)
{
	(void)arg;
	(void)call;
	(void)status;
	return -EXDEV;
}

static void ends_with_the_code_of_a_callback(void **state)
{
	struct server s;

	(void)state;
	assert_int_equal(ask(&s, OK "Content-Length: 1\r\n\r\nx",
			     (struct http_request){ .head = refuse }, NULL),
			 -EXDEV);
}

static void reads_no_more_than_the_limit(void **state)
{
	static const char *const replies[] = {
		OK "Content-Length: 10\r\n\r\n0123456789", /* told before */
		OK "\r\n0123456789", /* found out */
	};
	struct server s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		cleanup(buf_fini) struct buf body = BUF_INIT(64);

		assert_int_equal(ask(&s, replies[i],
				     (struct http_request){
					     .max_body = 9, .body = http_to_buf, .arg = &body },
				     NULL),
				 -E2BIG);
		assert_int_equal(body.len, 0);
		assert_non_null(strstr(err.text, "9 bytes"));
		assert_null(strstr(err.text, "secret"));
	}
}

static void notices_an_early_end(void **state)
{
	static const char *const replies[] = {
		OK "Content-Length: 10\r\n\r\n01234",
		OK "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n",
		"",
	};
	struct server s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(replies); i++)
		assert_int_equal(ask(&s, replies[i], (struct http_request){ 0 }, NULL),
				 -ECONNRESET);
}

static void waits_no_longer_than_told(void **state)
{
	struct server s;

	(void)state;
	assert_int_equal(ask(&s, NULL, (struct http_request){ .total_ms = 50 }, NULL), -ETIMEDOUT);
}

static void names_what_it_could_not_reach(void **state)
{
	static const struct {
		const char *url;
		int code;
	} cases[] = {
		{ "http://127.0.0.1:1/x", -ECONNREFUSED },
		{ "ftp://127.0.0.1/x", -EINVAL },
		{ "file:///etc/passwd", -EINVAL },
		{ "http://me:pw@127.0.0.1/x", -EINVAL },
		{ "http://", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_request req = { .url = cases[i].url };

		err = (struct err){};
		assert_int_equal(http_do(http, &req, NULL, &err), cases[i].code);
		assert_null(strstr(err.text, "pw@"));
		assert_true(*err.text);
	}
}

static void must_not_come(void *arg, int code, const struct err *e)
{
	(void)arg;
	(void)code;
	(void)e;
	fail();
}

static void a_cancelled_call_says_nothing(void **state)
{
	struct http_request req = { .done = must_not_come };
	struct pollfd ready = { .fd = http_fd(http), .events = POLLIN };
	struct http_call *call;
	struct server s;

	(void)state;
	server_start(&s, NULL);
	req.url = s.url;
	assert_int_equal(http_start(http, &req, &call, &err), 0);
	while (!*s.heard && poll(&ready, 1, 10) >= 0)
		http_work(http);
	http_cancel(call);
	server_end(&s);
	http_work(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sends_what_was_asked_and_gives_the_reply, setup,
						teardown),
		cmocka_unit_test_setup_teardown(gives_any_status_as_a_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_no_redirect, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_the_final_head_once, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_with_the_code_of_a_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_no_more_than_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(notices_an_early_end, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_no_longer_than_told, setup, teardown),
		cmocka_unit_test_setup_teardown(names_what_it_could_not_reach, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cancelled_call_says_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
