/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when there is no more of something: ports that stand for clients, room for connections. */
#include "bpf/node.h"
#include "core/cleanup.h"

#define PORT 80
#define TO_PORT 8080
#define PORTS 4

static struct node_service service(uint32_t id, enum node_who vip, enum node_who backend,
				   uint8_t proto)
{
	return (struct node_service){ .id = id,
				      .vip = node_name[0][vip],
				      .to = { node_name[0][backend] },
				      .port = PORT,
				      .to_port = TO_PORT,
				      .proto = proto };
}

static struct packet first(uint8_t proto, enum node_who vip, uint16_t port)
{
	return (struct packet){ .t = tuple(proto, node_name[0][CLIENT], port, node_name[0][vip],
					   PORT),
				.flags = proto == IPPROTO_TCP ? SYN : 0 };
}

static enum weir_reason sends(const struct packet *p, struct weir_tuple *ret_view)
{
	struct packet got;
	struct frame f;
	enum weir_reason why;

	frame_make(p, &f);
	why = node_in(OUT, &f);
	frame_read(&f, &got);
	*ret_view = got.t;
	return why;
}

/* ---- Ports ----------------------------------------------------------------------------------- */

static void ports_that_are_used_up_stop_new_clients_of_one_backend_only(void **state)
{
	struct node_service udp = service(1, EXTERNAL, POD, IPPROTO_UDP),
			    tcp = service(2, EXTERNAL, POD, IPPROTO_TCP),
			    other = service(3, VIP, POD2, IPPROTO_UDP);
	struct bed *b = node_of(state);
	struct weir_tuple view[PORTS], again, answer;
	struct packet p;

	node_service(&udp);
	node_service(&tcp);
	node_service(&other);
	dp_snat_ports(b->dp, PORT_LOW, PORT_LOW + PORTS - 1);
	for (uint16_t i = 0; i < PORTS; i++) {
		p = first(IPPROTO_UDP, EXTERNAL, (uint16_t)(4000 + i));
		assert_reason(sends(&p, &view[i]), WEIR_REASON_PKT_SENT);
	}
	p = first(IPPROTO_UDP, EXTERNAL, 4000 + PORTS);
	assert_reason(sends(&p, &again), WEIR_REASON_PKT_PORTS);
	assert_int_equal(node_conns(), 2 * PORTS); /* nothing is left of it */

	for (uint16_t i = 0; i < PORTS; i++) {
		p = first(IPPROTO_UDP, EXTERNAL, (uint16_t)(4000 + i));
		assert_reason(sends(&p, &again), WEIR_REASON_PKT_SENT);
		assert_tuple(&again, &view[i]);
	}
	p = first(IPPROTO_TCP, EXTERNAL, 5000);
	assert_reason(sends(&p, &again), WEIR_REASON_PKT_SENT);
	p = first(IPPROTO_UDP, VIP, 5000);
	assert_reason(sends(&p, &again), WEIR_REASON_PKT_SENT);

	/* one is silent long enough: its port is the next one's */
	p = first(IPPROTO_UDP, EXTERNAL, 4001);
	answer = tuple_answer(&view[1]);
	node_conn_age(&p.t, 40);
	node_conn_age(&answer, 40);
	p = first(IPPROTO_UDP, EXTERNAL, 4000 + PORTS);
	assert_reason(sends(&p, &again), WEIR_REASON_PKT_SENT);
	assert_tuple(&again, &view[1]);
}

static void no_ports_at_all_stop_every_masked_client(void **state)
{
	struct node_service s = service(1, EXTERNAL, POD, IPPROTO_UDP);
	struct bed *b = node_of(state);
	struct packet p = first(IPPROTO_UDP, EXTERNAL, 4000);
	struct weir_tuple view;

	node_service(&s);
	dp_snat_ports(b->dp, 1, 0);
	assert_reason(sends(&p, &view), WEIR_REASON_PKT_PORTS);
	dp_snat_ports(b->dp, PORT_LOW, PORT_HIGH);
	assert_reason(sends(&p, &view), WEIR_REASON_PKT_SENT);
}

/* ---- Connections ----------------------------------------------------------------------------- */

#define LIVE 50
#define FLOOD (WEIR_MAX_CONNS / 2 + 8192)
#define EVERY 4096 /* of the flood, the live ones speak */

struct live {
	struct packet p;
	struct weir_tuple view;
};

static void speak(struct live live[LIVE], uint8_t flags)
{
	for (int i = 0; i < LIVE; i++) {
		struct packet answer = { .flags = flags }, got;
		struct weir_tuple view, want = tuple_answer(&live[i].p.t);
		struct frame f;

		assert_reason(sends(&live[i].p, &view), WEIR_REASON_PKT_SENT);
		if (live[i].p.flags == SYN)
			live[i].view = view;
		assert_tuple(&view, &live[i].view);
		live[i].p.flags = ACK;

		answer.t = tuple_answer(&view);
		frame_make(&answer, &f);
		assert_reason(node_in(PODS, &f), WEIR_REASON_PKT_SENT);
		frame_read(&f, &got);
		assert_tuple(&got.t, &want);
	}
}

/* A flood of clients, each of an address of its own, that never speak again. */
static void a_full_table_forgets_who_is_silent(void **state)
{
	struct node_service s = service(1, EXTERNAL, POD, IPPROTO_TCP);
	struct packet p = first(IPPROTO_TCP, EXTERNAL, PORT_LOW);
	struct live live[LIVE];
	struct bed *b = node_of(state);
	uint64_t sent;
	struct frame f;

	s.flags = WEIR_SVC_KEEP; /* so that ports are no matter */
	node_service(&s);
	for (int i = 0; i < LIVE; i++)
		live[i].p = first(IPPROTO_TCP, EXTERNAL, (uint16_t)(4000 + i));
	speak(live, SYN | ACK);
	sent = bed_reason(b, WEIR_REASON_PKT_SENT);
	for (uint32_t i = 0; i < FLOOD; i++) {
		p.t.src.w[3] = htonl(0x0b000000 + i); /* 11.0.0.0 and on */
		frame_make(&p, &f);
		node_run(OUT, &f);
		if (i % EVERY == 0) {
			sent += 2 * LIVE;
			speak(live, ACK);
		}
	}
	assert_int_equal(bed_reason(b, WEIR_REASON_PKT_SENT) - sent, FLOOD);
	assert_true(node_conns() <= WEIR_MAX_CONNS);
	speak(live, ACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_that_are_used_up_stop_new_clients_of_one_backend_only),
		cmocka_unit_test(no_ports_at_all_stop_every_masked_client),
		cmocka_unit_test(a_full_table_forgets_who_is_silent),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
