/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/bcs: the first byte says how many, the next ones what to read; what was read without a fault
 * is written again and must be the bytes it came from, since one value has one encoding.
 */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy_str(struct bcs *r, struct buf *b)
{
	char text[64];

	if (bcs_get_str(r, text, sizeof(text)) == 0)
		bcs_put_str(b, text);
}

static void copy_bytes(struct bcs *r, struct buf *b)
{
	uint32_t len;
	const uint8_t *at = bcs_get_bytes(r, 1000, &len);

	assert(at || !len);
	if (at)
		bcs_put_bytes(b, at, len);
}

static void copy_value(unsigned int kind, struct bcs *r, struct buf *b)
{
	const uint8_t *at;

	switch (kind % 10) {
	case 0:
		bcs_put_bool(b, bcs_get_bool(r));
		break;
	case 1:
		bcs_put_u8(b, bcs_get_u8(r));
		break;
	case 2:
		bcs_put_u16(b, bcs_get_u16(r));
		break;
	case 3:
		bcs_put_u32(b, bcs_get_u32(r));
		break;
	case 4:
		bcs_put_u64(b, bcs_get_u64(r));
		break;
	case 5:
		bcs_put_u128(b, bcs_get_u128(r));
		break;
	case 6:
		bcs_put_uleb(b, bcs_get_uleb(r, UINT32_MAX));
		break;
	case 7:
		copy_bytes(r, b);
		break;
	case 8:
		copy_str(r, b);
		break;
	default:
		at = bcs_get_fixed(r, 7);
		if (at)
			bcs_put_fixed(b, at, 7);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(SIZE_MAX);
	size_t kinds = size ? data[0] % 32 : 0, skip = 1 + kinds;
	size_t len = size > skip ? size - skip : 0;
	/* On the heap by itself, so that a read beyond either end is seen. */
	cleanup(free_ptr) uint8_t *bytes = malloc(len ? len : 1);
	struct bcs r;

	if (size <= skip)
		return 0;
	memcpy(bytes, data + skip, len);
	bcs_init(&r, bytes, len);
	for (size_t i = 0; i < kinds && !r.error; i++) {
		size_t before = b.len;

		copy_value(data[1 + i], &r, &b);
		if (r.error)
			b.len = before;
	}
	assert(r.at >= bytes && r.at <= r.end);
	if (!r.error)
		assert(b.len == (size_t)(r.at - bytes) &&
		       (!b.len || !memcmp(b.data, bytes, b.len)));
	assert((bcs_end(&r) == 0) == (!r.error && b.len == len));
	return 0;
}
