/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors about packets that were translated: whom they reach, as whose, and what they quote. */
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "bpf/node.h"
#include "core/cleanup.h"

#define PORT 80
#define TO_PORT 8080
#define CLIENT_PORT 4000
#define MTU 1300
#define PAYLOAD 30

/* Every kind of error, as IPv4 and IPv6 have it. */
static const struct kind {
	uint8_t type[2], code[2];
	uint32_t rest;
} kinds[] = {
	{ { 3, 1 }, { 3, 4 }, 0 }, /* port unreachable */
	{ { 3, 2 }, { 4, 0 }, MTU }, /* too big */
	{ { 11, 3 }, { 0, 0 }, 0 }, /* hops used up */
	{ { 12, 4 }, { 0, 0 }, 0x10000000 }, /* header not understood */
};
static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

/* Each test's loop: both families, all protocols, masked and not, with and without a device's sum. */
#define CASES 24

struct talk {
	const char *const *name;
	bool v6, masked;
	enum node_dev behind;
	const char *backend;
	uint8_t proto;
	/* the client's packet and the backend's, before and after they were translated */
	struct frame asked, asked_on, answered, answered_on;
};

static void packet(const struct talk *t, struct weir_tuple tuple, uint8_t flags, struct frame *ret)
{
	struct packet p = { .t = tuple,
			    .flags = t->proto == IPPROTO_TCP ? flags : 0,
			    .len = PAYLOAD };

	frame_make(&p, ret);
}

static struct talk talk(void **state, int i, enum node_dev behind, enum node_who backend)
{
	struct talk t = { .name = node_name[i & 1],
			  .v6 = i & 1,
			  .masked = i & 2,
			  .behind = behind,
			  .proto = protos[i / 8] };
	struct packet p;

	node_of(state);
	node_complete(i & 4);
	t.backend = t.name[backend];
	node_service(&(struct node_service){ .id = 1,
					     .flags = t.masked ? 0 : WEIR_SVC_KEEP,
					     .vip = t.name[EXTERNAL],
					     .to = { t.backend },
					     .port = PORT,
					     .to_port = TO_PORT,
					     .proto = t.proto });
	packet(&t, tuple(t.proto, t.name[CLIENT], CLIENT_PORT, t.name[EXTERNAL], PORT), SYN,
	       &t.asked);
	t.asked_on = t.asked;
	node_in(OUT, &t.asked_on);
	frame_read(&t.asked_on, &p);
	packet(&t, tuple_answer(&p.t), SYN | ACK, &t.answered);
	t.answered_on = t.answered;
	if (backend < SELF)
		assert_reason(node_in(behind, &t.answered_on), WEIR_REASON_PKT_SENT);
	else
		assert_true(node_out(OUT, &t.answered_on));
	return t;
}

static size_t head_len(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? sizeof(struct ipv6hdr) : (ip[0] & 15) * 4U;
}

/* What is quoted is `about` but for hops and the transport's checksum; IPv4's own is right. */
static void assert_quotes(const struct packet *error, const struct frame *about)
{
	const uint8_t *ip = error->payload, *was = about->data + FRAME_L3;
	size_t head = head_len(was);
	uint8_t want[FRAME_MAX];

	assert_int_equal(head_len(ip), head);
	if (head < sizeof(struct ipv6hdr))
		assert_int_equal(csum16(ip, head, 0), 0);
	memcpy(want, was, error->len);
	if (head < sizeof(struct ipv6hdr)) {
		want[8] = ip[8];
		memcpy(want + 10, ip + 10, 2);
	} else {
		want[7] = ip[7];
	}
	if (error->len >= head + 8 && want[head < 40 ? 9 : 6] == IPPROTO_UDP)
		memcpy(want + head + 6, ip + head + 6, 2);
	if (error->len >= head + 20 && want[head < 40 ? 9 : 6] == IPPROTO_TCP)
		memcpy(want + head + 16, ip + head + 16, 2);
	if (error->len >= head + 12 && want[head < 40 ? 9 : 6] == IPPROTO_SCTP)
		memcpy(want + head + 8, ip + head + 8, 4);
	assert_memory_equal(ip, want, error->len);
}

/* The error is as it was made, but by src, to dst, and about another packet. */
static void assert_error(const struct frame *is, const struct frame *made, const char *src,
			 const char *dst, const struct frame *about)
{
	struct packet got, was;
	struct weir_tuple want;

	frame_read(is, &got);
	frame_read(made, &was);
	want = tuple(was.t.proto, src, 0, dst, 0);
	assert_tuple(&got.t, &want);
	assert_int_equal(got.type, was.type);
	assert_int_equal(got.code, was.code);
	assert_int_equal(got.rest, was.rest);
	assert_int_equal(got.len, was.len);
	assert_int_equal(is->len, made->len);
	assert_quotes(&got, about);
}

/* As few bytes as there must be, and all. */
static const size_t quoted[] = { 8, 12, 20, 64 };

static void error_make(const struct talk *t, const struct frame *about, const char *src, int i,
		       struct frame *ret)
{
	const struct kind *k = &kinds[i % ARRAY_LEN(kinds)];

	frame_error(about, src, k->type[t->v6], k->code[t->v6], k->rest,
		    (t->v6 ? 40 : 20) + quoted[i / ARRAY_LEN(kinds)], ret);
}

#define ERRORS ((int)(ARRAY_LEN(kinds) * ARRAY_LEN(quoted)))

/* ---- About what the client sent -------------------------------------------------------------- */

static void a_backends_error_reaches_the_client_as_the_services(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i, PODS, POD);

		for (int e = 0; e < ERRORS; e++) {
			struct frame f, made;
			struct packet p;

			error_make(&t, &t.asked_on, t.backend, e, &made);
			f = made;
			assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_ICMP);
			assert_error(&f, &made, t.name[EXTERNAL], t.name[CLIENT], &t.asked);
			frame_read(&f, &p);
			assert_int_equal(p.hops, 63);
		}
	}
}

static void a_routers_error_reaches_the_client_as_the_routers(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i, FAR, FAR_POD);

		for (int e = 0; e < ERRORS; e++) {
			struct frame f, made;

			error_make(&t, &t.asked_on, t.name[ROUTER], e, &made);
			f = made;
			assert_reason(node_in(FAR, &f), WEIR_REASON_PKT_ICMP);
			assert_error(&f, &made, t.name[ROUTER], t.name[CLIENT], &t.asked);
		}
	}
}

/* ---- About what the backend sent ------------------------------------------------------------- */

static void a_clients_error_reaches_the_backend_as_the_nodes(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i, PODS, POD);

		for (int e = 0; e < ERRORS; e++) {
			struct frame f, made;

			error_make(&t, &t.answered_on, t.name[CLIENT], e, &made);
			f = made;
			assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_ICMP);
			assert_error(&f, &made, t.name[t.masked ? SELF + PODS : CLIENT], t.backend,
				     &t.answered);
		}
	}
}

static void an_error_on_the_way_to_the_client_reaches_the_backend(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i, FAR, FAR_POD);

		for (int e = 0; e < ERRORS; e++) {
			struct frame f, made;

			error_make(&t, &t.answered_on, t.name[CLIENT2], e, &made);
			f = made;
			assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_ICMP);
			assert_error(&f, &made, t.name[CLIENT2], t.backend, &t.answered);
		}
	}
}

/* ---- This node's own sockets ----------------------------------------------------------------- */

static void the_nodes_own_error_leaves_as_the_services(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i, OUT, SELF + OUT);
		struct frame f, made;

		for (int e = 0; e < ERRORS; e++) {
			error_make(&t, &t.asked_on, t.backend, e, &made);
			f = made;
			assert_true(node_out(OUT, &f));
			assert_error(&f, &made, t.name[EXTERNAL], t.name[CLIENT], &t.asked);
		}
		packet(&t, tuple(t.proto, t.name[CLIENT2], CLIENT_PORT, t.backend, TO_PORT), SYN,
		       &f);
		frame_error(&f, t.backend, kinds[0].type[t.v6], kinds[0].code[t.v6], 0, 60, &made);
		assert_false(node_out(OUT, &made)); /* who asked the node itself */
	}
}

static void an_error_about_the_nodes_own_packet_reaches_its_socket(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i, OUT, SELF + OUT);
		struct packet p;

		for (int e = 0; e < ERRORS; e++) {
			struct frame f, made;

			error_make(&t, &t.answered_on, t.name[CLIENT2], e, &made);
			f = made;
			assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_ICMP);
			assert_error(&f, &made, t.name[CLIENT2], t.backend, &t.answered);
			frame_read(&f, &p);
			assert_int_equal(p.hops, 64);
		}
	}
}

/* ---- What is quoted -------------------------------------------------------------------------- */

/* Headers in front of the transport's, and the header of a first fragment, are looked past. */
static void headers_of_the_packet_quoted_are_looked_past(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct talk t = talk(state, (i & 3) | 8, PODS, POD); /* UDP */
		struct packet p = { .len = 64 }, got;
		struct frame whole, asked, on, made;

		p.t = tuple(t.proto, t.name[CLIENT], CLIENT_PORT, t.name[EXTERNAL], PORT);
		p.options = t.v6 ? 0 : 40;
		p.extensions = t.v6 ? 2 : 0;
		frame_make(&p, &asked);
		if (i & 4) {
			p.extensions = 0;
			frame_make(&p, &whole);
			frame_cut(&whole, 7, 0, 16, &asked);
		}
		on = asked;
		assert_reason(node_in(OUT, &on), WEIR_REASON_PKT_SENT);
		frame_error(&on, t.backend, kinds[1].type[t.v6], kinds[1].code[t.v6], MTU, 96,
			    &made);
		assert_reason(node_in(PODS, &made), WEIR_REASON_PKT_ICMP);
		frame_read(&made, &got);
		assert_int_equal(csum16(got.payload, t.v6 ? 0 : 60, 0), t.v6 ? 0xffff : 0);
		assert_memory_equal(got.payload + (t.v6 ? 8 : 12),
				    asked.data + FRAME_L3 + (t.v6 ? 8 : 12), t.v6 ? 32 : 8);
		/* up to the checksum */
		assert_memory_equal(got.payload + (t.v6 ? 40 : 60),
				    asked.data + FRAME_L3 + (t.v6 ? 40 : 60),
				    t.v6 && i & 4 ? 14 : 6);
	}
}

static void assert_left_alone(const struct frame *made)
{
	struct frame f = *made;

	assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_PASS);
	f = *made;
	assert_false(node_out(OUT, &f));
}

static void what_quotes_nothing_known_is_left_alone(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i, PODS, POD);
		size_t head = t.v6 ? 40 : 20;
		struct frame f, about;

		/* another client's */
		packet(&t, tuple(t.proto, t.name[CLIENT2], 1, t.backend, TO_PORT), SYN, &about);
		error_make(&t, &about, t.backend, 0, &f);
		assert_left_alone(&f);
		/* not all of the ports */
		for (size_t len = 0; len < head + 4; len += len < head ? 7 : 1) {
			frame_error(&t.asked_on, t.backend, kinds[0].type[t.v6],
				    kinds[0].code[t.v6], 0, len, &f);
			assert_left_alone(&f);
			/* what follows in the frame is no part of the packet */
			memcpy(f.data + f.len, t.asked_on.data + FRAME_L3 + len, 64);
			f.len += 64;
			assert_left_alone(&f);
		}
		/* a later fragment, which has no ports, whatever it begins with */
		frame_cut(&t.asked_on, 7, 8, 16, &about);
		memcpy(about.data + about.len - 16, t.asked_on.data + FRAME_L3 + head, 4);
		error_make(&t, &about, t.backend, 0, &f);
		assert_left_alone(&f);
		/* an echo request, which is no error */
		error_make(&t, &t.asked_on, t.backend, 0, &f);
		f.data[FRAME_L3 + head] = t.v6 ? 128 : 8;
		assert_left_alone(&f);
		/* a quote of the other family */
		error_make(&t, &t.asked_on, t.backend, 0, &f);
		f.data[FRAME_L3 + head + 8] ^= 0x20;
		assert_left_alone(&f);
		/* a fragment itself */
		error_make(&t, &t.asked_on, t.backend, 2, &about);
		frame_cut(&about, 7, 0, 32, &f);
		assert_left_alone(&f);
	}
}

static void an_error_whose_hops_are_used_up_goes_nowhere(void **state)
{
	for (int i = 0; i < CASES; i++) {
		struct talk t = talk(state, i, PODS, POD);
		struct frame f;

		error_make(&t, &t.asked_on, t.backend, 0, &f);
		f.data[FRAME_L3 + (t.v6 ? 7 : 8)] = 1;
		assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_SILENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backends_error_reaches_the_client_as_the_services),
		cmocka_unit_test(a_routers_error_reaches_the_client_as_the_routers),
		cmocka_unit_test(a_clients_error_reaches_the_backend_as_the_nodes),
		cmocka_unit_test(an_error_on_the_way_to_the_client_reaches_the_backend),
		cmocka_unit_test(the_nodes_own_error_leaves_as_the_services),
		cmocka_unit_test(an_error_about_the_nodes_own_packet_reaches_its_socket),
		cmocka_unit_test(headers_of_the_packet_quoted_are_looked_past),
		cmocka_unit_test(what_quotes_nothing_known_is_left_alone),
		cmocka_unit_test(an_error_whose_hops_are_used_up_goes_nowhere),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
