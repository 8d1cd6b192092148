/* SPDX-License-Identifier: Apache-2.0 */
/* Node ports through the real hooks: on loopback they are the node's own processes' only. */
#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bpf/bed.h"
#include "core/cleanup.h"

#define NUMBER 30080

/* The node port at 127.0.0.1, as user/svc makes it. */
static void serve(struct bed *b, uint32_t id, uint16_t number, uint16_t to, uint32_t n)
{
	struct weir_svc svc = { .id = id, .gen = id, .first = id * 16, .count = n };
	struct weir_vip vip = bed_vip("127.0.0.1", number, IPPROTO_TCP);

	bed_service(b, id, "127.0.0.1", number, IPPROTO_TCP, &to, 1, "127.0.0.1");
	svc.flags = WEIR_SVC_HOST;
	assert_int_equal(dp_frontend_put(b->dp, &vip, &svc, NULL), 0);
}

static void a_process_of_the_node_reaches_it_on_loopback(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1, fd = -1, peer = -1;
	uint16_t port;

	s = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	serve(b, 1, NUMBER, port, 1);
	fd = bed_connect("127.0.0.1", NUMBER, SOCK_STREAM);
	assert_true(fd >= 0);
	peer = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
}

static int dial_elsewhere(uint16_t number)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int r = unshare(CLONE_NEWNET) ? 0 : bed_connect("127.0.0.1", number, SOCK_STREAM);

		_exit(r < 0 ? -r : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void another_namespace_has_a_loopback_of_its_own(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t sent = bed_reason(b, WEIR_REASON_TRANSLATED);
	uint64_t none = bed_reason(b, WEIR_REASON_NO_ENDPOINT);

	serve(b, 2, NUMBER + 1, 1, 1);
	assert_int_equal(dial_elsewhere(NUMBER + 1), ENETUNREACH); /* its loopback is down */
	serve(b, 3, NUMBER + 2, 1, 0);
	assert_int_equal(dial_elsewhere(NUMBER + 2), ENETUNREACH);
	assert_int_equal(bed_reason(b, WEIR_REASON_TRANSLATED), sent);
	assert_int_equal(bed_reason(b, WEIR_REASON_NO_ENDPOINT), none);
	/* here the one without endpoints is refused */
	assert_int_equal(bed_connect("127.0.0.1", NUMBER + 2, SOCK_STREAM), -ECONNREFUSED);
	assert_int_equal(bed_reason(b, WEIR_REASON_NO_ENDPOINT), none + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_of_the_node_reaches_it_on_loopback),
		cmocka_unit_test(another_namespace_has_a_loopback_of_its_own),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
