/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever comes: random bytes, packets cut anywhere or with bytes changed, chains of headers that no
 * host makes, errors about errors. Each is counted once; what is left alone is untouched; what is
 * answered may be answered, by a packet whose every checksum is right. The same bytes in each run.
 */
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include "bpf/node.h"
#include "core/cleanup.h"

#define PACKETS 200000
#define LEN_MAX 400 /* of most; some are of up to FRAME_MAX */
#define PORT 80
#define TO_PORT 8080
#define SEED 0x9e3779b97f4a7c15ULL

static uint64_t state64;

/* Marsaglia's xorshift64. */
static uint32_t random32(void)
{
	state64 ^= state64 << 13;
	state64 ^= state64 >> 7;
	state64 ^= state64 << 17;
	return (uint32_t)(state64 >> 32);
}

static uint32_t below(uint32_t n)
{
	return random32() % n;
}

static bool one_in(uint32_t n)
{
	return !below(n);
}

static void random_bytes(uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)random32();
}

/* ---- What comes ------------------------------------------------------------------------------ */

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP };

/* A packet between those who are there: many are of a Service, with and without endpoints. */
static struct packet likely(bool v6)
{
	const char *const *name = node_name[v6];
	struct packet p = { .hops = (uint8_t)(1 + below(3)),
			    .flags = (uint8_t)(random32() & (FIN | SYN | RST | ACK)),
			    .seq = random32(),
			    .ack = random32(),
			    .options = v6 ? 0 : (uint8_t)(4 * below(11) * one_in(4)),
			    .extensions = v6 ? (uint8_t)(below(9) * one_in(4)) : 0,
			    .len = one_in(50) ? below(FRAME_MAX - 300) : below(LEN_MAX) };

	p.t = tuple(protos[below(4)], name[below(NODE_WHO_MAX_)], (uint16_t)(4000 + below(200)),
		    name[below(NODE_WHO_MAX_)], one_in(8) ? (uint16_t)random32() : PORT);
	if (one_in(5))
		p.t.sport = htons(TO_PORT); /* a backend, perhaps */
	if (p.t.proto == IPPROTO_ICMP) {
		p.t.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		p.t.sport = p.t.dport = 0;
		p.type = (uint8_t)below(v6 ? 5 : 13);
		p.code = (uint8_t)below(5);
		p.rest = below(2000);
	}
	p.unsummed = one_in(10);
	return p;
}

/* An error about a likely packet, or about such an error, and so on. */
static void nested(bool v6, struct frame *f)
{
	struct packet p = likely(v6);
	uint32_t depth = 1 + below(3);
	struct frame inner;

	p.len = below(100);
	frame_make(&p, f);
	for (uint32_t i = 0; i < depth; i++) {
		inner = *f;
		p = likely(v6);
		p.t.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		p.t.sport = p.t.dport = 0;
		p.type = v6 ? (uint8_t)(1 + below(4)) : 3;
		p.extensions = 0;
		p.payload = inner.data + FRAME_L3;
		p.len = below((uint32_t)(inner.len - FRAME_L3) + 1);
		frame_make(&p, f);
	}
}

/* IPv6 headers in any order and number, with any lengths. */
static void chained(struct frame *f)
{
	static const uint8_t kinds[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
					 IPPROTO_AH,	  IPPROTO_DSTOPTS, IPPROTO_ICMPV6,
					 IPPROTO_TCP,	  IPPROTO_UDP,	   IPPROTO_NONE };
	struct packet p = likely(true);
	uint8_t *next, *at;

	p.len = 200 + below(100);
	p.extensions = 0;
	frame_make(&p, f);
	next = f->data + FRAME_L3 + 6;
	at = f->data + FRAME_L3 + 40;
	for (uint32_t i = below(9); i && at + 16 < f->data + f->len; i--) {
		*next = kinds[below(ARRAY_LEN(kinds))];
		next = at;
		at[1] = (uint8_t)(one_in(6) ? random32() : below(2));
		if (!one_in(3))
			memset(at + 2, 0, 6);
		at += 8 + 8 * (at[1] & 1);
	}
	*next = kinds[below(ARRAY_LEN(kinds))];
}

static void make(struct frame *f)
{
	bool v6 = one_in(2);
	struct packet p = likely(v6);
	struct frame whole;

	switch (below(5)) {
	case 0:
		f->len = FRAME_L3 + 40 + below(LEN_MAX);
		random_bytes(f->data, f->len);
		f->data[12] = v6 ? ETH_P_IPV6 >> 8 : ETH_P_IP >> 8;
		f->data[13] = v6 ? ETH_P_IPV6 & 0xff : ETH_P_IP & 0xff;
		if (!one_in(4))
			f->data[FRAME_L3] = v6 ? 0x60 : 0x45;
		return;
	case 1:
		nested(v6, f);
		return;
	case 2:
		chained(f);
		return;
	case 3:
		p.extensions = 0;
		p.len += 32;
		frame_make(&p, &whole);
		frame_cut(&whole, below(50), (uint16_t)(8 * below(2)), 16, f);
		return;
	default:
		frame_make(&p, f);
	}
}

/* Less than an IP header the kernel refuses to run a program on. */
static void spoil(struct frame *f)
{
	size_t head = FRAME_L3 + (f->data[12] == ETH_P_IPV6 >> 8 ? 40 : 20);
	uint32_t n = one_in(2) ? 0 : below(6);

	while (n--)
		f->data[FRAME_L3 + below((uint32_t)f->len - FRAME_L3)] = (uint8_t)random32();
	if (one_in(4))
		f->len = head + below((uint32_t)(f->len - head) + 1);
	if (one_in(10) && f->len + 46 < FRAME_MAX) {
		random_bytes(f->data + f->len, 46);
		f->len += 46;
	}
}

/* ---- What must be silent, told without the programs' code -------------------------------------- */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool is_host4(const uint8_t *a)
{
	return a[0] && a[0] != 127 && a[0] < 224;
}

static bool is_host6(const uint8_t *a)
{
	static const uint8_t zero[12];

	return a[0] != 0xff && memcmp(a, zero, sizeof(zero)) != 0;
}

/* Past IPv6's extension headers; NULL: a fragment that is not the first. */
static const uint8_t *past_extensions(const uint8_t *l4, const uint8_t *end, uint8_t *proto)
{
	for (int i = 0; i < 7 && l4 + 8 <= end; i++) {
		uint8_t next = l4[0];

		switch (*proto) {
		case IPPROTO_FRAGMENT:
			if (get16(l4 + 2) & 0xfff8)
				return NULL;
			l4 += 8;
			break;
		case IPPROTO_AH:
			l4 += (l4[1] + 2) * 4;
			break;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			l4 += (l4[1] + 1) * 8;
			break;
		default:
			return l4;
		}
		*proto = next;
	}
	return l4;
}

static bool may_be_answered(const struct frame *f, bool by_reset)
{
	const uint8_t *ip = f->data + FRAME_L3, *end = f->data + f->len, *l4;
	bool v6 = get16(f->data + 12) == ETH_P_IPV6;
	uint8_t proto = v6 ? ip[6] : ip[9];

	if (v6)
		l4 = past_extensions(ip + 40, end, &proto);
	else
		l4 = get16(ip + 6) & 0x1fff ? NULL : ip + (ip[0] & 15) * 4;
	if (!l4 || l4 + 8 > end || !(v6 ? is_host6(ip + 8) : is_host4(ip + 12)))
		return false;
	return by_reset ? proto == IPPROTO_TCP && !(l4[13] & RST) :
			  proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void services(void)
{
	for (uint32_t i = 0; i < 2 * 3; i++) {
		const char *const *name = node_name[i & 1];
		struct node_service s = { .id = 1 + i,
					  .vip = name[EXTERNAL],
					  .to = { name[POD], name[FAR_POD], name[SELF + OUT] },
					  .port = PORT,
					  .to_port = TO_PORT,
					  .proto = protos[i / 2] };

		node_service(&s);
		s.id += 6;
		s.vip = name[VIP];
		s.to[0] = NULL;
		node_service(&s);
	}
}

static void assert_answer(const struct frame *is, const struct frame *was)
{
	struct packet p;
	size_t at = get16(was->data + 12) == ETH_P_IPV6 ? 8 : 12, len = at == 8 ? 16 : 4;

	frame_read(is, &p);
	if (!may_be_answered(was, p.t.proto == IPPROTO_TCP)) {
		for (size_t i = 0; i < was->len; i++)
			print_error("%02x%s", was->data[i], i % 16 == 15 ? "\n" : " ");
		fail_msg("answered");
	}
	assert_memory_equal(is->data + FRAME_L3 + at + len, was->data + FRAME_L3 + at, len);
	assert_memory_equal(is->data + FRAME_L3 + at, was->data + FRAME_L3 + at + len, len);
	assert_true(p.t.proto == IPPROTO_ICMP || p.t.proto == IPPROTO_ICMPV6 ||
		    (p.t.proto == IPPROTO_TCP && p.flags & RST));
}

/* Returns whether the packet was answered. */
static bool assert_meets_rules(const struct frame *is, const struct frame *was, int verdict)
{
	switch (verdict) {
	case TC_ACT_UNSPEC:
		assert_int_equal(is->len, was->len);
		assert_memory_equal(is->data, was->data, was->len);
		return false;
	case TC_ACT_REDIRECT:
		if (memcmp(is->data, was->data + 6, 6) != 0)
			return false; /* sent on */
		assert_answer(is, was);
		return true;
	default:
		assert_true(verdict == TC_ACT_SHOT || verdict == TC_ACT_OK);
		return false;
	}
}

static uint64_t counted(struct bed *b)
{
	uint64_t all[WEIR_REASON_MAX_], sum = 0;

	assert_int_equal(dp_reasons(b->dp, all, NULL), 0);
	for (enum weir_reason r = WEIR_REASON_PKT_PASS; r <= WEIR_REASON_PKT_SILENT; r++)
		sum += all[r];
	return sum;
}

static void whatever_comes_is_counted_once_and_answered_if_it_may(void **state)
{
	struct bed *b = node_of(state);
	static struct frame f, was;
	uint64_t before;
	uint32_t answers = 0;

	services();
	state64 = SEED;
	before = counted(b);
	for (uint32_t i = 0; i < bed_times(PACKETS); i++) {
		enum node_dev dev = (enum node_dev)below(NODE_DEVS);

		make(&f);
		spoil(&f);
		memcpy(f.data, (uint8_t[12]){ 2, 0, 0, 0, 0, (uint8_t)dev, 2, 0, 0, 0, 2, 0 }, 12);
		was = f;
		answers += assert_meets_rules(&f, &was, node_run(dev, &f));
		f = was;
		if (i % 2 && node_run_out(dev, &f) == TC_ACT_UNSPEC)
			assert_int_equal(f.len, was.len);
	}
	assert_int_equal(counted(b) - before, bed_times(PACKETS));
	assert_true(answers > 100); /* so that the rules for answers were met */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_comes_is_counted_once_and_answered_if_it_may),
	};

	return cmocka_run_group_tests(tests, node_setup, node_teardown);
}
