/* SPDX-License-Identifier: Apache-2.0 */
/* Direct server return, at the node that the client comes to. tc_dsr_icmp.c: what
 * errors say there. tc_dsr_far.c: at the one with the backend. */
#include "bpf/dsr.h"
#include "core/cleanup.h"
#include "core/err.h"

/* ---- The node that the client came to -------------------------------------------------------- */

static void a_packet_goes_on_as_it_came_to_the_backends_node(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = away(state, i);
		struct packet p = packet(&t, asked(&t), SYN);
		struct weir_tuple node = tuple(0, t.name[PEER], 0, t.name[PEER], 0);
		struct frame f, came;
		struct weir_conn c;

		for (int n = 0; n < 2; n++) {
			frame_make(&p, &came);
			f = came;
			assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_AWAY);
			assert_inside(&f, &t, &came);
			/* IPv6 hosts drop datagrams without a sum; that it is right was read */
			assert_int_equal(memcmp(f.data + FRAME_L3 + 46, "\0\0", 2) != 0 && t.v6,
					 t.v6);
		}
		assert_int_equal(node_conns(), 1);
		assert_true(node_conn(&p.t, &c));
		assert_int_equal(c.flags & WEIR_CONN_AWAY, WEIR_CONN_AWAY);
		assert_int_equal(c.ifindex, node_ifindex(FAR));
		assert_memory_equal(&c.next, &node.dst, sizeof(c.next));
		assert_int_equal(ntohs(c.to.dport), TO_PORT);
	}
}

/* Whatever the payload. */
static void the_sum_outside_is_right_in_ipv6(void **state)
{
	for (size_t len = 0; len < 300; len += 1 + len / 9) {
		struct talk t = away(state, 2 * (len & 1) + 1);
		struct packet p = packet(&t, asked(&t), SYN), got;
		uint8_t payload[300];
		struct frame f;

		memset(payload, (int)len, sizeof(payload));
		p.payload = payload;
		p.len = len;
		assert_reason(comes(OUT, &p, &f), WEIR_REASON_PKT_AWAY);
		frame_read(&f, &got);
		assert_false(got.unsummed);
	}
}

static void options_and_extension_headers_go_with_it(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, 2 + v6);
		struct packet p = packet(&t, asked(&t), 0);
		struct frame f, came;

		p.options = v6 ? 0 : 12;
		p.extensions = v6 ? 3 : 0;
		frame_make(&p, &came);
		f = came;
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_AWAY);
		assert_inside(&f, &t, &came);
	}
}

/* The outer header tells routers of priority, but takes no congestion marks that nobody would read. */
static void priority_shows_outside_congestion_marks_do_not(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, 2 + v6);
		struct packet p = packet(&t, asked(&t), 0);
		struct frame f;

		frame_make(&p, &f);
		if (v6) {
			f.data[FRAME_L3] = 0x6b; /* traffic class 0xba, ECN 2 */
			f.data[FRAME_L3 + 1] = 0xa1;
		} else {
			f.data[FRAME_L3 + 1] = 0xba;
			memset(f.data + FRAME_L3 + 10, 0, 2);
			*(uint16_t *)(void *)(f.data + FRAME_L3 + 10) =
				csum16(f.data + FRAME_L3, 20, 0);
		}
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_AWAY);
		if (v6) {
			assert_int_equal(f.data[FRAME_L3], 0x6b);
			assert_int_equal(f.data[FRAME_L3 + 1], 0x80);
		} else {
			assert_int_equal(f.data[FRAME_L3 + 1], 0xb8);
		}
	}
}

static void fragments_go_on_as_they_came(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, 2 + v6);
		struct packet p = packet(&t, asked(&t), 0);
		struct tunnel want = to_peer(&t);
		struct frame whole, f, came, inner;

		p.len = 600;
		frame_make(&p, &whole);
		for (uint16_t at = 0; at < 608; at += 304) {
			frame_cut(&whole, 77, at, 304, &came);
			f = came;
			assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_AWAY);
			tunnel_read(&f, &want, &inner);
			frame_read(&inner, &p);
			assert_int_equal(p.offset, at);
			assert_int_equal(inner.len, came.len);
		}
	}
}

static void others_are_masked(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = away(state, i);

		t.service.flags = 0; /* a cluster IP */
		node_service(&t.service);
		assert_masked(&t, OUT, CLIENT);

		t = away(state, i);
		node_home(t.name[FAR_POD], NULL);
		assert_masked(&t, OUT, CLIENT);

		t = away(state, i); /* a pod, by policy */
		assert_masked(&t, PODS, POD);

		t = away(state, i);
		t.service.proto = t.proto = IPPROTO_SCTP;
		node_service(&t.service);
		assert_masked(&t, OUT, CLIENT);
	}
}

/* What IPv6 has to get through at least would not fit. */
static void a_link_too_small_for_both_headers_is_for_masked_clients(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, v6);

		node_ip(v6 ? "link set far mtu 1359\n" : "link set far mtu 1339\n");
		assert_masked(&t, OUT, CLIENT);
		t = away(state, v6);
		node_ip(v6 ? "link set far mtu 1360\n" : "link set far mtu 1340\n");
		assert_reason(client_says(&t, SYN), WEIR_REASON_PKT_AWAY);
		node_ip("link set far mtu 1400\n");
	}
}

/* No node has to be passed twice, so the client is seen as well. */
static void this_nodes_backends_see_the_client(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i);
		struct packet p = packet(&t, asked(&t), SYN), got;
		struct frame f;

		t.service.to[0] = t.name[POD];
		node_service(&t.service);
		node_home(t.name[POD], t.name[SELF + FAR]);
		assert_reason(comes(OUT, &p, &f), WEIR_REASON_PKT_SENT);
		frame_read(&f, &got);
		p.t.dst = bed_vip(t.name[POD], 0, 0).addr;
		p.t.dport = htons(TO_PORT);
		assert_tuple(&got.t, &p.t);
		p = packet(&t, tuple_answer(&got.t), SYN | ACK);
		assert_reason(comes(PODS, &p, &f), WEIR_REASON_PKT_SENT);
		frame_read(&f, &got);
		p.t = asked(&t);
		p.t = tuple_answer(&p.t);
		assert_tuple(&got.t, &p.t);

		p = packet(&t, tuple(t.proto, t.name[POD2], CLIENT_PORT, t.name[EXTERNAL], PORT),
			   SYN);
		assert_reason(comes(PODS, &p, &f), WEIR_REASON_PKT_SENT); /* pods are masked */
		frame_read(&f, &got);
		p.t.src = bed_vip(t.name[SELF + PODS], 0, 0).addr;
		assert_memory_equal(&got.t.src, &p.t.src, sizeof(p.t.src));
	}
}

static void clients_who_must_not_come_do_not(void **state)
{
	struct talk t = away(state, 0);

	t.service.flags |= WEIR_SVC_RANGES;
	node_service(&t.service);
	assert_reason(client_says(&t, SYN), WEIR_REASON_PKT_RANGE);
}

/* ---- A connection whose answers are never seen ----------------------------------------------- */

static uint32_t flags_of(const struct talk *t)
{
	struct weir_tuple key = asked(t);
	struct weir_conn c;

	assert_true(node_conn(&key, &c));
	return c.flags & ~WEIR_CONN_AWAY;
}

static void what_the_client_says_tells_how_far_it_is(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, v6);
		struct weir_tuple key = asked(&t);

		client_says(&t, SYN);
		assert_int_equal(flags_of(&t), 0);
		client_says(&t, SYN);
		assert_int_equal(flags_of(&t), 0);
		client_says(&t, ACK);
		assert_int_equal(flags_of(&t), WEIR_CONN_ANSWERED);
		node_conn_age(&key, 80000); /* what is established counts for a day */
		assert_reason(client_says(&t, ACK), WEIR_REASON_PKT_AWAY);
		client_says(&t, FIN | ACK);
		assert_int_equal(flags_of(&t), WEIR_CONN_ANSWERED | WEIR_CONN_FIN);
		node_conn_age(&key, 3000); /* what is half closed for an hour */
		assert_reason(client_says(&t, ACK), WEIR_REASON_PKT_AWAY);
		client_says(&t, SYN); /* another */
		assert_int_equal(flags_of(&t), 0);
		client_says(&t, RST);
		assert_int_equal(flags_of(&t), WEIR_CONN_ANSWERED | WEIR_CONN_RST);
		client_says(&t, SYN);
		assert_int_equal(flags_of(&t), 0);
	}
}

static void backend_is_gone(const struct talk *t)
{
	struct err err = {};

	assert_int_equal(dp_backend_gone(t->bed->dp, node_backend_id(&t->service, 0), true, &err),
			 0);
	dp_epoch_next(t->bed->dp);
}

/* The Service goes on with a backend here. */
static void backend_is_here_now(struct talk *t)
{
	backend_is_gone(t);
	t->service.id++;
	t->service.to[0] = t->name[POD];
	node_service(&t->service);
}

static void what_goes_on_keeps_its_backend_what_begins_does_not(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, v6);

		client_says(&t, SYN);
		client_says(&t, ACK);
		backend_is_here_now(&t);
		assert_reason(client_says(&t, ACK), WEIR_REASON_PKT_AWAY);
		/* the backend's reset was not seen, so the client begins again at any time */
		assert_reason(client_says(&t, SYN), WEIR_REASON_PKT_SENT);
		assert_reason(client_says(&t, ACK), WEIR_REASON_PKT_SENT);
	}
}

static void datagrams_go_elsewhere_when_their_backend_is_gone(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = away(state, 2 + v6);

		client_says(&t, 0);
		client_says(&t, 0);
		assert_int_equal(flags_of(&t), WEIR_CONN_ANSWERED);
		backend_is_here_now(&t);
		assert_reason(client_says(&t, 0), WEIR_REASON_PKT_SENT);
	}
}

/* The same address on another node is another pod. */
static void a_backend_that_moved_is_looked_for_anew(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct talk t = away(state, i);
		struct tunnel want = to_peer(&t);
		struct packet p = packet(&t, asked(&t), SYN);
		struct frame f, inner;

		client_says(&t, SYN);
		node_home(t.name[FAR_POD], t.name[ROUTER]);
		dp_epoch_next(t.bed->dp);
		want.to = t.name[ROUTER];
		assert_reason(comes(OUT, &p, &f), WEIR_REASON_PKT_AWAY);
		tunnel_read(&f, &want, &inner);
	}
}

/* datapath.mode: snat again */
static void without_homes_connections_go_on_and_new_ones_are_masked(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct talk t = away(state, i);

		client_says(&t, SYN);
		client_says(&t, ACK);
		node_home(t.name[FAR_POD], NULL);
		dp_epoch_next(t.bed->dp);
		assert_reason(client_says(&t, ACK), WEIR_REASON_PKT_AWAY);
		assert_masked(&t, OUT, CLIENT2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_goes_on_as_it_came_to_the_backends_node),
		cmocka_unit_test(the_sum_outside_is_right_in_ipv6),
		cmocka_unit_test(options_and_extension_headers_go_with_it),
		cmocka_unit_test(priority_shows_outside_congestion_marks_do_not),
		cmocka_unit_test(fragments_go_on_as_they_came),
		cmocka_unit_test(others_are_masked),
		cmocka_unit_test(a_link_too_small_for_both_headers_is_for_masked_clients),
		cmocka_unit_test(this_nodes_backends_see_the_client),
		cmocka_unit_test(clients_who_must_not_come_do_not),
		cmocka_unit_test(what_the_client_says_tells_how_far_it_is),
		cmocka_unit_test(what_goes_on_keeps_its_backend_what_begins_does_not),
		cmocka_unit_test(datagrams_go_elsewhere_when_their_backend_is_gone),
		cmocka_unit_test(a_backend_that_moved_is_looked_for_anew),
		cmocka_unit_test(without_homes_connections_go_on_and_new_ones_are_masked),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
