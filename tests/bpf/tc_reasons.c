/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason that a packet is counted by has something that provokes it, here. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/socket.h>

#include "bpf/node.h"
#include "bpf/tunnel.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "weir.skel.h"

#define PORT 80
#define TO_PORT 8080
#define CLIENT_PORT 4000

static const char *const *const name = node_name[0];

static struct node_service service(uint8_t proto, enum node_who backend)
{
	return (struct node_service){ .id = 1,
				      .vip = name[EXTERNAL],
				      .to = { name[backend] },
				      .port = PORT,
				      .to_port = TO_PORT,
				      .proto = proto };
}

static enum weir_reason sends(const struct packet *p)
{
	struct frame f;

	frame_make(p, &f);
	return node_in(OUT, &f);
}

static enum weir_reason asks(struct node_service s, uint8_t flags)
{
	struct packet p = { .t = tuple(s.proto, name[CLIENT], CLIENT_PORT, s.vip, s.port),
			    .flags = flags };

	node_service(&s);
	return sends(&p);
}

static enum weir_reason pass(struct bed *b)
{
	struct packet p = { .t = tuple(IPPROTO_UDP, name[CLIENT], 1, name[POD], 1) };

	(void)b;
	return sends(&p);
}

static enum weir_reason sent(struct bed *b)
{
	(void)b;
	return asks(service(IPPROTO_UDP, POD), 0);
}

static enum weir_reason host(struct bed *b)
{
	(void)b;
	return asks(service(IPPROTO_UDP, SELF + OUT), 0);
}

static enum weir_reason away(struct bed *b)
{
	struct node_service s = service(IPPROTO_UDP, FAR_POD);

	(void)b;
	s.flags = WEIR_SVC_MASQ;
	node_home(name[FAR_POD], name[PEER]);
	return asks(s, 0);
}

static enum weir_reason stranger(struct bed *b)
{
	const struct tunnel by = { name[CLIENT], name[SELF + FAR], name[POD], TO_PORT };
	struct packet p = { .t = tuple(IPPROTO_UDP, name[CLIENT2], CLIENT_PORT, name[EXTERNAL],
				       PORT) };
	struct frame inner, f;

	(void)b;
	frame_make(&p, &inner);
	tunnel_make(&inner, &by, &f);
	return node_in(OUT, &f);
}

static enum weir_reason peer_refused(struct bed *b)
{
	const struct tunnel to = { name[SELF + FAR], name[PEER], name[FAR_POD], TO_PORT };
	struct packet p = { .t = tuple(IPPROTO_UDP, name[CLIENT], CLIENT_PORT, name[EXTERNAL],
				       PORT) };
	struct frame inner, f, error;

	(void)b;
	frame_make(&p, &inner);
	tunnel_make(&inner, &to, &f);
	frame_error(&f, name[PEER], 3, 3, 0, 28, &error);
	assert_reason(node_in(FAR, &error), WEIR_REASON_PKT_PASS);
	return WEIR_REASON_PEER_REFUSED;
}

static enum weir_reason icmp(struct bed *b)
{
	struct packet p = { .t = tuple(IPPROTO_UDP, name[CLIENT], CLIENT_PORT, name[EXTERNAL],
				       PORT) };
	struct frame f, error;

	(void)b;
	node_service((struct node_service[]){ service(IPPROTO_UDP, POD) });
	frame_make(&p, &f);
	assert_reason(node_in(OUT, &f), WEIR_REASON_PKT_SENT);
	frame_error(&f, name[POD], 3, 3, 0, 28, &error);
	return node_in(PODS, &error);
}

static enum weir_reason no_endpoint(struct bed *b)
{
	struct node_service s = service(IPPROTO_UDP, POD);

	(void)b;
	s.to[0] = NULL;
	return asks(s, 0);
}

static enum weir_reason no_service(struct bed *b)
{
	struct packet p = { .t = tuple(IPPROTO_UDP, name[CLIENT], 1, name[IDLE], 1) };

	(void)b;
	return sends(&p);
}

static enum weir_reason no_conn(struct bed *b)
{
	(void)b;
	return asks(service(IPPROTO_TCP, POD), ACK);
}

static enum weir_reason too_big(struct bed *b)
{
	struct packet p = { .t = tuple(IPPROTO_UDP, name[CLIENT], CLIENT_PORT, name[EXTERNAL],
				       PORT),
			    .len = 1450 };

	(void)b;
	node_service((struct node_service[]){ service(IPPROTO_UDP, FAR_POD) });
	return sends(&p);
}

static enum weir_reason hops(struct bed *b)
{
	struct packet p = {
		.t = tuple(IPPROTO_UDP, name[CLIENT], CLIENT_PORT, name[EXTERNAL], PORT), .hops = 1
	};

	(void)b;
	node_service((struct node_service[]){ service(IPPROTO_UDP, POD) });
	return sends(&p);
}

static enum weir_reason policy(struct bed *b)
{
	struct node_service s = service(IPPROTO_UDP, POD);

	(void)b;
	s.to[0] = NULL;
	s.flags = WEIR_SVC_DROP;
	return asks(s, 0);
}

static enum weir_reason range(struct bed *b)
{
	struct node_service s = service(IPPROTO_UDP, POD);

	(void)b;
	s.flags = WEIR_SVC_RANGES;
	return asks(s, 0);
}

/* A set whose slots are never those of its generation. */
static enum weir_reason lost(struct bed *b)
{
	struct node_service s = service(IPPROTO_UDP, POD);
	struct packet p = { .t = tuple(IPPROTO_UDP, name[CLIENT], CLIENT_PORT, s.vip, PORT) };

	node_service(&s);
	dp_slot_put(b->dp, node_backend_id(&s, 0),
		    (struct weir_slot){ .backend = node_backend_id(&s, 0), .gen = 99 });
	return sends(&p);
}

static enum weir_reason ports(struct bed *b)
{
	dp_snat_ports(b->dp, 1, 0);
	return asks(service(IPPROTO_UDP, POD), 0);
}

/* The table itself makes room as long as it can, so here it is one that can't: it takes `room` entries. */
static enum weir_reason full(uint32_t room)
{
	static const char *const own[] = { "weir_conn", "weir_work", "weir_reject" };
	struct weir_bpf *skel = weir_bpf__open();
	enum weir_reason why;
	struct bpf_program *p;
	struct bpf_map *m;
	uint32_t left = 0;
	struct weir_tuple key, *from = NULL;

	assert_non_null(skel);
	bpf_object__for_each_program(p, skel->obj)
		bpf_program__set_autoload(p, p == skel->progs.weir_tc_in);
	bpf_object__for_each_map(m, skel->obj)
	{
		bool mine = bpf_map__is_internal(m);

		for (size_t i = 0; i < ARRAY_LEN(own); i++)
			mine = mine || !strcmp(bpf_map__name(m), own[i]);
		if (!mine)
			assert_int_equal(bpf_map__reuse_fd(m, node_table(bpf_map__name(m))), 0);
	}
	assert_int_equal(bpf_map__set_type(skel->maps.weir_conn, BPF_MAP_TYPE_HASH), 0);
	assert_int_equal(bpf_map__set_max_entries(skel->maps.weir_conn, room), 0);
	assert_int_equal(weir_bpf__load(skel), 0);
	node_use(bpf_program__fd(skel->progs.weir_tc_in));
	assert_reason(asks(service(IPPROTO_UDP, POD), 0), WEIR_REASON_PKT_SENT);
	why = asks((struct node_service){ .id = 2,
					  .vip = name[VIP],
					  .to = { name[POD2] },
					  .port = PORT,
					  .to_port = TO_PORT,
					  .proto = IPPROTO_UDP },
		   0);
	for (; !bpf_map_get_next_key(bpf_map__fd(skel->maps.weir_conn), from, &key); from = &key)
		left++;
	assert_int_equal(left, 2); /* nothing of the second */
	node_use(-1);
	weir_bpf__destroy(skel);
	return why;
}

static enum weir_reason conn_full(struct bed *b)
{
	(void)b;
	assert_reason(full(3), WEIR_REASON_PKT_CONN_FULL);
	return full(2);
}

static enum weir_reason no_route(struct bed *b)
{
	enum weir_reason why;

	(void)b;
	node_ip("route add unreachable 10.244.1.10/32\n");
	why = asks(service(IPPROTO_UDP, POD), 0);
	node_ip("route del unreachable 10.244.1.10/32\n");
	return why;
}

static enum weir_reason silent(struct bed *b)
{
	(void)b;
	return asks(service(IPPROTO_TCP, POD), RST);
}

static enum weir_reason host_reply(struct bed *b)
{
	struct packet p = { .t = tuple(IPPROTO_UDP, name[SELF + OUT], TO_PORT, name[CLIENT],
				       CLIENT_PORT) };
	struct frame f;

	host(b);
	frame_make(&p, &f);
	assert_true(node_out(OUT, &f));
	return WEIR_REASON_HOST_REPLY;
}

/* The same refusal at the socket. */
static enum weir_reason range_denied(struct bed *b)
{
	struct node_service s = service(IPPROTO_TCP, POD);

	(void)b;
	s.flags = WEIR_SVC_RANGES;
	node_service(&s);
	assert_int_equal(bed_connect(name[EXTERNAL], PORT, SOCK_STREAM), -EHOSTUNREACH);
	return WEIR_REASON_RANGE_DENIED;
}

static enum weir_reason (*const provoke[WEIR_REASON_MAX_])(struct bed *b) = {
	[WEIR_REASON_RANGE_DENIED] = range_denied,
	[WEIR_REASON_HOST_REPLY] = host_reply,
	[WEIR_REASON_PKT_PASS] = pass,
	[WEIR_REASON_PKT_SENT] = sent,
	[WEIR_REASON_PKT_HOST] = host,
	[WEIR_REASON_PEER_REFUSED] = peer_refused,
	[WEIR_REASON_PKT_AWAY] = away,
	[WEIR_REASON_PKT_STRANGER] = stranger,
	[WEIR_REASON_PKT_ICMP] = icmp,
	[WEIR_REASON_PKT_NO_ENDPOINT] = no_endpoint,
	[WEIR_REASON_PKT_NO_SERVICE] = no_service,
	[WEIR_REASON_PKT_NO_CONN] = no_conn,
	[WEIR_REASON_PKT_TOO_BIG] = too_big,
	[WEIR_REASON_PKT_HOPS] = hops,
	[WEIR_REASON_PKT_POLICY] = policy,
	[WEIR_REASON_PKT_RANGE] = range,
	[WEIR_REASON_PKT_LOST] = lost,
	[WEIR_REASON_PKT_PORTS] = ports,
	[WEIR_REASON_PKT_CONN_FULL] = conn_full,
	[WEIR_REASON_PKT_NO_ROUTE] = no_route,
	[WEIR_REASON_PKT_SILENT] = silent,
};

static void each_reason_is_counted_when_it_is_so(void **state)
{
	for (enum weir_reason r = 0; r < WEIR_REASON_MAX_; r++) {
		struct bed *b = node_of(state);
		uint64_t before = bed_reason(b, r);

		if (!provoke[r] && strncmp(dp_reason_name(r), "pkt_", 4) != 0)
			continue; /* of sockets and pods */
		if (!provoke[r])
			fail_msg("nothing here provokes %s", dp_reason_name(r));
		assert_reason(provoke[r](b), r);
		assert_true(bed_reason(b, r) > before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_is_counted_when_it_is_so),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
