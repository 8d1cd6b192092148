/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending UDP sockets whose backend is gone. Each test runs twice: as this kernel does it, and by
 * netlink, as kernels without bpf_sock_destroy() have it done.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/err.h"

#define VIP "10.96.8.10"
#define MANY 2500 /* more than are ended by netlink at a time, and than one read brings */
#define NAMESPACES 3
#define SECONDS 10 /* until a test gives up */

static bool netlink;

/* Before the second round: new programs, and new tables. */
static int by_netlink(void **state)
{
	struct bed *b = *state;
	struct dp_options opt;
	char meter[300];

	if (!b || netlink)
		return 0;
	netlink = true;
	dp_close(&b->dp);
	opt = bed_options(b, meter);
	opt.ends_by_netlink = true;
	return dp_detach(b->dir, NULL) || dp_open(&opt, &b->dp, NULL) ? -1 : 0;
}

static uint64_t sweep(struct bed *b)
{
	uint64_t before = bed_reason(b, WEIR_REASON_SOCKET_ENDED);
	struct dp_ended ended = {};
	struct err err = {};

	if (dp_ends(b->dp, &ended, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(bed_reason(b, WEIR_REASON_SOCKET_ENDED), before + ended.sockets);
	return ended.sockets;
}

/* A Service of one UDP backend on the loopback; its id is id * 16. */
static void serve(struct bed *b, uint32_t id, const char *vip, uint16_t port)
{
	bed_service(b, id, vip, 53, IPPROTO_UDP, &port, 1, strchr(vip, ':') ? "::1" : "127.0.0.1");
}

static void gone(struct bed *b, uint32_t id, bool gone)
{
	assert_int_equal(dp_backend_gone(b->dp, id * 16, gone, NULL), 0);
}

static int dial(const char *addr)
{
	int fd = bed_connect(addr, 53, SOCK_DGRAM);

	assert_true(fd >= 0);
	return fd;
}

/* What the socket's owner is told at the next look: 0 or an errno. */
static int told(int fd)
{
	char data[16];

	return recv(fd, data, sizeof(data), MSG_DONTWAIT) < 0 ? errno : 0;
}

static void assert_kept(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	assert_int_equal(told(fd), EAGAIN);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&sa, &len), 0);
}

/* Once an error; from then on an unconnected socket like any other. */
static void assert_ended(int fd)
{
	assert_int_equal(told(fd), ECONNABORTED);
	assert_int_equal(told(fd), EAGAIN);
	assert_int_equal(send(fd, "ping", 4, 0), -1);
	assert_int_equal(errno, EDESTADDRREQ);
}

static void assert_answered(int client, int server)
{
	bed_echo(server);
	assert_int_equal(recv(client, (char[16]){}, 16, 0), 4);
}

/* addr is the VIP as the socket's family writes it. */
static void replaced(struct bed *b, uint32_t id, const char *vip, const char *addr)
{
	const char *at = strchr(vip, ':') ? "::1" : "127.0.0.1";
	cleanup(close_fd) int old = -1, new = -1, a = -1, other = -1;
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr(addr, 53, &sa);
	uint16_t old_port, new_port;

	old = bed_listen(at, SOCK_DGRAM, &old_port);
	new = bed_listen(at, SOCK_DGRAM, &new_port);
	serve(b, id, vip, old_port);
	a = dial(addr);
	other = dial(addr);
	assert_int_equal(sweep(b), 0);
	assert_int_equal(send(a, "ping", 4, 0), 4);
	assert_answered(a, old);

	serve(b, id + 1, vip, new_port);
	gone(b, id, true);
	assert_int_equal(sweep(b), 2);
	assert_ended(a);
	assert_ended(other);
	assert_int_equal(connect(a, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(send(a, "ping", 4, 0), 4);
	assert_answered(a, new);
	assert_int_equal(sendto(other, "ping", 4, 0, (struct sockaddr *)&sa, len), 4);
	assert_answered(other, new);
	assert_int_equal(sweep(b), 0);
}

static void a_socket_whose_backend_is_gone_is_told_once_and_reaches_the_new_one(void **state)
{
	struct bed *b = bed_of(state);

	replaced(b, 100, "10.96.8.1", "10.96.8.1");
	replaced(b, 102, "fd10:96::8:2", "fd10:96::8:2");
	replaced(b, 104, "10.96.8.3", "::ffff:10.96.8.3");
}

static void a_call_that_waits_returns(void **state)
{
	struct bed *b = bed_of(state);
	int status = 0, up[2];
	char byte;
	pid_t pid;

	serve(b, 110, VIP, 9);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		int fd = bed_connect(VIP, 53, SOCK_DGRAM);

		alarm(SECONDS);
		_exit(write(up[1], "", 1) == 1 && recv(fd, &byte, 1, 0) < 0 ? errno : 0);
	}
	assert_int_equal(read(up[0], &byte, 1), 1);
	gone(b, 110, true);
	assert_int_equal(sweep(b), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ECONNABORTED);
	close_fd(&up[0]);
	close_fd(&up[1]);
}

static void sockets_of_a_deleted_service_are_ended(void **state)
{
	struct weir_vip vip = bed_vip("10.96.8.20", 53, IPPROTO_UDP);
	struct bed *b = bed_of(state);
	cleanup(close_fd) int fd = -1;

	serve(b, 120, "10.96.8.20", 9);
	fd = dial("10.96.8.20");
	assert_int_equal(dp_frontend_del(b->dp, &vip, NULL), 0);
	assert_int_equal(sweep(b), 1);
	assert_ended(fd);
}

/* The id is nobody's, or another's: by its protocol, its port or its address. */
static void sockets_are_ended_when_the_id_of_their_backend_is_reused(void **state)
{
	const struct weir_vip was = bed_vip("127.0.0.1", 9, IPPROTO_UDP);
	const struct weir_vip others[] = {
		bed_vip("127.0.0.1", 9, 0),
		bed_vip("127.0.0.1", 9, IPPROTO_TCP),
		bed_vip("127.0.0.1", 10, IPPROTO_UDP),
		bed_vip("127.0.0.2", 9, IPPROTO_UDP),
	};
	struct bed *b = bed_of(state);

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		const struct weir_vip *o = &others[i];
		struct weir_backend be = { .addr = o->addr, .port = o->port, .proto = o->proto };
		cleanup(close_fd) int fd = -1;

		serve(b, 130, "10.96.8.30", ntohs(was.port));
		fd = dial("10.96.8.30");
		assert_int_equal(dp_backend_put(b->dp, 130 * 16, &be, NULL), 0);
		assert_int_equal(sweep(b), 1);
		assert_ended(fd);
	}
}

/* Not chosen for new connections, but serving: terminating, or further away than others. */
static void a_backend_that_still_serves_keeps_its_sockets(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int fd = -1;

	serve(b, 140, "10.96.8.40", 9);
	fd = dial("10.96.8.40");
	serve(b, 141, "10.96.8.40", 10);
	assert_int_equal(sweep(b), 0);
	assert_kept(fd);
	gone(b, 140, true);
	gone(b, 140, false);
	assert_int_equal(sweep(b), 0);
	assert_kept(fd);
}

static void sockets_that_are_none_of_the_services_are_left_alone(void **state)
{
	cleanup(close_fd) int udp = -1, tcp = -1, direct = -1, loose = -1, reused = -1, stream = -1;
	struct sockaddr_storage sa;
	struct bed *b = bed_of(state);
	uint16_t port, tcp_port;
	socklen_t len;

	udp = bed_listen("127.0.0.1", SOCK_DGRAM, &port);
	tcp = bed_listen("127.0.0.1", SOCK_STREAM, &tcp_port);
	serve(b, 150, "10.96.8.50", port);
	bed_service(b, 151, "10.96.8.50", 53, IPPROTO_TCP, &tcp_port, 1, "127.0.0.1");

	direct = bed_connect("127.0.0.1", port, SOCK_DGRAM);
	stream = bed_connect("10.96.8.50", 53, SOCK_STREAM);
	loose = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	len = bed_sockaddr("10.96.8.50", 53, &sa);
	assert_int_equal(sendto(loose, "ping", 4, 0, (struct sockaddr *)&sa, len), 4);
	reused = dial("10.96.8.50");
	len = bed_sockaddr("127.0.0.1", port, &sa);
	assert_int_equal(connect(reused, (struct sockaddr *)&sa, len), 0);

	gone(b, 150, true);
	gone(b, 151, true);
	assert_int_equal(sweep(b), 0);
	assert_kept(direct);
	assert_kept(stream);
	assert_kept(reused);
	assert_int_equal(told(loose), EAGAIN);
}

/* What sock_diag must be told as well is the device. Two sockets that share both addresses are one to
 * its look-up: the second one may have to wait for the next sweep. */
static void bound_sockets_are_ended(void **state)
{
	struct bed *b = bed_of(state);
	struct sockaddr_storage sa;
	int fd[2] = { -1, -1 };
	const int one = 1;
	socklen_t len;

	serve(b, 160, "10.96.8.60", 9);
	for (int i = 0; i < 2; i++) {
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_true(fd[i] >= 0);
		assert_int_equal(setsockopt(fd[i], SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), 0);
		assert_int_equal(setsockopt(fd[i], SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
		len = bed_sockaddr("127.0.0.1", 5353, &sa);
		assert_int_equal(bind(fd[i], (struct sockaddr *)&sa, len), 0);
		len = bed_sockaddr("10.96.8.60", 53, &sa);
		assert_int_equal(connect(fd[i], (struct sockaddr *)&sa, len), 0);
	}
	gone(b, 160, true);
	assert_int_equal(sweep(b) + sweep(b), 2);
	for (int i = 0; i < 2; i++) {
		assert_ended(fd[i]);
		close_fd(&fd[i]);
	}
}

static void of_many_sockets_just_those_of_the_backend_that_is_gone_are_ended(void **state)
{
	const struct rlimit room = { MANY + 100, MANY + 100 };
	static int fds[MANY];
	struct bed *b = bed_of(state);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &room), 0);
	serve(b, 170, "10.96.8.70", 9);
	serve(b, 171, "10.96.8.71", 9);
	for (int i = 0; i < MANY; i++)
		fds[i] = dial(i % 10 ? "10.96.8.70" : "10.96.8.71");
	gone(b, 170, true);
	assert_int_equal(sweep(b), MANY - MANY / 10);
	for (int i = 0; i < MANY; i++) {
		if (i % 10)
			assert_ended(fds[i]);
		else
			assert_kept(fds[i]);
		close_fd(&fds[i]);
	}
}

/* A process with a namespace of its own: dials, says so, and ends with what it is told. */
static int dial_elsewhere(int up)
{
	struct pollfd p = { .events = POLLIN };

	if (unshare(CLONE_NEWNET))
		return 255;
	bed_loopback_up();
	p.fd = bed_connect("10.96.8.80", 53, SOCK_DGRAM);
	if (p.fd < 0 || write(up, "", 1) != 1 || poll(&p, 1, SECONDS * 1000) != 1)
		return 254;
	return told(p.fd);
}

static void sockets_are_ended_in_the_namespace_of_every_process(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int home = -1;
	pid_t pid[NAMESPACES];
	int up[2], status;
	char byte;

	serve(b, 180, "10.96.8.80", 9);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	for (int i = 0; i < NAMESPACES; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(dial_elsewhere(up[1]));
		assert_int_equal(read(up[0], &byte, 1), 1);
	}
	home = dial("10.96.8.80");
	gone(b, 180, true);
	assert_int_equal(sweep(b), NAMESPACES + 1);
	assert_ended(home);
	for (int i = 0; i < NAMESPACES; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), ECONNABORTED);
	}
	close_fd(&up[0]);
	close_fd(&up[1]);
}

/* Where no process is, ip(8) and container runtimes leave a mount. The bed's mounts are its own. */
static void sockets_are_ended_in_namespaces_that_are_only_mounted(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cleanup(close_fd) int there = -1, file = -1, fd = -1;
	char path[64];

	serve(b, 190, "10.96.8.90", 9);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	bed_loopback_up();
	there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	fd = dial("10.96.8.90");
	assert_int_equal(setns(home, CLONE_NEWNET), 0);

	mkdir("/run", 0755); /* mostly there */
	assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir("/run/netns", 0755), 0);
	file = open("/run/netns/pod", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(file >= 0);
	gone(b, 190, true);
	assert_int_equal(sweep(b), 0); /* nothing leads there yet */
	assert_kept(fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", there);
	assert_int_equal(mount(path, "/run/netns/pod", NULL, MS_BIND, NULL), 0);
	assert_int_equal(sweep(b), 1);
	assert_ended(fd);
	assert_int_equal(umount2("/run", MNT_DETACH), 0);
}

/* That the second round is what it says: the program names the socket, and ends nothing. */
static void the_program_only_names_sockets(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int fd = -1, link = -1, iter = -1;
	struct weir_end end[2];
	char path[200];

	serve(b, 200, "10.96.8.100", 9);
	fd = dial("10.96.8.100");
	gone(b, 200, true);
	snprintf(path, sizeof(path), "%s/weir/v%d/links/weir_ends", b->dir, WEIR_ABI);
	link = bpf_obj_get(path);
	iter = bpf_iter_create(link);
	assert_true(iter >= 0);
	assert_int_equal(read(iter, end, sizeof(end)), sizeof(*end));
	assert_int_equal(end[0].ends.dport, htons(9));
	assert_kept(fd);
	assert_int_equal(sweep(b), 1);
	assert_ended(fd);
}

#define TESTS(X)                                                               \
	X(a_socket_whose_backend_is_gone_is_told_once_and_reaches_the_new_one) \
	X(a_call_that_waits_returns)                                           \
	X(sockets_of_a_deleted_service_are_ended)                              \
	X(sockets_are_ended_when_the_id_of_their_backend_is_reused)            \
	X(a_backend_that_still_serves_keeps_its_sockets)                       \
	X(sockets_that_are_none_of_the_services_are_left_alone)                \
	X(bound_sockets_are_ended)                                             \
	X(of_many_sockets_just_those_of_the_backend_that_is_gone_are_ended)    \
	X(sockets_are_ended_in_the_namespace_of_every_process)                 \
	X(sockets_are_ended_in_namespaces_that_are_only_mounted)
#define AS_IT_IS(test) cmocka_unit_test(test),
#define BY_NETLINK(test) { #test "_by_netlink", test, by_netlink, NULL, NULL },

int main(void)
{
	const struct CMUnitTest tests[] = { TESTS(AS_IT_IS) BY_NETLINK(
		the_program_only_names_sockets) TESTS(BY_NETLINK) };

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
