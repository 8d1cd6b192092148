/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two JSON objects of a receipt file: the lease in its first line, and one receipt. Internal to
 * chain/. Terms are a record of which only lease, label, opened_ms and prices count: a file holds
 * them once, and every record that is read gets them.
 */
#pragma once

struct err;
struct json;
struct receipt;
struct receipts;
struct record;

/* NULL: no memory. */
struct json *receipt_lease_to_json(const struct receipts *rs);
struct json *receipt_to_json(const struct receipt *rc);

/* Fills provider and market of rs, and the terms. -EBADMSG names the member. */
int receipt_lease_from_json(const struct json *obj, struct receipts *rs, struct record *ret_terms,
			    struct err *err);
/* Fills *rc, whose owner calls record_fini() in any case. -EBADMSG names the member. */
int receipt_from_json(const struct json *obj, const struct record *terms, struct receipt *rc,
		      struct err *err);
