/* SPDX-License-Identifier: Apache-2.0 */
#include "core/field.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"

int field_u64(const struct json *obj, const char *key, uint64_t *ret, struct err *err)
{
	if (json_u64(obj, key, ret) < 0)
		return err_set(err, -EBADMSG, "%s: want a decimal number below 2^64 as a string",
			       key);
	return 0;
}

int field_u128(const struct json *obj, const char *key, unsigned __int128 *ret, struct err *err)
{
	if (json_u128(obj, key, ret) < 0)
		return err_set(err, -EBADMSG, "%s: want a decimal number below 2^128 as a string",
			       key);
	return 0;
}

int field_time(const struct json *obj, const char *key, uint64_t *ret_ms, struct err *err)
{
	if (time_parse(json_str(obj, key, ""), ret_ms) < 0)
		return err_set(err, -EBADMSG, "%s: want a time like 2026-11-20T20:25:00Z", key);
	return 0;
}

int field_hex(const struct json *obj, const char *key, uint8_t *ret, size_t len, struct err *err)
{
	uint8_t bytes[FIELD_HEX_MAX];

	if (len > sizeof(bytes) || parse_hex(json_str(obj, key, ""), bytes, len) < 0)
		return err_set(err, -EBADMSG, "%s: want %zu bytes as lower-case hex", key, len);
	memcpy(ret, bytes, len);
	return 0;
}

int field_text(const struct json *obj, const char *key, char *ret, size_t size, struct err *err)
{
	const char *text = json_str(obj, key, NULL);
	size_t len;

	if (!text)
		return err_set(err, -EBADMSG, "%s: want a string", key);
	len = strlen(text);
	if (len >= size)
		return err_set(err, -EBADMSG, "%s: %zu bytes, want at most %zu", key, len,
			       size - 1);
	memcpy(ret, text, len + 1);
	return 0;
}

int field_object(const struct json *obj, const char *key, const struct json **ret, struct err *err)
{
	const struct json *value = json_get(obj, key);

	if (json_type(value) != JSON_OBJECT)
		return err_set(err, -EBADMSG, "%s: want an object", key);
	*ret = value;
	return 0;
}

int field_array(const struct json *obj, const char *key, const struct json **ret, struct err *err)
{
	const struct json *value = json_get(obj, key);

	if (json_type(value) != JSON_ARRAY)
		return err_set(err, -EBADMSG, "%s: want an array", key);
	*ret = value;
	return 0;
}

void field_set_time(struct json *obj, const char *key, uint64_t ms)
{
	char text[TIME_TEXT_MAX];

	json_set_str(obj, key, time_format(ms, text));
}

void field_set_hex(struct json *obj, const char *key, const uint8_t *data, size_t len)
{
	char text[2 * FIELD_HEX_MAX + 1];

	if (len > FIELD_HEX_MAX)
		__builtin_trap(); /* callers pass constants */
	format_hex(data, len, text);
	json_set_str(obj, key, text);
}
