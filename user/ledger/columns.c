/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/columns.h"

#include <errno.h>

#include "core/cleanup.h"
#include "ledger/db.h"
#include "ledger/usage.h"

#define COUNTER_AT(column, member) offsetof(struct ledger_usage, member),

static const size_t counters[] = { USAGE_COUNTERS(COUNTER_AT) };

/* Every member is a counter or one of the three about memory: a new one must be put somewhere. */
_Static_assert(ARRAY_LEN(counters) * sizeof(uint64_t) + 3 * sizeof(uint64_t) +
			       sizeof(unsigned __int128) ==
		       sizeof(struct ledger_usage),
	       "a member of struct ledger_usage is missing in USAGE_COUNTERS");

static uint64_t counter(const struct ledger_usage *u, size_t i)
{
	return *(const uint64_t *)((const char *)u + counters[i]);
}

static uint64_t *counter_of(struct ledger_usage *u, size_t i)
{
	return (uint64_t *)((char *)u + counters[i]);
}

int ledger_usage_add(struct ledger_usage *sum, const struct ledger_usage *u)
{
	struct ledger_usage r = *sum;

	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		if (__builtin_add_overflow(counter(sum, i), counter(u, i), counter_of(&r, i)))
			return -EOVERFLOW;
	if (__builtin_add_overflow(sum->memory_byte_ns, u->memory_byte_ns, &r.memory_byte_ns))
		return -EOVERFLOW;
	r.memory_measured = sum->memory_measured || u->memory_measured;
	if (u->memory_peak_bytes > r.memory_peak_bytes)
		r.memory_peak_bytes = u->memory_peak_bytes;
	*sum = r;
	return 0;
}

int ledger_usage_sub(const struct ledger_usage *now, const struct ledger_usage *before,
		     struct ledger_usage *ret)
{
	struct ledger_usage r = { .memory_measured = now->memory_measured };

	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		if (__builtin_sub_overflow(counter(now, i), counter(before, i), counter_of(&r, i)))
			return -ERANGE;
	if (now->memory_measured) {
		r.memory_peak_bytes = now->memory_peak_bytes;
		if (__builtin_sub_overflow(now->memory_byte_ns, before->memory_byte_ns,
					   &r.memory_byte_ns))
			return -ERANGE;
	}
	*ret = r;
	return 0;
}

/* Big-endian, so that the bytes sort as the numbers do. */
static void put_u128(struct stmt *s, unsigned __int128 v)
{
	uint8_t b[16];

	for (size_t i = sizeof(b); i-- > 0; v >>= 8)
		b[i] = (uint8_t)v;
	put_blob(s, b, sizeof(b));
}

static unsigned __int128 get_u128(struct stmt *s)
{
	unsigned __int128 v = 0;
	uint8_t b[16] = {};

	get_fixed(s, b, sizeof(b));
	for (size_t i = 0; i < sizeof(b); i++)
		v = v << 8 | b[i];
	return v;
}

void put_usage(struct stmt *s, const struct ledger_usage *u)
{
	if (u->memory_measured)
		put_u128(s, u->memory_byte_ns);
	else
		put_null(s);
	put_u64(s, u->memory_peak_bytes);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		put_u64(s, counter(u, i));
}

void get_usage(struct stmt *s, struct ledger_usage *ret)
{
	ret->memory_measured = !get_null(s);
	ret->memory_byte_ns = ret->memory_measured ? get_u128(s) : 0;
	ret->memory_peak_bytes = get_u64(s);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		*counter_of(ret, i) = get_u64(s);
}
