/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/columns.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/usage.h"
#include "ledger/db.h"

#define COUNTER_AT(column, member) offsetof(struct usage, member),

static const size_t counters[] = { USAGE_COUNTERS(COUNTER_AT) };

/* Every member is a counter or one of the three about memory: a new one must be put somewhere. */
_Static_assert(ARRAY_LEN(counters) * sizeof(uint64_t) + sizeof(unsigned __int128) +
			       2 * sizeof(uint64_t) ==
		       offsetof(struct usage, tx) + sizeof(struct usage_dir),
	       "a member of struct usage is missing in USAGE_COUNTERS");

static uint64_t counter(const struct usage *u, size_t i)
{
	return *(const uint64_t *)((const char *)u + counters[i]);
}

static uint64_t *counter_of(struct usage *u, size_t i)
{
	return (uint64_t *)((char *)u + counters[i]);
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

void put_usage(struct stmt *s, const struct usage *u)
{
	if (usage_memory_unknown(u))
		put_null(s);
	else
		put_u128(s, u->memory_byte_ns);
	put_u64(s, u->memory_unmeasured);
	put_u64(s, u->memory_peak_bytes);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		put_u64(s, counter(u, i));
}

void put_interface(struct stmt *s, const struct usage_interface *i)
{
	put_u64(s, i->rx.bytes);
	put_u64(s, i->rx.packets);
	put_u64(s, i->tx.bytes);
	put_u64(s, i->tx.packets);
}

void get_interface(struct stmt *s, struct usage_interface *ret)
{
	ret->rx.bytes = get_u64(s);
	ret->rx.packets = get_u64(s);
	ret->tx.bytes = get_u64(s);
	ret->tx.packets = get_u64(s);
}

void get_usage(struct stmt *s, struct usage *ret)
{
	bool unknown = get_null(s);

	ret->memory_byte_ns = unknown ? 0 : get_u128(s);
	ret->memory_unmeasured = get_u64(s);
	if (unknown && !ret->memory_unmeasured && !s->error)
		s->error = -EBADMSG; /* it would be taken for a measured 0 */
	ret->memory_peak_bytes = get_u64(s);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		*counter_of(ret, i) = get_u64(s);
}
