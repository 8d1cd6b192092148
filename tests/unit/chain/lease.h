/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of leases share: one that is open, and reports for it. */
#pragma once

#include "chain/lease.h"
#include "unit/chain/sample.h"

#define T0 SAMPLE_OPENED_MS

static inline struct lease open_lease(const struct key *key, uint64_t deposit)
{
	struct lease_terms terms = {
		.id = { 1 },
		.market = { 2 },
		.tenant = { 3 },
		.label = "acme-web",
		.opened_ms = T0,
	};
	struct lease l;

	memcpy(terms.provider, key_public(key), PUBKEY_LEN);
	assert_int_equal(lease_open(&terms, deposit, &l, NULL), 0);
	return l;
}

/* The report of window seq (1000 ms each, all contiguous). */
static inline struct report report_of(uint64_t seq, uint64_t total_due)
{
	return (struct report){
		.market = { 2 },
		.lease = { 1 },
		.seq = seq,
		.from_ms = T0 + 1000 * (seq - 1),
		.to_ms = T0 + 1000 * seq,
		.total_due = total_due,
	};
}

static inline int submit_at(struct lease *l, const struct report *r, const struct key *key,
			    uint64_t now, uint64_t *payout, struct err *err)
{
	uint8_t bytes[REPORT_LEN], sig[SIG_LEN];

	report_sign(r, key, bytes, sig);
	return lease_submit(l, bytes, sig, now, payout, err);
}
