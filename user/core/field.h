/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Required members of a JSON object. Each reader fails with -EBADMSG and an error that names the
 * member, and leaves its output alone; the caller puts in front where the object is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct json;

int field_u64(const struct json *obj, const char *key, uint64_t *ret, struct err *err);
int field_u128(const struct json *obj, const char *key, unsigned __int128 *ret, struct err *err);
int field_time(const struct json *obj, const char *key, uint64_t *ret_ms, struct err *err);
#define FIELD_HEX_MAX 144 /* bytes: a usage report */
/* Exactly len bytes as lower-case hex. */
int field_hex(const struct json *obj, const char *key, uint8_t *ret, size_t len, struct err *err);
/* At most size - 1 bytes. */
int field_text(const struct json *obj, const char *key, char *ret, size_t size, struct err *err);
/* An object or array, borrowed. */
int field_object(const struct json *obj, const char *key, const struct json **ret, struct err *err);
int field_array(const struct json *obj, const char *key, const struct json **ret, struct err *err);

void field_set_time(struct json *obj, const char *key, uint64_t ms);
void field_set_hex(struct json *obj, const char *key, const uint8_t *data, size_t len);
