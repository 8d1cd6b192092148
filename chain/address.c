/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/address.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "chain/type_tag.h"
#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/parse.h"

#define HEX_LEN ((size_t)2 * OBJECT_ID_LEN)
#define ADDRESS_FLAG 0x00 /* Ed25519 */
#define FIELD_FLAG 0xf0 /* keeps the id of a field from being an address */

int address_parse(const char *text, uint8_t ret[OBJECT_ID_LEN])
{
	char hex[HEX_LEN + 1];
	size_t n;

	if (strncmp(text, "0x", 2) != 0)
		return -EINVAL;
	text += 2;
	n = strlen(text);
	if (n < 1 || n > HEX_LEN)
		return -EINVAL;
	memset(hex, '0', HEX_LEN - n);
	for (size_t i = 0; i <= n; i++)
		hex[HEX_LEN - n + i] = (char)tolower((unsigned char)text[i]);
	return parse_hex(hex, ret, OBJECT_ID_LEN);
}

void address_format(const uint8_t id[OBJECT_ID_LEN], char ret[ADDRESS_SIZE])
{
	ret[0] = '0';
	ret[1] = 'x';
	format_hex(id, OBJECT_ID_LEN, ret + 2);
}

void address_of_key(const uint8_t pub[PUBKEY_LEN], uint8_t ret[OBJECT_ID_LEN])
{
	uint8_t bytes[1 + PUBKEY_LEN] = { ADDRESS_FLAG };

	memcpy(bytes + 1, pub, PUBKEY_LEN);
	blake2b256(bytes, sizeof(bytes), ret);
}

void dynamic_field_id(const uint8_t parent[OBJECT_ID_LEN], const struct buf *type, const void *key,
		      size_t key_len, uint8_t ret[OBJECT_ID_LEN])
{
	uint8_t flag = FIELD_FLAG, count[8];
	const struct hash_part parts[] = {
		{ &flag, 1 },	  { parent, OBJECT_ID_LEN }, { count, sizeof(count) },
		{ key, key_len }, { type->data, type->len },
	};

	for (size_t i = 0; i < sizeof(count); i++)
		count[i] = (uint8_t)((uint64_t)key_len >> (8 * i));
	blake2b256_parts(parts, ARRAY_LEN(parts), ret);
}

int derived_object_id(const uint8_t parent[OBJECT_ID_LEN], const struct buf *type, const void *key,
		      size_t key_len, uint8_t ret[OBJECT_ID_LEN])
{
	cleanup(buf_fini) struct buf name = BUF_INIT(TYPE_TAG_LEN_MAX);
	int rc = type_tag_parse("0x2::derived_object::DerivedObjectKey<u8>", &name, NULL);

	if (rc < 0)
		return rc;
	name.len--; /* in the place of u8, one byte, comes the type of the key */
	rc = buf_append(&name, type->data, type->len);
	if (rc == 0)
		dynamic_field_id(parent, &name, key, key_len, ret);
	return rc;
}
