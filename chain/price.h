/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What usage costs. Prices are integers in MIST (1 SUI = 10^9 MIST) and fixed for the life of a
 * lease: total_due is a pure function of the lease's cumulative totals.
 *
 * Received and sent bytes are priced apart, since most providers charge only for one of them; a
 * provider that does not care gives both the same price. Bytes on the wire are billed.
 *
 * Rounding: each dimension's cumulative total is multiplied by its price and rounded down once, so
 * rounding never accumulates: the tenant gains less than 1 MIST a dimension (8 of them) over the
 * whole life of a lease, however many windows it has. The arithmetic is exact: -EOVERFLOW exactly
 * when the sum is over 2^64 - 1 MIST.
 */
#pragma once

#include <stdint.h>

#include "core/usage.h"

struct prices {
	uint64_t core_s; /* per core-second of CPU */
	uint64_t gib_s; /* per GiB-second of memory */
	uint64_t rx_gib[USAGE_CLASS_MAX_]; /* per GiB received */
	uint64_t tx_gib[USAGE_CLASS_MAX_]; /* per GiB sent */
	uint64_t cap_s; /* the lease never owes more per second since it was opened; 0: no cap */
};

/* What is priced, in the order of the encoding. */
enum price_item {
	PRICE_CPU = 0, /* nanoseconds, priced by the core-second */
	PRICE_MEMORY = 1, /* byte-nanoseconds, by the GiB-second */
	PRICE_RX = 2, /* bytes, by the GiB: one item for each class */
	PRICE_TX = PRICE_RX + USAGE_CLASS_MAX_,
	PRICE_ITEM_MAX_ = PRICE_TX + USAGE_CLASS_MAX_,
};

unsigned __int128 price_item_amount(const struct usage *u, enum price_item item);
/* So many of the amount's units cost price_item_mist(). */
uint64_t price_item_unit(enum price_item item);
uint64_t price_item_mist(const struct prices *p, enum price_item item);
/* The price of an amount, rounded down: -EOVERFLOW. */
int price_item_due(const struct prices *p, enum price_item item, unsigned __int128 amount,
		   uint64_t *ret_due);

/* The most a lease may owe after that time; UINT64_MAX without a cap. Rounded down. */
uint64_t price_cap(const struct prices *p, uint64_t elapsed_ms);
/* What the lease owes in all: the price of its totals, at most price_cap(). */
int price_due(const struct prices *p, const struct usage *totals, uint64_t elapsed_ms,
	      uint64_t *ret_due, struct err *err);

/* The name of the first price in which they differ, or NULL. */
const char *price_diff(const struct prices *a, const struct prices *b);

/* 72 bytes; as usage_encode() and its family. */
void price_encode(const struct prices *p, struct buf *out);
void price_decode(struct bcs *in, struct prices *ret);
void price_to_json(const struct prices *p, struct json *obj);
int price_from_json(const struct json *obj, struct prices *ret, struct err *err);
