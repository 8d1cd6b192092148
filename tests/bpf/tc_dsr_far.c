/* SPDX-License-Identifier: Apache-2.0 */
/* Direct server return, at the node with the backend: packets that another node sent on. It knows nothing of
 * their Service. tc_dsr.c: at the node that the client comes to. tc_dsr_garbage.c: what must not be believed. */
#include <linux/ip.h>
#include <linux/tcp.h>

#include "bpf/dsr.h"
#include "core/cleanup.h"

/* And the backend's to the client. */
static void answers(const struct talk *t, uint8_t flags, enum node_who backend)
{
	struct weir_tuple there = asked(t), back = tuple_answer(&there);
	struct packet p = packet(
		t, tuple(t->proto, t->name[backend], TO_PORT, t->name[CLIENT], CLIENT_PORT), flags);
	struct packet got;
	struct frame f;

	frame_make(&p, &f);
	assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_SENT);
	frame_read(&f, &got);
	assert_tuple(&got.t, &back);
	assert_rest(&got, &p);
}

static void it_reaches_the_backend_that_answers_as_the_service(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i);
		struct weir_tuple key = asked(&t);
		struct weir_conn c;

		for (int n = 0; n < 2; n++) {
			asks(&t, SYN, POD, WEIR_REASON_PKT_SENT);
			answers(&t, SYN | ACK, POD);
		}
		assert_int_equal(node_conns(), 2);
		assert_true(node_conn(&key, &c));
		assert_int_equal(c.flags, WEIR_CONN_ANSWERED | WEIR_CONN_FROM_NODE);
		assert_int_equal(c.ifindex, node_ifindex(PODS));
	}
}

static void a_backend_of_the_node_itself_answers_as_the_service(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i);
		struct weir_tuple there = asked(&t), back = tuple_answer(&there);
		struct packet p = packet(
			&t,
			tuple(t.proto, t.name[SELF + OUT], TO_PORT, t.name[CLIENT], CLIENT_PORT),
			SYN | ACK);
		struct packet got;
		struct frame f;

		asks(&t, SYN, SELF + OUT, WEIR_REASON_PKT_HOST);
		frame_make(&p, &f);
		assert_true(node_out(OUT, &f));
		frame_read(&f, &got);
		assert_tuple(&got.t, &back);
	}
}

/* What began before this node knew of it, or what its table lost: the other node vouches for it. */
static void a_connection_may_go_on_that_never_began_here(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = talk(state, v6);

		asks(&t, ACK, POD, WEIR_REASON_PKT_SENT);
		answers(&t, ACK, POD);
	}
}

/* For those who ask whose it is: where this node has the Service at the same address. */
static void it_bears_the_services_name_where_that_is_known(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct talk t = talk(state, i);
		struct weir_tuple key = asked(&t);
		struct weir_conn c;

		asks(&t, SYN, POD, WEIR_REASON_PKT_SENT);
		assert_true(node_conn(&key, &c));
		assert_int_equal(c.svc, 0);
		node_conn_del(&key);
		node_service(&(struct node_service){
			.id = 5, .vip = t.name[EXTERNAL], .port = PORT, .proto = t.proto });
		asks(&t, SYN, POD, WEIR_REASON_PKT_SENT);
		assert_true(node_conn(&key, &c));
		assert_int_equal(c.svc, 5);
	}
}

static void datagrams_follow_the_other_nodes_choice(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = talk(state, 2 + v6);

		asks(&t, 0, POD, WEIR_REASON_PKT_SENT);
		answers(&t, 0, POD);
		asks(&t, 0, POD2, WEIR_REASON_PKT_SENT);
		answers(&t, 0, POD2);
	}
}

static void what_is_established_keeps_its_backend_what_is_not_follows(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = talk(state, v6);
		struct packet p = packet(&t, asked(&t), ACK), got;
		struct frame inner, f;

		asks(&t, SYN, POD, WEIR_REASON_PKT_SENT);
		asks(&t, SYN, POD2, WEIR_REASON_PKT_SENT);
		answers(&t, SYN | ACK, POD2);
		frame_make(&p, &inner);
		assert_reason(sent_on(&t, &inner, POD, &f), WEIR_REASON_PKT_SENT);
		frame_read(&f, &got);
		p.t.dst = bed_vip(t.name[POD2], 0, 0).addr;
		assert_memory_equal(&got.t.dst, &p.t.dst, sizeof(p.t.dst));
	}
}

/* The same client by the same port at two addresses of the Service: the backend must see two. */
static void two_connections_that_look_alike_to_the_backend_are_told_apart(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct talk t = talk(state, i);
		struct packet p = packet(&t, asked(&t), SYN), got;
		struct frame inner, f;

		asks(&t, SYN, POD, WEIR_REASON_PKT_SENT);
		p.t.dst = bed_vip(t.name[VIP], 0, 0).addr;
		frame_make(&p, &inner);
		assert_reason(sent_on(&t, &inner, POD, &f), WEIR_REASON_PKT_SENT);
		frame_read(&f, &got);
		assert_memory_equal(&got.t.src, &p.t.src, sizeof(p.t.src));
		assert_in_range(ntohs(got.t.sport), PORT_LOW, PORT_HIGH);
		p = packet(&t, tuple_answer(&got.t), SYN | ACK);
		frame_make(&p, &f);
		assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_SENT);
		frame_read(&f, &got);
		p.t = tuple(t.proto, t.name[VIP], PORT, t.name[CLIENT], CLIENT_PORT);
		assert_tuple(&got.t, &p.t);
	}
}

/* The pod is elsewhere by now: this node stands for the client, so that answers come by it. */
static void a_backend_that_is_not_here_sees_this_node(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct talk t = talk(state, i);
		struct packet p = packet(&t, asked(&t), SYN), got;
		struct frame inner, f;

		node_home(t.name[FAR_POD], t.name[PEER]); /* never sent on twice */
		frame_make(&p, &inner);
		assert_reason(sent_on(&t, &inner, FAR_POD, &f), WEIR_REASON_PKT_SENT);
		frame_read(&f, &got);
		p.t = tuple(t.proto, t.name[SELF + FAR], ntohs(got.t.sport), t.name[FAR_POD],
			    TO_PORT);
		assert_tuple(&got.t, &p.t);
	}
}

static void fragments_are_translated(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = talk(state, 2 + v6);
		struct packet p = packet(&t, asked(&t), 0), got;
		struct frame whole, part, parts[2], joined;

		p.len = 600;
		frame_make(&p, &whole);
		frame_cut(&whole, 77, 304, 304, &part);
		assert_reason(sent_on(&t, &part, POD, &parts[1]), WEIR_REASON_PKT_SILENT);
		for (uint16_t n = 0; n < 2; n++) {
			frame_cut(&whole, 77, 304 * n, 304, &part);
			assert_reason(sent_on(&t, &part, POD, &parts[n]), WEIR_REASON_PKT_SENT);
		}
		frame_join(parts, 2, &joined);
		frame_read(&joined, &got);
		p.t.dst = bed_vip(t.name[POD], 0, 0).addr;
		p.t.dport = htons(TO_PORT);
		assert_tuple(&got.t, &p.t);
		assert_rest(&got, &p);
	}
}

/* ---- ICMP ------------------------------------------------------------------------------------ */

/* The client's router, say, to the node whose address the Service has, which sent it on. */
static void errors_about_answers_reach_the_backend(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i);
		struct weir_tuple there = asked(&t), want;
		struct packet p = packet(&t, tuple_answer(&there), SYN | ACK), got;
		struct frame answer, error, f;

		asks(&t, SYN, POD, WEIR_REASON_PKT_SENT);
		frame_make(&p, &answer);
		frame_error(&answer, t.name[CLIENT2], t.v6 ? 2 : 3, t.v6 ? 0 : 4, 1300, 60, &error);
		assert_reason(sent_on(&t, &error, POD, &f), WEIR_REASON_PKT_ICMP);
		frame_read(&f, &got);
		want = tuple(t.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, t.name[CLIENT2], 0, t.name[POD],
			     0);
		assert_tuple(&got.t, &want);
		assert_int_equal(got.rest, 1300);
		want.src = bed_vip(t.name[POD], 0, 0).addr;
		assert_memory_equal(got.payload + (t.v6 ? 8 : 12),
				    (uint8_t *)&want.src + (t.v6 ? 0 : 12), t.v6 ? 16 : 4);
	}
}

/* The client must hear of it, not the node that sent it on: by the way to the client. */
static void what_is_refused_here_is_told_to_the_client(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = talk(state, 2 + v6);
		struct packet p = packet(&t, asked(&t), 0), got;
		struct weir_tuple want = tuple(v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, t.name[EXTERNAL],
					       0, t.name[CLIENT], 0);
		struct frame inner, f;

		p.hops = 1;
		frame_make(&p, &inner);
		assert_reason(sent_on(&t, &inner, POD, &f), WEIR_REASON_PKT_HOPS);
		frame_read(&f, &got);
		assert_tuple(&got.t, &want);

		node_ip("link set pods mtu 1300\n");
		p.hops = 0;
		p.len = 1280;
		frame_make(&p, &inner);
		assert_reason(sent_on(&t, &inner, POD, &f), WEIR_REASON_PKT_TOO_BIG);
		node_ip("link set pods mtu 1500\n");
		frame_read(&f, &got);
		assert_tuple(&got.t, &want);
		assert_int_equal(got.rest, 1300);
	}
}

/* ---- Segments -------------------------------------------------------------------------------- */

/* A SYN+ACK whose only option is this. */
static void offer_make(const struct talk *t, const uint8_t option[4], uint8_t flags,
		       struct frame *ret)
{
	struct packet p = packet(
		t, tuple(IPPROTO_TCP, t->name[POD], TO_PORT, t->name[CLIENT], CLIENT_PORT), flags);
	uint8_t *l4;
	uint16_t sum;

	p.payload = option;
	p.len = 4;
	frame_make(&p, ret);
	l4 = ret->data + ret->len - sizeof(struct tcphdr) - 4;
	l4[12] = 6 << 4;
	/* the sum of all else, and what is now other: 0x6000 for 0x5000 in that word */
	memcpy(&sum, l4 + 16, sizeof(sum));
	sum = csum16(NULL, 0, (uint16_t)~ntohs(sum) + 0x1000U);
	memcpy(l4 + 16, &sum, sizeof(sum));
}

static uint16_t offered(const struct talk *t, const uint8_t option[4], uint8_t flags)
{
	struct packet got;
	struct frame f;

	offer_make(t, option, flags, &f);
	assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_SENT);
	frame_read(&f, &got);
	assert_int_equal(got.len, 0);
	assert_memory_equal(got.payload - 4, option, 2);
	return (uint16_t)(got.payload[-2] << 8 | got.payload[-1]);
}

static void clients_are_offered_segments_that_fit_with_the_outer_headers(void **state)
{
	static const uint8_t mss[] = { 2, 4, 1460 >> 8, 1460 & 0xff },
			     least[] = { 2, 4, 570 >> 8, 570 & 0xff },
			     other[] = { 3, 3, 1460 >> 8, 1460 & 0xff };

	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i & 5);

		asks(&t, SYN, POD, WEIR_REASON_PKT_SENT);
		assert_int_equal(offered(&t, mss, SYN | ACK),
				 1460 - (t.v6 ? TUNNEL_OUTER6 : TUNNEL_OUTER4));
		assert_int_equal(offered(&t, mss, ACK), 1460);
		assert_int_equal(offered(&t, least, SYN | ACK), 570);
		assert_int_equal(offered(&t, other, SYN | ACK), 1460);
	}
}

static void who_comes_directly_is_offered_all(void **state)
{
	static const uint8_t mss[] = { 2, 4, 1460 >> 8, 1460 & 0xff };

	for (int v6 = 0; v6 < 2; v6++) {
		struct talk t = talk(state, v6);
		struct packet p = packet(&t, asked(&t), SYN);
		struct frame f;

		node_service(&(struct node_service){ .id = 1,
						     .flags = WEIR_SVC_KEEP,
						     .vip = t.name[EXTERNAL],
						     .to = { t.name[POD] },
						     .port = PORT,
						     .to_port = TO_PORT,
						     .proto = t.proto });
		frame_make(&p, &f);
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SENT);
		assert_int_equal(offered(&t, mss, SYN | ACK), 1460);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reaches_the_backend_that_answers_as_the_service),
		cmocka_unit_test(a_backend_of_the_node_itself_answers_as_the_service),
		cmocka_unit_test(a_connection_may_go_on_that_never_began_here),
		cmocka_unit_test(it_bears_the_services_name_where_that_is_known),
		cmocka_unit_test(datagrams_follow_the_other_nodes_choice),
		cmocka_unit_test(what_is_established_keeps_its_backend_what_is_not_follows),
		cmocka_unit_test(two_connections_that_look_alike_to_the_backend_are_told_apart),
		cmocka_unit_test(a_backend_that_is_not_here_sees_this_node),
		cmocka_unit_test(fragments_are_translated),
		cmocka_unit_test(errors_about_answers_reach_the_backend),
		cmocka_unit_test(what_is_refused_here_is_told_to_the_client),
		cmocka_unit_test(clients_are_offered_segments_that_fit_with_the_outer_headers),
		cmocka_unit_test(who_comes_directly_is_offered_all),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
