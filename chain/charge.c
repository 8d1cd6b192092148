/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/charge.h"

#include <errno.h>
#include <stddef.h>

#include "core/err.h"

/* The lease's total of one item before this window. */
static int total_before(const struct record *r, enum price_item item, unsigned __int128 *ret,
			struct err *err)
{
	unsigned __int128 total = price_item_amount(&r->totals, item);

	for (size_t i = 0; i < r->npods; i++) {
		unsigned __int128 amount = price_item_amount(&r->pods[i].use, item);

		if (amount > total)
			return err_set(err, -EBADMSG, "totals are less than the pods' sum");
		total -= amount;
	}
	*ret = total;
	return 0;
}

struct sum {
	uint64_t before, after; /* price of the totals, uncapped */
};

static int charge_item(const struct record *r, enum price_item item, struct sum *sum,
		       int (*fn)(const struct charge *c, void *arg), void *arg, struct err *err)
{
	unsigned __int128 total = 0;
	uint64_t due, next;
	int rc = total_before(r, item, &total, err);

	if (rc < 0)
		return rc;
	rc = price_item_due(&r->prices, item, total, &due);
	if (rc == 0 && __builtin_add_overflow(sum->before, due, &sum->before))
		rc = -EOVERFLOW;
	for (size_t i = 0; rc == 0 && i < r->npods; i++) {
		struct charge c = { .pod = &r->pods[i], .item = item };

		c.amount = price_item_amount(&c.pod->use, item);
		if (!c.amount)
			continue;
		total += c.amount; /* at most what totals has */
		rc = price_item_due(&r->prices, item, total, &next);
		if (rc < 0)
			break;
		c.mist = next - due;
		due = next;
		rc = fn(&c, arg);
	}
	if (rc == 0 && __builtin_add_overflow(sum->after, due, &sum->after))
		rc = -EOVERFLOW;
	return rc == -EOVERFLOW ? err_set(err, rc, "usage times prices is over 2^64 - 1 MIST") : rc;
}

/* How much of a price is over the cap at a time. */
static uint64_t over_cap(const struct record *r, uint64_t due, uint64_t at_ms)
{
	uint64_t cap = price_cap(&r->prices, at_ms - r->opened_ms);

	return due > cap ? due - cap : 0;
}

int charges(const struct record *r, int (*fn)(const struct charge *c, void *arg), void *arg,
	    struct err *err)
{
	struct charge c = {};
	struct sum sum = {};
	uint64_t was, is;
	int rc = 0;

	for (unsigned int item = 0; rc == 0 && item < PRICE_ITEM_MAX_; item++)
		rc = charge_item(r, item, &sum, fn, arg, err);
	if (rc != 0)
		return rc;
	was = over_cap(r, sum.before, r->from_ms);
	is = over_cap(r, sum.after, r->to_ms);
	if (was == is)
		return 0;
	c.credit = is > was;
	c.mist = c.credit ? is - was : was - is;
	return fn(&c, arg);
}
