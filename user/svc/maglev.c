/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/maglev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "bpf/abi.h"
#include "core/cleanup.h"

#define EMPTY UINT16_MAX /* no place: there are MAGLEV_MAX at most */

uint32_t maglev_size(uint32_t n)
{
	/* just below powers of two, so that little of weir_ring is lost between tables */
	static const uint32_t primes[] = { 251, 509, 1021, 2039, 4093, 8191, MAGLEV_MAX };
	size_t i = 0;

	if (n < 2 || n > MAGLEV_MAX)
		return 0;
	while (i < ARRAY_LEN(primes) - 1 && primes[i] < 100 * n)
		i++;
	return primes[i];
}

/* The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): each bit of x moves each bit of it. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t hash(const struct weir_backend *be)
{
	uint64_t h = 0;

	for (int i = 0; i < 4; i++)
		h = mix(h ^ ntohl(be->addr.w[i]));
	return mix(h ^ ((uint64_t)ntohs(be->port) << 8 | be->proto));
}

/* The entries that a backend wants, one after the other: all of them in an order of its own. */
struct wish {
	uint32_t next, skip;
};

int maglev_fill(const struct weir_backend *backends, uint32_t n, uint32_t size, uint16_t *ret)
{
	cleanup(free_ptr) struct wish *wishes = calloc(n, sizeof(*wishes));

	if (!wishes)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t h = hash(&backends[i]);

		wishes[i] = (struct wish){ h % size, mix(h) % (size - 1) + 1 };
	}
	for (uint32_t i = 0; i < size; i++)
		ret[i] = EMPTY;
	/* in turn each takes the next of its wishes that is free */
	for (uint32_t filled = 0; filled < size; filled++) {
		struct wish *wish = &wishes[filled % n];

		while (ret[wish->next] != EMPTY)
			wish->next = (wish->next + wish->skip) % size;
		ret[wish->next] = filled % n;
	}
	return 0;
}
