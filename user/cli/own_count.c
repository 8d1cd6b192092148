/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/own_count.h"

#include <errno.h>

#include "chain/price.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"

typedef unsigned __int128 u128;

static const char *const names[] = {
	[PRICE_CPU] = "cpu_ns",
	[PRICE_MEMORY] = "memory_byte_ns",
	[PRICE_RX + USAGE_EXTERNAL] = "rx_bytes_external",
	[PRICE_RX + USAGE_CLUSTER] = "rx_bytes_cluster",
	[PRICE_RX + USAGE_LOCAL] = "rx_bytes_local",
	[PRICE_TX + USAGE_EXTERNAL] = "tx_bytes_external",
	[PRICE_TX + USAGE_CLUSTER] = "tx_bytes_cluster",
	[PRICE_TX + USAGE_LOCAL] = "tx_bytes_local",
};
_Static_assert(ARRAY_LEN(names) == PRICE_ITEM_MAX_, "a name for each item");

static int add_member(const struct json *o, const char *name, u128 *sum, struct err *err)
{
	u128 v;
	int r = json_u128(o, name, &v);

	if (r == -ENOENT)
		return err_set(err, -EDQUOT,
			       "it claims %s, which has a price, and the own count does not say it",
			       name);
	if (r < 0 || __builtin_add_overflow(*sum, v, sum))
		return err_set(err, -EBADMSG, "the own count: %s is no count", name);
	return 0;
}

static int count(const struct json *own, const char *name, u128 *ret, struct err *err)
{
	int r = 0;

	*ret = 0;
	if (json_type(own) == JSON_OBJECT)
		return add_member(own, name, ret, err);
	if (json_type(own) != JSON_ARRAY || !json_first(own))
		return err_set(err, -EBADMSG, "the own count: want an object, or an array of them");
	json_foreach(o, own)
		r = r == 0 ? add_member(o, name, ret, err) : r;
	return r;
}

/* So much more than the count is let pass; rounded down. */
static u128 allow(u128 count, uint64_t percent)
{
	u128 more = count / 100 * percent + count % 100 * percent / 100, sum;

	return __builtin_add_overflow(count, more, &sum) ? ~(u128)0 : sum;
}

int own_count_check(const struct usage *claimed, const struct prices *prices,
		    const struct json *own, uint64_t tolerance_percent, struct err *err)
{
	char says[U128_TEXT_MAX], has[U128_TEXT_MAX];

	for (int i = 0; i < PRICE_ITEM_MAX_; i++) {
		u128 amount = price_item_amount(claimed, (enum price_item)i), counted;
		int r;

		if (!price_item_mist(prices, (enum price_item)i) || !amount)
			continue;
		r = count(own, names[i], &counted, err);
		if (r < 0)
			return r;
		if (amount > allow(counted, tolerance_percent))
			return err_set(
				err, -EDQUOT,
				"it claims %s of %s, and the own count is %s: more than %u%% "
				"over",
				format_u128(amount, says), names[i], format_u128(counted, has),
				(unsigned int)tolerance_percent);
	}
	return 0;
}
