/* SPDX-License-Identifier: Apache-2.0 */
/* Direct server return, at the node with the backend: whom it believes, and what is not just as it should be. */
#include "bpf/dsr.h"
#include "core/cleanup.h"

/* ---- Who may --------------------------------------------------------------------------------- */

static void only_nodes_are_believed_and_only_by_this_nodes_address(void **state)
{
	static const struct {
		enum node_who from, to;
	} wrong[] = {
		{ CLIENT, SELF + FAR }, { POD, SELF + FAR },	{ FAR_POD, SELF + FAR },
		{ VIP, SELF + FAR },	{ ROUTER, SELF + FAR }, { PEER, POD },
		{ PEER, PEER },		{ PEER, VIP },		{ SELF + FAR, SELF + FAR },
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(wrong); i++) {
		struct talk t = talk(state, (int)i & 1);
		struct packet p = packet(&t, asked(&t), SYN);
		struct tunnel outer = by_peer(&t, POD);
		struct frame inner, f;

		outer.from = t.name[wrong[i / 2].from];
		outer.to = t.name[wrong[i / 2].to];
		frame_make(&p, &inner);
		tunnel_make(&inner, &outer, &f);
		assert_reason(node_in(FAR, &f), WEIR_REASON_PKT_STRANGER);
		assert_int_equal(node_conns(), 0);
	}
}

/* What is on its way to another node, which would believe it. */
static void a_pod_here_does_not_speak_as_a_node(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct talk t = talk(state, i);
		struct packet p = packet(&t, asked(&t), SYN);
		struct tunnel outer = by_peer(&t, FAR_POD);
		struct frame inner, f;

		outer.to = t.name[PEER];
		frame_make(&p, &inner);
		tunnel_make(&inner, &outer, &f);
		assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_SILENT);
		outer.from = t.name[SELF + FAR]; /* IPv6 lets it pass */
		tunnel_make(&inner, &outer, &f);
		assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_SILENT);
		outer.from = t.name[POD];
		tunnel_make(&inner, &outer, &f);
		assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_STRANGER);
	}
}

/* ---- Garbage --------------------------------------------------------------------------------- */

static bool is_one_of(enum weir_reason why, const enum weir_reason *those, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (why == those[i])
			return true;
	return false;
}

/* Cut anywhere, as it is or with the outer lengths made to fit. */
static void what_is_cut_is_dropped_or_left_alone(void **state)
{
	static const enum weir_reason may[] = { WEIR_REASON_PKT_PASS, WEIR_REASON_PKT_SILENT };

	for (int i = 0; i < 4; i++) {
		struct talk t = talk(state, i);
		struct packet p = packet(&t, asked(&t), SYN), outer;
		struct tunnel by = by_peer(&t, POD);
		struct frame inner, whole, f;

		p.len = 0;
		frame_make(&p, &inner);
		tunnel_make(&inner, &by, &whole);
		frame_read(&whole, &outer);
		for (size_t len = 1; len < outer.len; len++) {
			struct packet cut = outer;

			f = whole;
			f.len -= len;
			assert_reason(node_in(FAR, &f), WEIR_REASON_PKT_PASS);
			cut.len -= len;
			frame_make(&cut, &f);
			assert_true(is_one_of(node_in(FAR, &f), may, ARRAY_LEN(may)));
		}
		assert_int_equal(node_conns(), 0);
	}
}

/* Each bit of the headers in front of the client's packet, turned. Only the backend's name, and what says
 * nothing, may be another; the outer headers' other fields are for those on the way. */
static void what_is_not_just_as_it_should_be_is_no_tunnels(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct talk t = talk(state, 2 + i);
		struct packet p = packet(&t, asked(&t), 0);
		struct tunnel by = by_peer(&t, POD);
		struct frame inner, whole, f;
		size_t head = FRAME_L3 + (t.v6 ? 40U : 20U) + 8;

		frame_make(&p, &inner);
		tunnel_make(&inner, &by, &whole);
		for (size_t bit = 0; bit < 8 * (size_t)TUNNEL_HEAD; bit++) {
			size_t at = bit / 8;
			bool vni = at >= 4 && at < 8, name = at >= 12;
			enum weir_reason why;

			f = whole;
			f.data[head + at] ^= (uint8_t)(1 << bit % 8);
			why = node_in(FAR, &f);
			if (!vni && !name)
				assert_reason(why, WEIR_REASON_PKT_PASS);
			else if (vni)
				assert_reason(why, WEIR_REASON_PKT_SENT);
		}
	}
}

/* The family inside must be that outside, and the backend's. */
static void families_do_not_mix(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct talk t = talk(state, 2 + i);
		struct packet p = packet(&t, asked(&t), 0);
		struct tunnel by = by_peer(&t, POD);
		struct frame inner, f;

		frame_make(&p, &inner);
		by.backend = node_name[!i][POD];
		tunnel_make(&inner, &by, &f);
		assert_reason(node_in(FAR, &f), WEIR_REASON_PKT_SILENT);
		inner.data[FRAME_L3] = t.v6 ? 0x45 : 0x60;
		by.backend = t.name[POD];
		tunnel_make(&inner, &by, &f);
		assert_reason(node_in(FAR, &f), WEIR_REASON_PKT_SILENT);
	}
}

static void a_packet_in_a_packet_in_a_packet_is_not_opened_twice(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct talk t = talk(state, 2 + i);
		struct packet p = packet(&t, asked(&t), 0), got;
		struct tunnel by = by_peer(&t, POD);
		struct frame inner, once, f;

		frame_make(&p, &inner);
		tunnel_make(&inner, &by, &once);
		tunnel_make(&once, &by, &f);
		assert_reason(node_in(FAR, &f), WEIR_REASON_PKT_SENT);
		frame_read(&f, &got); /* it was sent to the pod, as any datagram */
		assert_int_equal(got.len, TUNNEL_HEAD + inner.len - FRAME_L3);
	}
}

/* Bytes changed anywhere: each packet is counted once, by the reason that its verdict has. */
static void whatever_is_inside_is_counted_once(void **state)
{
	uint64_t random = 0x9e3779b97f4a7c15ULL;

	for (int i = 0; i < 20000; i++) {
		struct talk t = { .name = node_name[i & 1],
				  .v6 = i & 1,
				  .proto = i & 2 ? IPPROTO_UDP : IPPROTO_TCP };
		struct packet p = packet(&t, asked(&t), SYN);
		struct frame inner, f;

		if (i % 500 == 0)
			node_of(state);
		frame_make(&p, &inner);
		for (int n = i % 5; n >= 0; n--) {
			random ^= random << 13; /* Marsaglia's xorshift64 */
			random ^= random >> 7;
			random ^= random << 17;
			inner.data[FRAME_L3 + (random >> 8) % (inner.len - FRAME_L3)] =
				(uint8_t)(random >> 40);
		}
		assert_int_not_equal(sent_on(&t, &inner, POD, &f), WEIR_REASON_PKT_STRANGER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_here_does_not_speak_as_a_node),
		cmocka_unit_test(only_nodes_are_believed_and_only_by_this_nodes_address),
		cmocka_unit_test(what_is_cut_is_dropped_or_left_alone),
		cmocka_unit_test(what_is_not_just_as_it_should_be_is_no_tunnels),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(whatever_is_inside_is_counted_once),
		cmocka_unit_test(a_packet_in_a_packet_in_a_packet_is_not_opened_twice),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
