/* SPDX-License-Identifier: Apache-2.0 */
/* Packets in fragments, of which only the first says what it belongs to. */
#include "bpf/node.h"
#include "core/cleanup.h"

#define PORT 80
#define TO_PORT 8080
#define CLIENT_PORT 4000
#define PARTS_MAX 3
#define CUT 600 /* bytes of a fragment */

static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP };

/* A client's packet of `parts` fragments, the last one shorter. */
struct parts {
	const char *const *name;
	struct packet whole;
	struct frame part[PARTS_MAX];
	size_t n;
};

static void service(const struct parts *p, const char *backend)
{
	node_service(&(struct node_service){ .id = 1,
					     .vip = p->name[EXTERNAL],
					     .to = { backend },
					     .port = PORT,
					     .to_port = TO_PORT,
					     .proto = p->whole.t.proto });
}

static void cut(struct parts *p, uint32_t id)
{
	struct frame f;
	size_t head;

	frame_make(&p->whole, &f);
	head = FRAME_L3 + (tuple_is_v6(&p->whole.t) ? 40U : 20U + p->whole.options);
	for (p->n = 0; head + p->n * CUT < f.len; p->n++) {
		size_t left = f.len - head - p->n * CUT;

		frame_cut(&f, id, (uint16_t)(p->n * CUT), (uint16_t)(left < CUT ? left : CUT),
			  &p->part[p->n]);
	}
}

static struct parts parts(bool v6, uint8_t proto, uint32_t id)
{
	const char *const *name = node_name[v6];
	struct parts p = { .name = name,
			   .whole = { .t = tuple(proto, name[CLIENT], CLIENT_PORT, name[EXTERNAL],
						 PORT),
				      .flags = proto == IPPROTO_TCP ? SYN : 0,
				      .options = v6 ? 0 : 8,
				      .len = 2 * CUT + 100 } };

	cut(&p, id);
	return p;
}

/* All of them come by a device and go on; they are one packet of this tuple then, port 0: any. */
static void go_on(struct parts *p, enum node_dev dev, const struct weir_tuple *want,
		  struct weir_tuple *ret)
{
	struct weir_tuple t = *want;
	struct packet got, part;
	struct frame f;

	for (size_t i = 0; i < p->n; i++) {
		assert_reason(node_in(dev, &p->part[i]), WEIR_REASON_PKT_SENT);
		frame_read(&p->part[i], &part);
		assert_int_equal(part.hops, 63);
	}
	frame_join(p->part, p->n, &f);
	frame_read(&f, &got);
	if (!t.sport)
		t.sport = got.t.sport;
	assert_tuple(&got.t, &t);
	assert_rest(&got, &p->whole);
	*ret = got.t;
}

static void fragments_follow_their_first_there_and_back(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct parts p = parts(i & 1, protos[i >> 1 & 1], 0x1234);
		struct weir_tuple view,
			want = tuple(p.whole.t.proto, p.name[SELF + PODS], 0, p.name[POD], TO_PORT);

		node_of(state);
		node_complete(i & 4);
		service(&p, p.name[POD]);
		go_on(&p, OUT, &want, &view);

		want = tuple_answer(&p.whole.t);
		p.whole.t = tuple_answer(&view);
		if (p.whole.t.proto == IPPROTO_TCP)
			p.whole.flags = SYN | ACK;
		cut(&p, 0x1234);
		go_on(&p, PODS, &want, &view);
	}
}

static void fragments_of_the_nodes_own_sockets_are_translated(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct parts p = parts(i & 1, protos[i >> 1], 99);
		struct weir_tuple want = tuple_answer(&p.whole.t);
		struct packet got;
		struct frame f;

		node_of(state);
		service(&p, p.name[SELF + OUT]);
		for (size_t k = 0; k < p.n; k++)
			assert_reason(node_in(OUT, &p.part[k]), WEIR_REASON_PKT_HOST);
		frame_join(p.part, p.n, &f);
		frame_read(&f, &got);
		p.whole.t = tuple_answer(&got.t);
		cut(&p, 100);
		for (size_t k = 0; k < p.n; k++)
			assert_true(node_out(OUT, &p.part[k]));
		frame_join(p.part, p.n, &f);
		frame_read(&f, &got);
		assert_tuple(&got.t, &want);
		assert_rest(&got, &p.whole);
	}
}

static void fragments_of_two_packets_are_told_apart(void **state)
{
	struct parts one = parts(false, IPPROTO_UDP, 1), two = parts(false, IPPROTO_UDP, 2);
	struct weir_tuple a, b, want;
	struct frame mixed;

	node_of(state);
	service(&one, one.name[POD]);
	two.whole.t.sport ^= htons(1);
	cut(&two, 2);
	want = tuple(IPPROTO_UDP, one.name[SELF + PODS], 0, one.name[POD], TO_PORT);
	mixed = one.part[0];
	assert_reason(node_in(OUT, &mixed), WEIR_REASON_PKT_SENT);
	go_on(&two, OUT, &want, &b);
	go_on(&one, OUT, &want, &a);
	assert_int_not_equal(a.sport, b.sport);
}

static void one_that_overtakes_the_first_is_left_alone(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct parts p = parts(i & 1, protos[i >> 1], 5);
		struct frame f;

		node_of(state);
		service(&p, p.name[POD]);
		f = p.part[1];
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_PASS);
		f = p.part[0];
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SENT);
		f = p.part[1];
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SENT);
	}
}

/* Nothing is answered to a fragment that is not the first: who asked hears it once. */
static void those_behind_a_first_that_does_not_fit_are_dropped_in_silence(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct parts p = parts(v6, IPPROTO_UDP, 6);
		struct frame f;

		node_of(state);
		service(&p, p.name[POD]);
		f = p.part[0];
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SENT);
		service(&p, NULL);
		node_conn_del(&p.whole.t);
		f = p.part[1];
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SILENT);
		f = p.part[0];
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_NO_ENDPOINT);
	}
}

/* IPv6 packets may come in one fragment that is all of it (RFC 6946). */
static void a_fragment_that_is_the_whole_packet_is_one(void **state)
{
	struct packet p = { .len = 40 }, got;
	struct frame whole, f;

	node_of(state);
	p.t = tuple(IPPROTO_UDP, node_name[1][CLIENT], CLIENT_PORT, node_name[1][EXTERNAL], PORT);
	node_service(&(struct node_service){ .id = 1,
					     .vip = node_name[1][EXTERNAL],
					     .to = { node_name[1][POD] },
					     .port = PORT,
					     .to_port = TO_PORT,
					     .proto = IPPROTO_UDP });
	frame_make(&p, &whole);
	frame_cut(&whole, 1, 0, (uint16_t)(whole.len - FRAME_L3 - 40), &f);
	assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SENT);
	frame_read(&f, &got);
	assert_int_equal(ntohs(got.t.dport), TO_PORT);
}

/* Its checksum is over the whole, which no fragment has. */
static void fragments_of_sctp_are_left_alone(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct parts p = parts(v6, IPPROTO_SCTP, 8);

		node_of(state);
		service(&p, p.name[POD]);
		for (size_t i = 0; i < p.n; i++)
			assert_reason(node_in(OUT, &p.part[i]), WEIR_REASON_PKT_PASS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_follow_their_first_there_and_back),
		cmocka_unit_test(fragments_of_the_nodes_own_sockets_are_translated),
		cmocka_unit_test(fragments_of_two_packets_are_told_apart),
		cmocka_unit_test(one_that_overtakes_the_first_is_left_alone),
		cmocka_unit_test(those_behind_a_first_that_does_not_fit_are_dropped_in_silence),
		cmocka_unit_test(a_fragment_that_is_the_whole_packet_is_one),
		cmocka_unit_test(fragments_of_sctp_are_left_alone),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
