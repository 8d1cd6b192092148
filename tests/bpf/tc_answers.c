/* SPDX-License-Identifier: Apache-2.0 */
/* What the node answers by itself, byte for byte, and what it is silent to. */
#include <sched.h>
#include <time.h>

#include "bpf/node.h"
#include "core/cleanup.h"

#define PORT 80
#define TO_PORT 8080
#define CLIENT_PORT 4000
#define FAR_MTU 1400
#define PER_S 1000 /* answers of one CPU */

#define ICMP_UNREACH 3
#define ICMP_EXCEEDED 11
#define ICMP6_UNREACH 1
#define ICMP6_TOO_BIG 2
#define ICMP6_EXCEEDED 3

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

/* A Service behind a link of FAR_MTU, or without endpoints. */
static void service(bool v6, uint8_t proto, bool idle)
{
	node_service(&(struct node_service){ .id = 1,
					     .vip = node_name[v6][VIP],
					     .to = { idle ? NULL : node_name[v6][FAR_POD] },
					     .port = PORT,
					     .to_port = TO_PORT,
					     .proto = proto });
}

static struct packet asked(bool v6, uint8_t proto, enum node_who whom)
{
	const char *const *name = node_name[v6];

	return (struct packet){ .t = tuple(proto, name[CLIENT], CLIENT_PORT, name[whom], PORT),
				.hops = 9,
				.seq = 0xfffffffe, /* sums wrap */
				.ack = 77 };
}

/* Back to where it came from: link addresses exchanged. */
static void assert_answer(const struct frame *is, const struct frame *to, const struct frame *want)
{
	assert_memory_equal(is->data, to->data + 6, 6);
	assert_memory_equal(is->data + 6, to->data, 6);
	assert_int_equal(is->len, want->len);
	assert_memory_equal(is->data + FRAME_L3 - 2, want->data + FRAME_L3 - 2,
			    want->len - FRAME_L3 + 2);
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static void assert_reset(const struct packet *p, uint8_t flags, uint32_t seq, uint32_t ack,
			 enum weir_reason why)
{
	struct packet rst = {
		.t = tuple_answer(&p->t), .flags = flags, .seq = seq, .ack = ack, .df = true
	};
	struct frame f, is, want;

	frame_make(p, &f);
	is = f;
	assert_reason(node_in(OUT, &is), why);
	if (tuple_is_v6(&p->t))
		rst.df = false;
	frame_make(&rst, &want);
	f.data[5] = OUT;
	assert_answer(&is, &f, &want);
	assert_int_equal(node_conns(), 0);
}

static void tcp_is_reset_where_nobody_can_answer(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet p = asked(v6, IPPROTO_TCP, VIP);

		node_of(state);
		service(v6, IPPROTO_TCP, true);
		p.flags = SYN;
		assert_reset(&p, RST | ACK, 0, p.seq + 1, WEIR_REASON_PKT_NO_ENDPOINT);
		p.options = v6 ? 0 : 40;
		p.extensions = v6 ? 5 : 0;
		p.len = 8;
		assert_reset(&p, RST | ACK, 0, p.seq + 9, WEIR_REASON_PKT_NO_ENDPOINT);
		p.flags = SYN | FIN;
		assert_reset(&p, RST | ACK, 0, p.seq + 10, WEIR_REASON_PKT_NO_ENDPOINT);
		p.flags = ACK;
		assert_reset(&p, RST, p.ack, 0, WEIR_REASON_PKT_NO_ENDPOINT);

		p = asked(v6, IPPROTO_TCP, IDLE);
		p.flags = SYN;
		assert_reset(&p, RST | ACK, 0, p.seq + 1, WEIR_REASON_PKT_NO_SERVICE);
	}
}

static void tcp_is_reset_where_nobody_knows_the_connection(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet p = asked(v6, IPPROTO_TCP, VIP);

		node_of(state);
		service(v6, IPPROTO_TCP, false);
		p.flags = ACK;
		p.len = 100;
		assert_reset(&p, RST, p.ack, 0, WEIR_REASON_PKT_NO_CONN);
		p.flags = FIN;
		assert_reset(&p, RST | ACK, 0, p.seq + 101, WEIR_REASON_PKT_NO_CONN);
		p.flags = SYN | ACK;
		assert_reset(&p, RST, p.ack, 0, WEIR_REASON_PKT_NO_CONN);
	}
}

/* A short frame is padded on Ethernet, which is no part of the packet. */
static void padding_is_not_counted_and_not_sent_back(void **state)
{
	struct packet p = asked(false, IPPROTO_TCP, VIP), got;
	struct frame f;

	node_of(state);
	service(false, IPPROTO_TCP, true);
	p.flags = SYN;
	frame_make(&p, &f);
	memset(f.data + f.len, 0xaa, 60 - f.len);
	f.len = 60;
	assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_NO_ENDPOINT);
	assert_int_equal(f.len, FRAME_L3 + 20 + 20);
	frame_read(&f, &got);
	assert_int_equal(got.ack, p.seq + 1);
}

/* ---- ICMP ------------------------------------------------------------------------------------ */

struct error {
	uint8_t type4, code4, type6, code6;
	uint32_t rest;
	enum weir_reason why;
};

/* The answer quotes all headers, and of what is in TCP its header too. */
static void assert_error(const struct packet *p, const struct error *e)
{
	bool v6 = tuple_is_v6(&p->t);
	size_t quoted = (v6 ? 40U + p->extensions * 8U : 20U + p->options) +
			(p->t.proto == IPPROTO_TCP ? 20 : 8);
	struct frame f, is, want;
	struct packet got;

	frame_make(p, &f);
	is = f;
	assert_reason(node_in(OUT, &is), e->why);
	frame_error(&f, node_name[v6][VIP], v6 ? e->type6 : e->type4, v6 ? e->code6 : e->code4,
		    e->rest, quoted, &want);
	f.data[5] = OUT;
	frame_read(&is, &got); /* says more of what is wrong */
	assert_answer(&is, &f, &want);
}

static void others_hear_that_the_port_is_unreachable(void **state)
{
	static const struct error unreachable = {
		ICMP_UNREACH, 3, ICMP6_UNREACH, 4, 0, WEIR_REASON_PKT_NO_ENDPOINT
	};

	for (int i = 2; i < 6; i++) {
		struct packet p = asked(i & 1, protos[i / 2], VIP);

		node_of(state);
		service(i & 1, p.t.proto, true);
		p.len = 4;
		assert_error(&p, &unreachable);
		p.len = 1001;
		p.options = i & 1 ? 0 : 40;
		p.extensions = i & 1 ? 6 : 0;
		assert_error(&p, &unreachable);
	}
}

static void a_datagram_without_a_checksum_is_quoted_so(void **state)
{
	struct packet p = asked(false, IPPROTO_UDP, VIP);

	node_of(state);
	service(false, IPPROTO_UDP, true);
	p.unsummed = true;
	assert_error(&p, &(struct error){ ICMP_UNREACH, 3, 0, 0, 0, WEIR_REASON_PKT_NO_ENDPOINT });
}

static void a_packet_whose_hops_are_used_up_is_told(void **state)
{
	static const struct error exceeded = { ICMP_EXCEEDED,	    0, ICMP6_EXCEEDED, 0, 0,
					       WEIR_REASON_PKT_HOPS };

	for (int i = 0; i < 6; i++) {
		struct packet p = asked(i & 1, protos[i / 2], VIP);

		node_of(state);
		service(i & 1, p.t.proto, false);
		p.flags = p.t.proto == IPPROTO_TCP ? SYN : 0;
		p.hops = 1;
		p.len = 40;
		assert_error(&p, &exceeded);
	}
}

/* One that fits goes on; one byte more does not. First of a connection or later makes no difference. */
static void a_packet_that_is_too_big_is_told_what_fits(void **state)
{
	static const struct error big = { ICMP_UNREACH,		  4, ICMP6_TOO_BIG, 0, FAR_MTU,
					  WEIR_REASON_PKT_TOO_BIG };

	for (int i = 0; i < 12; i++) {
		struct packet p = asked(i & 1, protos[i / 4], VIP), fits;
		size_t head = (i & 1 ? 40U : 20U) + (p.t.proto == IPPROTO_TCP ? 20 :
						     p.t.proto == IPPROTO_UDP ? 8 :
										12);
		struct frame f;

		node_of(state);
		service(i & 1, p.t.proto, false);
		p.flags = p.t.proto == IPPROTO_TCP ? SYN : 0;
		p.len = FAR_MTU - head;
		fits = p;
		if (i & 2) {
			frame_make(&fits, &f);
			assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SENT);
		}
		p.len += 100;
		assert_error(&p, &big);
		p.len -= 99;
		assert_error(&p, &big);
		frame_make(&fits, &f);
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SENT);
	}
}

/* ---- Silence --------------------------------------------------------------------------------- */

static void assert_silent(const struct packet *p)
{
	struct frame f;

	frame_make(p, &f);
	assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SILENT);
}

static void a_reset_is_not_answered(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet p = asked(v6, IPPROTO_TCP, VIP);

		node_of(state);
		service(v6, IPPROTO_TCP, true);
		p.flags = RST;
		assert_silent(&p);
		p.flags = RST | ACK;
		assert_silent(&p);
		service(v6, IPPROTO_TCP, false);
		assert_silent(&p);
		p.flags = SYN | RST; /* begins nothing */
		assert_silent(&p);
		assert_int_equal(node_conns(), 0);
	}
}

/* An answer must have one host to go to, elsewhere. */
static void sources_that_are_no_hosts_are_not_answered(void **state)
{
	static const char *const odd[2][4] = {
		{ "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255" },
		{ "::", "::1", "ff02::1", "::198.51.100.10" },
	};

	for (int i = 0; i < 8; i++) {
		bool v6 = i / 4;
		struct packet p = asked(v6, i & 1 ? IPPROTO_TCP : IPPROTO_UDP, VIP);

		node_of(state);
		service(v6, p.t.proto, true);
		p.t.src = bed_vip(odd[v6][i % 4], 0, 0).addr;
		p.flags = p.t.proto == IPPROTO_TCP ? SYN : 0;
		assert_silent(&p);
	}
}

static void a_tcp_header_longer_than_its_packet_is_not_answered(void **state)
{
	struct packet p = asked(false, IPPROTO_TCP, VIP);
	struct frame f;

	node_of(state);
	service(false, IPPROTO_TCP, true);
	p.flags = SYN;
	frame_make(&p, &f);
	f.data[FRAME_L3 + 20 + 12] = 6 << 4;
	assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SILENT);
	frame_make(&p, &f);
	f.data[FRAME_L3 + 20 + 12] = 4 << 4; /* shorter than can be */
	assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SILENT);
}

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

/* One CPU answers no more than PER_S times in a second, which begins with the first answer in it. */
static void more_than_a_thousand_a_second_are_not_answered(void **state)
{
	struct packet p = asked(false, IPPROTO_UDP, VIP);
	struct bed *b = node_of(state);
	uint64_t silent = bed_reason(b, WEIR_REASON_PKT_SILENT), start, seconds;
	struct frame f, one;
	cpu_set_t was, first;

	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	assert_int_equal(sched_setaffinity(0, sizeof(first), &first), 0);
	service(false, IPPROTO_UDP, true);
	frame_make(&p, &f);
	start = now_s();
	for (int i = 0; i < 3 * PER_S; i++) {
		one = f;
		node_run(OUT, &one);
	}
	seconds = now_s() - start + 2; /* that any of them could be in */
	assert_int_equal(sched_setaffinity(0, sizeof(was), &was), 0);
	silent = bed_reason(b, WEIR_REASON_PKT_SILENT) - silent;
	assert_true(silent + seconds * PER_S >= 3 * PER_S);
	assert_true(silent <=
		    2 * PER_S + 200); /* for what other tests were answered in this second */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_is_reset_where_nobody_can_answer),
		cmocka_unit_test(tcp_is_reset_where_nobody_knows_the_connection),
		cmocka_unit_test(padding_is_not_counted_and_not_sent_back),
		cmocka_unit_test(others_hear_that_the_port_is_unreachable),
		cmocka_unit_test(a_datagram_without_a_checksum_is_quoted_so),
		cmocka_unit_test(a_packet_whose_hops_are_used_up_is_told),
		cmocka_unit_test(a_packet_that_is_too_big_is_told_what_fits),
		cmocka_unit_test(a_reset_is_not_answered),
		cmocka_unit_test(sources_that_are_no_hosts_are_not_answered),
		cmocka_unit_test(a_tcp_header_longer_than_its_packet_is_not_answered),
		cmocka_unit_test(more_than_a_thousand_a_second_are_not_answered),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
