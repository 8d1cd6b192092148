/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand pods that live for 20 to 200 ms, fifty at a time, none of them ever read while it lived:
 * CPU time to the nanosecond, bytes to the byte.
 *
 * Of CPU time the parent is the witness (witness.h), of bytes the interface's counters.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bpf/sandbox.h"
#include "bpf/witness.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"

#define PODS 1000
#define AT_ONCE 50
#define LIFE_MIN_MS 20
#define LIFE_MAX_MS 200
#define SINK 7

/* What a pod does is known from its number alone. */
struct deed {
	uint64_t cpu_us;
	uint32_t life_ms, rounds, size;
};

struct live {
	char path[300];
	uint64_t id;
	pid_t pid;
	struct deed deed;
	const struct sandbox *box;
	struct sandbox_count before, counted;
};

static struct {
	struct sandbox boxes[AT_ONCE];
	pid_t echo;
	struct live *pods;
	uint32_t n;
} all;

static struct deed deed_of(size_t i)
{
	return (struct deed){
		.cpu_us = 1000 + i * 7919 % 15000,
		.life_ms = LIFE_MIN_MS + (uint32_t)(i * 104729 % (LIFE_MAX_MS - LIFE_MIN_MS + 1)),
		.rounds = 1 + (uint32_t)(i % 9),
		.size = 1 + (uint32_t)(i * 31 % 1400),
	};
}

static uint64_t now_us(void)
{
	return clock_boot_ns() / 1000;
}

/* Datagrams there and back, one at a time, so that none is lost. */
static int talk(const struct live *p)
{
	int fd = bed_connect(p->box->host_ip, SINK, SOCK_DGRAM);
	char data[1500] = {};

	for (uint32_t i = 0; i < p->deed.rounds; i++)
		if (send(fd, data, p->deed.size, 0) != (ssize_t)p->deed.size ||
		    recv(fd, data, sizeof(data), 0) != (ssize_t)p->deed.size)
			return 1;
	return 0;
}

static int live(void *arg)
{
	const struct live *p = arg;
	uint64_t born = now_us(), cpu = bed_cpu_us(), age;
	int r;

	sandbox_enter(p->box);
	r = talk(p);
	while (bed_cpu_us() - cpu < p->deed.cpu_us)
		;
	age = now_us() - born;
	if (age < p->deed.life_ms * 1000ULL)
		usleep((useconds_t)(p->deed.life_ms * 1000ULL - age));
	return r;
}

static void echo_serve(void)
{
	struct sockaddr_storage any;
	socklen_t len = bed_sockaddr("0.0.0.0", SINK, &any);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char data[1500];

	if (bind(fd, (struct sockaddr *)&any, len))
		_exit(1);
	for (;;) {
		struct sockaddr_storage from;
		ssize_t n;

		len = sizeof(from);
		n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);
		if (n > 0)
			sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

static int setup(void **state)
{
	if (bed_setup(state))
		return -1;
	if (!*state)
		return 0;
	all.n = bed_times(PODS);
	all.pods = calloc(all.n, sizeof(*all.pods));
	witness_open(*state);
	sandboxes_make(all.boxes, 0, AT_ONCE);
	all.echo = fork();
	if (!all.echo)
		echo_serve();
	return all.pods && all.echo > 0 ? 0 : -1;
}

static int teardown(void **state)
{
	if (!*state)
		return 0;
	kill(all.echo, SIGKILL);
	waitpid(all.echo, NULL, 0);
	sandboxes_end(all.boxes, AT_ONCE);
	witness_close();
	free(all.pods);
	return bed_teardown(state);
}

static void begin(struct bed *b, size_t i, const struct sandbox *box)
{
	struct live *p = &all.pods[i];
	char name[32];

	snprintf(name, sizeof(name), "pod-%zu", i);
	p->deed = deed_of(i);
	p->box = box;
	p->before = sandbox_count(box);
	bed_pod_make(b, name, p->path);
	p->id = bed_pod_id(p->path);
	p->pid = bed_start_in(p->path, live, p);
}

static void end(struct live *p)
{
	int status;

	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_int_equal(status, 0);
	p->counted = sandbox_since(p->box, &p->before);
	bed_pod_remove(p->path);
}

static void assert_bytes(struct bed *b, const struct live *p)
{
	uint64_t rounds = p->deed.rounds, bytes = rounds * (p->deed.size + UDP_HEADS);
	struct weir_net net;

	assert_int_equal(p->counted.tx_bytes, bytes);
	assert_int_equal(p->counted.rx_bytes, bytes);
	assert_int_equal(dp_net(b->dp, p->id, &net, NULL), 0);
	assert_int_equal(net.tx.raw.bytes, bytes);
	assert_int_equal(net.rx.raw.bytes, bytes);
	assert_int_equal(net.tx.wire[WEIR_CLASS_EXTERNAL].bytes, bytes);
	assert_int_equal(net.rx.wire[WEIR_CLASS_EXTERNAL].bytes, bytes);
	assert_int_equal(net.tx.raw.packets, p->counted.tx_packets);
	assert_int_equal(net.rx.raw.packets, p->counted.rx_packets);
}

static void a_thousand_short_lives_are_billed_in_full(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t before = witness_ns(b), sum = 0, spent;

	for (size_t at = 0; at < all.n; at += AT_ONCE) {
		size_t n = all.n - at < AT_ONCE ? all.n - at : AT_ONCE;

		for (size_t i = 0; i < n; i++)
			begin(b, at + i, &all.boxes[i]);
		for (size_t i = 0; i < n; i++)
			end(&all.pods[at + i]);
	}
	for (size_t i = 0; i < all.n; i++) {
		const struct live *p = &all.pods[i];
		const struct weir_pod *pod = bed_released(b, p->id);

		assert_true(pod->cpu_ns >= p->deed.cpu_us * 1000);
		assert_true(pod->died - pod->born >= p->deed.life_ms * 1000000ULL);
		sum += pod->cpu_ns;
		assert_bytes(b, p);
		assert_int_equal(dp_pod_forget(b->dp, p->id, NULL), 0);
	}
	spent = witness_ns(b) - before;
	print_message("%u pods: %" PRIu64 " ns metered, %" PRIu64 " ns in their parent\n", all.n,
		      sum, spent);
	assert_int_equal(sum, spent);
	assert_int_equal(bed_reason(b, WEIR_REASON_CPU_UNREAD), 0);
	assert_int_equal(bed_reason(b, WEIR_REASON_POD_FULL), 0);
	assert_int_equal(bed_reason(b, WEIR_REASON_NET_FULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_short_lives_are_billed_in_full),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
