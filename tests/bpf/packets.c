/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/packets.h"

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "core/cleanup.h"

#define SCTP_HEAD 12
#define ICMP_HEAD 8
#define IP4_FRAG 6 /* offset of flags and fragment offset in the IPv4 header */

/* ---- Sums ------------------------------------------------------------------------------------ */

uint16_t csum16(const void *data, size_t len, uint32_t start)
{
	const uint8_t *b = data;
	uint64_t sum = start;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* RFC 9260, appendix A: bit by bit, for no table is easier to trust. */
uint32_t crc32c(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= b[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* The uncomplemented sum of the pseudo header. */
static uint32_t pseudo(const struct weir_tuple *t, size_t len)
{
	uint8_t head[40] = {};
	size_t addr = tuple_is_v6(t) ? 16 : 4;
	uint32_t n = htonl((uint32_t)len);

	memcpy(head, (const uint8_t *)&t->src + 16 - addr, addr);
	memcpy(head + addr, (const uint8_t *)&t->dst + 16 - addr, addr);
	memcpy(head + 2 * addr, &n, sizeof(n));
	head[2 * addr + 7] = t->proto;
	return (uint16_t)~ntohs(csum16(head, sizeof(head), 0));
}

/* Where the checksum of a transport header is; its pseudo header counts but in IPv4's ICMP. */
static size_t check_at(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	default:
		return 2;
	}
}

static uint16_t transport_csum(const struct weir_tuple *t, const uint8_t *l4, size_t len)
{
	return csum16(l4, len, t->proto == IPPROTO_ICMP ? 0 : pseudo(t, len));
}

/* ---- Tuples ---------------------------------------------------------------------------------- */

struct weir_tuple tuple(uint8_t proto, const char *src, uint16_t sport, const char *dst,
			uint16_t dport)
{
	return (struct weir_tuple){
		.src = bed_vip(src, 0, 0).addr,
		.dst = bed_vip(dst, 0, 0).addr,
		.sport = htons(sport),
		.dport = htons(dport),
		.proto = proto,
	};
}

struct weir_tuple tuple_answer(const struct weir_tuple *t)
{
	return (struct weir_tuple){
		.src = t->dst,
		.dst = t->src,
		.sport = t->dport,
		.dport = t->sport,
		.proto = t->proto,
	};
}

bool tuple_is_v6(const struct weir_tuple *t)
{
	return t->src.w[0] || t->src.w[1] || t->src.w[2] != htonl(0xffff);
}

static void tuple_print(const char *what, const struct weir_tuple *t)
{
	const uint16_t *s = (const uint16_t *)(const void *)&t->src,
		       *d = (const uint16_t *)(const void *)&t->dst;

	print_error("%s: proto %u, ", what, t->proto);
	for (int i = 0; i < 8; i++)
		print_error("%x%s", ntohs(s[i]), i < 7 ? ":" : " ");
	print_error("%u -> ", ntohs(t->sport));
	for (int i = 0; i < 8; i++)
		print_error("%x%s", ntohs(d[i]), i < 7 ? ":" : " ");
	print_error("%u\n", ntohs(t->dport));
}

void assert_tuple(const struct weir_tuple *is, const struct weir_tuple *want)
{
	if (!memcmp(is, want, sizeof(*is)))
		return;
	tuple_print("  is", is);
	tuple_print("want", want);
	fail_msg("another packet than was to come");
}

void assert_rest(const struct packet *is, const struct packet *p)
{
	assert_int_equal(is->flags, p->flags);
	assert_int_equal(is->seq, p->seq);
	assert_int_equal(is->ack, p->ack);
	assert_int_equal(is->unsummed, p->unsummed);
	assert_int_equal(is->df, p->df);
	assert_int_equal(is->options, p->options);
	assert_int_equal(is->extensions, p->extensions);
	assert_int_equal(is->len, p->len);
	for (size_t i = 0; i < is->len; i++)
		assert_int_equal(is->payload[i], p->payload ? p->payload[i] : (uint8_t)(i * 7));
}

/* ---- Making ---------------------------------------------------------------------------------- */

static uint8_t *room(struct frame *f, size_t len)
{
	uint8_t *at = f->data + f->len;

	assert_true(f->len + len <= FRAME_MAX);
	f->len += len;
	return memset(at, 0, len);
}

static void put16(uint8_t *at, uint16_t host)
{
	at[0] = (uint8_t)(host >> 8);
	at[1] = (uint8_t)host;
}

static void put32(uint8_t *at, uint32_t host)
{
	put16(at, (uint16_t)(host >> 16));
	put16(at + 2, (uint16_t)host);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* The transport header, and the payload behind it; the checksum comes when all is there. */
static void transport_make(const struct packet *p, struct frame *f)
{
	uint8_t *at;

	switch (p->t.proto) {
	case IPPROTO_TCP:
		at = room(f, sizeof(struct tcphdr));
		put32(at + 4, p->seq);
		put32(at + 8, p->ack);
		at[12] = 5 << 4;
		at[13] = p->flags;
		break;
	case IPPROTO_UDP:
		at = room(f, sizeof(struct udphdr));
		put16(at + 4, (uint16_t)(sizeof(struct udphdr) + p->len));
		break;
	case IPPROTO_SCTP:
		at = room(f, SCTP_HEAD);
		put32(at + 4, 0x01020304); /* verification tag */
		break;
	default:
		at = room(f, ICMP_HEAD);
		at[0] = p->type;
		at[1] = p->code;
		put32(at + 4, p->rest);
	}
	if (p->t.proto == IPPROTO_TCP || p->t.proto == IPPROTO_UDP || p->t.proto == IPPROTO_SCTP)
		memcpy(at, &p->t.sport, 4);
	at = room(f, p->len);
	for (size_t i = 0; i < p->len; i++)
		at[i] = p->payload ? p->payload[i] : (uint8_t)(i * 7);
}

static void transport_sum(const struct packet *p, uint8_t *l4, size_t len)
{
	uint32_t crc;
	uint16_t sum;

	if (p->t.proto == IPPROTO_SCTP) {
		crc = htole32(crc32c(l4, len));
		memcpy(l4 + 8, &crc, sizeof(crc));
		return;
	}
	if (p->unsummed)
		return;
	sum = transport_csum(&p->t, l4, len);
	if (!sum && p->t.proto == IPPROTO_UDP)
		sum = 0xffff;
	memcpy(l4 + check_at(p->t.proto), &sum, sizeof(sum));
}

static void ip4_sum(uint8_t *ip)
{
	uint16_t sum;

	put16(ip + 10, 0);
	sum = csum16(ip, (ip[0] & 15) * 4, 0);
	memcpy(ip + 10, &sum, sizeof(sum));
}

static void ip4_make(const struct packet *p, struct frame *f)
{
	uint8_t *ip = room(f, sizeof(struct iphdr) + p->options);

	ip[0] = (uint8_t)(0x40 | (5 + p->options / 4));
	put16(ip + 4, (uint16_t)p->id);
	put16(ip + IP4_FRAG,
	      (uint16_t)(p->offset / 8 | (p->more ? 0x2000 : 0) | (p->df ? 0x4000 : 0)));
	ip[8] = p->hops ? p->hops : 64;
	ip[9] = p->t.proto;
	memcpy(ip + 12, &p->t.src.w[3], 4);
	memcpy(ip + 16, &p->t.dst.w[3], 4);
	memset(ip + 20, 1, p->options); /* no operation */
}

/* Destination options, each of 8 bytes of padding. */
static void ip6_make(const struct packet *p, struct frame *f)
{
	uint8_t *ip = room(f, sizeof(struct ipv6hdr)), *next = ip + 6;

	ip[0] = 0x60;
	ip[7] = p->hops ? p->hops : 64;
	memcpy(ip + 8, &p->t.src, 16);
	memcpy(ip + 24, &p->t.dst, 16);
	for (int i = 0; i < p->extensions; i++) {
		*next = IPPROTO_DSTOPTS;
		next = room(f, 8);
		next[2] = 1; /* PadN of the 4 that are left */
		next[3] = 4;
	}
	*next = p->t.proto;
}

/* The length in the IP header, of the frame as it is, and IPv4's checksum. */
static void ip_end(struct frame *f)
{
	uint8_t *ip = f->data + FRAME_L3;
	size_t len = f->len - FRAME_L3;

	if (ip[0] >> 4 == 6) {
		put16(ip + 4, (uint16_t)(len - sizeof(struct ipv6hdr)));
		return;
	}
	put16(ip + 2, (uint16_t)len);
	ip4_sum(ip);
}

void frame_make(const struct packet *p, struct frame *ret)
{
	bool v6 = tuple_is_v6(&p->t);
	size_t l4;

	ret->len = 0;
	room(ret, FRAME_L3)[0] = 2; /* a local address; node.c says whose */
	put16(ret->data + 12, v6 ? ETH_P_IPV6 : ETH_P_IP);
	(v6 ? ip6_make : ip4_make)(p, ret);
	l4 = ret->len;
	transport_make(p, ret);
	transport_sum(p, ret->data + l4, ret->len - l4);
	ip_end(ret);
}

void frame_partial(const struct packet *p, struct frame *ret, uint16_t *ret_start,
		   uint16_t *ret_offset)
{
	size_t head = p->t.proto == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);

	frame_make(p, ret);
	*ret_start = (uint16_t)(ret->len - p->len - head);
	*ret_offset = (uint16_t)check_at(p->t.proto);
	put16(ret->data + *ret_start + *ret_offset, (uint16_t)pseudo(&p->t, head + p->len));
}

void frame_tag(struct frame *f)
{
	uint8_t *at = f->data + FRAME_L3 - 2;

	room(f, 4);
	memmove(at + 4, at, f->len - FRAME_L3 - 2);
	put16(at, ETH_P_8021Q);
	put16(at + 2, 100);
}

void frame_cut(const struct frame *f, uint32_t id, uint16_t offset, uint16_t len, struct frame *ret)
{
	struct frame out = {};
	const uint8_t *ip = f->data + FRAME_L3;
	bool v6 = ip[0] >> 4 == 6;
	size_t head = FRAME_L3 + (v6 ? sizeof(struct ipv6hdr) : (ip[0] & 15) * 4U);
	bool more = head + offset + len < f->len;
	uint8_t *at = room(&out, head);

	assert_true(head + offset + len <= f->len && offset % 8 == 0 && (!more || len % 8 == 0));
	memcpy(at, f->data, head);
	if (v6) {
		uint8_t next = at[FRAME_L3 + 6];

		at[FRAME_L3 + 6] = IPPROTO_FRAGMENT;
		at = room(&out, 8);
		at[0] = next;
		put16(at + 2, offset | more);
		put32(at + 4, id);
	} else {
		put16(at + FRAME_L3 + 4, (uint16_t)id);
		put16(at + FRAME_L3 + IP4_FRAG, (uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
	}
	memcpy(room(&out, len), f->data + head + offset, len);
	ip_end(&out);
	*ret = out;
}

void frame_join(const struct frame *parts, size_t n, struct frame *ret)
{
	const uint8_t *ip = parts[0].data + FRAME_L3;
	size_t head = FRAME_L3 + (ip[0] >> 4 == 6 ? sizeof(struct ipv6hdr) : (ip[0] & 15) * 4U);
	struct packet p;

	ret->len = 0;
	memcpy(room(ret, head), parts[0].data, head);
	for (size_t i = 0; i < n; i++) {
		frame_read(&parts[i], &p);
		assert_int_equal(head + p.offset, ret->len);
		memcpy(room(ret, p.len), p.payload, p.len);
	}
	assert_false(p.more);
	if (ip[0] >> 4 == 6)
		ret->data[FRAME_L3 + 6] = p.t.proto;
	else
		put16(ret->data + FRAME_L3 + IP4_FRAG, 0);
	ip_end(ret);
}

void frame_error(const struct frame *about, const char *src, uint8_t type, uint8_t code,
		 uint32_t rest, size_t max, struct frame *ret)
{
	size_t quoted = about->len - FRAME_L3;
	struct packet to, p = { .type = type, .code = code, .rest = rest, .df = true };
	bool v6 = about->data[FRAME_L3] >> 4 == 6;

	frame_read(about, &to);
	p.t = (struct weir_tuple){ .src = bed_vip(src, 0, 0).addr,
				   .dst = to.t.src,
				   .proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP };
	p.payload = about->data + FRAME_L3;
	p.len = quoted < max ? quoted : max;
	frame_make(&p, ret);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Both return the offset of what is behind the IP headers, and where the packet ends. */
static size_t ip4_read(const struct frame *f, struct packet *ret, size_t *ret_end)
{
	const uint8_t *ip = f->data + FRAME_L3;
	size_t head = (ip[0] & 15) * 4;

	assert_true(head >= sizeof(struct iphdr) && FRAME_L3 + head <= f->len);
	assert_int_equal(csum16(ip, head, 0), 0);
	ret->t = (struct weir_tuple){ .src.w[2] = htonl(0xffff),
				      .dst.w[2] = htonl(0xffff),
				      .proto = ip[9] };
	memcpy(&ret->t.src.w[3], ip + 12, 4);
	memcpy(&ret->t.dst.w[3], ip + 16, 4);
	ret->options = (uint8_t)(head - sizeof(struct iphdr));
	ret->hops = ip[8];
	ret->id = get16(ip + 4);
	ret->offset = (uint16_t)((get16(ip + IP4_FRAG) & 0x1fff) * 8);
	ret->more = get16(ip + IP4_FRAG) & 0x2000;
	ret->df = get16(ip + IP4_FRAG) & 0x4000;
	*ret_end = FRAME_L3 + get16(ip + 2);
	return FRAME_L3 + head;
}

static size_t ip6_read(const struct frame *f, struct packet *ret, size_t *ret_end)
{
	const uint8_t *ip = f->data + FRAME_L3, *ext = ip + sizeof(struct ipv6hdr);

	assert_true(FRAME_L3 + sizeof(struct ipv6hdr) <= f->len);
	ret->t = (struct weir_tuple){ .proto = ip[6] };
	memcpy(&ret->t.src, ip + 8, 16);
	memcpy(&ret->t.dst, ip + 24, 16);
	ret->hops = ip[7];
	for (; ret->t.proto == IPPROTO_DSTOPTS; ext += 8, ret->extensions++)
		ret->t.proto = ext[0];
	if (ret->t.proto == IPPROTO_FRAGMENT) {
		ret->t.proto = ext[0];
		ret->offset = get16(ext + 2) & 0xfff8;
		ret->more = ext[3] & 1;
		ret->id = get32(ext + 4);
		ext += 8;
	}
	*ret_end = FRAME_L3 + sizeof(struct ipv6hdr) + get16(ip + 4);
	return (size_t)(ext - f->data);
}

static void transport_check(const struct packet *p, const uint8_t *l4, size_t len)
{
	uint32_t crc = 0;
	uint16_t sum;

	if (p->t.proto == IPPROTO_SCTP) {
		uint8_t copy[FRAME_MAX];

		memcpy(&crc, l4 + 8, sizeof(crc));
		memcpy(copy, l4, len);
		memset(copy + 8, 0, sizeof(crc));
		assert_int_equal(le32toh(crc), crc32c(copy, len));
		return;
	}
	memcpy(&sum, l4 + check_at(p->t.proto), sizeof(sum));
	if (!p->unsummed)
		assert_int_equal(transport_csum(&p->t, l4, len), 0);
}

static size_t transport_read(const uint8_t *l4, size_t len, struct packet *ret)
{
	switch (ret->t.proto) {
	case IPPROTO_TCP:
		ret->flags = l4[13];
		ret->seq = get32(l4 + 4);
		ret->ack = get32(l4 + 8);
		return (l4[12] >> 4) * 4U;
	case IPPROTO_UDP:
		assert_int_equal(get16(l4 + 4), len);
		ret->unsummed = !get16(l4 + 6);
		return sizeof(struct udphdr);
	case IPPROTO_SCTP:
		return SCTP_HEAD;
	default:
		ret->type = l4[0];
		ret->code = l4[1];
		ret->rest = get32(l4 + 4);
		return ICMP_HEAD;
	}
}

void frame_read(const struct frame *f, struct packet *ret)
{
	struct packet p = {};
	bool v6 = get16(f->data + 12) == ETH_P_IPV6;
	size_t end, l4, head;

	assert_true(v6 || get16(f->data + 12) == ETH_P_IP);
	assert_int_equal(f->data[FRAME_L3] >> 4, v6 ? 6 : 4);
	l4 = (v6 ? ip6_read : ip4_read)(f, &p, &end);
	assert_true(l4 <= end && end <= f->len);
	p.payload = f->data + l4;
	p.len = end - l4;
	if (!p.offset && !p.more) {
		head = transport_read(f->data + l4, end - l4, &p);
		assert_true(head <= p.len);
		transport_check(&p, f->data + l4, p.len);
		if (p.t.proto != IPPROTO_ICMP && p.t.proto != IPPROTO_ICMPV6)
			memcpy(&p.t.sport, f->data + l4, 4);
		p.payload += head;
		p.len -= head;
	}
	*ret = p;
}
