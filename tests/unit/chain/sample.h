/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of chain/ share: a key, and receipts built the way the agent builds them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chain/receipt.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

#define SAMPLE_OPENED_MS 1795000000000ULL
#define SAMPLE_WINDOW_MS 60000ULL

static inline struct key *sample_key(uint8_t filler)
{
	uint8_t seed[32];
	struct key *k = NULL;

	assert_int_equal(crypto_init(), 0);
	memset(seed, filler, sizeof(seed));
	assert_int_equal(key_from_seed(seed, &k), 0);
	return k;
}

static inline void sample_read(const char *path, struct buf *out)
{
	struct err err = {};

	if (file_read(path, out, &err) < 0)
		fail_msg("%s", err.text);
}

/* Another number in every field, for any two n. */
static inline struct usage sample_usage(uint64_t n)
{
	struct usage u = {
		.memory_byte_ns = ((unsigned __int128)1 << 66) + n,
		.memory_peak_bytes = 1000000 + n,
		.cpu_ns = 5000000000ULL + n,
	};

	for (unsigned int c = 0; c < USAGE_CLASS_MAX_; c++) {
		u.rx.wire[c] = (struct usage_count){ 100 * n + c, 10 * n + c };
		u.tx.wire[c] = (struct usage_count){ (3ULL << 30) + 200 * n + c, 20 * n + c };
	}
	u.rx.raw = (struct usage_count){ 300 * n, 30 * n };
	u.tx.raw = (struct usage_count){ 400 * n, 40 * n };
	return u;
}

static inline void sample_pods(struct record *r, size_t npods)
{
	r->pods = calloc(npods, sizeof(*r->pods));
	assert_non_null(r->pods);
	r->npods = npods;
	for (size_t i = 0; i < npods; i++) {
		struct record_pod *p = &r->pods[i];

		snprintf(p->namespace, sizeof(p->namespace), "shop");
		snprintf(p->name, sizeof(p->name), "web-%zu", i);
		snprintf(p->uid, sizeof(p->uid), "uid-%zu", i);
		snprintf(p->boot_id, sizeof(p->boot_id), "7c2a0c1e-0a0f-4b43-9a57-2f6d0b1c9e11");
		p->cgroup_id = 100 + i;
		p->use = sample_usage(10 * r->seq + i);
	}
}

/* An unsigned record of seq that follows before (NULL: the first one). */
static inline void sample_record(uint64_t seq, size_t npods, const struct receipt *before,
				 struct record *ret)
{
	*ret = (struct record){
		.lease = { 0x1e, 0xa5, 0xe0 },
		.label = "acme-web",
		.node = "node-a",
		.opened_ms = SAMPLE_OPENED_MS,
		.seq = seq,
		.from_ms = SAMPLE_OPENED_MS + (seq - 1) * SAMPLE_WINDOW_MS,
		.to_ms = SAMPLE_OPENED_MS + seq * SAMPLE_WINDOW_MS,
		.prices = { .core_s = 2500, .gib_s = 300, .tx_gib[USAGE_EXTERNAL] = 90000 },
	};
	sample_pods(ret, npods);
	if (before)
		report_hash(before->report, ret->prev);
	assert_int_equal(record_sum(ret, before ? &before->record.totals : NULL, NULL), 0);
}

static inline void sample_sign(struct receipts *rs, struct receipt *rc, const struct key *key)
{
	struct report report;
	struct err err = {};

	if (record_report(&rc->record, rs->market, &report, &err) < 0)
		fail_msg("%s", err.text);
	report_sign(&report, key, rc->report, rc->sig);
}

/* n receipts from seq 1. */
static inline struct receipts sample_receipts(size_t n, size_t npods, const struct key *key)
{
	struct receipts rs = { .market = { 0x3a, 0x4c, 0xe7 } };

	memcpy(rs.provider, key_public(key), PUBKEY_LEN);
	for (uint64_t seq = 1; seq <= n; seq++) {
		struct receipt *rc = NULL;

		assert_int_equal(receipts_add(&rs, &rc), 0);
		sample_record(seq, npods, seq > 1 ? rc - 1 : NULL, &rc->record);
		sample_sign(&rs, rc, key);
	}
	return rs;
}
