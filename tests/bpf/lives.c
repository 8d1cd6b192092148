/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to pods in the course of their lives: nothing is lost and nothing doubled. CPU time is held against the parent's (witness.h).
 */
#include "bpf/lives.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "bpf/sandbox.h"
#include "bpf/witness.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"

#define SETTLE_MS 200
#define NEVER_MS 3600000
#define SINK 9

static struct sandbox box;

static int setup(void **state)
{
	if (bed_setup(state))
		return -1;
	if (!*state)
		return 0;
	witness_open(*state);
	sandboxes_make(&box, 0, 1);
	return 0;
}

static int teardown(void **state)
{
	if (!*state)
		return 0;
	sandboxes_end(&box, 1);
	witness_close();
	return bed_teardown(state);
}

/* ---- Lives ----------------------------------------------------------------------------------- */

static void each_life_under_a_name_is_a_pod_of_its_own(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t before = witness_ns(b), sum = 0, last = 0;

	for (uint64_t us = 2000; us <= 8000; us *= 2) {
		char path[300];
		uint64_t id = pod_make(b, "again", path), ns;

		assert_int_not_equal(id, last);
		assert_int_equal(bed_run_in(path, bed_burn, &us), 0);
		ns = pod_end(b, path, id);
		assert_true(ns >= us * 1000);
		sum += ns;
		last = id;
	}
	assert_int_equal(sum, witness_ns(b) - before);
}

/* A process that was waited for is still charged for the end of its exit: a reading and the witness's are of
 * one moment when nothing came between two of the witness's. */
static uint64_t at_rest_ns(struct bed *b, uint64_t id, uint64_t *ret_witness)
{
	for (int i = 0; i < 500; i++, usleep(10000)) {
		uint64_t was = witness_ns(b), ns = bed_sample(b, id)->cpu_ns;

		*ret_witness = witness_ns(b);
		if (*ret_witness == was)
			return ns;
	}
	fail_msg("it does not come to rest");
	return 0;
}

static void containers_that_restart_are_their_pods(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t before = witness_ns(b), us = 3000, id, last = 0;
	char path[300], inner[320];

	id = pod_make(b, "restarting", path);
	for (int i = 0; i < 5; i++) {
		uint64_t ns, witness;

		snprintf(inner, sizeof(inner), "%s/c%d", path,
			 i / 2); /* also under the same name */
		assert_int_equal(mkdir(inner, 0755), 0);
		assert_int_equal(bed_run_in(inner, bed_burn, &us), 0);
		bed_pod_remove(inner);
		ns = at_rest_ns(b, id, &witness);
		assert_true(ns >= last + us * 1000);
		assert_int_equal(ns, witness - before);
		last = ns;
	}
	assert_int_equal(pod_end(b, path, id), witness_ns(b) - before);
}

struct mover {
	const char *to[2];
	uint64_t us;
};

static int move(void *arg)
{
	const struct mover *m = arg;
	char procs[360], pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	for (int i = 0; i < 20; i++) {
		cleanup(close_fd) int fd = -1;
		uint64_t us = m->us;

		snprintf(procs, sizeof(procs), "%s/cgroup.procs", m->to[i % 2]);
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, pid, strlen(pid)) < 0 || bed_burn(&us))
			return 1;
	}
	return 0;
}

static void a_process_that_moves_is_where_it_ran(void **state)
{
	struct bed *b = bed_of(state);
	char path[2][300];
	struct mover m = { { path[0], path[1] }, 1500 };
	uint64_t before = witness_ns(b), id[2], ns[2];

	for (int i = 0; i < 2; i++)
		id[i] = pod_make(b, i ? "there" : "here", path[i]);
	assert_int_equal(bed_run_in(path[0], move, &m), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bed_sample(b, id[i])->cpu_ns / 1000, bed_cpu_stat_us(path[i]));
		ns[i] = pod_end(b, path[i], id[i]);
		assert_true(ns[i] >= 10 * m.us * 1000);
	}
	assert_int_equal(ns[0] + ns[1], witness_ns(b) - before);
}

static void datagram(int fd)
{
	struct sockaddr_storage to;
	socklen_t len = bed_sockaddr(box.host_ip, SINK, &to);

	assert_int_equal(sendto(fd, "xxxx", 4, 0, (struct sockaddr *)&to, len), 4);
}

static int socket_and_move(void *arg)
{
	int fd;

	sandbox_enter(&box);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || move(arg)) /* ends in to[1] */
		return 1;
	datagram(fd);
	return 0;
}

/* Like memory: what a process made in a pod stays that pod's. */
static void a_socket_stays_with_the_pod_it_was_made_in(void **state)
{
	struct bed *b = bed_of(state);
	char path[2][300];
	struct mover m = { { path[0], path[1] }, 10 };
	struct weir_net net[2];
	uint64_t id[2];

	for (int i = 0; i < 2; i++)
		id[i] = pod_make(b, i ? "there" : "here", path[i]);
	assert_int_equal(bed_run_in(path[0], socket_and_move, &m), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(dp_net(b->dp, id[i], &net[i], NULL), 0);
		pod_end(b, path[i], id[i]);
	}
	assert_int_equal(net[0].tx.raw.packets, 1);
	assert_int_equal(net[1].tx.raw.packets, 0);
}

/* ---- Deaths ---------------------------------------------------------------------------------- */

/* A child that has ended, and that nobody has asked for yet. */
static pid_t zombie_in(const char *path, uint64_t *us)
{
	pid_t pid = bed_start_in(path, bed_burn, us);
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

static void a_dead_pod_that_nobody_can_use_is_settled(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t before = witness_ns(b), us = 3000, id, ns;
	char path[300];
	pid_t pid;

	id = pod_make(b, "zombie", path);
	pid = zombie_in(path, &us);
	bed_pod_remove(path);
	ctl_change(b, set_settle, NEVER_MS);
	assert_int_equal(state_of(b, id), WEIR_POD_REMOVED);
	ctl_change(b, set_settle, SETTLE_MS);
	becomes(b, id, WEIR_POD_SETTLED);
	ns = bed_sample(b, id)->cpu_ns;
	assert_int_equal(ns, witness_ns(b) - before);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0); /* billed */

	/* the kernel lets it go now: the same amount is told once more, and is final at once */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 500 && !bed_sample(b, id); i++)
		usleep(10000);
	assert_int_equal(state_of(b, id), WEIR_POD_RELEASED);
	assert_int_equal(bed_sample(b, id)->cpu_ns, ns);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
	assert_null(bed_sample(b, id));
}

static int send_socket(void *arg)
{
	int *channel = arg, fd;
	char room[CMSG_SPACE(sizeof(int))] = {};
	struct iovec data = { .iov_base = room, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &data,
			      .msg_iovlen = 1,
			      .msg_control = room,
			      .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	sandbox_enter(&box);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return fd < 0 || sendmsg(channel[1], &msg, 0) != 1;
}

static int receive_socket(int channel)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &data,
			      .msg_iovlen = 1,
			      .msg_control = room,
			      .msg_controllen = sizeof(room) };
	int fd = -1;

	assert_int_equal(recvmsg(channel, &msg, MSG_CMSG_CLOEXEC), 1);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* A socket that outlives its pod still sends, and that is still the pod's. */
static void a_dead_pod_with_a_socket_is_not_settled(void **state)
{
	struct bed *b = bed_of(state);
	struct weir_net net;
	char path[300], inner[320];
	int channel[2], fd;
	uint64_t id;

	ctl_change(b, set_settle, SETTLE_MS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
	id = pod_make(b, "mourned", path);
	snprintf(inner, sizeof(inner), "%s/c", path);
	assert_int_equal(mkdir(inner, 0755), 0);
	assert_int_equal(bed_run_in(inner, send_socket, channel), 0);
	fd = receive_socket(channel[0]);
	bed_pod_remove(inner);
	bed_pod_remove(path);
	for (int i = 0; i < 5; i++, usleep(SETTLE_MS * 1000 / 2))
		assert_int_equal(state_of(b, id), WEIR_POD_REMOVED);
	datagram(fd);
	assert_int_equal(dp_net(b->dp, id, &net, NULL), 0);
	assert_int_equal(net.tx.raw.packets, 1);
	close(fd);
	for (int i = 0; i < 500 && state_of(b, id) == WEIR_POD_REMOVED; i++)
		usleep(10000);
	assert_true(state_of(b, id) >= WEIR_POD_RELEASED);
	bed_released(b, id);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
	close(channel[0]);
	close(channel[1]);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static int one_datagram(void *arg)
{
	int fd;

	(void)arg;
	sandbox_enter(&box);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	datagram(fd);
	return 0;
}

static void counters_pass_32_bits(void **state)
{
	static const uint64_t high = UINT32_MAX - 1;
	struct bed *b = bed_of(state);
	cleanup(close_fd) int fd = pin_open(b, "maps", "weir_net");
	struct weir_net cpus[64] = {}, net;
	char path[300];
	uint64_t id;

	assert_true(sysconf(_SC_NPROCESSORS_CONF) <= 64);
	for (size_t i = 0; i < 64; i++)
		cpus[i].tx.raw = cpus[i].tx.wire[WEIR_CLASS_EXTERNAL] =
			(struct weir_count){ high, high };
	id = pod_make(b, "large", path);
	assert_int_equal(bpf_map_update_elem(fd, &id, cpus, BPF_NOEXIST), 0);
	assert_int_equal(dp_net(b->dp, id, &net, NULL), 0);
	assert_true(net.tx.raw.bytes >= high && net.tx.raw.bytes % high == 0);
	for (uint64_t i = 1; i <= 4; i++) {
		struct weir_net now;

		assert_int_equal(bed_run_in(path, one_datagram, NULL), 0);
		assert_int_equal(dp_net(b->dp, id, &now, NULL), 0);
		assert_int_equal(now.tx.raw.bytes, net.tx.raw.bytes + i * (4 + UDP_HEADS));
		assert_int_equal(now.tx.raw.packets, net.tx.raw.packets + i);
		assert_int_equal(now.tx.wire[WEIR_CLASS_EXTERNAL].bytes, now.tx.raw.bytes);
	}
	pod_end(b, path, id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_life_under_a_name_is_a_pod_of_its_own),
		cmocka_unit_test(containers_that_restart_are_their_pods),
		cmocka_unit_test(a_process_that_moves_is_where_it_ran),
		cmocka_unit_test(a_socket_stays_with_the_pod_it_was_made_in),
		cmocka_unit_test(a_dead_pod_that_nobody_can_use_is_settled),
		cmocka_unit_test(a_dead_pod_with_a_socket_is_not_settled),
		cmocka_unit_test(counters_pass_32_bits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
