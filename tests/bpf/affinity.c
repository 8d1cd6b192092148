/* SPDX-License-Identifier: Apache-2.0 */
/* Session affinity through the real hooks: who is remembered, for how long, and what by. */
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "svc/plan.h"
#include "svc/svc.h"

#define VIP "10.96.5.10"
#define TCP_PORT 80
#define UDP_PORT 53
#define N 8
#define ALL ((1U << N) - 1)
#define DAY 86400

static int listener[N], datagrams[N];
static uint16_t stream_port[N], datagram_port[N];
static struct svc_idle *idle;

static int servers_open(void **state)
{
	if (bed_setup(state))
		return -1;
	for (int i = 0; i < N; i++) {
		listener[i] = bed_listen("127.0.0.1", SOCK_STREAM | SOCK_NONBLOCK, &stream_port[i]);
		datagrams[i] =
			bed_listen("127.0.0.1", SOCK_DGRAM | SOCK_NONBLOCK, &datagram_port[i]);
	}
	return svc_idle_new(0, &idle);
}

static int servers_close(void **state)
{
	for (int i = 0; i < N; i++) {
		close_fd(&listener[i]);
		close_fd(&datagrams[i]);
	}
	svc_idle_free(&idle);
	return bed_teardown(state);
}

static void port_add(struct svc_table *t, struct svc_service *s, enum svc_proto proto,
		     unsigned int mask)
{
	bool udp = proto == SVC_UDP;
	struct svc_endpoint e = { .ready = true, .serving = true };
	struct svc_port *p, spec = { .name = "", .proto = proto };

	spec.port = udp ? UDP_PORT : TCP_PORT;
	assert_int_equal(svc_port_add(t, s, &spec, &p, NULL), 0);
	assert_int_equal(addr_parse("127.0.0.1", &e.addr), 0);
	for (unsigned int i = 0; i < N; i++) {
		e.port = udp ? datagram_port[i] : stream_port[i];
		if (mask & (1U << i))
			assert_int_equal(svc_endpoint_add(t, p, &e, NULL), 0);
	}
}

/* The Service with those backends whose bit is set, remembering clients for so long; 0: not. */
static void serve(struct bed *b, unsigned int mask, uint32_t affinity_s)
{
	cleanup(svc_table_free) struct svc_table *t = NULL;
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	struct svc_service *s, spec = { .ns = "default",
					.name = "web",
					.n_cluster_ips = 1,
					.affinity = affinity_s > 0,
					.affinity_timeout_s = affinity_s };
	struct err err = {};

	assert_int_equal(addr_parse(VIP, &spec.cluster_ips[0]), 0);
	assert_int_equal(svc_table_new(&t), 0);
	assert_int_equal(svc_service_add(t, &spec, &s, NULL), 0);
	port_add(t, s, SVC_TCP, mask);
	port_add(t, s, SVC_UDP, mask);
	assert_int_equal(svc_select(t), 0);
	if (svc_sync(b->dp, t, idle, 1, &plan, &err))
		fail_msg("%s", err.text);
}

/* The server that something came to; a busy machine lets it wait. */
static int come_to(const int fds[N])
{
	struct pollfd p[N];

	for (int i = 0; i < N; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (poll(p, N, 30000) > 0)
		for (int i = 0; i < N; i++)
			if (p[i].revents)
				return i;
	fail_msg("nothing came to any server");
	return -1;
}

/* Which backend one connection went to. */
static int dial(void)
{
	cleanup(close_fd) int fd = bed_connect(VIP, TCP_PORT, SOCK_STREAM), peer = -1;
	int i;

	assert_true(fd >= 0);
	i = come_to(listener);
	peer = accept4(listener[i], NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	return i;
}

/* A bit for each backend that n connections reached. */
static unsigned int reached(int n)
{
	unsigned int seen = 0;

	while (n--)
		seen |= 1U << dial();
	return seen;
}

static unsigned int reached_by_datagrams(int n)
{
	cleanup(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage to;
	socklen_t len = bed_sockaddr(VIP, UDP_PORT, &to);
	unsigned int seen = 0;
	char text[8];

	while (n--) {
		int i;

		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, len), 1);
		i = come_to(datagrams);
		assert_int_equal(recv(datagrams[i], text, sizeof(text), 0), 1);
		seen |= 1U << i;
	}
	return seen;
}

static bool is_one(unsigned int seen)
{
	return seen && !(seen & (seen - 1));
}

static int affinity_map(struct bed *b)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/weir/v%d/maps/weir_affinity", b->dir, WEIR_ABI);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

/* Makes every client's last connection older by so much, which spares the tests to wait. Returns
 * how many clients are remembered. */
static int let_pass(struct bed *b, uint64_t seconds)
{
	cleanup(close_fd) int map = affinity_map(b);
	struct weir_client key, *from = NULL;
	struct weir_choice choice;
	int n = 0;

	for (; !bpf_map_get_next_key(map, from, &key); from = &key, n++) {
		assert_int_equal(bpf_map_lookup_elem(map, &key, &choice), 0);
		choice.used -= seconds * 1000000000;
		assert_int_equal(bpf_map_update_elem(map, &key, &choice, BPF_EXIST), 0);
	}
	return n;
}

static void a_client_stays_until_affinity_ends(void **state)
{
	struct bed *b = bed_of(state);
	unsigned int first;

	serve(b, ALL, 10800);
	first = reached(50);
	assert_true(is_one(first));
	serve(b, ALL, 0);
	assert_int_equal(reached(200), ALL); /* one of 8 missing: less than one in 10^10 */
	serve(b, ALL, 10800);
	assert_int_equal(reached(50), first); /* remembered all along */
}

static void protocols_are_remembered_apart(void **state)
{
	struct bed *b = bed_of(state);
	unsigned int same = 0;

	serve(b, ALL, DAY);
	for (int i = 0; i < 20; i++) {
		unsigned int stream, datagram;

		let_pass(b, DAY + 1);
		stream = reached(3);
		datagram = reached_by_datagrams(20);
		assert_true(is_one(stream));
		assert_true(is_one(datagram));
		same += stream == datagram;
	}
	assert_true(same < 20);
}

static void the_timer_starts_anew_with_each_connection(void **state)
{
	struct bed *b = bed_of(state);
	unsigned int first, later = 0;

	serve(b, ALL, 100);
	first = reached(1);
	for (int i = 0; i < 20; i++) {
		let_pass(b, 60);
		assert_int_equal(reached(1), first);
	}
	for (int i = 0; i < 40; i++) {
		let_pass(b, 101);
		later |= reached(1);
	}
	assert_false(is_one(later));
}

static void a_changed_set_moves_no_client_of_a_kept_backend(void **state)
{
	struct bed *b = bed_of(state);
	unsigned int mine;

	serve(b, ALL, DAY);
	mine = reached(3);
	for (unsigned int mask = 0; mask < ALL; mask += 7) {
		serve(b, mask | mine, DAY);
		assert_int_equal(reached(3), mine);
	}
}

static void a_removed_backend_is_replaced_by_one_other(void **state)
{
	struct bed *b = bed_of(state);

	for (int i = 0; i < 20; i++) {
		unsigned int mine, next;

		serve(b, ALL, DAY);
		mine = reached(1);
		serve(b, ALL & ~mine, DAY);
		next = reached(10);
		assert_true(is_one(next));
		assert_int_not_equal(next, mine);
		serve(b, ALL, DAY);
		assert_int_equal(reached(1), next); /* and that one is remembered now */
	}
}

static int dial_elsewhere(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWNET))
			_exit(200);
		/* loopback is down there: the dial fails, but the choice was made */
		bed_connect(VIP, TCP_PORT, SOCK_STREAM);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void each_network_namespace_is_a_client(void **state)
{
	struct bed *b = bed_of(state);
	int before;

	serve(b, ALL, DAY);
	reached(1);
	before = let_pass(b, 0);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(dial_elsewhere(), 0);
		assert_int_equal(let_pass(b, 0), before + i);
	}
	reached(1);
	assert_int_equal(let_pass(b, 0), before + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_stays_until_affinity_ends),
		cmocka_unit_test(protocols_are_remembered_apart),
		cmocka_unit_test(the_timer_starts_anew_with_each_connection),
		cmocka_unit_test(a_changed_set_moves_no_client_of_a_kept_backend),
		cmocka_unit_test(a_removed_backend_is_replaced_by_one_other),
		cmocka_unit_test(each_network_namespace_is_a_client),
	};

	return cmocka_run_group_tests(tests, servers_open, servers_close);
}
