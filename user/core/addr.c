/* SPDX-License-Identifier: Apache-2.0 */
#include "core/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/parse.h"

#define V4_PREFIX_LEN 12
#define V4_PREFIX_BITS 96

static const uint8_t v4_prefix[V4_PREFIX_LEN] = { [10] = 0xff, [11] = 0xff };

/* Four decimal parts, each with as many leading zeros as it likes. */
static int parse_v4(const char *text, uint8_t ret[4])
{
	uint8_t bytes[4];

	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		unsigned int part = 0;
		size_t digits = strspn(text, "0123456789");

		if (!digits)
			return -EINVAL;
		for (size_t k = 0; k < digits; k++) {
			part = part * 10 + (unsigned int)(text[k] - '0');
			if (part > 255)
				return -EINVAL;
		}
		bytes[i] = (uint8_t)part;
		text += digits;
		if (*text++ != (i < 3 ? '.' : '\0'))
			return -EINVAL;
	}
	memcpy(ret, bytes, sizeof(bytes));
	return 0;
}

/* inet_pton() knows no leading zeros in an IPv4 tail, so that goes to it as two groups. */
static int parse_v6(const char *text, struct addr *ret)
{
	const char *tail = strrchr(text, ':') + 1;
	size_t head = (size_t)(tail - text);
	char plain[ADDR_TEXT_MAX];
	uint8_t v4[4];

	if (head > ADDR_TEXT_MAX - sizeof("ffff:ffff"))
		return -EINVAL;
	if (strchr(tail, '.')) {
		if (parse_v4(tail, v4) < 0)
			return -EINVAL;
		snprintf(plain, sizeof(plain), "%.*s%x:%x", (int)head, text, v4[0] << 8 | v4[1],
			 v4[2] << 8 | v4[3]);
		text = plain;
	}
	return inet_pton(AF_INET6, text, ret) == 1 ? 0 : -EINVAL;
}

int addr_parse(const char *text, struct addr *ret)
{
	struct addr a = {};
	int rc;

	if (strchr(text, ':')) {
		rc = parse_v6(text, &a);
	} else {
		memcpy(a.b, v4_prefix, V4_PREFIX_LEN);
		rc = parse_v4(text, a.b + V4_PREFIX_LEN);
	}
	if (rc < 0)
		return rc;
	*ret = a;
	return 0;
}

bool addr_is_v4(const struct addr *a)
{
	return !memcmp(a->b, v4_prefix, V4_PREFIX_LEN);
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return !addr_cmp(a, b);
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

static unsigned int group(const struct addr *a, int i)
{
	return (unsigned int)a->b[2 * i] << 8 | a->b[2 * i + 1];
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952, 4.2). */
static int zero_run(const struct addr *a, int *ret_len)
{
	int best = 8, best_len = 1;

	for (int i = 0, len = 0; i < 8; i++) {
		len = group(a, i) ? 0 : len + 1;
		if (len > best_len) {
			best = i + 1 - len;
			best_len = len;
		}
	}
	*ret_len = best_len;
	return best;
}

/*
 * Not by inet_ntop(): it writes ::102:304 as ::1.2.3.4, a form that RFC 4291 has deprecated and
 * that Go, and so Kubernetes, does not write.
 */
char *addr_format(const struct addr *a, char *ret)
{
	int run, run_len, len = 0;

	if (addr_is_v4(a)) {
		snprintf(ret, ADDR_TEXT_MAX, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
		return ret;
	}
	run = zero_run(a, &run_len);
	for (int i = 0; i < 8; i++) {
		const char *colon = i && i != run + run_len ? ":" : "";

		if (i == run) {
			len += snprintf(ret + len, ADDR_TEXT_MAX - (size_t)len, "::");
			i += run_len - 1;
			continue;
		}
		len += snprintf(ret + len, ADDR_TEXT_MAX - (size_t)len, "%s%x", colon, group(a, i));
	}
	return ret;
}

/* Bit i of an address, 0 the first on the wire, is in this byte under this mask. */
static uint8_t tail_mask(unsigned int bits, int byte)
{
	int kept = (int)bits - 8 * byte;

	return kept >= 8 ? 0 : kept <= 0 ? 0xff : (uint8_t)(0xff >> kept);
}

int cidr_parse(const char *text, struct cidr *ret)
{
	const char *slash = strchr(text, '/');
	char host[2 * ADDR_TEXT_MAX];
	unsigned int offset;
	struct cidr c;
	uint32_t bits;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (addr_parse(host, &c.addr) < 0)
		return -EINVAL;
	offset = strchr(host, ':') ? 0 : V4_PREFIX_BITS;
	if (parse_u32(slash + 1, 0, 128 - offset, &bits) < 0)
		return -EINVAL;
	c.bits = (uint8_t)(bits + offset);
	for (int i = 0; i < 16; i++)
		if (c.addr.b[i] & tail_mask(c.bits, i))
			return -EINVAL;
	*ret = c;
	return 0;
}

static bool cidr_is_v4(const struct cidr *c)
{
	return c->bits >= V4_PREFIX_BITS && addr_is_v4(&c->addr);
}

char *cidr_format(const struct cidr *c, char *ret)
{
	char host[ADDR_TEXT_MAX];
	int bits = cidr_is_v4(c) ? c->bits - V4_PREFIX_BITS : c->bits;

	snprintf(ret, CIDR_TEXT_MAX, "%s/%d", addr_format(&c->addr, host), bits);
	return ret;
}

bool cidr_has(const struct cidr *c, const struct addr *a)
{
	/* ::/0 is all of IPv6 and nothing of IPv4, as everyone who writes it means. */
	if (cidr_is_v4(c) != addr_is_v4(a))
		return false;
	for (int i = 0; i < 16; i++)
		if ((c->addr.b[i] ^ a->b[i]) & (uint8_t)~tail_mask(c->bits, i))
			return false;
	return true;
}
