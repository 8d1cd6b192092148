/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "agent/health.h"
#include "agent/http.h"
#include "agent/probes.h"
#include "core/addr.h"

#define GUARD_MS 30000 /* only a hang gets there */
#define PORT 32000

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	struct probes *probes;
	struct addr addrs[2]; /* of loopback, and nobody else's: the process's number is in them */
	bool healthy;
	int failures;
	struct err failed;
	char of[64]; /* the Service that it was of */
	struct rlimit files;
	char answer[2048];
};

static bool is_healthy(void *arg)
{
	const struct fixture *f = arg;

	return f->healthy;
}

static void on_failed(void *arg, const char *ns, const char *name, const struct err *err)
{
	struct fixture *f = arg;

	f->failures++;
	f->failed = *err;
	snprintf(f->of, sizeof(f->of), "%s/%s", ns ?: "", name ?: "");
}

static const struct probes_ops ops = { .healthy = is_healthy, .failed = on_failed };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	unsigned int pid = (unsigned int)getpid();

	if (!f)
		return -1;
	*state = f;
	f->healthy = true;
	for (uint8_t i = 0; i < 2; i++)
		f->addrs[i] = (struct addr){ { [10] = 0xff,
					       [11] = 0xff,
					       127,
					       (uint8_t)(77 + i),
					       (uint8_t)(pid >> 8),
					       (uint8_t)pid } };
	return getrlimit(RLIMIT_NOFILE, &f->files) || uv_loop_init(&f->loop) ||
	       uv_timer_init(&f->loop, &f->guard) || probes_new(&f->loop, &ops, f, &f->probes);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	probes_stop(&f->probes);
	uv_close((uv_handle_t *)&f->guard, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&f->loop) || setrlimit(RLIMIT_NOFILE, &f->files);
	free(f);
	return r;
}

/* ---- A client ------------------------------------------------------------------------------- */

static struct sockaddr_in place(const struct fixture *f, size_t addr, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	memcpy(&in.sin_addr, f->addrs[addr].b + 12, 4);
	return in;
}

/* -1: refused. The kernel accepts in the server's stead. */
static int dial(const struct fixture *f, size_t addr, uint16_t port)
{
	struct sockaddr_in in = place(f, addr, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	return -1;
}

/* All of the server runs in the loop's turns. */
static const char *ask_over(struct fixture *f, int fd, const char *path)
{
	ssize_t n =
		snprintf(f->answer, sizeof(f->answer), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);

	assert_int_equal(send(fd, f->answer, (size_t)n, MSG_NOSIGNAL), n);
	for (int i = 0; i < 20; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	n = recv(fd, f->answer, sizeof(f->answer) - 1, MSG_DONTWAIT);
	f->answer[n > 0 ? n : 0] = '\0';
	return f->answer;
}

/* NULL: nobody listens. */
static const char *ask(struct fixture *f, size_t addr, uint16_t port, const char *path)
{
	cleanup(close_fd) int fd = dial(f, addr, port);

	return fd < 0 ? NULL : ask_over(f, fd, path);
}

static void has(const char *answer, const char *part)
{
	assert_non_null(answer);
	if (!strstr(answer, part))
		fail_msg("no %s in %s", part, answer);
}

static void sync_ports(struct fixture *f, const struct health_port *ports, size_t n, size_t n_addrs)
{
	assert_int_equal(probes_sync(f->probes, ports, n, f->addrs, n_addrs), 0);
}

static void sync_one(struct fixture *f, const char *name, uint16_t port, size_t endpoints)
{
	sync_ports(f, &(struct health_port){ "demo", name, port, endpoints }, 1, 1);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void any_path_answers_in_kube_proxys_words(void **state)
{
	struct fixture *f = *state;
	const char *answer;

	sync_one(f, "web", PORT, 2);
	answer = ask(f, 0, PORT, "/any/thing?at=all");
	has(answer, "HTTP/1.1 200 OK\r\n");
	has(answer, "\r\nContent-Type: application/json\r\n");
	has(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
	has(answer, "\r\nX-Load-Balancing-Endpoint-Weight: 2\r\n");
	assert_string_equal(strstr(answer, "\r\n\r\n") + 4, "{\n"
							    "\t\"service\": {\n"
							    "\t\t\"namespace\": \"demo\",\n"
							    "\t\t\"name\": \"web\"\n"
							    "\t},\n"
							    "\t\"localEndpoints\": 2,\n"
							    "\t\"serviceProxyHealthy\": true\n"
							    "}");
	has(ask(f, 0, PORT, "/"), "HTTP/1.1 200 OK\r\n");
	assert_int_equal(f->failures, 0);
}

static void without_endpoints_the_balancer_is_to_go_elsewhere(void **state)
{
	struct fixture *f = *state;
	const char *answer;

	sync_one(f, "web", PORT, 0);
	answer = ask(f, 0, PORT, "/");
	has(answer, "HTTP/1.1 503 ");
	has(answer, "\r\nX-Load-Balancing-Endpoint-Weight: 0\r\n");
	has(answer, "\t\"localEndpoints\": 0,\n\t\"serviceProxyHealthy\": true\n");
}

static void a_proxy_that_is_ill_sends_it_away_too(void **state)
{
	struct fixture *f = *state;
	const char *answer;

	sync_one(f, "web", PORT, 2);
	f->healthy = false;
	answer = ask(f, 0, PORT, "/");
	has(answer, "HTTP/1.1 503 ");
	has(answer, "\r\nX-Load-Balancing-Endpoint-Weight: 2\r\n");
	has(answer, "\t\"localEndpoints\": 2,\n\t\"serviceProxyHealthy\": false\n");
	f->healthy = true;
	has(ask(f, 0, PORT, "/"), "HTTP/1.1 200 OK\r\n");
}

static void what_stays_keeps_its_connections(void **state)
{
	const struct health_port both[] = { { "demo", "other", PORT + 1, 1 },
					    { "demo", "web", PORT, 3 } };
	struct fixture *f = *state;
	cleanup(close_fd) int fd = -1;

	sync_one(f, "web", PORT, 2);
	fd = dial(f, 0, PORT);
	has(ask_over(f, fd, "/"), "\t\"localEndpoints\": 2,\n");
	sync_ports(f, both, 2, 1);
	has(ask_over(f, fd, "/"), "\t\"localEndpoints\": 3,\n");
	has(ask(f, 0, PORT + 1, "/"), "\"name\": \"other\"");
}

static void what_goes_is_closed_before_what_comes_is_opened(void **state)
{
	struct fixture *f = *state;

	sync_one(f, "old", PORT, 1);
	sync_one(f, "new", PORT, 1);
	has(ask(f, 0, PORT, "/"), "\"name\": \"new\"");
	sync_one(f, "new", PORT + 1, 1);
	assert_null(ask(f, 0, PORT, "/"));
	has(ask(f, 0, PORT + 1, "/"), "\"name\": \"new\"");
	sync_ports(f, NULL, 0, 1);
	assert_null(ask(f, 0, PORT + 1, "/"));
	assert_int_equal(f->failures, 0);
}

static void each_address_is_served_and_no_other(void **state)
{
	const struct health_port web = { "demo", "web", PORT, 1 };
	struct fixture *f = *state;

	sync_ports(f, &web, 1, 1);
	has(ask(f, 0, PORT, "/"), "200 OK");
	assert_null(ask(f, 1, PORT, "/"));
	sync_ports(f, &web, 1, 2);
	has(ask(f, 0, PORT, "/"), "200 OK");
	has(ask(f, 1, PORT, "/"), "200 OK");
	sync_ports(f, &web, 1, 0);
	assert_null(ask(f, 0, PORT, "/"));
	assert_null(ask(f, 1, PORT, "/"));
}

static void on_guard(uv_timer_t *guard)
{
	(void)guard;
	fail_msg("it was not tried again");
}

static void a_taken_port_is_told_once_and_tried_again(void **state)
{
	const struct health_port both[] = { { "demo", "other", PORT + 1, 1 },
					    { "demo", "web", PORT, 1 } };
	struct fixture *f = *state;
	struct sockaddr_in in = place(f, 0, PORT);
	int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char addr[ADDR_TEXT_MAX], text[128];

	assert_int_equal(bind(taken, (struct sockaddr *)&in, sizeof(in)), 0);
	sync_ports(f, both, 2, 1);
	sync_ports(f, both, 2, 1);
	snprintf(
		text, sizeof(text),
		"Service demo/web: healthCheckNodePort: can't listen on %s:%d: Address already in use",
		addr_format(&f->addrs[0], addr), PORT);
	assert_string_equal(f->failed.text, text);
	assert_string_equal(f->of, "demo/web");
	has(ask(f, 0, PORT + 1, "/"), "200 OK");
	assert_int_equal(f->failures, 1);
	close(taken);
	uv_timer_start(&f->guard, on_guard, GUARD_MS, 0);
	while (!ask(f, 0, PORT, "/"))
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->guard);
	has(ask(f, 0, PORT, "/"), "200 OK");
	assert_int_equal(f->failures, 1);
}

static void of_too_many_the_first_are_served(void **state)
{
	const struct health_port ports[] = { { "demo", "a", PORT, 1 },
					     { "demo", "b", PORT + 1, 1 },
					     { "demo", "c", PORT + 2, 1 } };
	struct fixture *f = *state;
	struct rlimit few = f->files;

	few.rlim_cur = 2 * 2 * (HTTP_FDS + PROBES_CONNECTIONS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	probes_stop(&f->probes);
	assert_int_equal(probes_new(&f->loop, &ops, f, &f->probes), 0);
	sync_ports(f, ports, 3, 1);
	sync_ports(f, ports, 3, 1);
	assert_int_equal(f->failures, 1);
	assert_int_equal(f->failed.code, -E2BIG);
	assert_string_equal(f->of, "/");
	assert_string_equal(f->failed.text, "1 healthCheckNodePort servers are left out: 2 are the "
					    "limit; raise RLIMIT_NOFILE");
	has(ask(f, 0, PORT + 1, "/"), "\"name\": \"b\"");
	assert_null(ask(f, 0, PORT + 2, "/"));
	sync_ports(f, ports + 1, 2, 1);
	has(ask(f, 0, PORT + 2, "/"), "\"name\": \"c\"");
	assert_int_equal(f->failures, 1);
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_path_answers_in_kube_proxys_words),
		TEST(without_endpoints_the_balancer_is_to_go_elsewhere),
		TEST(a_proxy_that_is_ill_sends_it_away_too),
		TEST(what_stays_keeps_its_connections),
		TEST(what_goes_is_closed_before_what_comes_is_opened),
		TEST(each_address_is_served_and_no_other),
		TEST(a_taken_port_is_told_once_and_tried_again),
		TEST(of_too_many_the_first_are_served),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
