// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The logic of bpf/lib behind SEC("syscall") programs, for tests/bpf/logic.c to run on the real
 * verifier and JIT with arguments of its choice. The argument block is the context. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/integral.h"
#include "bpf/lib/lb.h"
#include "bpf/lib/sctp.h"
#include "bpf/lib/wire.h"
#include "tests/bpf/logic.h"

SEC("syscall")
int test_integral(struct logic_integral *a)
{
	__u64 lo = a->lo, hi = a->hi;

	integral_add(&lo, &hi, a->amount, a->dt);
	a->lo = lo;
	a->hi = hi;
	return 0;
}

SEC("syscall")
int test_hold(struct logic_hold *a)
{
	a->held = integral_hold(a->before, a->now, a->dt);
	return 0;
}

SEC("syscall")
int test_wire(struct logic_wire *a)
{
	struct weir_count c = wire_count(a->len, a->headers, a->gso_size);

	a->bytes = c.bytes;
	a->packets = c.packets;
	return 0;
}

SEC("syscall")
int test_crc(struct logic_crc *a)
{
	a->result = crc32c_differ(a->differ, a->len);
	return 0;
}

static __always_inline bool pick_yes(void *ctx)
{
	return ((struct logic_pick *)ctx)->yes;
}

static __always_inline bool pick_in_range(void *ctx, __u32 svc)
{
	return ((struct logic_pick *)ctx)->in_range == svc;
}

/* A context is read at fixed offsets only, so not as a whole. */
static __always_inline struct weir_client pick_who(void *ctx)
{
	const volatile struct logic_pick *a = ctx;

	return (struct weir_client){
		.addr.w = { a->who.addr.w[0], a->who.addr.w[1], a->who.addr.w[2],
			    a->who.addr.w[3] },
		.kind = a->who.kind,
	};
}

SEC("syscall")
int test_pick(struct logic_pick *a)
{
	const struct lb_asker asker = {
		.is_host = pick_yes,
		.is_outside = pick_yes,
		.is_in_range = pick_in_range,
		.who = pick_who,
		.by_hash = true,
	};
	struct lb_choice choice = {};
	struct weir_vip vip = a->vip;

	a->result = lb_pick(a, &asker, &vip, a->number, &choice);
	a->backend = choice.be;
	a->svc = choice.svc;
	return 0;
}

/* What test_packet saw; a program that may sleep can't use the prefix table. */
struct logic_packet seen;

SEC("cgroup_skb/egress")
int test_packet(struct __sk_buff *skb)
{
	struct packet p = {};
	struct weir_count c;

	seen = (struct logic_packet){ .parsed = !packet_parse(skb, &p) };
	if (!seen.parsed)
		return 1;
	c = packet_wire(skb, skb->len, &p);
	seen.dst_class = class_of(&p.dst);
	seen.src_class = class_of(&p.src);
	seen.bytes = c.bytes;
	seen.packets = c.packets;
	return 1;
}
