/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bcs.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/utf8.h"

typedef unsigned __int128 u128;

static int put_le(struct buf *b, u128 v, size_t width)
{
	uint8_t bytes[sizeof(v)];

	for (size_t i = 0; i < width; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	return buf_append(b, bytes, width);
}

int bcs_put_bool(struct buf *b, int v)
{
	return put_le(b, !!v, 1);
}

int bcs_put_u8(struct buf *b, uint8_t v)
{
	return put_le(b, v, 1);
}

int bcs_put_u16(struct buf *b, uint16_t v)
{
	return put_le(b, v, 2);
}

int bcs_put_u32(struct buf *b, uint32_t v)
{
	return put_le(b, v, 4);
}

int bcs_put_u64(struct buf *b, uint64_t v)
{
	return put_le(b, v, 8);
}

int bcs_put_u128(struct buf *b, unsigned __int128 v)
{
	return put_le(b, v, 16);
}

int bcs_put_uleb(struct buf *b, uint32_t v)
{
	uint8_t bytes[5];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	return buf_append(b, bytes, n);
}

int bcs_put_bytes(struct buf *b, const void *data, uint32_t len)
{
	bcs_put_uleb(b, len);
	return buf_append(b, data, len);
}

int bcs_put_fixed(struct buf *b, const void *data, size_t len)
{
	return buf_append(b, data, len);
}

int bcs_put_str(struct buf *b, const char *text)
{
	size_t len = strlen(text);

	if (len > UINT32_MAX)
		return b->error = -E2BIG;
	return bcs_put_bytes(b, text, (uint32_t)len);
}

void bcs_init(struct bcs *r, const void *data, size_t len)
{
	/* Not NULL when empty, so that an empty value can be told from a fault. */
	r->at = len ? data : (const void *)"";
	r->end = r->at + len;
	r->error = 0;
}

static const uint8_t *fault(struct bcs *r)
{
	r->error = -EBADMSG;
	return NULL;
}

const uint8_t *bcs_get_fixed(struct bcs *r, size_t len)
{
	const uint8_t *at = r->at;

	if (r->error || len > (size_t)(r->end - at))
		return fault(r);
	r->at += len;
	return at;
}

void bcs_copy_fixed(struct bcs *r, void *ret, size_t len)
{
	const uint8_t *at = bcs_get_fixed(r, len);

	if (at && len)
		memcpy(ret, at, len);
}

static u128 get_le(struct bcs *r, size_t width)
{
	const uint8_t *at = bcs_get_fixed(r, width);
	u128 v = 0;

	for (size_t i = 0; at && i < width; i++)
		v |= (u128)at[i] << (8 * i);
	return v;
}

int bcs_get_bool(struct bcs *r)
{
	uint8_t v = bcs_get_u8(r);

	if (v > 1)
		fault(r);
	return v == 1;
}

uint8_t bcs_get_u8(struct bcs *r)
{
	return (uint8_t)get_le(r, 1);
}

uint16_t bcs_get_u16(struct bcs *r)
{
	return (uint16_t)get_le(r, 2);
}

uint32_t bcs_get_u32(struct bcs *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t bcs_get_u64(struct bcs *r)
{
	return (uint64_t)get_le(r, 8);
}

unsigned __int128 bcs_get_u128(struct bcs *r)
{
	return get_le(r, 16);
}

uint32_t bcs_get_uleb(struct bcs *r, uint32_t max)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 35; shift += 7) {
		uint8_t byte = bcs_get_u8(r);

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		/* A last byte of zero adds nothing: the same number has a shorter form. */
		if (r->error || v > max || (!byte && shift))
			break;
		return (uint32_t)v;
	}
	fault(r);
	return 0;
}

const uint8_t *bcs_get_bytes(struct bcs *r, uint32_t max, uint32_t *ret_len)
{
	uint32_t len = bcs_get_uleb(r, max);
	const uint8_t *at = bcs_get_fixed(r, len);

	*ret_len = at ? len : 0;
	return at;
}

int bcs_get_str(struct bcs *r, char *ret, size_t size)
{
	uint32_t len;
	const uint8_t *at;

	assert(size > 0);
	at = bcs_get_bytes(r, size > UINT32_MAX ? UINT32_MAX : (uint32_t)size - 1, &len);
	if (!at)
		return r->error;
	if (memchr(at, 0, len) || utf8_valid_len(at, len) != len) {
		fault(r);
		return r->error;
	}
	memcpy(ret, at, len);
	ret[len] = '\0';
	return 0;
}

int bcs_end(const struct bcs *r)
{
	return r->error || r->at != r->end ? -EBADMSG : 0;
}
