/* SPDX-License-Identifier: Apache-2.0 */
/* SCTP through the node. Its checksum is CRC32c over the packet without the addresses; that the node gets
 * it right for every length that there can be is logic.c's. */
#include "bpf/node.h"
#include "core/cleanup.h"

#define PORT 9900
#define CLIENT_PORT 4000
#define LEN_MAX 1300 /* of chunks */

/* Which of addresses and ports change. */
static const struct how {
	uint32_t flags;
	uint16_t to_port, client_port;
} hows[] = {
	{ 0, 8080, CLIENT_PORT }, /* masked: both, on both sides */
	{ 0, PORT, PORT_LOW }, /* masked, but no port */
	{ WEIR_SVC_KEEP, 8080, CLIENT_PORT }, /* the backend's alone */
	{ WEIR_SVC_KEEP, PORT, CLIENT_PORT }, /* its address alone */
};

static struct weir_tuple goes_on(enum node_dev dev, const struct packet *p)
{
	struct packet got;
	struct frame f;

	frame_make(p, &f);
	assert_reason(node_in(dev, &f), WEIR_REASON_PKT_SENT);
	frame_read(&f, &got);
	assert_rest(&got, p);
	return got.t;
}

static void there_and_back(const char *const *name, const struct how *how, size_t len)
{
	struct packet p = { .t = tuple(IPPROTO_SCTP, name[CLIENT], how->client_port, name[EXTERNAL],
				       PORT),
			    .len = len };
	struct weir_tuple want = tuple_answer(&p.t), view = goes_on(OUT, &p), got;

	assert_int_equal(ntohs(view.dport), how->to_port);
	if (how->flags || how->client_port == PORT_LOW)
		assert_int_equal(ntohs(view.sport), how->client_port);
	p.t = tuple_answer(&view);
	got = goes_on(PODS, &p);
	assert_tuple(&got, &want);
}

static void its_checksum_is_right_whatever_changes(void **state)
{
	for (size_t i = 0; i < 4 * ARRAY_LEN(hows); i++) {
		const char *const *name = node_name[i & 1];
		const struct how *how = &hows[i / 4];

		node_of(state);
		node_complete(i & 2);
		node_service(&(struct node_service){ .id = 1,
						     .flags = how->flags,
						     .vip = name[EXTERNAL],
						     .to = { name[POD] },
						     .port = PORT,
						     .to_port = how->to_port,
						     .proto = IPPROTO_SCTP });
		for (size_t len = 0; len <= LEN_MAX; len += len < 40 ? 1 : 211)
			there_and_back(name, how, len);
		assert_int_equal(node_conns(), 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_checksum_is_right_whatever_changes),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
