/* SPDX-License-Identifier: Apache-2.0 */
/* Files with proofs from bytes: what is taken is rendered to the same bytes again, a leaf and a path have
 * one encoding, and verification against what stands before ends with a summary or an error with a text. */
#include <assert.h>

#include "chain/proof.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_leaf(const uint8_t *data, size_t size)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(LEAF_LEN_MAX);
	struct totals_node node;
	struct leaf leaf;
	struct err err = {};

	if (leaf_decode(data, size, &leaf, &err) < 0) {
		assert(err.code < 0 && err.text[0]);
		return;
	}
	leaf_encode(&leaf, &again);
	assert(again.len == size && memcmp(again.data, data, size) == 0);
	leaf_node(&leaf, &node, NULL);
}

static void try_statement(const uint8_t *data, size_t size)
{
	uint8_t bytes[TOTALS_LEN];
	struct totals t;

	if (totals_decode(data, size, &t, NULL) < 0)
		return;
	totals_encode(&t, bytes);
	assert(size == TOTALS_LEN && memcmp(bytes, data, size) == 0);
	assert(!totals_conflict(&t, &t));
}

static void try_file(const char *text, size_t len)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(PROOFS_LEN_MAX);
	cleanup(receipts_free) struct receipts *rs = NULL;
	cleanup(proofs_fini) struct proofs p = {};
	size_t behind = proofs_behind(text, len);
	struct proofs_summary sum = {};
	struct err err = {};

	assert(behind <= len);
	if (proofs_parse(text + behind, len - behind, &p, &err) < 0) {
		assert(!p.at && err.code < 0 && err.text[0]);
		return;
	}
	assert(p.count >= 1);
	assert(proofs_render(&p, &again, NULL) == 0);
	assert(again.len == len - behind && memcmp(again.data, text + behind, again.len) == 0);
	if (receipts_parse(text, behind, &rs, NULL) < 0)
		return;
	if (proofs_verify(&p, rs, &sum, &err) < 0)
		assert(err.code < 0 && err.text[0] && !sum.statements);
	else
		assert(sum.statements == p.count && sum.proven + sum.unproven <= rs->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (crypto_init() < 0)
		return 0;
	try_leaf(data, size);
	try_statement(data, size);
	try_file(size ? (const char *)data : "", size);
	return 0;
}
