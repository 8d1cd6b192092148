/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/json: what parses is printed, and then parses and prints the same; what does not parse says
 * where and leaves nothing behind.
 */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX (1 << 20)

static void check_getters(const struct json *j)
{
	unsigned __int128 big;
	uint64_t v;
	size_t n = 0;

	json_foreach(child, j) {
		const char *key = json_key(child);

		n++;
		if (key) {
			assert(json_get(j, key) == child); /* no two members of one key */
			if (json_u64(j, key, &v) == 0)
				assert(json_u128(j, key, &big) == 0 && big == v);
		}
		check_getters(child);
	}
	assert(json_len(j) == n);
	assert(!n || json_type(j) == JSON_OBJECT || json_type(j) == JSON_ARRAY);
}

static void check_print(const struct json *j, bool pretty, struct buf *ret)
{
	cleanup(buf_fini) struct buf again = BUF_INIT(16 * MAX);
	cleanup(json_free) struct json *back = NULL;

	assert(json_print(j, pretty, ret) == 0);
	assert(json_parse(ret->data, ret->len, 16 * MAX, "back", &back, NULL) == 0);
	assert(json_print(back, pretty, &again) == 0);
	assert(again.len == ret->len && !memcmp(again.data, ret->data, ret->len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(buf_fini) struct buf compact = BUF_INIT(16 * MAX), pretty = BUF_INIT(16 * MAX);
	cleanup(buf_fini) struct buf of_copy = BUF_INIT(16 * MAX);
	cleanup(json_free) struct json *j = NULL, *copy = NULL;
	struct err err = {};

	if (json_parse((const char *)data, size, MAX, "in", &j, &err) < 0) {
		assert(!j && err.code < 0 && !strncmp(err.text, "in:", 3));
		return 0;
	}
	check_getters(j);
	check_print(j, false, &compact);
	check_print(j, true, &pretty);
	copy = json_dup(j);
	assert(json_print(copy, false, &of_copy) == 0);
	assert(of_copy.len == compact.len && !memcmp(of_copy.data, compact.data, compact.len));
	return 0;
}
