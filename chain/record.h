/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usage record: everything behind one report. Its Blake2b-256 is the report's usage_hash. It
 * stays off chain, with the provider and the tenant. BCS layout: README.md.
 *
 * I1. One content has one encoding: pods strictly ascend by (boot_id, cgroup_id), so no cgroup is
 *     in a window twice; encode(decode(x)) = x. record_encode() and record_decode() both refuse
 *     (-EINVAL, -EBADMSG) what breaks a rule written here.
 * I2. `prev` is report_hash() of the report before, zeros exactly for seq 1: receipts are a chain.
 * I3. totals = totals of the record before + the sum over pods (from zero for seq 1).
 * I4. Terms (lease, label, opened_ms, prices) are the same in all records of a lease; windows are
 *     contiguous, seq rises by one.
 * I5. Texts are printable ASCII without '"' and '\', so that JSON shows each in one way.
 *
 * Times are UTC milliseconds, the end exclusive: opened_ms <= from_ms < to_ms < year 10000.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "chain/price.h"
#include "chain/report.h"
#include "core/clock.h"
#include "core/usage.h"

struct bcs;
struct buf;

#define RECORD_PODS_MAX 4096
#define RECORD_LEN_MAX (4U << 20) /* bytes of an encoded record */
/* Of one pod: four texts with their counts (one byte, two for the name), the cgroup id, the usage. */
#define RECORD_POD_LEN_MAX (1 + 63 + 2 + 253 + 1 + 64 + 1 + 36 + 8 + 168)
#define RECORD_LABEL_SIZE 64 /* sizes count the NUL */
#define RECORD_NODE_SIZE 254

struct record_pod {
	char namespace[64];
	char name[254];
	char uid[65]; /* may be "": a pod from a file has none */
	char boot_id[BOOT_ID_LEN];
	uint64_t cgroup_id;
	struct usage use; /* of this window */
};

struct record {
	uint8_t prev[HASH_LEN];
	uint8_t lease[OBJECT_ID_LEN];
	char label[RECORD_LABEL_SIZE]; /* value of the pods' label weir.dev/lease */
	char node[RECORD_NODE_SIZE];
	uint64_t opened_ms; /* when the lease was opened: the rate cap counts from there */
	uint64_t seq; /* from 1 */
	uint64_t from_ms, to_ms;
	struct prices prices;
	struct record_pod *pods; /* owned; NULL when npods is 0 */
	size_t npods;
	struct usage totals; /* of the lease, after this window */
};

/* A pod by itself, as the record has it. Errors of bytes are the buffer's and the reader's own. */
void record_pod_encode(const struct record_pod *p, struct buf *out);
void record_pod_decode(struct bcs *in, struct record_pod *ret);
int record_pod_check(const struct record_pod *p, struct err *err); /* -EINVAL names the field */
/* By boot_id, then cgroup_id: the order of I1. */
int record_pod_cmp(const struct record_pod *a, const struct record_pod *b);

void record_fini(struct record *r); /* leaves an empty record */

/* Brings the pods into the order of I1. -EEXIST when two are one cgroup. */
int record_sort(struct record *r, struct err *err);
/* Sets totals by I3; before = NULL counts from zero. -EOVERFLOW; totals are then unchanged. */
int record_sum(struct record *r, const struct usage *before, struct err *err);

/* The rules that hold for a record alone: -EINVAL names the field. */
int record_check(const struct record *r, struct err *err);
/* Appends the encoding. Out of a limit or rule: -EINVAL; out keeps what it had. */
int record_encode(const struct record *r, struct buf *out, struct err *err);
/* The caller owns *ret and calls record_fini(). */
int record_decode(const void *data, size_t len, struct record *ret, struct err *err);

/* The report that follows from a record: total_due is price_due(totals), usage_hash its hash. */
int record_report(const struct record *r, const uint8_t market[OBJECT_ID_LEN], struct report *ret,
		  struct err *err);
/* Checks I2, I3 and I4 between two records; before = NULL: r is the first one at hand, and only a
 * record with seq 1 is checked (totals from zero). before_report is the bytes of before's report.
 * -EBADMSG names the field. */
int record_follows(const struct record *r, const struct record *before,
		   const uint8_t before_report[REPORT_LEN], struct err *err);
