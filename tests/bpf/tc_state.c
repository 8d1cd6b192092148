/* SPDX-License-Identifier: Apache-2.0 */
/* What the node remembers of connections: for how long, what of it may be lost, and when a client is sent
 * elsewhere. Time is in the entries: a test that waits makes them older. */
#include "bpf/node.h"
#include "core/cleanup.h"
#include "core/err.h"

#define PORT 80
#define TO_PORT 8080
#define IN_RANGE (PORT_LOW + 5) /* a client's port that a masked client keeps */
#define DAY 86400

/* One client of a Service in two versions: the first has POD, the second POD2. */
static const struct node_service versions[] = {
	{ .id = 1, .port = PORT, .to_port = TO_PORT },
	{ .id = 2, .port = PORT, .to_port = TO_PORT },
};

struct client {
	const char *const *name;
	struct weir_tuple t; /* as it speaks to the Service */
	struct weir_tuple view; /* as its backend sees it, after the first packet */
};

static void service(struct client *c, int version, uint32_t flags)
{
	struct node_service s = versions[version];

	s.proto = c->t.proto;
	s.vip = c->name[EXTERNAL];
	s.to[0] = c->name[version ? POD2 : POD];
	s.flags = flags;
	node_service(&s);
}

static struct client client(bool v6, uint8_t proto, enum node_who who, uint16_t port)
{
	const char *const *name = node_name[v6];

	return (struct client){ .name = name,
				.t = tuple(proto, name[who], port, name[EXTERNAL], PORT) };
}

static enum weir_reason packet(enum node_dev dev, const struct weir_tuple *t, uint8_t flags,
			       struct weir_tuple *ret)
{
	struct packet p = { .t = *t, .flags = flags }, got;
	struct frame f;
	enum weir_reason why;

	frame_make(&p, &f);
	why = node_in(dev, &f);
	frame_read(&f, &got);
	*ret = got.t;
	return why;
}

/* The client's packet goes to a backend, which is remembered as the view. */
static void sends(struct client *c, uint8_t flags)
{
	assert_reason(packet(OUT, &c->t, flags, &c->view), WEIR_REASON_PKT_SENT);
}

static void assert_sends_to(struct client *c, uint8_t flags, enum node_who backend)
{
	struct weir_addr want = bed_vip(c->name[backend], 0, 0).addr;

	sends(c, flags);
	assert_memory_equal(&c->view.dst, &want, sizeof(want));
}

/* The backend's packet goes to the client, in the Service's name. */
static void is_answered(const struct client *c, uint8_t flags)
{
	struct weir_tuple t = tuple_answer(&c->view), got, want = tuple_answer(&c->t);

	assert_reason(packet(PODS, &t, flags, &got), WEIR_REASON_PKT_SENT);
	assert_tuple(&got, &want);
}

static void age(const struct client *c, uint32_t s)
{
	struct weir_tuple answer = tuple_answer(&c->view);

	node_conn_age(&c->t, s);
	node_conn_age(&answer, s);
}

static uint32_t conn_flags(const struct client *c)
{
	struct weir_tuple answer = tuple_answer(&c->view);
	struct weir_conn there, back;

	assert_true(node_conn(&c->t, &there) && node_conn(&answer, &back));
	assert_int_equal(there.flags | WEIR_CONN_REPLY, back.flags);
	return there.flags;
}

/* ---- For how long ---------------------------------------------------------------------------- */

#define BY_BACKEND 0x80
#define STEPS 5

/* What is said, flags of TCP, by the client or the backend; and how long it is remembered then. */
static const struct {
	uint8_t proto, steps[STEPS];
	bool closed; /* by both sides */
	uint32_t s;
} times[] = {
	{ IPPROTO_TCP, { SYN }, false, 120 },
	{ IPPROTO_TCP, { SYN, BY_BACKEND | SYN | ACK }, false, DAY },
	{ IPPROTO_TCP, { SYN, BY_BACKEND | SYN | ACK, FIN | ACK }, false, 3600 },
	{ IPPROTO_TCP, { SYN, BY_BACKEND | SYN | ACK, BY_BACKEND | FIN | ACK }, false, 3600 },
	{ IPPROTO_TCP,
	  { SYN, BY_BACKEND | SYN | ACK, FIN | ACK, BY_BACKEND | FIN | ACK, ACK },
	  true,
	  120 },
	{ IPPROTO_TCP, { SYN, BY_BACKEND | SYN | ACK, RST }, true, 10 },
	{ IPPROTO_TCP, { SYN, BY_BACKEND | RST | ACK }, true, 10 },
	{ IPPROTO_UDP, { ACK }, false, 30 },
	{ IPPROTO_UDP, { ACK, BY_BACKEND | ACK }, false, 120 },
	{ IPPROTO_SCTP, { ACK }, false, 30 },
	{ IPPROTO_SCTP, { ACK, BY_BACKEND | ACK }, false, 210 },
};

/* A client of which so much was seen, so long ago; its Service has another backend by now. */
static struct client aged(void **state, size_t i, bool v6, uint32_t s)
{
	struct client c = client(v6, times[i].proto, CLIENT, IN_RANGE);

	node_of(state);
	service(&c, 0, 0);
	for (size_t k = 0; k < STEPS && times[i].steps[k]; k++) {
		if (times[i].steps[k] & BY_BACKEND)
			is_answered(&c, times[i].steps[k] & ~BY_BACKEND);
		else
			assert_sends_to(&c, times[i].steps[k], POD);
	}
	service(&c, 1, 0);
	age(&c, s);
	return c;
}

static void what_was_seen_says_how_long_it_is_remembered(void **state)
{
	struct weir_tuple got;
	struct client c;

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		for (int v6 = 0; v6 < 2; v6++) {
			c = aged(state, i, v6, times[i].s - 5);
			assert_sends_to(&c, ACK, POD);

			c = aged(state, i, v6, times[i].s + 5);
			if (c.t.proto == IPPROTO_TCP)
				assert_reason(packet(OUT, &c.t, ACK, &got),
					      WEIR_REASON_PKT_NO_CONN);
			else
				assert_sends_to(&c, ACK, POD2);
		}
}

/* Who only speaks, or only listens, is as young as the other side. */
static void either_side_keeps_both_entries_young(void **state)
{
	struct client c = client(false, IPPROTO_UDP, CLIENT, IN_RANGE);

	node_of(state);
	service(&c, 0, 0);
	for (int i = 0; i < 3; i++) {
		sends(&c, 0);
		age(&c, 20); /* of the 30 without an answer */
	}
	is_answered(&c, 0);
	for (int i = 0; i < 3; i++) {
		is_answered(&c, 0);
		age(&c, 100); /* of 120 */
	}
	service(&c, 1, 0);
	assert_sends_to(&c, 0, POD);
}

static void answers_are_forgotten_with_the_connection(void **state)
{
	struct weir_tuple got, answer;
	struct client c;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		c = aged(state, i, i % 2, times[i].s + 5);
		answer = tuple_answer(&c.view);
		assert_reason(packet(PODS, &answer, ACK, &got), WEIR_REASON_PKT_PASS);
		assert_int_equal(node_conns(), 0);
	}
}

static void a_syn_begins_anew_where_both_sides_had_closed(void **state)
{
	struct client c;

	for (size_t i = 0; i < ARRAY_LEN(times) && times[i].proto == IPPROTO_TCP; i++) {
		c = aged(state, i, i % 2, 1);
		assert_sends_to(&c, SYN, times[i].closed ? POD2 : POD);
		if (times[i].closed)
			assert_int_equal(conn_flags(&c), 0);
	}
}

static void what_goes_on_after_a_reset_was_none(void **state)
{
	struct client c = client(false, IPPROTO_TCP, CLIENT, IN_RANGE);

	node_of(state);
	service(&c, 0, 0);
	sends(&c, SYN);
	is_answered(&c, SYN | ACK);
	is_answered(&c, RST);
	assert_true(conn_flags(&c) & WEIR_CONN_RST);
	sends(&c, ACK);
	assert_false(conn_flags(&c) & WEIR_CONN_RST);
	age(&c, 3600);
	assert_sends_to(&c, ACK, POD);
}

/* ---- What may be lost ------------------------------------------------------------------------ */

static void either_entry_is_put_back_by_the_other(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct client c =
			client(i & 1, i & 2 ? IPPROTO_TCP : IPPROTO_UDP, CLIENT, IN_RANGE);
		struct weir_tuple answer, got, want;
		struct weir_conn there, back, again;

		node_of(state);
		service(&c, 0, 0);
		sends(&c, SYN);
		is_answered(&c, SYN | ACK);
		age(&c, 2); /* it is looked at each second */
		answer = tuple_answer(&c.view);
		assert_true(node_conn(&c.t, &there) && node_conn(&answer, &back));

		node_conn_del(&answer);
		sends(&c, ACK);
		assert_true(node_conn(&answer, &again));
		assert_tuple(&again.to, &back.to);
		assert_int_equal(again.flags, back.flags);
		assert_int_equal(again.backend, back.backend);
		is_answered(&c, ACK);

		age(&c, 2);
		node_conn_del(&c.t);
		is_answered(&c, ACK);
		assert_true(node_conn(&c.t, &again));
		assert_tuple(&again.to, &there.to);
		assert_int_equal(again.flags, there.flags);
		want = c.view;
		assert_reason(packet(OUT, &c.t, ACK, &got), WEIR_REASON_PKT_SENT);
		assert_tuple(&got, &want);
	}
}

/* Only the client's entry is lost, and it is the client that speaks first. */
static void a_client_that_was_forgotten_keeps_its_port(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct client c = client(i & 1, IPPROTO_UDP, CLIENT, IN_RANGE);
		struct weir_tuple was;

		node_of(state);
		service(&c, 0, i & 2 ? WEIR_SVC_KEEP : 0);
		sends(&c, 0);
		was = c.view;
		node_conn_del(&c.t);
		sends(&c, 0);
		assert_tuple(&c.view, &was);
		assert_int_equal(node_conns(), 2);
	}
}

/* A client that was silent too long, and another one that its backend has meanwhile, with the same port. */
static void robbed(void **state, struct client *ret_old, struct client *ret_new)
{
	*ret_old = client(false, IPPROTO_UDP, CLIENT, IN_RANGE);
	*ret_new = client(false, IPPROTO_UDP, CLIENT2, IN_RANGE);
	node_of(state);
	service(ret_old, 0, 0);
	sends(ret_old, 0);
	age(ret_old, 40);
	sends(ret_new, 0);
	assert_tuple(&ret_new->view, &ret_old->view);
	is_answered(ret_new, 0);
}

static void what_another_connection_took_stays_its(void **state)
{
	struct client old, new;

	robbed(state, &old, &new);
	sends(&old, 0); /* its time is over: it begins anew */
	assert_int_not_equal(old.view.sport, new.view.sport);
	is_answered(&new, 0);
	is_answered(&old, 0);

	robbed(state, &old, &new);
	node_conn_age(&old.t, (uint32_t)-38); /* two seconds ago: it is looked at, and found out */
	sends(&old, 0);
	assert_int_not_equal(old.view.sport, new.view.sport);
	is_answered(&new, 0);
	is_answered(&old, 0);
}

/* ---- Where to -------------------------------------------------------------------------------- */

static void backend_gone(struct bed *b, uint32_t id)
{
	struct err err = {};

	assert_int_equal(dp_backend_gone(b->dp, id, true, &err), 0);
}

static void what_has_no_end_of_its_own_leaves_a_backend_that_is_gone(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct client c =
			client(i & 1, i & 2 ? IPPROTO_TCP : IPPROTO_UDP, CLIENT, IN_RANGE);
		struct bed *b = node_of(state);

		service(&c, 0, 0);
		sends(&c, SYN);
		if (c.t.proto == IPPROTO_UDP)
			is_answered(&c, 0);
		service(&c, 1, 0);
		dp_epoch_next(b->dp);
		assert_sends_to(&c, SYN, POD); /* it serves: another Service's, say */
		backend_gone(b, node_backend_id(&versions[0], 0));
		assert_sends_to(&c, SYN, POD); /* nobody said so yet */
		dp_epoch_next(b->dp);
		assert_sends_to(&c, SYN, POD2);
		is_answered(&c, SYN | ACK);
	}
}

static void what_nobody_says_is_found_within_a_second(void **state)
{
	struct client c = client(false, IPPROTO_UDP, CLIENT, IN_RANGE);
	struct bed *b = node_of(state);

	service(&c, 0, 0);
	sends(&c, 0);
	service(&c, 1, 0);
	backend_gone(b, node_backend_id(&versions[0], 0));
	age(&c, 2);
	assert_sends_to(&c, 0, POD2);
}

static void a_connection_that_was_answered_stays(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_SCTP };

	for (size_t i = 0; i < 2 * ARRAY_LEN(protos); i++) {
		struct client c = client(i & 1, protos[i / 2], CLIENT, IN_RANGE);
		struct bed *b = node_of(state);
		struct node_service s = versions[0];

		service(&c, 0, 0);
		sends(&c, SYN);
		is_answered(&c, SYN | ACK);
		backend_gone(b, node_backend_id(&s, 0));
		s.vip = c.name[EXTERNAL];
		s.proto = c.t.proto;
		node_service_end(&s);
		dp_epoch_next(b->dp);
		assert_sends_to(&c, ACK, POD);
		is_answered(&c, ACK);
	}
}

static void a_datagram_to_a_service_that_was_deleted_is_nobodys(void **state)
{
	struct client c = client(false, IPPROTO_UDP, CLIENT, IN_RANGE);
	struct node_service s = versions[0];
	struct bed *b = node_of(state);
	struct weir_tuple got;

	service(&c, 0, 0);
	sends(&c, 0);
	is_answered(&c, 0);
	s.vip = c.name[EXTERNAL];
	s.proto = IPPROTO_UDP;
	node_service_end(&s);
	dp_epoch_next(b->dp);
	assert_reason(packet(OUT, &c.t, 0, &got), WEIR_REASON_PKT_PASS);
	assert_int_equal(node_conns(), 0);
}

static void a_route_that_changes_is_taken(void **state)
{
	struct client c = client(false, IPPROTO_UDP, CLIENT, IN_RANGE);
	struct bed *b = node_of(state);
	struct weir_conn conn;

	service(&c, 0, WEIR_SVC_KEEP);
	sends(&c, 0);
	node_ip("route add 10.244.1.10/32 via 172.16.0.2\n");
	dp_epoch_next(b->dp);
	assert_sends_to(&c, 0, POD);
	assert_true(node_conn(&c.t, &conn));
	assert_int_equal(conn.ifindex, node_ifindex(FAR));
	node_ip("route del 10.244.1.10/32\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_seen_says_how_long_it_is_remembered),
		cmocka_unit_test(either_side_keeps_both_entries_young),
		cmocka_unit_test(answers_are_forgotten_with_the_connection),
		cmocka_unit_test(a_syn_begins_anew_where_both_sides_had_closed),
		cmocka_unit_test(what_goes_on_after_a_reset_was_none),
		cmocka_unit_test(either_entry_is_put_back_by_the_other),
		cmocka_unit_test(a_client_that_was_forgotten_keeps_its_port),
		cmocka_unit_test(what_another_connection_took_stays_its),
		cmocka_unit_test(what_has_no_end_of_its_own_leaves_a_backend_that_is_gone),
		cmocka_unit_test(what_nobody_says_is_found_within_a_second),
		cmocka_unit_test(a_connection_that_was_answered_stays),
		cmocka_unit_test(a_datagram_to_a_service_that_was_deleted_is_nobodys),
		cmocka_unit_test(a_route_that_changes_is_taken),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
