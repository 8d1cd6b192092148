/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/tunnel.h"

#include <linux/if_ether.h>

#define AT_TYPE 12 /* of the frame */

static void head_make(const struct frame *inner, const struct tunnel *t, uint8_t ret[TUNNEL_HEAD])
{
	static const uint8_t fixed[] = { 6, 0x40, 0, 0, 0, 0, 0, 0, 0xff, 0x57, 0x81, 5 };
	struct weir_vip backend = bed_vip(t->backend, t->port, 0);

	memset(ret, 0, TUNNEL_HEAD);
	memcpy(ret, fixed, sizeof(fixed));
	memcpy(ret + 2, inner->data + AT_TYPE, 2);
	memcpy(ret + 12, &backend.port, 2);
	memcpy(ret + 16, &backend.addr, 16);
}

void tunnel_make(const struct frame *inner, const struct tunnel *t, struct frame *ret)
{
	uint8_t payload[FRAME_MAX];
	struct packet p = { .t = tuple(IPPROTO_UDP, t->from, 50000, t->to, TUNNEL_PORT),
			    .unsummed = true,
			    .df = true,
			    .payload = payload,
			    .len = TUNNEL_HEAD + inner->len - FRAME_L3 };

	assert_true(p.len <= sizeof(payload));
	head_make(inner, t, payload);
	memcpy(payload + TUNNEL_HEAD, inner->data + FRAME_L3, inner->len - FRAME_L3);
	frame_make(&p, ret);
}

void tunnel_read(const struct frame *f, const struct tunnel *want, struct frame *ret_inner)
{
	uint8_t head[TUNNEL_HEAD];
	struct weir_tuple t;
	struct packet p;

	frame_read(f, &p);
	assert_true(p.t.sport & htons(0xc000)); /* of those that nobody listens at */
	t = tuple(IPPROTO_UDP, want->from, ntohs(p.t.sport), want->to, TUNNEL_PORT);
	assert_tuple(&p.t, &t);
	assert_int_equal(p.hops, 64);
	assert_true(p.df || tuple_is_v6(&p.t));
	assert_true(p.unsummed || tuple_is_v6(&p.t));
	assert_int_equal(p.payload + p.len - f->data, f->len);
	assert_true(p.len > TUNNEL_HEAD);
	memcpy(ret_inner->data, f->data, FRAME_L3);
	ret_inner->len = FRAME_L3 + p.len - TUNNEL_HEAD;
	memcpy(ret_inner->data + FRAME_L3, p.payload + TUNNEL_HEAD, p.len - TUNNEL_HEAD);
	head_make(ret_inner, want, head);
	assert_memory_equal(p.payload, head, TUNNEL_HEAD);
}
