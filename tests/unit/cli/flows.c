/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/flows.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "dp/dp.h"
#include "unit/cli/sample.h"

#define S 1000000000ULL
#define NOW (1000000 * S)

static struct weir_addr v4(uint32_t addr)
{
	return (struct weir_addr){ { 0, 0, htonl(0xffff), htonl(addr) } };
}

/* 192.0.2.1:1000 dials 10.96.0.10:80 and gets 10.1.0.5:8080. */
static struct dp_conn conn(uint8_t proto, uint32_t flags, uint64_t idle_ns)
{
	const struct weir_addr client = v4(0xc0000201);

	return (struct dp_conn){
		.from = { client, v4(0x0a60000a), htons(1000), htons(80), proto, {} },
		.conn = {
			.to = { client, v4(0x0a010005), htons(1000), htons(8080), proto, {} },
			.seen = NOW - idle_ns,
			.since_s = NOW / S - 90,
			.svc = 7,
			.backend = 3,
			.flags = flags,
		},
	};
}

static void a_connection_has_a_state_until_its_time_is_over(void **state)
{
	const uint32_t answered = WEIR_CONN_ANSWERED, fin = WEIR_CONN_FIN;
	const struct {
		uint8_t proto;
		uint32_t flags;
		const char *name;
		uint64_t limit_s;
	} cases[] = {
		{ IPPROTO_TCP, 0, "syn", 120 },
		{ IPPROTO_TCP, fin, "syn", 120 },
		{ IPPROTO_TCP, answered, "established", 86400 },
		{ IPPROTO_TCP, answered | fin, "closing", 3600 },
		{ IPPROTO_TCP, answered | WEIR_CONN_FIN_REPLY, "closing", 3600 },
		{ IPPROTO_TCP, answered | fin | WEIR_CONN_FIN_REPLY, "closed", 120 },
		{ IPPROTO_TCP, fin | WEIR_CONN_FIN_REPLY, "closed", 120 },
		{ IPPROTO_TCP, answered | WEIR_CONN_RST, "reset", 10 },
		{ IPPROTO_TCP, WEIR_CONN_RST, "reset", 10 },
		{ IPPROTO_UDP, 0, "unreplied", 30 },
		{ IPPROTO_UDP, answered, "established", 120 },
		{ IPPROTO_SCTP, 0, "unreplied", 30 },
		{ IPPROTO_SCTP, answered, "established", 210 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t limit = cases[i].limit_s * S;
		struct dp_conn c = conn(cases[i].proto, cases[i].flags, limit);
		struct flow f = {};

		assert_true(flow_of_conn(&c, NOW, &f));
		assert_string_equal(f.state, cases[i].name);
		assert_int_equal(f.idle_s, cases[i].limit_s);
		c.conn.seen--;
		f.state = NULL;
		assert_false(flow_of_conn(&c, NOW, &f));
		assert_null(f.state);
	}
}

static void answers_are_no_flows_of_their_own(void **state)
{
	struct dp_conn c = conn(IPPROTO_TCP, WEIR_CONN_ANSWERED | WEIR_CONN_REPLY, 0);
	struct flow f;

	(void)state;
	assert_false(flow_of_conn(&c, NOW, &f));
}

static void a_packet_seen_while_the_table_is_read_is_of_now(void **state)
{
	struct dp_conn c = conn(IPPROTO_UDP, 0, 0);
	struct flow f;

	(void)state;
	c.conn.seen = NOW + S;
	c.conn.since_s = NOW / S + 1;
	assert_true(flow_of_conn(&c, NOW, &f));
	assert_int_equal(f.idle_s, 0);
	assert_int_equal(f.age_s, 0);
}

static void a_connection_is_told_with_both_ends(void **state)
{
	struct dp_conn c = conn(IPPROTO_TCP, WEIR_CONN_ANSWERED, 5 * S);
	struct flow f;

	(void)state;
	assert_true(flow_of_conn(&c, NOW, &f));
	assert_memory_equal(&f.from, &c.from, sizeof(f.from));
	assert_memory_equal(&f.to, &c.conn.to, sizeof(f.to));
	assert_int_equal(f.svc, 7);
	assert_int_equal(f.backend, 3);
	assert_int_equal(f.age_s, 90);
	assert_int_equal(f.idle_s, 5);
	assert_int_equal(f.cookie, 0);
}

static struct weir_sock sock(uint64_t cookie, uint32_t client, uint8_t tcp_state)
{
	return (struct weir_sock){
		.flow = { .vip = { v4(0x0a60000a), htons(80), IPPROTO_TCP, 0 },
			  .backend = { v4(0x0a010005), htons(8080), IPPROTO_TCP, 0, {} },
			  .svc = 7,
			  .since = NOW - 61 * S,
			  .backend_id = 3 },
		.addr = v4(client),
		.port = htons(1000),
		.cookie = cookie,
		.cgroup = 44,
		.state = tcp_state,
	};
}

static void a_socket_is_told_as_a_connection_is(void **state)
{
	const struct weir_sock s = sock(9, 0xc0000201, TCP_ESTABLISHED);
	struct dp_conn c = conn(IPPROTO_TCP, WEIR_CONN_ANSWERED, 0);
	struct flow f;

	(void)state;
	flow_of_sock(&s, NOW, &f);
	assert_memory_equal(&f.from, &c.from, sizeof(f.from));
	assert_memory_equal(&f.to, &c.conn.to, sizeof(f.to));
	assert_int_equal(f.svc, 7);
	assert_int_equal(f.backend, 3);
	assert_int_equal(f.age_s, 61);
	assert_int_equal(f.cookie, 9);
	assert_int_equal(f.cgroup, 44);
	assert_false(flow_is_masked(&f));
}

static void a_socket_has_a_state_in_the_same_words(void **state)
{
	const struct {
		uint8_t tcp;
		const char *name;
	} cases[] = {
		{ TCP_SYN_SENT, "syn" },       { TCP_ESTABLISHED, "established" },
		{ TCP_FIN_WAIT1, "closing" },  { TCP_FIN_WAIT2, "closing" },
		{ TCP_CLOSE_WAIT, "closing" }, { TCP_LAST_ACK, "closing" },
		{ TCP_CLOSING, "closing" },    { TCP_CLOSE, "closed" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct weir_sock s = sock(9, 1, cases[i].tcp);
		struct flow f;

		flow_of_sock(&s, NOW, &f);
		assert_string_equal(f.state, cases[i].name);
	}
}

static void masked_is_another_address_or_another_port(void **state)
{
	struct dp_conn c = conn(IPPROTO_TCP, 0, 0);
	struct flow f;

	(void)state;
	assert_true(flow_of_conn(&c, NOW, &f));
	assert_false(flow_is_masked(&f));
	f.to.sport = htons(20000);
	assert_true(flow_is_masked(&f));
	f.to.sport = f.from.sport;
	f.to.src = v4(0xc0000202);
	assert_true(flow_is_masked(&f));
}

static void draining_is_a_backend_that_is_gone_or_another_by_now(void **state)
{
	const struct weir_backend serves = { v4(0x0a010005), htons(8080), IPPROTO_TCP, 0, {} };
	struct dp_backend all[] = { { 1, serves }, { 3, serves }, { 4, serves } };
	struct dp_conn c = conn(IPPROTO_TCP, 0, 0);
	struct weir_backend *be = &all[1].be;
	struct flow f;

	(void)state;
	assert_true(flow_of_conn(&c, NOW, &f));
	assert_false(flow_is_draining(&f, all, 3));
	assert_true(flow_is_draining(&f, all, 1));
	assert_true(flow_is_draining(&f, all, 0));
	be->gone = 1;
	assert_true(flow_is_draining(&f, all, 3));
	*be = serves;
	be->port = htons(8081);
	assert_true(flow_is_draining(&f, all, 3));
	*be = serves;
	be->proto = IPPROTO_UDP;
	assert_true(flow_is_draining(&f, all, 3));
	*be = serves;
	be->addr = v4(0x0a010006);
	assert_true(flow_is_draining(&f, all, 3));
}

static void what_another_node_sent_on_has_no_backend_of_this_nodes(void **state)
{
	struct dp_conn c = conn(IPPROTO_TCP, WEIR_CONN_FROM_NODE, 0);
	struct flow f;

	(void)state;
	assert_true(flow_of_conn(&c, NOW, &f));
	assert_false(flow_is_draining(&f, NULL, 0));
	assert_false(f.away);
}

static void a_flow_that_another_node_answers_names_it(void **state)
{
	struct dp_conn c = conn(IPPROTO_TCP, WEIR_CONN_AWAY | WEIR_CONN_ANSWERED, 0);
	struct flow f;

	(void)state;
	c.conn.next = v4(0xc0000202);
	assert_true(flow_of_conn(&c, NOW, &f));
	assert_true(f.away);
	assert_memory_equal(&f.node, &c.conn.next, sizeof(f.node));
	assert_string_equal(f.state, "established");
	assert_false(flow_is_masked(&f));
}

static void flows_have_one_order_and_each_socket_comes_once(void **state)
{
	struct weir_sock socks[] = {
		sock(30, 0xc0000202, TCP_ESTABLISHED),
		sock(20, 0xc0000203, TCP_ESTABLISHED),
		sock(20, 0xc0000203, TCP_ESTABLISHED),
		sock(10, 0xc0000203, TCP_ESTABLISHED),
	};
	struct dp_conn conns[] = { conn(IPPROTO_TCP, 0, 0), conn(IPPROTO_TCP, 0, 0) };
	struct flow f[6];

	(void)state;
	conns[1].from.dport = htons(79);
	for (size_t i = 0; i < 4; i++)
		flow_of_sock(&socks[i], NOW, &f[i]);
	for (size_t i = 0; i < 2; i++)
		assert_true(flow_of_conn(&conns[i], NOW, &f[4 + i]));
	assert_int_equal(flows_sort(f, 6), 5);
	assert_int_equal(f[0].from.dport, htons(79));
	assert_int_equal(f[1].cookie, 0);
	assert_int_equal(f[2].cookie, 30);
	assert_int_equal(f[3].cookie, 10);
	assert_int_equal(f[4].cookie, 20);
	assert_int_equal(flows_sort(f, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_has_a_state_until_its_time_is_over),
		cmocka_unit_test(answers_are_no_flows_of_their_own),
		cmocka_unit_test(a_packet_seen_while_the_table_is_read_is_of_now),
		cmocka_unit_test(a_connection_is_told_with_both_ends),
		cmocka_unit_test(a_socket_is_told_as_a_connection_is),
		cmocka_unit_test(a_socket_has_a_state_in_the_same_words),
		cmocka_unit_test(masked_is_another_address_or_another_port),
		cmocka_unit_test(what_another_node_sent_on_has_no_backend_of_this_nodes),
		cmocka_unit_test(a_flow_that_another_node_answers_names_it),
		cmocka_unit_test(draining_is_a_backend_that_is_gone_or_another_by_now),
		cmocka_unit_test(flows_have_one_order_and_each_socket_comes_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
