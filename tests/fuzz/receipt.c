/* SPDX-License-Identifier: Apache-2.0 */
/* Receipt files from bytes: what is taken is rendered to the same bytes again, and verification
 * ends with a summary or with an error that has a text. */
#include <assert.h>

#include "chain/receipt.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_parse(const char *text, size_t len)
{
	cleanup(receipts_free) struct receipts *rs = NULL;
	cleanup(buf_fini) struct buf again = BUF_INIT(RECEIPTS_LEN_MAX);
	struct err err = {};

	if (receipts_parse(text, len, &rs, &err) < 0) {
		assert(!rs && err.code < 0 && err.text[0]);
		return;
	}
	assert(rs->count >= 1);
	assert(receipts_render(rs, &again, NULL) == 0);
	assert(again.len == len && memcmp(again.data, text, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size ? (const char *)data : "";
	struct receipts_summary sum = {};
	struct err err = {};
	int r;

	if (crypto_init() < 0)
		return 0;
	try_parse(text, size);
	r = receipts_verify(text, size, NULL, &sum, &err);
	if (r < 0)
		assert(err.code == r && err.text[0] && sum.count == 0);
	else
		assert(sum.count == sum.last_seq - sum.first_seq + 1 && sum.to_ms > sum.from_ms);
	return 0;
}
