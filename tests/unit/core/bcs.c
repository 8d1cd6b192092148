/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "core/bcs.h"
#include "core/buf.h"
#include "unit/core/random.h"

/* The examples of github.com/diem/bcs README, and one of each kind. */
static void values_have_their_bytes(void **state)
{
	static const uint8_t
		want[] = {
			1,    0, /* bool */
			0xfe, /* u8 */
			0x34, 0x12, /* u16 */
			0x78, 0x56, 0x34, 0x12, /* u32 */
			0x00, 0xef, 0xcd, 0xab, 0x78, 0x56, 0x34, 0x12, /* u64 */
			1,    0,    0,	  0,	0,    0,    0,	  0,	0,
			0,    0,    0,	  0,	0,    0,    0x80, /* u128 */
			0x80, 0x01, /* uleb 128 */
			2,    0xaa, 0xbb, /* bytes */
			0xcc, /* fixed */
			24,   0xc3, 0xa7, 0xc3, 0xa5, 0xe2, 0x88, 0x9e, 0xe2,
			0x89, 0xa0, 0xc2, 0xa2, 0xc3, 0xb5, 0xc3, 0x9f, 0xe2,
			0x88, 0x82, 0xc6, 0x92, 0xe2, 0x88, 0xab, /* "çå∞≠¢õß∂ƒ∫" */
		};
	cleanup(buf_fini) struct buf b = BUF_INIT(1000);

	(void)state;
	bcs_put_bool(&b, 17);
	bcs_put_bool(&b, 0);
	bcs_put_u8(&b, 0xfe);
	bcs_put_u16(&b, 0x1234);
	bcs_put_u32(&b, 0x12345678);
	bcs_put_u64(&b, 0x12345678abcdef00);
	bcs_put_u128(&b, (unsigned __int128)1 << 127 | 1);
	bcs_put_uleb(&b, 128);
	bcs_put_bytes(&b, "\xaa\xbb", 2);
	bcs_put_fixed(&b, "\xcc", 1);
	assert_int_equal(bcs_put_str(&b, "çå∞≠¢õß∂ƒ∫"), 0);
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.data, want, sizeof(want));
}

static void uleb_is_as_short_as_can_be(void **state)
{
	static const struct {
		uint32_t v;
		const char *bytes;
		size_t len;
	} cases[] = {
		{ 0, "\0", 1 },		  { 1, "\x01", 1 },
		{ 127, "\x7f", 1 },	  { 128, "\x80\x01", 2 },
		{ 16383, "\xff\x7f", 2 }, { 16384, "\x80\x80\x01", 3 },
		{ 9487, "\x8f\x4a", 2 },  { UINT32_MAX, "\xff\xff\xff\xff\x0f", 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(buf_fini) struct buf b = BUF_INIT(8);
		struct bcs r;

		assert_int_equal(bcs_put_uleb(&b, cases[i].v), 0);
		assert_int_equal(b.len, cases[i].len);
		assert_memory_equal(b.data, cases[i].bytes, cases[i].len);
		bcs_init(&r, b.data, b.len);
		assert_int_equal(bcs_get_uleb(&r, UINT32_MAX), cases[i].v);
		assert_int_equal(bcs_end(&r), 0);
	}
}

static void other_forms_of_uleb_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t max;
	} cases[] = {
		{ "", 0, UINT32_MAX },
		{ "\x80", 1, UINT32_MAX }, /* cut */
		{ "\x80\x00", 2, UINT32_MAX }, /* 0 in two bytes */
		{ "\xff\x80\x00", 3, UINT32_MAX },
		{ "\xff\xff\xff\xff\x1f", 5, UINT32_MAX }, /* over 32 bits */
		{ "\x80\x80\x80\x80\x80\x01", 6, UINT32_MAX },
		{ "\x05", 1, 4 }, /* over the caller's limit */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bcs r;

		bcs_init(&r, cases[i].bytes, cases[i].len);
		assert_int_equal(bcs_get_uleb(&r, cases[i].max), 0);
		assert_int_equal(r.error, -EBADMSG);
		assert_int_equal(bcs_end(&r), -EBADMSG);
	}
}

static void after_a_fault_all_reads_give_nothing(void **state)
{
	const uint8_t bytes[] = { 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	uint32_t len = 7;
	char text[4] = "abc";
	struct bcs r;

	(void)state;
	bcs_init(&r, bytes, sizeof(bytes));
	assert_int_equal(bcs_get_bool(&r), 0); /* 2 is no boolean */
	assert_int_equal(bcs_get_u8(&r), 0);
	assert_int_equal(bcs_get_u16(&r), 0);
	assert_int_equal(bcs_get_u32(&r), 0);
	assert_int_equal(bcs_get_u64(&r), 0);
	assert_true(bcs_get_u128(&r) == 0);
	assert_int_equal(bcs_get_uleb(&r, 100), 0);
	assert_null(bcs_get_fixed(&r, 0));
	assert_null(bcs_get_bytes(&r, 100, &len));
	assert_int_equal(len, 0);
	assert_int_equal(bcs_get_str(&r, text, sizeof(text)), -EBADMSG);
	assert_string_equal(text, "abc");
	assert_int_equal(bcs_end(&r), -EBADMSG);
}

static void reads_stay_inside(void **state)
{
	const uint8_t bytes[] = { 3, 1, 2 };
	uint32_t len;
	struct bcs r;

	(void)state;
	bcs_init(&r, bytes, sizeof(bytes));
	assert_null(bcs_get_bytes(&r, 100, &len)); /* says 3, has 2 */
	bcs_init(&r, bytes, sizeof(bytes));
	assert_int_equal(bcs_get_u32(&r), 0);
	assert_int_equal(r.error, -EBADMSG);
	bcs_init(&r, bytes, sizeof(bytes));
	assert_null(bcs_get_fixed(&r, SIZE_MAX));
	bcs_init(&r, NULL, 0);
	assert_non_null(bcs_get_fixed(&r, 0));
	assert_int_equal(bcs_end(&r), 0);
}

static void bytes_left_over_are_a_fault(void **state)
{
	struct bcs r;

	(void)state;
	bcs_init(&r, "\x01\x02", 2);
	assert_int_equal(bcs_get_u8(&r), 1);
	assert_int_equal(bcs_end(&r), -EBADMSG);
	assert_int_equal(bcs_get_u8(&r), 2);
	assert_int_equal(bcs_end(&r), 0);
}

static void a_copy_is_whole_or_not_made(void **state)
{
	char got[4] = "old";
	struct bcs r;

	(void)state;
	bcs_init(&r, "abcd", 4);
	bcs_copy_fixed(&r, got, 3);
	assert_memory_equal(got, "abc", 3);
	bcs_copy_fixed(&r, got, 2);
	assert_memory_equal(got, "abc", 3);
	assert_int_equal(r.error, -EBADMSG);
}

static void strings_are_text_that_fits(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *want; /* NULL: refused */
	} cases[] = {
		{ "\x00", 1, "" },
		{ "\x03"
		  "abc",
		  4, "abc" },
		{ "\x04"
		  "abcd",
		  5, NULL }, /* no room for the NUL */
		{ "\x03"
		  "a\0c",
		  4, NULL },
		{ "\x02\xc3\x28", 3, NULL },
		{ "\x01\xc3", 2, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[4] = "was";
		struct bcs r;

		bcs_init(&r, cases[i].bytes, cases[i].len);
		assert_int_equal(bcs_get_str(&r, text, sizeof(text)), cases[i].want ? 0 : -EBADMSG);
		assert_string_equal(text, cases[i].want ? cases[i].want : "was");
	}
}

static void random_values_come_back(void **state)
{
	struct random r = { 4 };

	(void)state;
	for (int i = 0; i < 5000; i++) {
		cleanup(buf_fini) struct buf b = BUF_INIT(1000);
		uint64_t v = random_number(&r);
		unsigned __int128 big = (unsigned __int128)random_number(&r) << 64 | v;
		uint8_t bytes[300];
		uint32_t len = (uint32_t)(random_next(&r) % sizeof(bytes)), got;
		const uint8_t *back;
		struct bcs in;

		random_fill(&r, bytes, len);
		bcs_put_bool(&b, v & 1);
		bcs_put_u8(&b, (uint8_t)v);
		bcs_put_u16(&b, (uint16_t)v);
		bcs_put_u32(&b, (uint32_t)v);
		bcs_put_u64(&b, v);
		bcs_put_u128(&b, big);
		bcs_put_uleb(&b, (uint32_t)v);
		assert_int_equal(bcs_put_bytes(&b, bytes, len), 0);
		bcs_init(&in, b.data, b.len);
		assert_int_equal(bcs_get_bool(&in), v & 1);
		assert_int_equal(bcs_get_u8(&in), (uint8_t)v);
		assert_int_equal(bcs_get_u16(&in), (uint16_t)v);
		assert_int_equal(bcs_get_u32(&in), (uint32_t)v);
		assert_int_equal(bcs_get_u64(&in), v);
		assert_true(bcs_get_u128(&in) == big);
		assert_int_equal(bcs_get_uleb(&in, UINT32_MAX), (uint32_t)v);
		back = bcs_get_bytes(&in, sizeof(bytes), &got);
		assert_int_equal(got, len);
		assert_memory_equal(back, bytes, len);
		assert_int_equal(bcs_end(&in), 0);
	}
}

static void a_full_buffer_is_reported_once_at_the_end(void **state)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(3);

	(void)state;
	assert_int_equal(bcs_put_u16(&b, 1), 0);
	assert_int_equal(bcs_put_bytes(&b, "abc", 3), -E2BIG);
	assert_int_equal(buf_error(&b), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_have_their_bytes),
		TEST(uleb_is_as_short_as_can_be),
		TEST(other_forms_of_uleb_are_refused),
		TEST(after_a_fault_all_reads_give_nothing),
		TEST(reads_stay_inside),
		TEST(bytes_left_over_are_a_fault),
		TEST(a_copy_is_whole_or_not_made),
		TEST(strings_are_text_that_fits),
		TEST(random_values_come_back),
		TEST(a_full_buffer_is_reported_once_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
