/* SPDX-License-Identifier: Apache-2.0 */
/* bind() to a node port through the real hooks. */
#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bpf/bed.h"
#include "core/cleanup.h"

#define NUMBER 30090

static void reserve(struct bed *b, const char *addr, uint32_t flags)
{
	struct weir_svc svc = { .id = 90, .gen = 90, .flags = flags };
	struct weir_vip vip = bed_vip(addr, NUMBER, IPPROTO_TCP);

	assert_int_equal(dp_frontend_put(b->dp, &vip, &svc, NULL), 0);
}

static void forget(struct bed *b, const char *addr)
{
	struct weir_vip vip = bed_vip(addr, NUMBER, IPPROTO_TCP);

	assert_int_equal(dp_frontend_del(b->dp, &vip, NULL), 0);
}

/* 0, or the errno. */
static int try_bind(const char *addr, uint16_t port, int type)
{
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr(addr, port, &sa);
	cleanup(close_fd) int fd = socket(sa.ss_family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return bind(fd, (struct sockaddr *)&sa, len) ? errno : 0;
}

static void a_node_port_is_refused_and_counted(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t before = bed_reason(b, WEIR_REASON_BIND_DENIED);

	assert_int_equal(try_bind("127.0.0.1", NUMBER, SOCK_STREAM), 0);
	reserve(b, "127.0.0.1", WEIR_SVC_NODE);
	assert_int_equal(try_bind("127.0.0.1", NUMBER, SOCK_STREAM), EPERM);
	assert_int_equal(try_bind("::ffff:127.0.0.1", NUMBER, SOCK_STREAM), EPERM);
	assert_int_equal(bed_reason(b, WEIR_REASON_BIND_DENIED), before + 2);
	/* other protocols, ports and addresses are free, and so are automatic ports */
	assert_int_equal(try_bind("127.0.0.1", NUMBER, SOCK_DGRAM), 0);
	assert_int_equal(try_bind("127.0.0.1", NUMBER + 1, SOCK_STREAM), 0);
	assert_int_equal(try_bind("127.0.0.2", NUMBER, SOCK_STREAM), 0);
	assert_int_equal(try_bind("127.0.0.1", 0, SOCK_STREAM), 0);
	/* an address that is none of a node port's */
	reserve(b, "127.0.0.1", 0);
	assert_int_equal(try_bind("127.0.0.1", NUMBER, SOCK_STREAM), 0);
	forget(b, "127.0.0.1");
}

static void a_bind_to_all_addresses_is_refused_by_its_guard(void **state)
{
	struct bed *b = bed_of(state);

	reserve(b, "0.0.0.0", WEIR_SVC_NODE | WEIR_SVC_GUARD);
	assert_int_equal(try_bind("0.0.0.0", NUMBER, SOCK_STREAM), EPERM);
	assert_int_equal(try_bind("::", NUMBER, SOCK_STREAM), EPERM); /* takes IPv4 too */
	assert_int_equal(try_bind("::1", NUMBER, SOCK_STREAM), 0);
	forget(b, "0.0.0.0");
	reserve(b, "::", WEIR_SVC_NODE | WEIR_SVC_GUARD);
	assert_int_equal(try_bind("::", NUMBER, SOCK_STREAM), EPERM);
	assert_int_equal(try_bind("0.0.0.0", NUMBER, SOCK_STREAM), 0);
	forget(b, "::");
}

static void no_dial_meets_a_guard(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1, fd = -1;
	uint64_t none = bed_reason(b, WEIR_REASON_NO_ENDPOINT);
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr("127.0.0.1", NUMBER, &sa);

	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(s, 1), 0);
	reserve(b, "0.0.0.0", WEIR_SVC_NODE | WEIR_SVC_GUARD);
	fd = bed_connect("0.0.0.0", NUMBER, SOCK_STREAM); /* Linux takes it for loopback */
	assert_true(fd >= 0);
	assert_int_equal(bed_reason(b, WEIR_REASON_NO_ENDPOINT), none);
	forget(b, "0.0.0.0");
}

static void another_namespace_has_ports_of_its_own(void **state)
{
	struct bed *b = bed_of(state);
	int status;
	pid_t pid;

	reserve(b, "0.0.0.0", WEIR_SVC_NODE | WEIR_SVC_GUARD);
	pid = fork();
	if (!pid)
		_exit(unshare(CLONE_NEWNET) ? 255 : try_bind("0.0.0.0", NUMBER, SOCK_STREAM));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	forget(b, "0.0.0.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_port_is_refused_and_counted),
		cmocka_unit_test(a_bind_to_all_addresses_is_refused_by_its_guard),
		cmocka_unit_test(no_dial_meets_a_guard),
		cmocka_unit_test(another_namespace_has_ports_of_its_own),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
