/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/price.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "core/bcs.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/field.h"
#include "core/json.h"

#define NS_PER_S 1000000000ULL
#define GIB (1ULL << 30)

#define PRICE(name_, member) { .name = (name_), .at = offsetof(struct prices, member) }

/* In the order of the encoding. */
static const struct {
	const char *name;
	size_t at;
} table[] = {
	PRICE("mist_per_core_second", core_s),
	PRICE("mist_per_gib_second", gib_s),
	PRICE("mist_per_gib_rx_external", rx_gib[USAGE_EXTERNAL]),
	PRICE("mist_per_gib_rx_cluster", rx_gib[USAGE_CLUSTER]),
	PRICE("mist_per_gib_rx_local", rx_gib[USAGE_LOCAL]),
	PRICE("mist_per_gib_tx_external", tx_gib[USAGE_EXTERNAL]),
	PRICE("mist_per_gib_tx_cluster", tx_gib[USAGE_CLUSTER]),
	PRICE("mist_per_gib_tx_local", tx_gib[USAGE_LOCAL]),
	PRICE("mist_per_second_max", cap_s),
};
static_assert(sizeof(table) / sizeof(table[0]) * 8 == sizeof(struct prices),
	      "table[] lists every price");
static_assert(sizeof(table) / sizeof(table[0]) == PRICE_ITEM_MAX_ + 1,
	      "items in its order, cap last");

static uint64_t *price(struct prices *p, size_t i)
{
	return (uint64_t *)((char *)p + table[i].at);
}

static uint64_t price_of(const struct prices *p, size_t i)
{
	return *(const uint64_t *)((const char *)p + table[i].at);
}

uint64_t price_cap(const struct prices *p, uint64_t elapsed_ms)
{
	unsigned __int128 cap = (unsigned __int128)p->cap_s * elapsed_ms / 1000;

	if (!p->cap_s || cap > UINT64_MAX)
		return UINT64_MAX;
	return (uint64_t)cap;
}

unsigned __int128 price_item_amount(const struct usage *u, enum price_item item)
{
	if (item == PRICE_CPU)
		return u->cpu_ns;
	if (item == PRICE_MEMORY)
		return u->memory_byte_ns;
	return item < PRICE_TX ? u->rx.wire[item - PRICE_RX].bytes :
				 u->tx.wire[item - PRICE_TX].bytes;
}

uint64_t price_item_unit(enum price_item item)
{
	if (item == PRICE_CPU)
		return NS_PER_S;
	return item == PRICE_MEMORY ? NS_PER_S * GIB : GIB;
}

uint64_t price_item_mist(const struct prices *p, enum price_item item)
{
	return price_of(p, item);
}

/* Dividing first keeps every product below 2^128, so nothing overflows that would fit in the
 * result; unit is below 2^60. */
int price_item_due(const struct prices *p, enum price_item item, unsigned __int128 amount,
		   uint64_t *ret_due)
{
	uint64_t unit = price_item_unit(item), mist = price_of(p, item), due;
	unsigned __int128 whole, part = (amount % unit) * mist / unit;

	if (__builtin_mul_overflow(amount / unit, (unsigned __int128)mist, &whole) ||
	    whole > UINT64_MAX)
		return -EOVERFLOW;
	/* part < mist: both fit in 64 bits */
	if (__builtin_add_overflow((uint64_t)whole, (uint64_t)part, &due))
		return -EOVERFLOW;
	*ret_due = due;
	return 0;
}

static int sum_due(const struct prices *p, const struct usage *u, uint64_t *ret_due)
{
	uint64_t sum = 0, due;

	for (unsigned int i = 0; i < PRICE_ITEM_MAX_; i++)
		if (price_item_due(p, i, price_item_amount(u, i), &due) < 0 ||
		    __builtin_add_overflow(sum, due, &sum))
			return -EOVERFLOW;
	*ret_due = sum;
	return 0;
}

int price_due(const struct prices *p, const struct usage *totals, uint64_t elapsed_ms,
	      uint64_t *ret_due, struct err *err)
{
	uint64_t cap = price_cap(p, elapsed_ms), due;

	if (sum_due(p, totals, &due) < 0)
		return err_set(
			err, -EOVERFLOW,
			"total_due: usage times prices is over 2^64 - 1 MIST; lower the prices");
	*ret_due = due < cap ? due : cap;
	return 0;
}

const char *price_diff(const struct prices *a, const struct prices *b)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (price_of(a, i) != price_of(b, i))
			return table[i].name;
	}
	return NULL;
}

void price_encode(const struct prices *p, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		bcs_put_u64(out, price_of(p, i));
}

void price_decode(struct bcs *in, struct prices *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		*price(ret, i) = bcs_get_u64(in);
}

void price_to_json(const struct prices *p, struct json *obj)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		json_set_u64_text(obj, table[i].name, price_of(p, i));
}

int price_from_json(const struct json *obj, struct prices *ret, struct err *err)
{
	struct prices p = {};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int r = field_u64(obj, table[i].name, price(&p, i), err);

		if (r < 0)
			return r;
	}
	*ret = p;
	return 0;
}
