/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receipt file: what a provider hands to a tenant for one lease, and anyone can check with
 * nothing but the file and, better, the provider's key from elsewhere. A receipt is a usage record
 * in readable form, its report and the signature.
 *
 * The file is one JSON document with one receipt a line, and has one form only:
 *
 *	{"version":"weir-receipts-v1","lease":{...},"receipts":[
 *	{"seq":"1","node":...,"totals":{...},"report":"<hex>","signature":"<hex>"},
 *	{"seq":"2",...}
 *	]}
 *
 * I1. receipts_parse() accepts exactly the bytes that receipts_render() makes of the result.
 * I2. receipts_verify() takes nothing as given that can be recomputed: every byte is either fixed
 *     by I1 or bound by a signature, so a file with any bit changed is refused.
 * I3. A file may start at any seq. The first record's prev and earlier totals are then as signed,
 *     but not recomputed; summary.first_seq > 1 says so.
 *
 * Numbers are decimal strings, times RFC 3339 in UTC, bytes lower-case hex. Errors (-EBADMSG) name
 * the receipt by number and seq, and the field; -E2BIG is a limit.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "chain/record.h"
#include "chain/report.h"

#define RECEIPTS_VERSION "weir-receipts-v1"
/* Which of the two counts of bytes is billed: those of the pods' sockets, as on the wire. What a pod's
 * interface saw is evidence that `weir usage show` shows where it differs. */
#define RECEIPTS_BYTES "sockets"
#define RECEIPTS_LEN_MAX (64U << 20) /* bytes of a file */
#define RECEIPTS_MAX 1000000U

struct receipt {
	struct record record;
	uint8_t report[REPORT_LEN];
	uint8_t sig[SIG_LEN];
};

struct receipts {
	uint8_t provider[PUBKEY_LEN];
	uint8_t market[OBJECT_ID_LEN];
	/* All records have the terms (lease, label, opened_ms, prices) of the first. */
	struct receipt *list; /* owned, and the records in it */
	size_t count, cap; /* receipts_add() grows it; a file has at least 1 */
};

struct receipts_summary {
	uint8_t provider[PUBKEY_LEN], market[OBJECT_ID_LEN], lease[OBJECT_ID_LEN];
	char label[RECORD_LABEL_SIZE];
	size_t count;
	uint64_t first_seq, last_seq; /* first_seq 1: the lease's whole history to last_seq */
	uint64_t from_ms, to_ms;
	struct usage totals; /* since the lease was opened */
	uint64_t total_due; /* MIST, the same */
	uint8_t last_hash[HASH_LEN]; /* of the last report: what the next one continues */
};

/* Appends an empty receipt for the caller to fill; borrowed until the next call. */
int receipts_add(struct receipts *rs, struct receipt **ret);
void receipts_fini(struct receipts *rs); /* for embedded ones */
void receipts_free(struct receipts **rs);

/* -EINVAL: none, records of different terms, or one that record_check() refuses. What they claim is
 * not checked here: that is receipts_verify(). */
int receipts_render(const struct receipts *rs, struct buf *out, struct err *err);
int receipts_parse(const char *text, size_t len, struct receipts **ret, struct err *err);
/* provider: the key that must have signed, or NULL to take the file's own (which then only proves
 * that the file is in itself consistent). */
int receipts_verify(const char *text, size_t len, const uint8_t provider[PUBKEY_LEN],
		    struct receipts_summary *ret, struct err *err);
