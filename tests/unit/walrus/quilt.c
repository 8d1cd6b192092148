/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/quilt.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "unit/walrus/content.h"

/* The smallest committee: 2 rows, 3 columns; a column has 2 symbols. */
#define SHARDS 4
#define ROWS 2
#define COLUMNS 3
#define SYMBOL 40
#define COLUMN_BYTES (ROWS * SYMBOL)
#define QUILT_BYTES (COLUMNS * COLUMN_BYTES)

struct column {
	const char *bytes;
	size_t len;
};
#define COLUMN(text) { text, sizeof(text) - 1 }

/* version, length, then: one patch, to column 2, "a", no tags */
#define INDEX_A "\1\6\0\0\0\1\2\0\1a\0"
/* version, length, no tags, name of 2 bytes, "a", "hello" */
#define PATCH_A "\1\11\0\0\0\0\2\0\1ahello"

static int make(const struct column columns[COLUMNS])
{
	uint8_t bytes[QUILT_BYTES] = {};

	for (size_t c = 0; c < COLUMNS; c++)
		for (size_t k = 0; k < columns[c].len; k++)
			bytes[(k / SYMBOL * COLUMNS + c) * SYMBOL + k % SYMBOL] =
				(uint8_t)columns[c].bytes[k];
	return content_file(bytes, sizeof(bytes));
}

static void a_file_is_found_and_read(void **state)
{
	const struct column columns[COLUMNS] = { COLUMN(INDEX_A), COLUMN(PATCH_A) };
	cleanup(close_fd) int fd = make(columns), out = content_file(NULL, 0);
	cleanup(quilt_free) struct quilt *q = NULL;
	const struct quilt_patch *p = NULL, *same = NULL;
	struct err err = {};
	char content[16] = "";
	uint64_t size = 0;

	(void)state;
	assert_int_equal(quilt_read(fd, SHARDS, &q, NULL), 0);
	assert_int_equal(q->len, 1);
	assert_int_equal(quilt_by_name(q, "a", &p, NULL), 0);
	assert_int_equal(p->start, 1);
	assert_int_equal(p->end, 2);
	assert_int_equal(quilt_by_start(q, 1, 2, &same, NULL), 0);
	assert_ptr_equal(same, p);
	assert_int_equal(quilt_extract(q, p, 5, out, &size, NULL), 0);
	assert_int_equal(size, 5);
	assert_int_equal(pread(out, content, sizeof(content), 0), 5);
	assert_string_equal(content, "hello");
	assert_int_equal(quilt_extract(q, p, 4, out, &size, &err), -E2BIG);
	assert_int_equal(quilt_by_name(q, "b", &p, &err), -ENOENT);
	assert_non_null(strstr(err.text, "it has 'a'"));
	assert_int_equal(quilt_by_start(q, 1, 3, &p, &err), -ENOENT);
}

static void tags_belong_to_their_file(void **state)
{
	const struct column columns[COLUMNS] = {
		COLUMN("\1\16\0\0\0\1\2\0\1a\2\1k\2vv\1x\0"),
		COLUMN("\1\22\0\0\0\1\2\0\1a\7\0tags...hello"),
	};
	cleanup(close_fd) int fd = make(columns), out = content_file(NULL, 0);
	cleanup(quilt_free) struct quilt *q = NULL;
	char content[16] = "";
	uint64_t size = 0;

	(void)state;
	assert_int_equal(quilt_read(fd, SHARDS, &q, NULL), 0);
	assert_int_equal(q->patches[0].ntags, 2);
	assert_string_equal(q->patches[0].tags[0].key, "k");
	assert_string_equal(q->patches[0].tags[0].value, "vv");
	assert_string_equal(q->patches[0].tags[1].value, "");
	assert_int_equal(quilt_extract(q, &q->patches[0], 100, out, &size, NULL), 0);
	assert_int_equal(pread(out, content, sizeof(content), 0), 5);
	assert_string_equal(content, "hello");
}

/* Content that goes on in the next row and the next column. */
static void a_file_may_fill_its_columns(void **state)
{
	char patch[2 * COLUMN_BYTES] = "\1\232\0\0\0\0\2\0\1a"; /* 160 - 6 = 154 */
	struct column columns[COLUMNS] = {
		COLUMN("\1\6\0\0\0\1\3\0\1a\0"),
		{ patch, COLUMN_BYTES },
		{ patch + COLUMN_BYTES, COLUMN_BYTES },
	};
	uint8_t content[sizeof(patch)];
	uint64_t size = 0;

	(void)state;
	content_affine((uint8_t *)patch + 10, sizeof(patch) - 10);
	cleanup(close_fd) int fd = make(columns), out = content_file(NULL, 0);
	cleanup(quilt_free) struct quilt *q = NULL;

	assert_int_equal(quilt_read(fd, SHARDS, &q, NULL), 0);
	assert_int_equal(quilt_extract(q, &q->patches[0], 1000, out, &size, NULL), 0);
	assert_int_equal(size, sizeof(patch) - 10);
	assert_int_equal(pread(out, content, sizeof(content), 0), size);
	assert_memory_equal(content, patch + 10, size);
	patch[1]++; /* one byte more than there is room for */
	cleanup(close_fd) int over = make(columns);

	q->fd = over;
	assert_int_equal(quilt_extract(q, &q->patches[0], 1000, out, &size, NULL), -EBADMSG);
}

static void damaged_indexes_are_refused(void **state)
{
	static const struct column indexes[] = {
		COLUMN(""), /* version 0 */
		COLUMN("\2\6\0\0\0\1\2\0\1a\0"), /* version 2 */
		COLUMN("\1\xff\xff\xff\x7f\1\2\0\1a\0"), /* longer than ten columns */
		COLUMN("\1\377\0\0\0\1\2\0\1a\0"), /* longer than all columns */
		COLUMN("\1\5\0\0\0\1\2\0\1a\0"), /* cut off */
		COLUMN("\1\7\0\0\0\1\2\0\1a\0\0"), /* left over */
		COLUMN("\1\6\0\0\0\1\1\0\1a\0"), /* no column */
		COLUMN("\1\6\0\0\0\1\4\0\1a\0"), /* a column that is not there */
		COLUMN("\1\5\0\0\0\1\2\0\0\0"), /* no name */
		COLUMN("\1\6\0\0\0\1\2\0\1 \0"), /* a blank at its end */
		COLUMN("\1\6\0\0\0\1\2\0\1\n\0"), /* a control character */
		COLUMN("\1\6\0\0\0\1\2\0\1\0\0"), /* NUL */
		COLUMN("\1\6\0\0\0\1\2\0\1\xff\0"), /* not UTF-8 */
		COLUMN("\1\13\0\0\0\2\2\0\1a\0\3\0\1a\0"), /* twice */
		COLUMN("\1\13\0\0\0\2\3\0\1a\0\2\0\1b\0"), /* backwards */
		COLUMN("\1\6\0\0\0\1\2\0\1a\177"), /* 127 tags */
		COLUMN("\1\6\0\0\0\377\2\0\1a\0"), /* more files than columns */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
		const struct column columns[COLUMNS] = { indexes[i], COLUMN(PATCH_A) };
		cleanup(close_fd) int fd = make(columns);
		struct quilt *q = NULL;
		struct err err = {};

		if (quilt_read(fd, SHARDS, &q, &err) != -EBADMSG)
			fail_msg("index %zu: %d %s", i, err.code, err.text);
		assert_null(q);
		assert_true(err.text[0]);
	}
}

static void damaged_files_are_refused(void **state)
{
	static const struct column patches[] = {
		COLUMN(""), /* version 0 */
		COLUMN("\1\xff\xff\xff\xff\0\2\0\1ahello"), /* longer than its columns */
		COLUMN("\1\113\0\0\0\0\2\0\1ahello"), /* by one */
		COLUMN("\1\3\0\0\0\0\2\0\1ahello"), /* shorter than its header */
		COLUMN("\1\11\0\0\0\2\2\0\1ahello"), /* a bit that means nothing */
		COLUMN("\1\11\0\0\0\0\2\0\1bhello"), /* another name */
		COLUMN("\1\11\0\0\0\0\3\0\1ahello"), /* a name with something behind */
		COLUMN("\1\11\0\0\0\0\xff\xff\1ahello"), /* a name that is too long */
		COLUMN("\1\11\0\0\0\1\2\0\1a\xff\xfflo"), /* tags that are too long */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
		const struct column columns[COLUMNS] = { COLUMN(INDEX_A), patches[i] };
		cleanup(close_fd) int fd = make(columns), out = content_file(NULL, 0);
		cleanup(quilt_free) struct quilt *q = NULL;
		struct err err = {};
		uint64_t size = 77;

		assert_int_equal(quilt_read(fd, SHARDS, &q, NULL), 0);
		if (quilt_extract(q, &q->patches[0], 100, out, &size, &err) != -EBADMSG)
			fail_msg("patch %zu: %d %s", i, err.code, err.text);
		assert_int_equal(size, 77);
		assert_non_null(strstr(err.text, "'a'"));
	}
}

static void a_blob_that_is_no_matrix_is_no_quilt(void **state)
{
	cleanup(close_fd) int odd = content_affine_file(QUILT_BYTES - 1);
	struct quilt *q = NULL;
	struct err err = {};

	(void)state;
	assert_int_equal(quilt_read(odd, SHARDS, &q, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "is no quilt"));
}

static void patch_ids(void **state)
{
	static const char text[] = "a9S8z2zS5iuOtUOFwuPM_9IFQ3AMkZL-S36mFwhdYUEBAwALAA";
	struct quilt_patch_id id = {};
	char again[QUILT_PATCH_ID_MAX];

	(void)state;
	assert_int_equal(quilt_patch_id_parse(text, &id), 0);
	assert_int_equal(id.start, 3);
	assert_int_equal(id.end, 11);
	assert_string_equal(quilt_patch_id_format(&id, again), text);
	assert_int_equal(quilt_patch_id_parse("a9S8z2zS5iuOtUOFwuPM_9IFQ3AMkZL-S36mFwhdYUE", &id),
			 -EINVAL);
	/* version 2; columns that are none */
	assert_int_equal(
		quilt_patch_id_parse("a9S8z2zS5iuOtUOFwuPM_9IFQ3AMkZL-S36mFwhdYUECAwALAA", &id),
		-EINVAL);
	assert_int_equal(
		quilt_patch_id_parse("a9S8z2zS5iuOtUOFwuPM_9IFQ3AMkZL-S36mFwhdYUEBAwADAA", &id),
		-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_found_and_read),
		cmocka_unit_test(tags_belong_to_their_file),
		cmocka_unit_test(a_file_may_fill_its_columns),
		cmocka_unit_test(damaged_indexes_are_refused),
		cmocka_unit_test(damaged_files_are_refused),
		cmocka_unit_test(a_blob_that_is_no_matrix_is_no_quilt),
		cmocka_unit_test(patch_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
