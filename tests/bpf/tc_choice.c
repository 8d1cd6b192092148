/* SPDX-License-Identifier: Apache-2.0 */
/* Which backend a client that comes through the node is sent to, and who is sent to none. */
#include "bpf/node.h"
#include "core/cleanup.h"
#include "core/err.h"

#define PORT 80
#define TO_PORT 8080
#define N 4 /* backends */
#define CLIENTS 600

/* The .001 quantile of chi-square with N - 1 degrees of freedom. */
#define CHI_SQUARE_MAX 16.27

/* Backends that differ in the last byte: POD, POD + 1, ... */
static struct node_service service(bool v6, uint8_t proto, uint32_t flags)
{
	static const char *const to[2][N] = {
		{ "10.244.1.10", "10.244.1.11", "10.244.1.12", "10.244.1.13" },
		{ "fd10:244:1::10", "fd10:244:1::11", "fd10:244:1::12", "fd10:244:1::13" },
	};
	struct node_service s = { .id = 1,
				  .flags = flags,
				  .vip = node_name[v6][EXTERNAL],
				  .port = PORT,
				  .to_port = TO_PORT,
				  .proto = proto };

	memcpy(s.to, to[v6], sizeof(s.to));
	return s;
}

static uint8_t last_byte(const struct weir_addr *a)
{
	return (uint8_t)(ntohl(a->w[3]) & 0xff);
}

/* The number of the backend that a client's first packet goes to. */
static unsigned int backend_of(enum node_dev dev, const struct weir_tuple *t, uint8_t flags)
{
	struct packet p = { .t = *t, .flags = flags }, got;
	struct frame f;

	frame_make(&p, &f);
	assert_reason(node_in(dev, &f), WEIR_REASON_PKT_SENT);
	frame_read(&f, &got);
	return last_byte(&got.t.dst) - (tuple_is_v6(t) ? 0x10 : 10);
}

static struct weir_tuple client(bool v6, uint8_t proto, enum node_who who, uint16_t port)
{
	return tuple(proto, node_name[v6][who], port, node_name[v6][EXTERNAL], PORT);
}

/* ---- Chance ---------------------------------------------------------------------------------- */

static void assert_even(const unsigned int seen[N])
{
	double sum = 0, want = (double)CLIENTS / N;

	for (int i = 0; i < N; i++)
		sum += (seen[i] - want) * (seen[i] - want) / want;
	if (sum > CHI_SQUARE_MAX)
		fail_msg("%u %u %u %u", seen[0], seen[1], seen[2], seen[3]);
}

/* Whatever it is that clients differ by: ports or addresses, one after the other or by some step. */
static void clients_are_spread_evenly(void **state)
{
	static const uint32_t steps[] = { 1, 2, 4, 7, 64 };

	for (size_t i = 0; i < 4 * ARRAY_LEN(steps); i++) {
		struct node_service s = service(i & 1, IPPROTO_UDP, WEIR_SVC_KEEP);
		struct weir_tuple t = client(i & 1, IPPROTO_UDP, CLIENT, 10000);
		uint32_t step = steps[i / 4];
		unsigned int seen[N] = {};

		node_of(state);
		node_service(&s);
		for (uint32_t k = 0; k < CLIENTS; k++) {
			if (i & 2)
				t.sport = htons((uint16_t)(10000 + k * step));
			else
				t.src.w[3] = htonl(ntohl(t.src.w[3]) + step);
			seen[backend_of(OUT, &t, 0)]++;
		}
		assert_even(seen);
	}
}

/* ---- Maglev ---------------------------------------------------------------------------------- */

/* A table of 8 entries that says one backend for all clients. */
static void ring_of(struct bed *b, uint16_t backend)
{
	struct weir_ring r = { { backend, backend, backend, backend } };

	assert_int_equal(dp_ring_open(b->dp, NULL), 0);
	dp_ring_put(b->dp, 0, r);
	dp_ring_put(b->dp, 1, r);
}

static void a_maglev_table_says_the_backend(void **state)
{
	struct node_service s = service(false, IPPROTO_UDP, 0);
	struct bed *b = node_of(state);
	struct weir_tuple t;

	s.ring = 8;
	node_service(&s);
	for (uint16_t i = 0; i < N; i++) {
		ring_of(b, i);
		for (uint16_t port = 0; port < 20; port++) {
			t = client(false, IPPROTO_UDP, CLIENT, (uint16_t)(4000 + 100 * i + port));
			assert_int_equal(backend_of(OUT, &t, 0), i);
		}
	}
}

/* As when another node, with the same table, began the connection. */
static void by_a_maglev_table_a_connection_goes_on_where_it_was(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct node_service s = service(v6, IPPROTO_TCP, WEIR_SVC_KEEP);
		struct bed *b = node_of(state);

		s.ring = 7;
		node_service(&s);
		dp_ring_put(b->dp, 0, (struct weir_ring){ { 0, 3, 1, 2 } });
		dp_ring_put(b->dp, 1, (struct weir_ring){ { 3, 0, 2, 1 } });
		for (uint16_t port = 5000; port < 5020; port++) {
			struct weir_tuple t = client(v6, IPPROTO_TCP, CLIENT, port), answer;
			unsigned int was = backend_of(OUT, &t, SYN);
			struct weir_conn c;

			assert_true(node_conn(&t, &c));
			answer = tuple_answer(&c.to);
			node_conn_del(&t);
			node_conn_del(&answer);
			assert_int_equal(backend_of(OUT, &t, ACK), was);
		}
	}
}

/* ---- Affinity -------------------------------------------------------------------------------- */

static void a_client_is_remembered_by_its_address(void **state)
{
	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1;
		uint8_t proto = i & 2 ? IPPROTO_TCP : IPPROTO_UDP;
		struct node_service s = service(v6, proto, WEIR_SVC_AFFINITY);
		unsigned int first[16], used = 0;

		node_of(state);
		node_service(&s);
		for (uint32_t who = 0; who < 16; who++)
			for (uint16_t port = 6000; port < 6010; port++) {
				struct weir_tuple t = client(v6, proto, CLIENT, port);
				unsigned int n;

				t.src.w[3] = htonl(ntohl(t.src.w[3]) + who);
				n = backend_of(OUT, &t, SYN);
				if (port == 6000)
					used |= 1U << (first[who] = n);
				assert_int_equal(n, first[who]);
			}
		assert_true(used & (used - 1)); /* more than one */
	}
}

/* ---- Who may, and who sees other backends ---------------------------------------------------- */

static enum weir_reason reason_of(enum node_dev dev, const struct weir_tuple *t)
{
	struct packet p = { .t = *t, .flags = SYN };
	struct frame f;

	if (t->proto != IPPROTO_TCP)
		p.flags = 0;
	frame_make(&p, &f);
	return node_in(dev, &f);
}

static void only_clients_in_the_ranges_may(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct node_service s = service(v6, IPPROTO_TCP, WEIR_SVC_RANGES);
		struct weir_tuple in = client(v6, IPPROTO_TCP, CLIENT, 4000),
				  out = client(v6, IPPROTO_TCP, CLIENT2, 4000);
		struct bed *b = node_of(state);
		struct weir_range r = { .bits = 32 + 128, .svc = s.id, .addr = in.src };
		struct err err = {};

		node_service(&s);
		assert_reason(reason_of(OUT, &in), WEIR_REASON_PKT_RANGE);
		assert_int_equal(dp_range_put(b->dp, &r, &err), 0);
		assert_reason(reason_of(OUT, &in), WEIR_REASON_PKT_SENT);
		assert_reason(reason_of(OUT, &out), WEIR_REASON_PKT_RANGE);
		r.svc = s.id + 1; /* another frontend's */
		r.addr = out.src;
		assert_int_equal(dp_range_put(b->dp, &r, &err), 0);
		assert_reason(reason_of(OUT, &out), WEIR_REASON_PKT_RANGE);
	}
}

static void clients_outside_have_backends_of_their_own(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct node_service all = service(v6, IPPROTO_TCP, WEIR_SVC_OUTSIDE),
				    outside = service(v6, IPPROTO_TCP, WEIR_SVC_KEEP);
		struct weir_tuple client_out = client(v6, IPPROTO_TCP, CLIENT, 4000),
				  pod = client(v6, IPPROTO_TCP, FAR_POD, 4000);

		node_of(state);
		all.to[1] = NULL; /* 0 alone */
		outside.id = 2;
		outside.scope = WEIR_SCOPE_OUTSIDE;
		outside.to[0] = outside.to[3];
		outside.to[1] = NULL; /* 3 alone */
		node_service(&all);
		assert_int_equal(backend_of(OUT, &client_out, SYN), 0); /* not there yet */
		node_service(&outside);
		client_out.sport ^= htons(1);
		assert_int_equal(backend_of(OUT, &client_out, SYN), 3);
		assert_int_equal(backend_of(FAR, &pod, SYN), 0);

		outside.flags |= WEIR_SVC_DROP;
		outside.to[0] = NULL;
		node_service(&outside);
		client_out.sport ^= htons(2);
		pod.sport ^= htons(2);
		assert_reason(reason_of(OUT, &client_out), WEIR_REASON_PKT_POLICY);
		assert_reason(reason_of(FAR, &pod), WEIR_REASON_PKT_SENT);
	}
}

/* Frontends that are for sockets of the node only, or that only keep its processes off a port. */
static void what_is_for_sockets_is_not_for_packets(void **state)
{
	static const uint32_t flags[] = { WEIR_SVC_HOST, WEIR_SVC_GUARD | WEIR_SVC_NODE };

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		struct node_service s = service(false, IPPROTO_UDP, flags[i]);
		struct weir_tuple t = client(false, IPPROTO_UDP, CLIENT, 4000);

		node_of(state);
		node_service(&s);
		assert_reason(reason_of(OUT, &t), WEIR_REASON_PKT_PASS);
		assert_int_equal(node_conns(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_spread_evenly),
		cmocka_unit_test(a_maglev_table_says_the_backend),
		cmocka_unit_test(by_a_maglev_table_a_connection_goes_on_where_it_was),
		cmocka_unit_test(a_client_is_remembered_by_its_address),
		cmocka_unit_test(only_clients_in_the_ranges_may),
		cmocka_unit_test(clients_outside_have_backends_of_their_own),
		cmocka_unit_test(what_is_for_sockets_is_not_for_packets),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
