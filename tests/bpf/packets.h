/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets for the kernel tests: made with right checksums, and read back with every checksum summed up
 * anew over the whole of what it covers. What is wrong with a packet that is read fails the test.
 *
 *	struct packet p = { .t = tuple(IPPROTO_UDP, "198.51.100.10", 4000, "10.96.0.10", 53), .len = 100 };
 *	struct frame f;
 *
 *	frame_make(&p, &f);
 */
#pragma once

#include "bpf/abi.h"
#include "bpf/bed.h"

#define FRAME_MAX 3600 /* what all kernels take for a packet to run a program on */
#define FRAME_L3 14

/* As it is on the wire, from the Ethernet header on. */
struct frame {
	size_t len;
	uint8_t data[FRAME_MAX];
};

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 }; /* of TCP */

/* What a packet says, in host order but for t. Zero: none of it; in one that is made, hops 0 are 64. Of a
 * fragment that is read, the payload is all that is behind the IP headers, and ports are not read. */
struct packet {
	struct weir_tuple t; /* mapped addresses: IPv4. ICMP: no ports */
	uint8_t hops;
	uint8_t flags; /* TCP */
	uint32_t seq, ack; /* TCP */
	bool unsummed; /* UDP with a checksum of zero */
	uint8_t options; /* bytes of IPv4 options */
	uint8_t extensions; /* IPv6 extension headers in front */
	uint8_t type, code; /* ICMP, as is rest: the last word of its header */
	uint32_t rest;
	bool df; /* IPv4's "don't fragment" */
	uint32_t id; /* of a fragment; offset in bytes */
	uint16_t offset;
	bool more;
	const uint8_t *
		payload; /* NULL in one that is made: some pattern. Of what was read: in the frame */
	size_t len;
};

struct weir_tuple tuple(uint8_t proto, const char *src, uint16_t sport, const char *dst,
			uint16_t dport);
struct weir_tuple tuple_answer(const struct weir_tuple *t); /* its ends exchanged */
bool tuple_is_v6(const struct weir_tuple *t);
void assert_tuple(const struct weir_tuple *is, const struct weir_tuple *want);
/* That the packet is p but for its tuple, hops and checksums. */
void assert_rest(const struct packet *is, const struct packet *p);

void frame_make(const struct packet *p, struct frame *ret);
/* As a stack leaves the checksum of TCP or UDP to the device: what is there is the sum of the pseudo header.
 * Also where the sum is to begin, and how far behind it belongs. */
void frame_partial(const struct packet *p, struct frame *ret, uint16_t *ret_start,
		   uint16_t *ret_offset);
void frame_read(const struct frame *f, struct packet *ret);
void frame_tag(struct frame *f); /* VLAN 100 */
/* Bytes offset .. offset+len of what is behind the IP header, as a fragment. */
void frame_cut(const struct frame *f, uint32_t id, uint16_t offset, uint16_t len,
	       struct frame *ret);
/* The packet that n fragments, all there are and in order, are of. */
void frame_join(const struct frame *parts, size_t n, struct frame *ret);

/* An ICMP error by src to whoever sent the packet, quoting what of it fits in max bytes. IPv4's is not to
 * be fragmented. */
void frame_error(const struct frame *about, const char *src, uint8_t type, uint8_t code,
		 uint32_t rest, size_t max, struct frame *ret);

uint16_t csum16(const void *data, size_t len, uint32_t start); /* RFC 1071, network order */
uint32_t crc32c(const void *data, size_t len);
