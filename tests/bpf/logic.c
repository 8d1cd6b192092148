/* SPDX-License-Identifier: Apache-2.0 */
/* The pure logic of bpf/lib, run by BPF_PROG_TEST_RUN: what the real verifier let through and the
 * real JIT made of it, against the same sums in C. */
#include "tests/bpf/logic.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <sys/socket.h>

#include "bpf/bed.h"
#include "bpf/packets.h"
#include "core/cleanup.h"
#include "logic.skel.h"

static struct logic_bpf *skel;

static int setup(void **state)
{
	if (bed_setup(state) < 0)
		return -1;
	if (!*state)
		return 0; /* no bed: the tests skip */
	skel = logic_bpf__open_and_load();
	return skel ? 0 : -1;
}

static int teardown(void **state)
{
	logic_bpf__destroy(skel);
	return bed_teardown(state);
}

/* The kernel writes what the program made of its arguments back to where they came from. */
static void run(struct bpf_program *prog, void *args, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = (uint32_t)len);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	assert_int_equal(opts.retval, 0);
}

static void the_integral_is_exact_to_the_last_carry(void **state)
{
	static const uint64_t times[] = {
		0, 1, 999999999, 0xffffffff, 0x100000000, 0xffffffffffffffff, 0x123456789abcdef0
	};
	static const uint64_t amounts[] = { 0, 1, 4096, 0x12345678, 0xffffffff };
	unsigned __int128 want = 0;
	struct logic_integral a = {};

	bed_of(state);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < ARRAY_LEN(times); i++)
			for (size_t k = 0; k < ARRAY_LEN(amounts); k++) {
				a.amount = amounts[k];
				a.dt = times[i];
				want += (unsigned __int128)a.amount * a.dt;
				run(skel->progs.test_integral, &a, sizeof(a));
				assert_int_equal(a.lo, (uint64_t)want);
				assert_int_equal(a.hi, (uint64_t)(want >> 64));
			}
}

/* A minute and less: what was read first. Longer: nobody looked, and the smaller one counts. */
static void over_a_gap_the_smaller_reading_is_held(void **state)
{
	static const uint64_t minute = 60000000000;
	static const struct logic_hold cases[] = {
		{ 5, 3, 1, 5 },		 { 3, 5, minute, 3 },	  { 5, 3, minute, 5 },
		{ 5, 3, minute + 1, 3 }, { 3, 5, minute + 1, 3 }, { 5, 3, 60 * minute, 3 },
	};

	bed_of(state);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct logic_hold a = cases[i];

		a.held = 0;
		run(skel->progs.test_hold, &a, sizeof(a));
		assert_int_equal(a.held, cases[i].held);
	}
}

static void a_packet_weighs_what_its_segments_weigh(void **state)
{
	static const struct logic_wire cases[] = {
		{ .len = 40, .headers = 40, .gso_size = 0, .bytes = 40, .packets = 1 },
		{ .len = 1500, .headers = 52, .gso_size = 1448, .bytes = 1500, .packets = 1 },
		{ .len = 1501, .headers = 52, .gso_size = 1448, .bytes = 1553, .packets = 2 },
		{ .len = 52 + 10 * 1448,
		  .headers = 52,
		  .gso_size = 1448,
		  .bytes = 10 * 1500,
		  .packets = 10 },
		{ .len = 65535,
		  .headers = 60,
		  .gso_size = 1440,
		  .bytes = 65535 + 45 * 60,
		  .packets = 46 },
		/* no headers known, or nothing behind them: as it is */
		{ .len = 3000, .headers = 3000, .gso_size = 1448, .bytes = 3000, .packets = 1 },
	};

	bed_of(state);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct logic_wire a = cases[i];

		a.bytes = a.packets = 0;
		run(skel->progs.test_wire, &a, sizeof(a));
		assert_int_equal(a.bytes, cases[i].bytes);
		assert_int_equal(a.packets, cases[i].packets);
	}
}

static void crc_check(const uint8_t *packet, uint32_t len, const uint8_t ports[4])
{
	struct logic_crc a = { .len = len };
	cleanup(free_ptr) uint8_t *other = malloc(len);

	assert_non_null(other);
	memcpy(other, packet, len);
	for (int i = 0; i < 4; i++) {
		other[i] ^= ports[i];
		a.differ |= (uint32_t)ports[i] << 8 * i;
	}
	run(skel->progs.test_crc, &a, sizeof(a));
	assert_int_equal(crc32c(packet, len) ^ crc32c(other, len), a.result);
}

/* Of each length to 2,000, and of some to what IP can carry. */
static void a_crc_differs_as_the_ports_do(void **state)
{
	static const uint8_t each[4] = { 0x12, 0x34, 0x56, 0x78 };
	static uint8_t packet[0xffff];

	bed_of(state);
	for (size_t i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i * i >> 3);
	assert_int_equal(crc32c("123456789", 9),
			 0xe3069283); /* the check value of its catalogues */
	for (uint32_t len = 12; len <= 2000; len++)
		crc_check(packet, len, each);
	for (uint32_t len = 2001; len <= sizeof(packet); len += 997)
		crc_check(packet, len, each);
	crc_check(packet, 60000, each);
	crc_check(packet, sizeof(packet), each);
	for (int bit = 0; bit < 32; bit++) {
		uint8_t one[4] = {};

		one[bit / 8] = (uint8_t)(1 << bit % 8);
		crc_check(packet, 1500, one);
	}
}

static void put(struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

static void picking_follows_generation_count_and_policy(void **state)
{
	struct logic_pick a = { .vip = bed_vip("10.96.0.1", 80, IPPROTO_TCP) };
	struct weir_svc svc = { .id = 7, .gen = 3, .first = 100, .count = 1 };
	struct weir_backend be = { .port = 5, .proto = IPPROTO_TCP };
	struct weir_slot slot = { .backend = 9, .gen = 3 };
	uint32_t at = 100, id = 9;

	bed_of(state);
	run(skel->progs.test_pick, &a, sizeof(a));
	assert_int_equal(a.result, -ENOENT);

	put(skel->maps.weir_backend, &id, &be);
	put(skel->maps.weir_slot, &at, &slot);
	put(skel->maps.weir_svc, &a.vip, &svc);
	run(skel->progs.test_pick, &a, sizeof(a));
	assert_int_equal(a.result, 0);
	assert_int_equal(a.svc, 7);
	assert_int_equal(a.backend.port, 5);

	slot.gen = 4; /* a region that was written anew */
	put(skel->maps.weir_slot, &at, &slot);
	run(skel->progs.test_pick, &a, sizeof(a));
	assert_int_equal(a.result, -EAGAIN);

	svc.count = 0;
	put(skel->maps.weir_svc, &a.vip, &svc);
	run(skel->progs.test_pick, &a, sizeof(a));
	assert_int_equal(a.result, -ECONNREFUSED);
	svc.flags = WEIR_SVC_DROP;
	put(skel->maps.weir_svc, &a.vip, &svc);
	run(skel->progs.test_pick, &a, sizeof(a));
	assert_int_equal(a.result, -EHOSTUNREACH);
}

/* ---- Packets -------------------------------------------------------------------------------- */

static const struct {
	const char *addr;
	uint32_t bits, class;
} prefixes[] = {
	{ "10.244.0.0", 112, WEIR_CLASS_CLUSTER },
	{ "10.244.1.5", 128, WEIR_CLASS_LOCAL },
	{ "fd10::", 32, WEIR_CLASS_CLUSTER },
	{ "fd10::5", 128, WEIR_CLASS_LOCAL },
};

static size_t headers4(uint8_t *at, const char *src, const char *dst, uint8_t proto, size_t total)
{
	struct iphdr ip = { .version = 4,
			    .ihl = 5,
			    .ttl = 64,
			    .protocol = proto,
			    .tot_len = htons((uint16_t)total) };
	struct weir_vip s = bed_vip(src, 0, 0), d = bed_vip(dst, 0, 0);

	ip.saddr = s.addr.w[3];
	ip.daddr = d.addr.w[3];
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t headers6(uint8_t *at, const char *src, const char *dst, uint8_t proto, size_t total)
{
	struct ipv6hdr ip = { .version = 6,
			      .nexthdr = proto,
			      .hop_limit = 64,
			      .payload_len = htons((uint16_t)(total - sizeof(ip))) };
	struct weir_vip s = bed_vip(src, 0, 0), d = bed_vip(dst, 0, 0);

	memcpy(&ip.saddr, &s.addr, sizeof(ip.saddr));
	memcpy(&ip.daddr, &d.addr, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

/* A TCP packet with 32 bytes of TCP header, cut every gso bytes. */
static struct logic_packet packet(const char *src, const char *dst, size_t payload, uint32_t gso)
{
	struct __sk_buff ctx = { .gso_size = gso, .gso_segs = gso ? 2 : 0 };
	static uint8_t data[4096];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	bool v6 = strchr(dst, ':') != NULL;
	size_t l3 = v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr), len = l3 + 32 + payload;

	memset(data, 0, sizeof(data));
	assert_true(ETH_HLEN + len <= sizeof(data));
	data[12] = v6 ? 0x86 : 0x08;
	data[13] = v6 ? 0xdd : 0x00;
	(v6 ? headers6 : headers4)(data + ETH_HLEN, src, dst, IPPROTO_TCP, len);
	data[ETH_HLEN + l3 + 12] = 8 << 4; /* words of TCP header */
	opts.data_size_in = (uint32_t)(ETH_HLEN + len);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.test_packet), &opts),
			 0);
	assert_int_equal(skel->bss->seen.parsed, 1);
	return skel->bss->seen;
}

static void the_longest_prefix_names_the_class_of_either_end(void **state)
{
	struct logic_packet p;

	bed_of(state);
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		struct weir_prefix key = { .bits = prefixes[i].bits,
					   .addr = bed_vip(prefixes[i].addr, 0, 0).addr };

		put(skel->maps.weir_class, &key, &prefixes[i].class);
	}
	p = packet("10.244.1.5", "10.244.1.6", 0, 0);
	assert_int_equal(p.src_class, WEIR_CLASS_LOCAL);
	assert_int_equal(p.dst_class, WEIR_CLASS_CLUSTER);
	p = packet("10.245.0.1", "10.244.1.5", 0, 0);
	assert_int_equal(p.src_class, WEIR_CLASS_EXTERNAL);
	assert_int_equal(p.dst_class, WEIR_CLASS_LOCAL);
	p = packet("fd10::5", "fd10::6", 0, 0);
	assert_int_equal(p.src_class, WEIR_CLASS_LOCAL);
	assert_int_equal(p.dst_class, WEIR_CLASS_CLUSTER);
	p = packet("fd10::6", "2001:db8::1", 0, 0);
	assert_int_equal(p.dst_class, WEIR_CLASS_EXTERNAL);
}

static void offloaded_packets_are_weighed_by_their_own_headers(void **state)
{
	struct logic_packet p;

	bed_of(state);
	p = packet("10.0.0.1", "10.0.0.2", 100, 0);
	assert_int_equal(p.bytes, 20 + 32 + 100);
	assert_int_equal(p.packets, 1);
	p = packet("10.0.0.1", "10.0.0.2", 2000, 1000);
	assert_int_equal(p.bytes, 2 * (20 + 32) + 2000);
	assert_int_equal(p.packets, 2);
	p = packet("fd10::1", "fd10::2", 2001, 1000);
	assert_int_equal(p.bytes, 3 * (40 + 32) + 2001);
	assert_int_equal(p.packets, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_integral_is_exact_to_the_last_carry),
		cmocka_unit_test(over_a_gap_the_smaller_reading_is_held),
		cmocka_unit_test(a_packet_weighs_what_its_segments_weigh),
		cmocka_unit_test(a_crc_differs_as_the_ports_do),
		cmocka_unit_test(picking_follows_generation_count_and_policy),
		cmocka_unit_test(the_longest_prefix_names_the_class_of_either_end),
		cmocka_unit_test(offloaded_packets_are_weighed_by_their_own_headers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
