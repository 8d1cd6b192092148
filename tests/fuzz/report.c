/* SPDX-License-Identifier: Apache-2.0 */
/* Reports, co-signatures and usage records from bytes: what is taken has exactly one encoding, the one given. */
#include <assert.h>
#include <string.h>

#include "chain/cosign.h"
#include "chain/record.h"
#include "chain/report.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_report(const uint8_t *data, size_t size)
{
	uint8_t bytes[REPORT_LEN];
	struct report r, twin;
	struct err err = {};

	if (report_decode(data, size, &r, &err) < 0) {
		assert(err.code < 0 && err.text[0]);
		return;
	}
	report_encode(&r, bytes);
	assert(size == REPORT_LEN && memcmp(bytes, data, REPORT_LEN) == 0);
	assert(!report_conflict(&r, &r));
	twin = r;
	twin.total_due++;
	assert(report_conflict(&r, &twin) && report_conflict(&twin, &r));
	twin.seq++;
	assert(!report_conflict(&r, &twin));
}

static void try_record(const uint8_t *data, size_t size)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX);
	cleanup(record_fini) struct record r = {};
	const uint8_t market[OBJECT_ID_LEN] = { 1 };
	struct report report;
	struct err err = {};

	if (record_decode(data, size, &r, &err) < 0) {
		assert(err.code < 0 && err.text[0] && !r.pods);
		return;
	}
	assert(r.npods <= RECORD_PODS_MAX);
	assert(record_encode(&r, &bytes, NULL) == 0);
	assert(bytes.len == size && memcmp(bytes.data, data, size) == 0);
	if (record_report(&r, market, &report, NULL) == 0)
		assert(report.total_due <= price_cap(&r.prices, r.to_ms - r.opened_ms));
	assert(record_follows(&r, &r, (const uint8_t[REPORT_LEN]){}, NULL) < 0);
	assert(record_sort(&r, NULL) == 0);
}

/* What is taken is signed by the key in it, and read the same when it is written again. */
static void try_cosign(const char *text, size_t size)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(COSIGN_LEN_MAX);
	struct cosign c, back;
	struct err err = {};

	if (cosign_parse(text, size, &c, &err) < 0) {
		assert(err.code < 0 && err.text[0]);
		return;
	}
	assert(report_cosigned(c.report, c.sig, c.key));
	assert(cosign_render(&c, &again) == 0);
	assert(cosign_parse(again.data, again.len, &back, NULL) == 0);
	assert(memcmp(&c, &back, sizeof(c)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_cosign((const char *)data, size);
	try_report(data, size);
	try_record(data, size);
	return 0;
}
