/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of direct server return share: a client's talk with a Service at EXTERNAL, whose packets
 * this node sends on to the node PEER (tc_dsr.c, tc_dsr_icmp.c), or which PEER has sent on to this node
 * (tc_dsr_far.c, tc_dsr_garbage.c). Each stops the test when it fails.
 */
#pragma once

#include "bpf/node.h"
#include "bpf/tunnel.h"

#define PORT 80
#define TO_PORT 8080
#define CLIENT_PORT 4000
#define PAYLOAD 30

/* Both families, TCP and UDP, with and without a device's sum. */
#define CASES 8

struct talk {
	struct bed *bed;
	const char *const *name;
	bool v6;
	uint8_t proto;
	enum node_who client;
	struct node_service service;
};

static inline struct talk talk(void **state, int i)
{
	struct talk t = { .bed = node_of(state),
			  .name = node_name[i & 1],
			  .v6 = i & 1,
			  .proto = i & 2 ? IPPROTO_UDP : IPPROTO_TCP };

	node_complete(i & 4);
	t.service = (struct node_service){ .id = 1,
					   .flags = WEIR_SVC_MASQ,
					   .vip = t.name[EXTERNAL],
					   .to = { t.name[FAR_POD] },
					   .port = PORT,
					   .to_port = TO_PORT,
					   .proto = t.proto };
	return t;
}

/* With the Service, whose backend the other node has. */
static inline struct talk away(void **state, int i)
{
	struct talk t = talk(state, i);

	node_service(&t.service);
	node_home(t.name[FAR_POD], t.name[PEER]);
	return t;
}

static inline struct weir_tuple asked(const struct talk *t)
{
	return tuple(t->proto, t->name[t->client], CLIENT_PORT, t->name[EXTERNAL], PORT);
}

static inline struct packet packet(const struct talk *t, struct weir_tuple tuple, uint8_t flags)
{
	return (struct packet){ .t = tuple,
				.flags = t->proto == IPPROTO_TCP ? flags : 0,
				.len = PAYLOAD };
}

static inline enum weir_reason comes(enum node_dev dev, const struct packet *p, struct frame *f)
{
	frame_make(p, f);
	return node_in(dev, f);
}

/* ---- Here and on ------------------------------------------------------------------------------ */

static inline enum weir_reason client_says(const struct talk *t, uint8_t flags)
{
	struct packet p = packet(t, asked(t), flags);
	struct frame f;

	return comes(OUT, &p, &f);
}

static inline struct tunnel to_peer(const struct talk *t)
{
	return (struct tunnel){ t->name[SELF + FAR], t->name[PEER], t->name[FAR_POD], TO_PORT };
}

/* What is inside is what came, a hop later; the hops of both are put as they were when it came. */
static inline void assert_inside(const struct frame *f, const struct talk *t,
				 const struct frame *came)
{
	struct tunnel want = to_peer(t);
	struct packet is, was;
	struct frame inner;

	tunnel_read(f, &want, &inner);
	frame_read(&inner, &is);
	frame_read(came, &was);
	assert_tuple(&is.t, &was.t);
	assert_int_equal(is.hops, was.hops - 1);
	assert_int_equal(inner.len, came->len);
	inner.data[FRAME_L3 + (t->v6 ? 7 : 8)]++;
	if (!t->v6)
		memcpy(inner.data + FRAME_L3 + 10, came->data + FRAME_L3 + 10, 2);
	assert_memory_equal(inner.data + FRAME_L3, came->data + FRAME_L3, came->len - FRAME_L3);
}

static inline void assert_masked(struct talk *t, enum node_dev from, enum node_who client)
{
	struct packet p, got;
	struct frame f;

	t->client = client;
	p = packet(t, asked(t), SYN);
	assert_reason(comes(from, &p, &f), WEIR_REASON_PKT_SENT);
	frame_read(&f, &got);
	p.t = tuple(t->proto, t->name[SELF + FAR], ntohs(got.t.sport), t->name[FAR_POD], TO_PORT);
	assert_tuple(&got.t, &p.t);
}

/* ---- Sent on to here -------------------------------------------------------------------------- */

static inline struct tunnel by_peer(const struct talk *t, enum node_who backend)
{
	return (struct tunnel){ t->name[PEER], t->name[SELF + FAR], t->name[backend], TO_PORT };
}

static inline enum weir_reason sent_on(const struct talk *t, const struct frame *inner,
				       enum node_who backend, struct frame *ret)
{
	struct tunnel outer = by_peer(t, backend);

	tunnel_make(inner, &outer, ret);
	return node_in(FAR, ret);
}

/* The client's packet by the other node comes to this backend. */
static inline void asks(const struct talk *t, uint8_t flags, enum node_who backend,
			enum weir_reason why)
{
	struct packet p = packet(t, asked(t), flags), got;
	struct frame inner, f;

	frame_make(&p, &inner);
	assert_reason(sent_on(t, &inner, backend, &f), why);
	frame_read(&f, &got);
	p.t.dst = bed_vip(t->name[backend], 0, 0).addr;
	p.t.dport = htons(TO_PORT);
	assert_tuple(&got.t, &p.t);
	assert_int_equal(got.hops, why == WEIR_REASON_PKT_HOST ? 64 : 63);
	assert_rest(&got, &p);
	assert_int_equal(f.len, inner.len);
}
