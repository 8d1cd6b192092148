/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usage report: the 144 bytes that a provider signs for one window of one lease, and that the
 * market on chain reads. Layout (BCS: little-endian, no padding), signed as it is with Ed25519:
 *
 *	domain 16 "USAGE-REPORT-V1\0" | market 32 | lease 32 | seq u64 | from_ms u64 | to_ms u64 |
 *	total_due u64 | usage_hash 32
 *
 * I1. Market and lease id keep a report from being replayed elsewhere; the domain keeps it from
 *     being taken for a transaction.
 * I2. total_due (MIST) is cumulative since the lease was opened: a lost or repeated report is
 *     harmless, and the newest one says all.
 * I3. One (market, lease, seq) has one content. Two signed contents are a proof that costs the
 *     provider its stake: store the hash durably before a signature leaves the process.
 *
 * Times are UTC milliseconds since 1970, the end exclusive. Decoding checks the form alone; what
 * the fields mean is checked by lease.h and receipt.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/address.h"
#include "core/crypto.h"

#define REPORT_LEN 144

struct err;

struct report {
	uint8_t market[OBJECT_ID_LEN];
	uint8_t lease[OBJECT_ID_LEN];
	uint64_t seq; /* from 1 */
	uint64_t from_ms, to_ms;
	uint64_t total_due;
	uint8_t usage_hash[HASH_LEN]; /* Blake2b-256 of the usage record (record.h) */
};

void report_encode(const struct report *r, uint8_t ret[REPORT_LEN]);
/* -EBADMSG unless it is REPORT_LEN bytes with the right domain. */
int report_decode(const void *data, size_t len, struct report *ret, struct err *err);

void report_sign(const struct report *r, const struct key *key, uint8_t ret[REPORT_LEN],
		 uint8_t ret_sig[SIG_LEN]);
/* Checks the signature, then decodes: -EBADMSG when either fails. */
int report_verify(const void *data, size_t len, const uint8_t sig[SIG_LEN],
		  const uint8_t pub[PUBKEY_LEN], struct report *ret, struct err *err);

/* The tenant's acceptance of a report, with which it is paid at once: Ed25519 over the 16 bytes
 * "USAGE-COSIGN-V1\0" and the report's. */
void report_cosign(const uint8_t bytes[REPORT_LEN], const struct key *key, uint8_t ret[SIG_LEN]);
bool report_cosigned(const uint8_t bytes[REPORT_LEN], const uint8_t sig[SIG_LEN],
		     const uint8_t pub[PUBKEY_LEN]);

/* What the next record carries as `prev`, and what the ledger keeps for (lease, seq). */
void report_hash(const uint8_t bytes[REPORT_LEN], uint8_t ret[HASH_LEN]);

/* Equivocation: same market, lease and seq, but other content. Signatures don't count: a malleable
 * one is not a second statement. */
bool report_conflict(const struct report *a, const struct report *b);
