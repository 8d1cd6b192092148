/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of sockets that dialled a Service, of connections on their way, and of devices. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"

#define MANY 1000 /* more than one read of the iterator brings */
#define CONNS 10000 /* more than one batch */

/* ---- Sockets --------------------------------------------------------------------------------- */

static struct weir_sock *socks(struct bed *b, size_t *ret_n)
{
	struct weir_sock *all = NULL;
	struct err err = {};

	if (dp_socks(b->dp, &all, ret_n, &err) < 0)
		fail_msg("%s", err.text);
	return all;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

/* False: not listed. */
static bool find(struct bed *b, int fd, struct weir_sock *ret)
{
	cleanup(free_ptr) struct weir_sock *all = NULL;
	size_t n, found = 0;

	all = socks(b, &n);
	for (size_t i = 0; i < n; i++) {
		if (all[i].cookie != cookie_of(fd))
			continue;
		*ret = all[i];
		found++;
	}
	assert_true(found <= 1);
	return found;
}

static bool is_listed(struct bed *b, int fd)
{
	struct weir_sock s;

	return find(b, fd, &s);
}

static uint64_t cgroup_of(const struct bed *b, const char *below)
{
	struct stat st;
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", b->cgroup, below);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* The socket's own address. */
static struct weir_vip named(int fd)
{
	struct sockaddr_in6 v6 = {};
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&v6;
	struct weir_vip ret = { .addr.w[2] = htonl(0xffff) };
	socklen_t len = sizeof(v6);

	assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&v6, &len), 0);
	ret.port = v6.sin6_port; /* same place in both */
	if (v6.sin6_family == AF_INET6)
		memcpy(&ret.addr, &v6.sin6_addr, sizeof(ret.addr));
	else
		ret.addr.w[3] = v4->sin_addr.s_addr;
	return ret;
}

/* addr is the VIP as the socket's family writes it. */
static void told_of(struct bed *b, const char *vip, const char *addr, const char *backend, int type)
{
	static uint32_t id = 1;
	const uint8_t proto = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	cleanup(close_fd) int server = -1, fd = -1;
	struct weir_vip dialled = bed_vip(vip, 80, proto), to, own;
	uint64_t before = clock_boot_ns();
	struct weir_sock s;
	uint16_t port;

	server = bed_listen(backend, type, &port);
	bed_service(b, ++id, vip, 80, proto, &port, 1, backend);
	fd = bed_connect(addr, 80, type);
	assert_true(fd >= 0);
	assert_true(find(b, fd, &s));

	to = bed_vip(backend, port, proto);
	assert_memory_equal(&s.flow.vip, &dialled, sizeof(dialled));
	assert_memory_equal(&s.flow.backend.addr, &to.addr, sizeof(to.addr));
	assert_int_equal(s.flow.backend.port, to.port);
	assert_int_equal(s.flow.backend.proto, proto);
	assert_int_equal(s.flow.backend_id, id * 16);
	assert_int_equal(s.flow.svc, id);
	assert_in_range(s.flow.since, before, clock_boot_ns());
	assert_int_equal(s.state, TCP_ESTABLISHED);
	assert_int_equal(s.cgroup, cgroup_of(b, "host"));

	own = named(fd);
	assert_memory_equal(&s.addr, &own.addr, sizeof(own.addr));
	assert_int_equal(s.port, own.port);
}

static void told_of_all(struct bed *b)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		told_of(b, "10.96.6.1", "10.96.6.1", "127.0.0.1", types[i]);
		told_of(b, "fd10:96::6:1", "fd10:96::6:1", "::1", types[i]);
		told_of(b, "10.96.6.2", "::ffff:10.96.6.2", "127.0.0.1", types[i]);
	}
}

static void sockets_are_told_with_all_their_addresses(void **state)
{
	told_of_all(bed_of(state));
}

static void also_those_of_another_namespace(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cleanup(close_fd) int here = -1, there = -1, server = -1;
	uint16_t port;

	server = bed_listen("127.0.0.1", SOCK_DGRAM, &port);
	bed_service(b, 20, "10.96.6.20", 80, IPPROTO_UDP, &port, 1, "127.0.0.1");
	here = bed_connect("10.96.6.20", 80, SOCK_DGRAM);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	bed_loopback_up();
	told_of_all(b);
	there = bed_connect("10.96.6.20", 80, SOCK_DGRAM);
	assert_true(is_listed(b, here));
	assert_true(is_listed(b, there));
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	assert_true(is_listed(b, there));
}

static void what_is_closed_or_dials_elsewhere_is_told_no_more(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(free_ptr) struct weir_sock *all = NULL;
	cleanup(close_fd) int server = -1, other = -1, fd = -1;
	struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
	uint16_t port, other_port;
	socklen_t len;
	size_t n;

	all = socks(b, &n);
	assert_int_equal(n, 0); /* nothing of the tests before */
	server = bed_listen("127.0.0.1", SOCK_DGRAM, &port);
	other = bed_listen("127.0.0.1", SOCK_DGRAM, &other_port);
	bed_service(b, 21, "10.96.6.21", 80, IPPROTO_UDP, &port, 1, "127.0.0.1");
	fd = bed_connect("10.96.6.21", 80, SOCK_DGRAM);
	assert_true(is_listed(b, fd));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa.ss_family)), 0);
	assert_false(is_listed(b, fd));
	len = bed_sockaddr("127.0.0.1", other_port, &sa);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	assert_false(is_listed(b, fd));
	/* the backend's own address, after the Service's: the record fits again, and is gone */
	len = bed_sockaddr("127.0.0.1", port, &sa);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	assert_false(is_listed(b, fd));
}

static void a_connection_that_the_backend_left_is_told_as_closing(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int server = -1, fd = -1, peer = -1;
	struct weir_sock s;
	uint16_t port;

	server = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	bed_service(b, 22, "10.96.6.22", 80, IPPROTO_TCP, &port, 1, "127.0.0.1");
	fd = bed_connect("10.96.6.22", 80, SOCK_STREAM);
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	close_fd(&peer);
	assert_int_equal(recv(fd, &s, sizeof(s), 0), 0);
	assert_true(find(b, fd, &s));
	assert_int_equal(s.state, TCP_CLOSE_WAIT);
}

/* In a pod's cgroup: what dialled there is the pod's, also from a cgroup beneath. */
static int dial_in_pod(void *arg)
{
	struct bed *b = arg;
	cleanup(close_fd) int fd = bed_connect("10.96.6.23", 80, SOCK_DGRAM);
	cleanup(free_ptr) struct weir_sock *all = NULL;
	size_t n = 0, found = 0;

	if (fd < 0 || dp_socks(b->dp, &all, &n, NULL) < 0)
		return 1;
	for (size_t i = 0; i < n; i++)
		found +=
			all[i].cookie == cookie_of(fd) && all[i].cgroup == cgroup_of(b, "pods/web");
	return found == 1 ? 0 : 2;
}

static void a_pods_sockets_are_told_with_the_pods_cgroup(void **state)
{
	struct bed *b = bed_of(state);
	char pod[300], container[300];
	uint16_t port = 9;

	bed_service(b, 23, "10.96.6.23", 80, IPPROTO_UDP, &port, 1, "127.0.0.1");
	bed_pod_make(b, "web", pod);
	bed_pod_make(b, "web/container", container);
	assert_non_null(bed_sample(b, bed_pod_id(pod)));
	assert_int_equal(bed_run_in(container, dial_in_pod, b), 0);
	bed_pod_remove(container);
	assert_int_equal(bed_run_in(pod, dial_in_pod, b), 0);
	bed_pod_remove(pod);
}

static int cookie_cmp(const void *a, const void *b)
{
	const struct weir_sock *x = a, *y = b;

	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

static void of_many_sockets_each_is_told_once(void **state)
{
	const struct rlimit room = { MANY + 100, MANY + 100 };
	cleanup(free_ptr) struct weir_sock *all = NULL;
	static int fds[MANY];
	struct bed *b = bed_of(state);
	uint16_t port = 9;
	size_t n;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &room), 0);
	bed_service(b, 24, "10.96.6.24", 80, IPPROTO_UDP, &port, 1, "127.0.0.1");
	for (int i = 0; i < MANY; i++)
		fds[i] = bed_connect("10.96.6.24", 80, SOCK_DGRAM);
	all = socks(b, &n);
	assert_int_equal(n, MANY);
	qsort(all, n, sizeof(*all), cookie_cmp);
	for (size_t i = 1; i < n; i++)
		assert_true(all[i].cookie > all[i - 1].cookie);
	for (int i = 0; i < MANY; i++)
		close_fd(&fds[i]);
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void of_many_connections_each_is_told_once(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(free_ptr) struct dp_conn *conns = NULL;
	cleanup(free_ptr) bool *seen = calloc(CONNS, sizeof(*seen));
	cleanup(close_fd) int map = -1;
	char path[200];
	size_t n;

	assert_non_null(seen);
	assert_int_equal(dp_conns(b->dp, &conns, &n, NULL), 0);
	assert_int_equal(n, 0);
	free_ptr(&conns);
	conns = NULL;
	snprintf(path, sizeof(path), "%s/weir/v%d/maps/weir_conn", b->dir, WEIR_ABI);
	map = bpf_obj_get(path);
	for (uint32_t i = 0; i < CONNS; i++) {
		struct weir_tuple from = { .src.w[3] = i, .proto = IPPROTO_UDP };
		struct weir_conn c = { .to.proto = IPPROTO_UDP, .svc = i };

		assert_int_equal(bpf_map_update_elem(map, &from, &c, BPF_NOEXIST), 0);
	}
	assert_int_equal(dp_conns(b->dp, &conns, &n, NULL), 0);
	assert_int_equal(n, CONNS);
	for (size_t i = 0; i < n; i++) {
		uint32_t at = conns[i].from.src.w[3];

		assert_true(at < CONNS && !seen[at]);
		assert_int_equal(conns[i].conn.svc, at);
		seen[at] = true;
	}
}

/* ---- Devices --------------------------------------------------------------------------------- */

/* How many stand on the loopback, on either side; nothing stands elsewhere. */
static size_t on_loopback(struct bed *b, const char *device)
{
	cleanup(free_ptr) struct dp_program *programs = NULL;
	size_t n, ingress = 0, egress = 0;
	struct err err = {};

	if (dp_programs(b->dp, &programs, &n, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < n; i++) {
		const struct dp_program *p = &programs[i];

		if (!p->ifindex)
			continue;
		assert_int_equal(p->ifindex, 1);
		assert_string_equal(p->device, device);
		assert_true(p->id > 0 && p->verified_insns > 0);
		/* by a link of tcx on kernels that have it */
		assert_int_equal(strncmp(p->attach, p->link_id ? "tcx " : "filter ", 4), 0);
		ingress += !strcmp(strchr(p->attach, ' '), " ingress");
		egress += !strcmp(strchr(p->attach, ' '), " egress");
	}
	assert_int_equal(ingress, egress);
	return ingress;
}

static void programs_of_devices_are_told(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct dp_device lo = { 1, DP_DIRECT, {} };

	assert_int_equal(on_loopback(b, "lo"), 0);
	assert_int_equal(dp_devices_sync(b->dp, &lo, 1, NULL), 0);
	assert_int_equal(on_loopback(b, "lo"), 1);
	/* elsewhere index 1 is another device: links are told of, names and filters are not */
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_true(on_loopback(b, "") <= 1);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	assert_int_equal(dp_devices_sync(b->dp, NULL, 0, NULL), 0);
	assert_int_equal(on_loopback(b, "lo"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_told_with_all_their_addresses),
		cmocka_unit_test(also_those_of_another_namespace),
		cmocka_unit_test(what_is_closed_or_dials_elsewhere_is_told_no_more),
		cmocka_unit_test(a_connection_that_the_backend_left_is_told_as_closing),
		cmocka_unit_test(a_pods_sockets_are_told_with_the_pods_cgroup),
		cmocka_unit_test(of_many_sockets_each_is_told_once),
		cmocka_unit_test(of_many_connections_each_is_told_once),
		cmocka_unit_test(programs_of_devices_are_told),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
