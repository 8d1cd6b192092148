/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settle_lease.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"

static int missing(const char *what, struct err *err)
{
	return err_set(err, -EBADMSG, "the lease on chain does not say its %s", what);
}

static int read_ids(const struct json *fields, struct settle_offer *ret, struct err *err)
{
	const struct {
		const char *name;
		uint8_t *to;
	} ids[] = {
		{ "id", ret->terms.id },
		{ "market", ret->terms.market },
		{ "provider", ret->provider },
		{ "tenant", ret->terms.tenant },
	};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (address_parse(json_str(fields, ids[i].name, ""), ids[i].to) < 0)
			return missing(ids[i].name, err);
	return 0;
}

static int read_numbers(const struct json *fields, struct settle_offer *ret, struct err *err)
{
	const struct {
		const char *path; /* of the object that has it; NULL: the lease itself */
		const char *name;
		uint64_t *to;
	} numbers[] = {
		{ NULL, "opened_ms", &ret->terms.opened_ms },
		{ NULL, "deposited", &ret->deposit },
		{ NULL, "seq", &ret->seq },
		{ "terms", "grace_ms", &ret->terms.grace_ms },
		{ "prices", "core_s", &ret->terms.prices.core_s },
		{ "prices", "gib_s", &ret->terms.prices.gib_s },
		{ "prices", "cap_s", &ret->terms.prices.cap_s },
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		const struct json *at =
			numbers[i].path ? json_get(fields, numbers[i].path) : fields;

		if (json_u64(at, numbers[i].name, numbers[i].to) < 0)
			return missing(numbers[i].name, err);
	}
	return 0;
}

/* Per GiB: external, cluster, local, as in chain/price.h. */
static int read_classes(const struct json *list, uint64_t ret[USAGE_CLASS_MAX_])
{
	cleanup(json_free) struct json *o = json_new_object();

	if (json_len(list) != USAGE_CLASS_MAX_)
		return -EBADMSG;
	for (size_t i = 0; i < USAGE_CLASS_MAX_; i++) {
		json_set(o, "price", json_dup(json_at(list, i)));
		if (json_u64(o, "price", &ret[i]) < 0)
			return -EBADMSG;
	}
	return 0;
}

int settle_read_offer(const struct json *fields, struct settle_offer *ret, struct err *err)
{
	struct settle_offer offer = {};
	const struct json *prices = json_get(fields, "prices");
	int r = read_ids(fields, &offer, err);

	if (r == 0)
		r = read_numbers(fields, &offer, err);
	if (r < 0)
		return r;
	if (read_classes(json_get(prices, "rx_gib"), offer.terms.prices.rx_gib) < 0)
		return missing("rx_gib", err);
	if (read_classes(json_get(prices, "tx_gib"), offer.terms.prices.tx_gib) < 0)
		return missing("tx_gib", err);
	offer.closing = json_type(json_get(fields, "closing_ms")) != JSON_NULL;
	*ret = offer;
	return 0;
}
