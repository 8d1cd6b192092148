/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses and prefixes. One form for both families: 16 bytes in network order, IPv4 as
 * ::ffff:a.b.c.d, exactly as the BPF maps hold them (bpf/abi.h).
 *
 * Kubernetes reads addresses "sloppily": leading zeros in an IPv4 part are decimal (010.0.0.1 is
 * 10.0.0.1); addr_parse() does as it does. inet_aton() would read octal, inet_pton() refuses.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct addr {
	uint8_t b[16];
};

struct cidr {
	struct addr addr; /* host bits zero */
	uint8_t bits; /* 0 to 128; an IPv4 /24 is 120 */
};

#define ADDR_TEXT_MAX 46
#define CIDR_TEXT_MAX 50

/* Both families, no zone ("%eth0"), no blanks; -EINVAL. */
int addr_parse(const char *text, struct addr *ret);
bool addr_is_v4(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);
int addr_cmp(const struct addr *a, const struct addr *b); /* memcmp order */
/* IPv4 dotted, IPv6 as RFC 5952; ret has ADDR_TEXT_MAX bytes. Returns ret. */
char *addr_format(const struct addr *a, char *ret);

int cidr_parse(const char *text,
	       struct cidr *ret); /* "10.0.0.0/8"; -EINVAL when host bits are set */
char *cidr_format(const struct cidr *c, char *ret); /* CIDR_TEXT_MAX bytes */
/* An IPv6 prefix has no IPv4 address, not even ::/0, which has their mapped form. */
bool cidr_has(const struct cidr *c, const struct addr *a);
