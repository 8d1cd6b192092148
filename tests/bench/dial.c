/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dial costs: socket + connect + close over UDP (no handshake, so that the hook is most of what
 * differs), three ways, interleaved in one run; the smallest of the rounds counts, and the ratio to the
 * first way is what to compare between machines.
 */
#include <sys/socket.h>
#include <time.h>

#include "bpf/bed.h"
#include "core/cleanup.h"

#define ROUNDS 9
#define DIALS 20000
#define SERVICES 10000

struct way {
	const char *name, *addr;
	uint16_t port;
	uint64_t best_ns; /* of DIALS */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t dial(const struct way *w)
{
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr(w->addr, w->port, &sa);
	uint64_t began = now_ns();

	for (int i = 0; i < DIALS; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
		close_fd(&fd);
	}
	return now_ns() - began;
}

static void measure(struct way *ways, size_t n)
{
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < n; i++) {
			uint64_t ns = dial(&ways[i]);

			if (!ways[i].best_ns || ns < ways[i].best_ns)
				ways[i].best_ns = ns;
		}
}

/* Services beside the one that is dialled: the table's size must not matter. */
static void fill(struct bed *b, uint16_t backend)
{
	for (uint32_t i = 0; i < SERVICES; i++) {
		struct weir_svc svc = { .id = i + 100, .gen = 1, .first = 16, .count = 1 };
		struct weir_vip vip;
		char addr[32];

		snprintf(addr, sizeof(addr), "10.97.%u.%u", i >> 8 & 255, i & 255);
		vip = bed_vip(addr, 80, IPPROTO_UDP);
		assert_int_equal(dp_frontend_put(b->dp, &vip, &svc, NULL), 0);
	}
	bed_service(b, 1, "10.96.0.10", 80, IPPROTO_UDP, &backend, 1, "127.0.0.1");
}

static void dials(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1;
	struct way with[2] = { { .name = "not a Service", .addr = "127.0.0.1" },
			       { .name = "a Service", .addr = "10.96.0.10", .port = 80 } };
	struct way bare = { .name = "no hook", .addr = "127.0.0.1" };

	s = bed_listen("127.0.0.1", SOCK_DGRAM, &bare.port);
	with[0].port = bare.port;
	fill(b, bare.port);
	measure(with, ARRAY_LEN(with));
	dp_close(&b->dp);
	assert_int_equal(dp_detach(b->dir, NULL), 0);
	measure(&bare, 1);

	printf("dial (UDP socket + connect + close), %d Services in the table\n", SERVICES + 1);
	printf("%-14s %8.0f ns   ratio 1.00\n", bare.name, (double)bare.best_ns / DIALS);
	for (size_t i = 0; i < ARRAY_LEN(with); i++)
		printf("%-14s %8.0f ns   ratio %.2f\n", with[i].name,
		       (double)with[i].best_ns / DIALS,
		       (double)with[i].best_ns / (double)bare.best_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(dials) };

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
