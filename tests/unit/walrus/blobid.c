/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/blobid.h"

#include <errno.h>
#include <fcntl.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "unit/walrus/content.h"
#include "walrus/blobname.h"
#include "walrus/lanes.h"

#define VECTORS "tests/vectors/walrus-vectors.json"
#define LARGEST 1000000u /* `make vectors` does the rest */

static int group_setup(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	struct json *vectors = NULL;
	struct err err = {};

	if (crypto_init() < 0 || file_read(VECTORS, &text, &err) < 0 ||
	    json_parse(text.data, text.len, 1 << 20, VECTORS, &vectors, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	*state = vectors;
	return 0;
}

static int group_teardown(void **state)
{
	struct json *vectors = *state;

	json_free(&vectors);
	return 0;
}

static uint64_t number(const struct json *o, const char *key)
{
	uint64_t v = 0;

	assert_int_equal(json_u64(o, key, &v), 0);
	return v;
}

static void assert_hex(const struct json *o, const char *key, const uint8_t *bytes)
{
	char hex[2 * HASH_LEN + 1];

	format_hex(bytes, HASH_LEN, hex);
	assert_string_equal(json_str(o, key, "missing"), hex);
}

static void assert_id(const struct json *v, const struct blobid *b)
{
	char text[BLOBNAME_MAX];

	assert_string_equal(blobname_format(b->id, text), json_str(v, "blob_id", "missing"));
	assert_hex(v, "root_hash_hex", b->root);
	assert_int_equal(b->size, number(v, "size"));
}

static void small_committees_by_any_lanes_and_threads(void **state)
{
	json_foreach(v, json_path(*state, "small_committee.vectors")) {
		cleanup(close_fd) int fd = content_affine_file(number(v, "size"));

		for (size_t i = 0; lanes_all[i]; i++) {
			for (uint32_t threads = 1; threads <= 3; threads += 2) {
				struct blobid_options o = {
					.shards = (uint32_t)number(v, "n_shards"),
					.threads = threads,
					.lanes = lanes_all[i],
				};
				struct blobid b = {};

				if (!lanes_all[i]->usable())
					continue;
				assert_int_equal(blobid_of(fd, &o, &b, NULL), 0);
				assert_id(v, &b);
				assert_int_equal(b.shards, o.shards);
			}
		}
	}
}

/* All sliver hashes of a vector, if it lists some. */
static void assert_pairs(const struct json *v, const struct blobid_pair *pairs)
{
	json_foreach(p, json_get(v, "pairs")) {
		uint32_t i;

		assert_int_equal(parse_u32(json_key(p), 0, BLOBID_SHARDS - 1, &i), 0);
		assert_hex(p, "primary", pairs[i].primary);
		assert_hex(p, "secondary", pairs[i].secondary);
	}
}

static void the_public_committee(void **state)
{
	size_t done = 0;

	json_foreach(v, json_get(*state, "vectors")) {
		cleanup(free_ptr) struct blobid_pair *pairs = calloc(BLOBID_SHARDS, sizeof(*pairs));
		struct blobid_options o = { .ret_pairs = pairs };
		struct blobid b = {};

		if (number(v, "size") > LARGEST || !json_get(v, "pairs"))
			continue;
		assert_non_null(pairs);
		assert_string_equal(json_str(v, "pattern", ""), "affine7_3");
		cleanup(close_fd) int fd = content_affine_file(number(v, "size"));

		assert_int_equal(blobid_of(fd, &o, &b, NULL), 0);
		assert_id(v, &b);
		assert_int_equal(b.symbol_bytes, number(v, "symbol_size"));
		assert_pairs(v, pairs);
		done++;
	}
	assert_true(done >= 5);
}

static void offset_of_the_descriptor_does_not_matter(void **state)
{
	struct blobid_options o = { .shards = 10 };
	struct blobid a = {}, b = {};
	cleanup(close_fd) int fd = content_affine_file(1000);

	(void)state;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(blobid_of(fd, &o, &a, NULL), 0);
	assert_int_equal(lseek(fd, 999, SEEK_SET), 999);
	assert_int_equal(blobid_of(fd, &o, &b, NULL), 0);
	assert_memory_equal(a.id, b.id, sizeof(a.id));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 999);
}

static void shapes(void **state)
{
	static const struct {
		uint64_t size;
		uint32_t shards;
		struct blobid_shape shape;
	} cases[] = {
		{ 0, 1000, { 1000, 334, 667, 2 } },
		{ 445556, 1000, { 1000, 334, 667, 2 } },
		{ 445557, 1000, { 1000, 334, 667, 4 } },
		{ 14599533452, 1000, { 1000, 334, 667, 65534 } },
		{ 56, 10, { 10, 4, 7, 2 } },
		{ 57, 10, { 10, 4, 7, 4 } },
		{ 31, 4, { 4, 2, 3, 6 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct blobid_shape s = {};

		assert_int_equal(blobid_shape(cases[i].size, cases[i].shards, &s, NULL), 0);
		assert_memory_equal(&s, &cases[i].shape, sizeof(s));
	}
}

static void what_is_no_blob_is_refused(void **state)
{
	static const struct {
		uint64_t size;
		uint32_t shards;
		int code;
	} cases[] = {
		{ 14599533453, 1000, -E2BIG },
		{ UINT64_MAX, 1000, -E2BIG },
		{ 1, 3, -EINVAL },
		{ 1, BLOBID_SHARDS_MAX + 1, -EINVAL },
	};
	struct blobid b = { .shards = 77 };
	struct err err = {};
	int ends[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct blobid_shape s = { .rows = 77 };

		assert_int_equal(blobid_shape(cases[i].size, cases[i].shards, &s, &err),
				 cases[i].code);
		assert_int_equal(s.rows, 77);
		assert_true(err.text[0]);
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(blobid_of(ends[0], NULL, &b, &err), -EINVAL);
	assert_int_equal(b.shards, 77);
	close_fd(&ends[0]);
	close_fd(&ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_committees_by_any_lanes_and_threads),
		cmocka_unit_test(the_public_committee),
		cmocka_unit_test(offset_of_the_descriptor_does_not_matter),
		cmocka_unit_test(shapes),
		cmocka_unit_test(what_is_no_blob_is_refused),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
