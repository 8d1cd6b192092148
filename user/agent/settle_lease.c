/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settle_lease.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"

static int missing(const char *what, struct err *err)
{
	return err_set(err, -EBADMSG, "the lease on chain does not say its %s", what);
}

static int read_ids(const struct json *fields, struct settle_view *ret, struct err *err)
{
	const struct {
		const char *name;
		uint8_t *to;
	} ids[] = {
		{ "id", ret->lease.terms.id },
		{ "market", ret->lease.terms.market },
		{ "provider", ret->provider },
		{ "tenant", ret->lease.terms.tenant },
	};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (address_parse(json_str(fields, ids[i].name, ""), ids[i].to) < 0)
			return missing(ids[i].name, err);
	return 0;
}

struct number {
	const char *name;
	uint64_t *to;
};

static int read_numbers(const struct json *of, const struct number *numbers, size_t n,
			struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (json_u64(of, numbers[i].name, numbers[i].to) < 0)
			return missing(numbers[i].name, err);
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

static int read_terms(const struct json *fields, struct lease_terms *ret, struct err *err)
{
	const struct json *prices = json_get(fields, "prices");
	const struct number priced[] = {
		{ "core_s", &ret->prices.core_s },
		{ "gib_s", &ret->prices.gib_s },
		{ "cap_s", &ret->prices.cap_s },
	};
	const struct number grace = { "grace_ms", &ret->grace_ms };
	const struct number opened = { "opened_ms", &ret->opened_ms };
	int r = read_numbers(prices, priced, ARRAY_LEN(priced), err);

	if (r == 0)
		r = read_numbers(json_get(fields, "terms"), &grace, 1, err);
	if (r == 0)
		r = read_numbers(fields, &opened, 1, err);
	if (r < 0)
		return r;
	if (read_classes(json_get(prices, "rx_gib"), ret->prices.rx_gib) < 0)
		return missing("rx_gib", err);
	if (read_classes(json_get(prices, "tx_gib"), ret->prices.tx_gib) < 0)
		return missing("tx_gib", err);
	return 0;
}

/* What is due, and what of it the provider has no right to yet. */
static int read_claims(const struct json *fields, struct lease *l, struct err *err)
{
	const struct json *dispute = json_get(fields, "dispute");
	const struct json *list = json_get(fields, "claims");
	const struct number until = { "until_ms", &l->chain.disputed_until_ms };
	uint64_t released = 0;
	const struct number due[] = {
		{ "total_due", &l->total_due },
		{ "released", &released },
		{ "struck", &l->chain.struck },
	};
	int r = read_numbers(fields, due, ARRAY_LEN(due), err);

	if (r == 0 && (!dispute || json_type(dispute) != JSON_NULL))
		r = read_numbers(dispute, &until, 1, err);
	if (r == 0 && (json_type(list) != JSON_ARRAY || json_len(list) > LEASE_CLAIMS_MAX ||
		       released > l->total_due))
		r = missing("claims", err);
	l->chain.waiting = l->total_due - released;
	for (size_t i = 0; r == 0 && i < json_len(list); i++) {
		struct lease_claim *c = &l->chain.claims[l->chain.nclaims++];
		const struct number claim[] = { { "total_due", &c->total_due },
						{ "release_ms", &c->release_ms } };

		r = read_numbers(json_at(list, i), claim, ARRAY_LEN(claim), err);
	}
	return r;
}

/* Zeros while there is no report. */
static int read_hash(const struct json *fields, uint8_t ret[HASH_LEN])
{
	size_t len = 0;

	if (base64_decode(json_str(fields, "last_hash", "?"), ret, HASH_LEN, &len) < 0)
		return -EBADMSG;
	return len == 0 || len == HASH_LEN ? 0 : -EBADMSG;
}

/* Empty where the tenant accepts by transactions. */
static int read_tenant_key(const struct json *fields, struct settle_view *ret)
{
	size_t len = 0;

	if (base64_decode(json_str(fields, "tenant_key", "?"), ret->tenant_key, PUBKEY_LEN, &len) <
		    0 ||
	    (len != 0 && len != PUBKEY_LEN))
		return -EBADMSG;
	ret->has_tenant_key = len != 0;
	return 0;
}

static int read_end(const struct json *fields, struct lease *l, struct err *err)
{
	const struct number closing = { "closing_ms", &l->closing_ms };
	const struct json *closing_ms = json_get(fields, "closing_ms");
	const struct json *closed = json_get(fields, "closed");
	int r = 0;

	if (!closing_ms || json_type(closing_ms) != JSON_NULL)
		r = read_numbers(fields, &closing, 1, err);
	if (r == 0 && json_type(closed) != JSON_BOOL)
		r = missing("closed", err);
	l->state = lease_state_live(l);
	if (l->closing_ms)
		l->state = LEASE_CLOSING;
	if (json_bool(fields, "closed", false))
		l->state = LEASE_CLOSED;
	return r;
}

int settle_read_lease(const struct json *fields, struct settle_view *ret, struct err *err)
{
	struct settle_view view = {};
	struct lease *l = &view.lease;
	uint64_t escrow = 0;
	const struct number numbers[] = {
		{ "deposited", &l->deposited },
		{ "refunded", &l->refunded },
		{ "paid", &l->paid },
		{ "escrow", &escrow },
		{ "seq", &l->seq },
		{ "last_to_ms", &l->last_to_ms },
	};
	int r = read_ids(fields, &view, err);

	if (r == 0)
		r = read_terms(fields, &l->terms, err);
	if (r == 0)
		r = read_numbers(fields, numbers, ARRAY_LEN(numbers), err);
	if (r == 0)
		r = read_claims(fields, l, err);
	if (r == 0)
		r = read_hash(fields, l->last_hash) < 0 ? missing("last_hash", err) : 0;
	if (r == 0)
		r = read_tenant_key(fields, &view) < 0 ? missing("tenant_key", err) : 0;
	if (r == 0)
		r = read_end(fields, l, err);
	if (r == 0 && escrow != lease_escrow(l))
		r = err_set(err, -EBADMSG,
			    "the lease on chain has another escrow than is deposited and not paid");
	if (r == 0)
		*ret = view;
	return r;
}
