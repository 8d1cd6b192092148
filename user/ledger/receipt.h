/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed reports, as they left or will leave the process. Two different ones with the same (lease,
 * seq) are a proof that costs the provider its stake, so:
 *
 * R1. A receipt is never changed or deleted, by anybody (triggers). It is written before it is signed,
 *     with zeros for a signature, and given its signature once (signing.h). Of a lease, those that
 *     are signed come before those that are not.
 * R2. A lease's seq runs without a gap; from_ms is not before the to_ms of the one before, and
 *     total_due, which is cumulative, not below its total_due.
 * R3. Only what a commit has put on disk may be signed and sent.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ledger/usage.h"

#define LEDGER_REPORT_LEN 144
#define LEDGER_SIG_LEN 64
#define LEDGER_HASH_LEN 32
#define LEDGER_RECORD_MAX (4u << 20)

struct ledger_receipt {
	char lease[LEDGER_LABEL_MAX];
	uint64_t seq, window, from_ms, to_ms, total_due;
	uint8_t report[LEDGER_REPORT_LEN], signature[LEDGER_SIG_LEN], hash[LEDGER_HASH_LEN];
	uint8_t *record; /* BCS bytes of what the report commits to */
	size_t record_len;
};

/* Adds it and moves the lease on (lease.h, L3); record is borrowed. An identical one that is there
 * is fine. -EEXIST: another with this (lease, seq) is there; -ENOENT: no such lease or window;
 * -EINVAL: breaks R2; -E2BIG: record over LEDGER_RECORD_MAX. */
int ledger_receipt_put(struct ledger_tx *tx, const struct ledger_receipt *r, struct err *err);

/* ret owns its record: ledger_receipt_fini(). -ENOENT */
int ledger_receipt_get(struct ledger *l, const char *lease, uint64_t seq,
		       struct ledger_receipt *ret, struct err *err);
void ledger_receipt_fini(struct ledger_receipt *r);

/* Those that are signed, in order of lease and seq, from from_seq on; lease NULL: of all. The record is
 * the list's own and gone after fn; fn as in ledger_usage_query(). */
int ledger_receipt_list(struct ledger *l, const char *lease, uint64_t from_seq,
			int (*fn)(const struct ledger_receipt *r, void *arg), void *arg,
			struct err *err);
