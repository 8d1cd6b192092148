/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a Service on their way through the node, there and back. */
#include "bpf/node.h"
#include "core/cleanup.h"

#define PORT 80
#define TO_PORT 8080
#define CLIENT_PORT 4000
#define ANY_PORT 0 /* one of the range that stands for clients */
#define L4_OF_IP4 (FRAME_L3 + 20)

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

/* A connection as its client sees it, and as its backend does. */
struct way {
	enum node_dev from, behind;
	const char *client, *vip, *as, *backend;
	uint16_t client_port, as_port;
	uint8_t proto;
	struct packet p; /* what else its packets say */
};

static void service(const struct way *w, uint32_t flags)
{
	node_service(&(struct node_service){ .id = 1,
					     .flags = flags,
					     .vip = w->vip,
					     .to = { w->backend },
					     .port = PORT,
					     .to_port = TO_PORT,
					     .proto = w->proto });
}

/* A packet of it comes by a device, and goes on with this tuple; port 0: one of the range. */
static void goes_on(const struct way *w, enum node_dev dev, const struct packet *p,
		    const struct weir_tuple *want, struct packet *ret, struct frame *f)
{
	struct weir_tuple t = *want;

	frame_make(p, f);
	assert_reason(node_in(dev, f), WEIR_REASON_PKT_SENT);
	frame_read(f, ret);
	if (t.sport == ANY_PORT) {
		assert_in_range(ntohs(ret->t.sport), PORT_LOW, PORT_HIGH);
		t.sport = ret->t.sport;
	}
	assert_tuple(&ret->t, &t);
	assert_int_equal(ret->hops, (w->p.hops ? w->p.hops : 64) - 1);
	assert_rest(ret, p);
}

/* Returns the backend's view of it. */
static struct weir_tuple there(const struct way *w, struct frame *f)
{
	struct weir_tuple want = tuple(w->proto, w->as, w->as_port, w->backend, TO_PORT);
	struct packet p = w->p, got;

	p.t = tuple(w->proto, w->client, w->client_port, w->vip, PORT);
	p.flags = w->proto == IPPROTO_TCP ? SYN : 0;
	goes_on(w, w->from, &p, &want, &got, f);
	return got.t;
}

static void back(const struct way *w, const struct weir_tuple *view)
{
	struct weir_tuple want = tuple(w->proto, w->vip, PORT, w->client, w->client_port);
	struct packet p = w->p, got;
	struct frame f;

	p.t = tuple_answer(view);
	p.flags = w->proto == IPPROTO_TCP ? SYN | ACK : 0;
	goes_on(w, w->behind, &p, &want, &got, &f);
}

/* The two entries name each other, and the devices that the packets leave by. */
static void assert_entries(const struct way *w, const struct weir_tuple *view)
{
	struct weir_tuple key = tuple(w->proto, w->client, w->client_port, w->vip, PORT),
			  answer = tuple_answer(view), back_to = tuple_answer(&key);
	struct weir_conn c;

	assert_true(node_conn(&key, &c));
	assert_tuple(&c.to, view);
	assert_int_equal(c.ifindex, node_ifindex(w->behind));
	assert_true(node_conn(&answer, &c));
	assert_tuple(&c.to, &back_to);
	assert_int_equal(c.ifindex, node_ifindex(w->from));
	assert_true(c.flags & WEIR_CONN_REPLY);
	assert_int_equal(node_conns(), 2);
}

static void there_and_back(const struct way *w)
{
	struct weir_tuple view, again;
	struct frame f;

	view = there(w, &f);
	back(w, &view);
	assert_entries(w, &view);
	again = there(w, &f);
	assert_tuple(&again, &view);
	back(w, &view);
	assert_entries(w, &view);
}

/* ---- Who is seen ----------------------------------------------------------------------------- */

/* In both families, by TCP and UDP, with and without a sum by the device. */
struct ways {
	uint32_t flags; /* of the frontend */
	enum node_dev from, behind;
	enum node_who client, backend;
	bool masked;
};

static void each_way(void **state, const struct ways *ways)
{
	for (int i = 0; i < 8; i++) {
		const char *const *name = node_name[i & 1];
		struct way w = {
			.from = ways->from,
			.behind = ways->behind,
			.client = name[ways->client],
			.vip = name[EXTERNAL],
			.as = name[ways->masked ? SELF + ways->behind : ways->client],
			.backend = name[ways->backend],
			.client_port = CLIENT_PORT,
			.as_port = ways->masked ? ANY_PORT : CLIENT_PORT,
			.proto = protos[i >> 1 & 1],
			.p.len = 11,
		};

		node_of(state);
		node_complete(i & 4);
		service(&w, ways->flags);
		there_and_back(&w);
	}
}

static void a_client_outside_speaks_as_the_node(void **state)
{
	each_way(state, &(struct ways){ 0, OUT, PODS, CLIENT, POD, true });
	each_way(state, &(struct ways){ 0, OUT, FAR, CLIENT, FAR_POD, true });
}

static void a_pod_keeps_its_address_and_port(void **state)
{
	each_way(state, &(struct ways){ 0, PODS, FAR, POD2, FAR_POD, false });
}

static void a_pod_that_reaches_itself_speaks_as_the_node(void **state)
{
	each_way(state, &(struct ways){ 0, PODS, PODS, POD, POD, true });
	each_way(state, &(struct ways){ WEIR_SVC_KEEP, PODS, PODS, POD, POD, true });
}

/* On one link, a bridge say, a backend answers its neighbour past the node. */
static void a_client_behind_its_backends_device_speaks_as_the_node(void **state)
{
	each_way(state, &(struct ways){ 0, PODS, PODS, POD2, POD, true });
	each_way(state, &(struct ways){ WEIR_SVC_KEEP, PODS, PODS, POD2, POD, true });
}

static void a_frontend_says_who_is_masked(void **state)
{
	each_way(state, &(struct ways){ WEIR_SVC_MASQ, PODS, FAR, POD2, FAR_POD, true });
	each_way(state, &(struct ways){ WEIR_SVC_KEEP, OUT, PODS, CLIENT, POD, false });
}

/* A masked client to a pod here. */
static struct way plain(bool v6, uint8_t proto)
{
	const char *const *name = node_name[v6];

	return (struct way){ .from = OUT,
			     .behind = PODS,
			     .client = name[CLIENT],
			     .vip = name[EXTERNAL],
			     .as = name[SELF + PODS],
			     .backend = name[POD],
			     .client_port = CLIENT_PORT,
			     .proto = proto };
}

static void a_client_port_of_the_range_is_kept(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct way w = plain(v6, IPPROTO_TCP);

		node_of(state);
		w.client_port = w.as_port = PORT_LOW + 77;
		service(&w, 0);
		there_and_back(&w);
	}
}

static void no_two_clients_are_given_one_port(void **state)
{
	static bool taken[0x10000];
	struct way w = plain(false, IPPROTO_UDP);
	struct frame f;

	node_of(state);
	service(&w, 0);
	memset(taken, 0, sizeof(taken));
	for (w.client_port = PORT_LOW - 100; w.client_port < PORT_LOW + 200; w.client_port++) {
		uint16_t port = ntohs(there(&w, &f).sport);

		assert_false(taken[port]);
		taken[port] = true;
	}
}

/* ---- This node's own sockets ----------------------------------------------------------------- */

/* A backend in the node's own network namespace: its stack takes the packets, and answers by itself. */
static void a_backend_of_the_node_itself_answers_as_the_service(void **state)
{
	for (int i = 0; i < 8; i++) {
		const char *const *name = node_name[i & 1];
		struct way w = plain(i & 1, protos[i >> 1 & 1]);
		struct packet got,
			p = { .t = tuple(w.proto, w.client, CLIENT_PORT, w.vip, PORT), .len = 99 };
		struct weir_tuple want;
		struct frame f;

		node_of(state);
		node_complete(i & 4);
		w.backend = name[SELF + OUT];
		service(&w, 0);
		p.flags = w.proto == IPPROTO_TCP ? SYN : 0;
		want = tuple(w.proto, w.client, CLIENT_PORT, w.backend, TO_PORT);
		frame_make(&p, &f);
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_HOST);
		frame_read(&f, &got);
		assert_tuple(&got.t, &want);
		assert_int_equal(got.hops, 64);
		assert_rest(&got, &p);

		want = tuple_answer(&p.t);
		p.t = tuple_answer(&got.t);
		frame_make(&p, &f);
		assert_true(node_out(OUT, &f));
		frame_read(&f, &got);
		assert_tuple(&got.t, &want);
		assert_int_equal(got.hops, 64);
		assert_rest(&got, &p);

		p.t.dport ^= htons(1); /* another client's */
		frame_make(&p, &f);
		assert_false(node_out(OUT, &f));
	}
}

static void a_node_that_forwards_nothing_has_services_itself(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct way w = plain(v6, IPPROTO_UDP);
		struct packet p = { .t = tuple(w.proto, w.client, CLIENT_PORT, w.vip, PORT) };
		struct frame f;

		node_of(state);
		w.backend = node_name[v6][SELF + OUT];
		service(&w, 0);
		node_forwarding(OUT, v6, false);
		frame_make(&p, &f);
		assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_HOST);
		node_forwarding(OUT, v6, true);
	}
}

/* ---- What else packets may be ---------------------------------------------------------------- */

static void lengths_hops_and_headers_do_not_matter(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 3, 512, 1272, 1280 };

	for (size_t i = 0; i < 4 * ARRAY_LEN(lens); i++) {
		struct way w = plain(i & 1, protos[i >> 1 & 1]);

		node_of(state);
		node_complete(i % 3 == 0);
		w.p.len = lens[i / 4];
		w.p.hops = i % 2 ? 2 : 255;
		w.p.options = i & 1 ? 0 : (uint8_t)(i / 4 * 4); /* 0 to 24 bytes */
		w.p.extensions = i & 1 ? (uint8_t)(i / 4) : 0; /* 0 to 6 */
		service(&w, 0);
		there_and_back(&w);
	}
}

static void a_datagram_without_a_checksum_stays_so(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct way w = plain(i & 1, IPPROTO_UDP);

		node_of(state);
		node_complete(i & 2);
		w.p.unsummed = true;
		w.p.len = 20;
		service(&w, 0);
		there_and_back(&w);
	}
}

/* A checksum that becomes zero is written as 0xffff: zero would say that there is none. */
static void a_datagram_with_a_checksum_keeps_one(void **state)
{
	struct way w = plain(false, IPPROTO_UDP);
	uint8_t payload[2] = {};
	struct frame f;

	node_of(state);
	service(&w, 0);
	w.p.payload = payload;
	w.p.len = sizeof(payload);
	there(&w, &f);
	memcpy(payload, f.data + L4_OF_IP4 + 6,
	       sizeof(payload)); /* what it lacks to add up to zero */
	there(&w, &f);
	assert_memory_equal(f.data + L4_OF_IP4 + 6, "\xff\xff", 2);
}

/* ---- Left alone ------------------------------------------------------------------------------ */

static void assert_left_alone(const struct frame *made)
{
	struct frame f = *made;

	assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_PASS);
	f = *made;
	assert_false(node_out(OUT, &f));
	assert_int_equal(node_conns(), 0);
}

static void what_is_no_services_is_left_alone(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		const char *const *name = node_name[v6];
		struct way w = plain(v6, IPPROTO_UDP);
		struct packet p = { .len = 40 };
		struct frame f, made;

		node_of(state);
		service(&w, 0);
		p.t = tuple(IPPROTO_UDP, name[CLIENT], CLIENT_PORT, name[EXTERNAL], PORT + 1);
		frame_make(&p, &f);
		assert_left_alone(&f);
		p.t = tuple(IPPROTO_TCP, name[CLIENT], CLIENT_PORT, name[EXTERNAL], PORT);
		frame_make(&p, &f);
		assert_left_alone(&f);
		p.t = tuple(IPPROTO_UDP, name[CLIENT], CLIENT_PORT, name[POD], TO_PORT);
		frame_make(&p, &f);
		assert_left_alone(&f);

		p.t = tuple(IPPROTO_UDP, name[CLIENT], CLIENT_PORT, name[EXTERNAL], PORT);
		frame_make(&p, &made);
		f = made;
		f.data[0] = 6; /* to another machine's link address, as a switch floods it */
		assert_left_alone(&f);
		f = made;
		f.data[0] = 0xff; /* to all */
		assert_left_alone(&f);
		f = made;
		frame_tag(&f);
		assert_left_alone(&f);
		f = made;
		f.data[FRAME_L3 + (v6 ? 6 : 9)] = IPPROTO_GRE;
		assert_left_alone(&f);
	}
}

static void more_extension_headers_than_six_are_left_alone(void **state)
{
	struct way w = plain(true, IPPROTO_UDP);
	struct packet p = { .extensions = 7 };
	struct frame f;

	node_of(state);
	service(&w, 0);
	p.t = tuple(IPPROTO_UDP, w.client, CLIENT_PORT, w.vip, PORT);
	frame_make(&p, &f);
	assert_left_alone(&f);
}

/* In the tables IPv4 is ::ffff:a.b.c.d: a packet that says so on the wire is none of IPv4's. */
static void mapped_addresses_in_ipv6_are_left_alone(void **state)
{
	const char *const *name = node_name[false];
	struct weir_addr client = bed_vip(name[CLIENT], 0, 0).addr,
			 vip = bed_vip(name[EXTERNAL], 0, 0).addr;
	struct way w = plain(false, IPPROTO_UDP);
	struct packet p = { .t = tuple(IPPROTO_UDP, node_name[true][CLIENT], CLIENT_PORT,
				       node_name[true][EXTERNAL], PORT) };
	struct frame f;

	node_of(state);
	service(&w, 0);
	frame_make(&p, &f);
	memcpy(f.data + FRAME_L3 + 24, &vip, sizeof(vip));
	assert_left_alone(&f);
	memcpy(f.data + FRAME_L3 + 8, &client, sizeof(client));
	assert_left_alone(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_outside_speaks_as_the_node),
		cmocka_unit_test(a_pod_keeps_its_address_and_port),
		cmocka_unit_test(a_pod_that_reaches_itself_speaks_as_the_node),
		cmocka_unit_test(a_client_behind_its_backends_device_speaks_as_the_node),
		cmocka_unit_test(a_frontend_says_who_is_masked),
		cmocka_unit_test(a_client_port_of_the_range_is_kept),
		cmocka_unit_test(no_two_clients_are_given_one_port),
		cmocka_unit_test(a_backend_of_the_node_itself_answers_as_the_service),
		cmocka_unit_test(a_node_that_forwards_nothing_has_services_itself),
		cmocka_unit_test(lengths_hops_and_headers_do_not_matter),
		cmocka_unit_test(a_datagram_without_a_checksum_stays_so),
		cmocka_unit_test(a_datagram_with_a_checksum_keeps_one),
		cmocka_unit_test(what_is_no_services_is_left_alone),
		cmocka_unit_test(more_extension_headers_than_six_are_left_alone),
		cmocka_unit_test(mapped_addresses_in_ipv6_are_left_alone),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
