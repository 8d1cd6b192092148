/* SPDX-License-Identifier: Apache-2.0 */
/* Direct server return, at the node that the client comes to: what ICMP says of the way to the other node, what
 * the client is told, and its own errors. */
#include <bpf/bpf.h>

#include "bpf/dsr.h"
#include "core/cleanup.h"

#define FAR_MTU 1400
#define NS_PER_S 1000000000ULL

/* An error about the packet that was sent on. */
static void error_comes(const struct talk *t, enum node_who by, int type, uint32_t rest)
{
	static const struct {
		uint8_t type[2], code[2];
	} kinds[] = { { { 3, 1 }, { 3, 4 } }, { { 3, 2 }, { 4, 0 } }, { { 11, 3 }, { 0, 0 } } };
	struct packet p = packet(t, asked(t), SYN);
	struct frame f, error;

	assert_reason(comes(OUT, &p, &f), WEIR_REASON_PKT_AWAY);
	frame_error(&f, t->name[by], kinds[type].type[t->v6], kinds[type].code[t->v6], rest,
		    t->v6 ? 48 : 28, &error);
	assert_reason(node_in(FAR, &error), WEIR_REASON_PKT_PASS);
}

enum { REFUSED, TOO_BIG, EXCEEDED };

static struct weir_peer peer_of(const struct talk *t)
{
	struct weir_addr node = bed_vip(t->name[PEER], 0, 0).addr;
	struct weir_peer peer = {};

	bpf_map_lookup_elem(node_table("weir_peer"), &node, &peer);
	return peer;
}

static void peer_put(const struct talk *t, const struct weir_peer *peer)
{
	struct weir_addr node = bed_vip(t->name[PEER], 0, 0).addr;

	assert_int_equal(bpf_map_update_elem(node_table("weir_peer"), &node, peer, BPF_ANY), 0);
}

/* No Weir is there, say. What was not answered begins again; what was has its backend there. */
static void a_node_that_refuses_is_left_in_peace_for_a_minute(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = away(state, i);
		uint64_t before = bed_reason(t.bed, WEIR_REASON_PEER_REFUSED);
		struct weir_tuple key = asked(&t);
		struct weir_peer peer;

		error_comes(&t, PEER, REFUSED, 0);
		assert_int_equal(bed_reason(t.bed, WEIR_REASON_PEER_REFUSED), before + 1);
		node_conn_age(&key, 2);
		assert_masked(&t, OUT, CLIENT);
		assert_masked(&t, OUT, CLIENT2);

		peer = peer_of(&t);
		peer.refused_at -= 61 * NS_PER_S;
		peer_put(&t, &peer);
		key = asked(&t);
		node_conn_del(&key);
		assert_reason(client_says(&t, SYN), WEIR_REASON_PKT_AWAY);
	}
}

static void an_established_connection_outlives_a_refusal(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, v6);
		struct weir_tuple key = asked(&t);

		error_comes(&t, PEER, REFUSED, 0);
		client_says(&t, ACK);
		node_conn_age(&key, 2);
		assert_reason(client_says(&t, ACK), WEIR_REASON_PKT_AWAY);
	}
}

static void what_others_say_of_a_node_does_not_count(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, v6);
		struct frame f, about;
		struct packet p = { .t = tuple(IPPROTO_UDP, t.name[SELF + FAR], 50000,
					       t.name[CLIENT], TUNNEL_PORT) };

		error_comes(&t, ROUTER, REFUSED, 0);
		error_comes(&t, PEER, EXCEEDED, 0);
		error_comes(&t, ROUTER, TOO_BIG, 575);
		frame_make(&p, &about); /* to no node */
		frame_error(&about, t.name[CLIENT], v6 ? 1 : 3, v6 ? 4 : 3, 0, 48, &f);
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_PASS);
		assert_int_equal(peer_of(&t).refused_at, 0);
		assert_int_equal(peer_of(&t).small_at, 0);
	}
}

/* The largest packet of the client that may come, with the outer headers, by a way of so many bytes. */
static void assert_limit(const struct talk *t, size_t way)
{
	size_t most = way - (t->v6 ? TUNNEL_OUTER6 : TUNNEL_OUTER4),
	       heads = (t->v6 ? 40U : 20U) + (t->proto == IPPROTO_TCP ? 20U : 8U);
	struct packet p = packet(t, asked(t), SYN), got;
	struct weir_tuple want = tuple(t->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, t->name[EXTERNAL], 0,
				       t->name[t->client], 0);
	struct frame f;

	p.len = most - heads;
	assert_reason(comes(OUT, &p, &f), WEIR_REASON_PKT_AWAY);
	assert_int_equal(f.len - FRAME_L3, way);
	p.len++;
	assert_reason(comes(OUT, &p, &f), WEIR_REASON_PKT_TOO_BIG);
	frame_read(&f, &got);
	assert_tuple(&got.t, &want);
	assert_int_equal(got.rest, most);
}

static void senders_are_told_what_room_the_outer_headers_leave(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct talk t = away(state, i);
		struct weir_peer peer;

		assert_limit(&t, FAR_MTU);
		error_comes(&t, ROUTER, TOO_BIG, 1380);
		assert_limit(&t, 1380);
		peer = peer_of(&t);
		peer.small_at -= 601 * NS_PER_S; /* it is tried again */
		peer_put(&t, &peer);
		assert_limit(&t, FAR_MTU);
	}
}

static void a_way_too_small_for_both_headers_is_for_masked_clients(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct talk t = away(state, i);

		error_comes(&t, ROUTER, TOO_BIG, 1339);
		assert_masked(&t, OUT, CLIENT2);
	}
}

/* The client's own: about an answer, which another node gave. */
static void errors_about_answers_go_on_as_they_came(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = away(state, i);
		struct weir_tuple there = asked(&t);
		struct packet p = packet(&t, tuple_answer(&there), SYN | ACK);
		struct frame answer, came, f;

		client_says(&t, SYN);
		frame_make(&p, &answer);
		frame_error(&answer, t.name[CLIENT], t.v6 ? 2 : 3, t.v6 ? 0 : 4, 1300, 60, &came);
		f = came;
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_AWAY);
		assert_inside(&f, &t, &came);
		if (t.v6)
			came.data[FRAME_L3 + 7] = 1;
		else
			continue;
		f = came;
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SILENT); /* no hop is left */
	}
}

static void a_packet_without_hops_is_answered_here(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, v6);
		struct packet p = packet(&t, asked(&t), SYN);
		struct frame f;

		p.hops = 1;
		assert_reason(comes(OUT, &p, &f), WEIR_REASON_PKT_HOPS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_that_refuses_is_left_in_peace_for_a_minute),
		cmocka_unit_test(an_established_connection_outlives_a_refusal),
		cmocka_unit_test(what_others_say_of_a_node_does_not_count),
		cmocka_unit_test(senders_are_told_what_room_the_outer_headers_leave),
		cmocka_unit_test(a_way_too_small_for_both_headers_is_for_masked_clients),
		cmocka_unit_test(errors_about_answers_go_on_as_they_came),
		cmocka_unit_test(a_packet_without_hops_is_answered_here),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
