/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions and type tags from bytes: what is taken has exactly one encoding, the one given, and
 * may be checked and shown. As a text, the bytes are a type, an address, a digest and a key.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "chain/base58.h"
#include "chain/sign.h"
#include "chain/suikey.h"
#include "chain/tx.h"
#include "chain/type_tag.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

#define TEXT_MAX 4096 /* reading base58 costs the square of it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_tx(const uint8_t *data, size_t size)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(TX_LEN_MAX);
	cleanup(tx_fini) struct tx tx = {};
	struct err err = {};

	if (tx_decode(data, size, &tx, &err) < 0) {
		assert(err.code < 0 && err.text[0] && !tx.blocks);
		return;
	}
	assert(tx_encode(&tx, &again) == 0);
	assert(again.len == size && memcmp(again.data, data, size) == 0);
	if (tx_validate(&tx, &err) < 0)
		assert(err.code < 0 && err.text[0]);
}

static void try_type(const uint8_t *data, size_t size)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(SIZE_MAX), again = BUF_INIT(TYPE_TAG_LEN_MAX);

	if (type_tag_format(data, size, &text, NULL) < 0) {
		assert(!text.len);
		return;
	}
	assert(type_tag_parse(text.data, &again, NULL) == 0);
	assert(again.len == size && memcmp(again.data, data, size) == 0);
}

static void try_text(const char *text)
{
	cleanup(buf_fini) struct buf type = BUF_INIT(TYPE_TAG_LEN_MAX), shown = BUF_INIT(SIZE_MAX);
	cleanup(key_free) struct key *key = NULL;
	uint8_t id[OBJECT_ID_LEN], bytes[BASE58_BYTES_MAX];
	char again[BASE58_SIZE(BASE58_BYTES_MAX)];
	size_t len;

	if (type_tag_parse(text, &type, NULL) == 0)
		assert(type_tag_format(type.data, type.len, &shown, NULL) == 0);
	address_parse(text, id);
	if (base58_decode(text, bytes, sizeof(bytes), &len) == 0) {
		base58_encode(bytes, len, again);
		assert(strcmp(again, text) == 0);
	}
	suikey_parse(text, &key, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size < TEXT_MAX ? size : TEXT_MAX;
	cleanup(free_ptr) char *text = malloc(len + 1);

	assert(text && crypto_init() == 0);
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	try_tx(data, size);
	try_type(data, size);
	try_text(text);
	return 0;
}
