/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include <cmocka.h>

#include "agent/http.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/option.h"

#define DEADLINE_MS 20000 /* far away: only a hung test meets it */

struct fixture {
	uv_loop_t loop;
	struct http_server *http;
	unsigned int calls;
	struct err err;
};

static unsigned int get_health(void *ctx, struct buf *body)
{
	struct fixture *f = ctx;

	f->calls++;
	buf_puts(body, "{\"ok\":true}\n");
	return 200;
}

static unsigned int get_sick(void *ctx, struct buf *body)
{
	(void)ctx;
	buf_puts(body, "stale\n");
	return 503;
}

static unsigned int get_empty(void *ctx, struct buf *body)
{
	(void)ctx;
	(void)body;
	return 200;
}

static unsigned int get_broken(void *ctx, struct buf *body)
{
	(void)ctx;
	body->limit = 3;
	buf_puts(body, "more than three");
	return 200;
}

static unsigned int get_large(void *ctx, struct buf *body)
{
	static const char line[] = "0123456789abcde\n";

	(void)ctx;
	for (int i = 0; i < 1 << 17; i++)
		buf_append(body, line, 16);
	return 200;
}

static const struct http_header extras[] = { { "X-Weight", "2" }, { "X-Other", "b" }, {} };

static const struct http_route routes[] = {
	{ "/healthz", "application/json", get_health, NULL },
	{ "/sick", "text/plain", get_sick, NULL },
	{ "/empty", "text/plain", get_empty, NULL },
	{ "/broken", "text/plain", get_broken, NULL },
	{ "/large", "text/plain", get_large, NULL },
	{ "/extra", "text/plain", get_sick, extras },
};

static int start(struct fixture *f, const char *host, uint16_t port, struct http_server **ret)
{
	struct option_listen at = { .on = true, .port = port };
	const struct http_options opt = {
		.loop = &f->loop,
		.listen = &at,
		.key = "listen.metrics",
		.routes = routes,
		.n_routes = ARRAY_LEN(routes),
		.ctx = f,
	};

	assert_int_equal(addr_parse(host, &at.addr), 0);
	return http_server_start(&opt, ret, &f->err);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	uv_loop_init(&f->loop);
	*state = f;
	return start(f, "127.0.0.1", 0, &f->http);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	http_server_stop(&f->http);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&f->loop); /* -EBUSY if a handle was left open */
	free(f);
	return r;
}

/* ---- A client on libuv's thread pool -------------------------------------------------------- */

struct job {
	uv_work_t work;
	uint16_t port;
	bool v6;
	const char *request;
	struct buf answer; /* all that came until the server closed */
	bool done;
};

static int connect_to(uint16_t port, bool v6)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in6.sin6_addr = in6addr_loopback;
	r = v6 ? connect(fd, (struct sockaddr *)&in6, sizeof(in6)) :
		 connect(fd, (struct sockaddr *)&in, sizeof(in));
	if (r == 0)
		return fd;
	close(fd);
	return -1;
}

static void job_work(uv_work_t *req)
{
	struct job *job = req->data;
	struct pollfd p = { .fd = connect_to(job->port, job->v6), .events = POLLIN };
	char chunk[65536];
	ssize_t n;

	if (p.fd < 0)
		return;
	send(p.fd, job->request, strlen(job->request), MSG_NOSIGNAL);
	while (poll(&p, 1, DEADLINE_MS) == 1 && (n = recv(p.fd, chunk, sizeof(chunk), 0)) > 0)
		buf_append(&job->answer, chunk, (size_t)n);
	close(p.fd);
}

static void job_done(uv_work_t *req, int status)
{
	(void)status;
	((struct job *)req->data)->done = true;
}

static void job_run(struct fixture *f, struct job *job)
{
	job->work.data = job;
	job->port = http_port(f->http);
	job->answer = (struct buf)BUF_INIT(64 << 20);
	uv_queue_work(&f->loop, &job->work, job_work, job_done);
	while (!job->done)
		uv_run(&f->loop, UV_RUN_ONCE);
	buf_puts(&job->answer, "");
}

/* Sends the request and looks at status, body and one header or, when NULL, none. */
static void check(struct fixture *f, const char *request, unsigned int status, const char *header,
		  const char *body)
{
	struct job job = { .request = request };
	char line[32];
	char *end;

	job_run(f, &job);
	snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
	assert_non_null(job.answer.data);
	assert_ptr_equal(strstr(job.answer.data, line), job.answer.data);
	end = strstr(job.answer.data, "\r\n\r\n");
	assert_non_null(end);
	if (header)
		assert_true(strstr(job.answer.data, header) &&
			    strstr(job.answer.data, header) < end);
	if (body)
		assert_string_equal(end + 4, body);
	buf_fini(&job.answer);
}

#define TAIL " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

/* ---- Tests ---------------------------------------------------------------------------------- */

static void a_route_answers_with_its_type_and_body(void **state)
{
	check(*state, "GET /healthz" TAIL "\r\n", 200, "\r\nContent-Type: application/json\r\n",
	      "{\"ok\":true}\n");
	check(*state, "GET /healthz" TAIL "\r\n", 200, "\r\nContent-Length: 12\r\n", NULL);
	check(*state, "GET /healthz" TAIL "\r\n", 200, "\r\nCache-Control: no-store\r\n", NULL);
	check(*state, "GET /healthz?verbose" TAIL "\r\n", 200, NULL, "{\"ok\":true}\n");
}

static void a_route_chooses_its_status(void **state)
{
	check(*state, "GET /sick" TAIL "\r\n", 503, NULL, "stale\n");
	check(*state, "GET /empty" TAIL "\r\n", 200, "\r\nContent-Length: 0\r\n", "");
}

static void a_route_may_have_headers_of_its_own(void **state)
{
	check(*state, "GET /extra" TAIL "\r\n", 503, "\r\nX-Weight: 2\r\n", "stale\n");
	check(*state, "GET /extra" TAIL "\r\n", 503, "\r\nX-Other: b\r\n", "stale\n");
}

static void a_route_may_answer_at_any_path(void **state)
{
	static const struct http_route any[] = { { "/sick", "text/plain", get_sick, NULL },
						 { NULL, "text/plain", get_health, NULL } };
	struct fixture *f = *state;
	struct option_listen at = { .on = true };
	const struct http_options opt = { .loop = &f->loop,
					  .listen = &at,
					  .key = "any",
					  .routes = any,
					  .n_routes = ARRAY_LEN(any),
					  .ctx = f };

	http_server_stop(&f->http);
	assert_int_equal(addr_parse("127.0.0.1", &at.addr), 0);
	assert_int_equal(http_server_start(&opt, &f->http, &f->err), 0);
	check(f, "GET /" TAIL "\r\n", 200, NULL, "{\"ok\":true}\n");
	check(f, "GET /what/ever?x" TAIL "\r\n", 200, NULL, "{\"ok\":true}\n");
	check(f, "GET /sick" TAIL "\r\n", 503, NULL, "stale\n");
	check(f, "POST /what" TAIL "\r\n", 405, NULL, NULL);
}

/* All of the server runs in the loop's turns, so what these did not bring does not come. */
static bool is_answered(struct fixture *f, int fd)
{
	char chunk[512];

	for (int i = 0; i < 20; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	return recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT) > 0;
}

static void connections_over_the_limit_wait(void **state)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	struct fixture *f = *state;
	struct option_listen at = { .on = true };
	const struct http_options opt = { .loop = &f->loop,
					  .listen = &at,
					  .key = "few",
					  .routes = routes,
					  .n_routes = ARRAY_LEN(routes),
					  .ctx = f,
					  .connections = 2 };
	int fds[3];

	http_server_stop(&f->http);
	assert_int_equal(addr_parse("127.0.0.1", &at.addr), 0);
	assert_int_equal(http_server_start(&opt, &f->http, &f->err), 0);
	for (int i = 0; i < 3; i++) {
		fds[i] = connect_to(http_port(f->http), false);
		assert_int_equal(send(fds[i], request, strlen(request), 0), strlen(request));
	}
	assert_true(is_answered(f, fds[0]));
	assert_true(is_answered(f, fds[1]));
	assert_false(is_answered(f, fds[2]));
	close(fds[0]);
	assert_true(is_answered(f, fds[2]));
	close(fds[1]);
	close(fds[2]);
}

static void head_has_the_length_and_no_body(void **state)
{
	check(*state, "HEAD /healthz" TAIL "\r\n", 200, "\r\nContent-Length: 12\r\n", "");
}

static void another_path_is_not_found(void **state)
{
	check(*state, "GET /" TAIL "\r\n", 404, NULL, "404 no such page\n");
	check(*state, "GET /healthz/" TAIL "\r\n", 404, NULL, NULL);
	check(*state, "POST /nothing" TAIL "Content-Length: 0\r\n\r\n", 404, NULL, NULL);
}

static void another_method_is_not_allowed(void **state)
{
	struct fixture *f = *state;

	check(f, "POST /healthz" TAIL "Content-Length: 2\r\n\r\nhi", 405,
	      "\r\nAllow: GET, HEAD\r\n", "405 use GET\n");
	check(f, "DELETE /healthz" TAIL "\r\n", 405, "\r\nAllow: GET, HEAD\r\n", NULL);
	check(f, "PUT /healthz" TAIL "Content-Length: 99999999999\r\n\r\n", 405, NULL, NULL);
	assert_int_equal(f->calls, 0);
}

static void an_overlong_header_is_refused(void **state)
{
	struct fixture *f = *state;
	char *request = malloc(2 * HTTP_MEMORY_MAX);
	int n = snprintf(request, 100, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ");

	memset(request + n, 'x', HTTP_MEMORY_MAX);
	memcpy(request + n + HTTP_MEMORY_MAX, "\r\n\r\n", 5);
	check(f, request, 431, NULL, NULL);
	assert_int_equal(f->calls, 0);
	free(request);
}

static void garbage_is_no_request(void **state)
{
	struct fixture *f = *state;
	struct job job = { .request = "\x16\x03\x01 hello\r\n\r\n" };

	job_run(f, &job); /* comes back because the server closes */
	assert_true(job.answer.len == 0 || strstr(job.answer.data, " 400 "));
	assert_int_equal(f->calls, 0);
	buf_fini(&job.answer);
	check(f, "GET /healthz" TAIL "\r\n", 200, NULL, NULL);
}

static void a_body_that_failed_is_a_500(void **state)
{
	check(*state, "GET /broken" TAIL "\r\n", 500, NULL, "500 the answer could not be made\n");
}

static void a_large_body_arrives_whole(void **state)
{
	struct fixture *f = *state;
	struct job job = { .request = "GET /large" TAIL "\r\n" };
	const char *end;

	job_run(f, &job);
	end = strstr(job.answer.data, "\r\n\r\n");
	assert_non_null(end);
	assert_int_equal(strlen(end + 4), 16 << 17);
	buf_fini(&job.answer);
}

static void a_connection_carries_many_requests(void **state)
{
	struct fixture *f = *state;
	struct job job = { .request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
				      "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
				      "GET /healthz" TAIL "\r\n" };

	job_run(f, &job);
	assert_int_equal(f->calls, 2);
	assert_non_null(strstr(job.answer.data, " 404 "));
	buf_fini(&job.answer);
}

static void a_taken_port_names_address_and_key(void **state)
{
	struct fixture *f = *state;
	struct http_server *second = NULL;
	char text[128];

	assert_int_equal(start(f, "127.0.0.1", http_port(f->http), &second), -EADDRINUSE);
	assert_null(second);
	snprintf(text, sizeof(text),
		 "listen.metrics: can't listen on 127.0.0.1:%u: Address already in use",
		 http_port(f->http));
	assert_string_equal(f->err.text, text);
	check(f, "GET /healthz" TAIL "\r\n", 200, NULL, NULL); /* the first goes on */
}

static void an_address_of_another_host_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct http_server *second = NULL;

	assert_int_equal(start(f, "192.0.2.1", 0, &second), -EADDRNOTAVAIL);
	assert_null(second);
	assert_ptr_equal(strstr(f->err.text, "listen.metrics: can't listen on 192.0.2.1:0: "),
			 f->err.text);
}

static void the_unspecified_ipv6_address_takes_both_families(void **state)
{
	struct fixture *f = *state;
	struct job v4 = { .request = "GET /healthz" TAIL "\r\n" }, v6 = v4;

	http_server_stop(&f->http);
	if (start(f, "::", 0, &f->http) == -EAFNOSUPPORT)
		skip(); /* a kernel without IPv6 */
	assert_non_null(f->http);
	job_run(f, &v4);
	v6.v6 = true;
	job_run(f, &v6);
	assert_ptr_equal(strstr(v4.answer.data, "HTTP/1.1 200 "), v4.answer.data);
	assert_ptr_equal(strstr(v6.answer.data, "HTTP/1.1 200 "), v6.answer.data);
	buf_fini(&v4.answer);
	buf_fini(&v6.answer);
}

static void stopping_closes_open_connections(void **state)
{
	struct fixture *f = *state;
	uint16_t port = http_port(f->http);
	int fd = connect_to(port, false);
	char byte;

	assert_true(fd >= 0);
	assert_int_equal(send(fd, "GET /he", 7, 0), 7);
	for (int i = 0; i < 5; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	http_server_stop(&f->http);
	assert_null(f->http);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	assert_int_equal(connect_to(port, false), -1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_route_answers_with_its_type_and_body),
		TEST(a_route_chooses_its_status),
		TEST(a_route_may_have_headers_of_its_own),
		TEST(a_route_may_answer_at_any_path),
		TEST(connections_over_the_limit_wait),
		TEST(head_has_the_length_and_no_body),
		TEST(another_path_is_not_found),
		TEST(another_method_is_not_allowed),
		TEST(an_overlong_header_is_refused),
		TEST(garbage_is_no_request),
		TEST(a_body_that_failed_is_a_500),
		TEST(a_large_body_arrives_whole),
		TEST(a_connection_carries_many_requests),
		TEST(a_taken_port_names_address_and_key),
		TEST(an_address_of_another_host_is_an_error),
		TEST(the_unspecified_ipv6_address_takes_both_families),
		TEST(stopping_closes_open_connections),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
