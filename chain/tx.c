/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"

struct tx_block {
	struct tx_block *next;
	max_align_t data[];
};

void tx_fini(struct tx *tx)
{
	while (tx->blocks) {
		struct tx_block *next = tx->blocks->next;

		free(tx->blocks);
		tx->blocks = next;
	}
	*tx = (struct tx){};
}

void *tx_alloc(struct tx *tx, size_t n, size_t size)
{
	struct tx_block *block;
	size_t bytes;

	if (n == 0 || tx->error)
		return NULL;
	if (__builtin_mul_overflow(n, size, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(*block), &bytes)) {
		tx->error = -E2BIG;
		return NULL;
	}
	block = calloc(1, bytes);
	if (!block) {
		tx->error = -ENOMEM;
		return NULL;
	}
	block->next = tx->blocks;
	tx->blocks = block;
	return block->data;
}

struct tx_bytes tx_copy(struct tx *tx, const void *data, size_t len)
{
	void *at = len > TX_LEN_MAX ? NULL : tx_alloc(tx, len, 1);

	if (len > TX_LEN_MAX && !tx->error)
		tx->error = -E2BIG;
	if (!at)
		return (struct tx_bytes){};
	memcpy(at, data, len);
	return (struct tx_bytes){ at, (uint32_t)len };
}
