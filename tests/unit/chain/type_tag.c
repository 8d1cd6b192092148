/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "chain/type_tag.h"

#include "core/bcs.h"
#include "core/buf.h"

#define ZEROS "000000000000000000000000000000000000000000000000000000000000000"

static void expect_text(const char *text, const char *want)
{
	cleanup(buf_fini) struct buf bcs = BUF_INIT(TYPE_TAG_LEN_MAX);
	cleanup(buf_fini) struct buf got = BUF_INIT(1 << 20);
	struct err err = {};

	if (type_tag_parse(text, &bcs, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(type_tag_format(bcs.data, bcs.len, &got, NULL), 0);
	assert_string_equal(got.data, want);
}

static void expect_refused(const char *text, const char *says)
{
	cleanup(buf_fini) struct buf bcs = BUF_INIT(TYPE_TAG_LEN_MAX);
	struct err err = {};
	int rc;

	buf_puts(&bcs, "before");
	rc = type_tag_parse(text, &bcs, &err);
	assert_true(rc == -EINVAL || rc == -E2BIG);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	assert_string_equal(bcs.data, "before");
}

static void every_kind_of_type_has_its_long_text(void **state)
{
	static const char *const same[] = { "bool",
					    "u8",
					    "u16",
					    "u32",
					    "u64",
					    "u128",
					    "u256",
					    "address",
					    "signer",
					    "vector<u8>",
					    "vector<vector<address>>" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		expect_text(same[i], same[i]);
	expect_text("0x2::sui::SUI", "0x" ZEROS "2::sui::SUI");
	expect_text("0x2::coin::Coin<0x2::sui::SUI>",
		    "0x" ZEROS "2::coin::Coin<0x" ZEROS "2::sui::SUI>");
	expect_text("0xA::m::_P9<u8,vector< bool >,0x1::a::B<u8> >",
		    "0x" ZEROS "a::m::_P9<u8, vector<bool>, 0x" ZEROS "1::a::B<u8>>");
}

static void what_is_no_type_is_refused_with_its_place(void **state)
{
	(void)state;
	expect_refused("", "character 1: want a type");
	expect_refused("u7", "character 1: want a type");
	expect_refused("u8 u8", "character 4: want its end");
	expect_refused("vector", "character 7: want <");
	expect_refused("vector<u8", "character 10: want >");
	expect_refused("vector<u8, u8>", "want >");
	expect_refused("0x2", "character 4: want ::");
	expect_refused("0x2::sui", "character 9: want ::");
	expect_refused("0x2::9ui::SUI", "character 6: want a name");
	expect_refused("0x2::sui::SUI<>", "character 15: want a type");
	expect_refused("0x2::sui::SUI<u8,>", "want a type");
	expect_refused("2::sui::SUI", "character 1: want a type");
	expect_refused("0x" ZEROS ZEROS "2::sui::SUI", "a shorter address");
}

static void depth_arguments_and_names_have_limits(void **state)
{
	cleanup(buf_fini) struct buf deep = BUF_INIT(4096), wide = BUF_INIT(4096);
	cleanup(buf_fini) struct buf bcs = BUF_INIT(TYPE_TAG_LEN_MAX), name = BUF_INIT(4096);

	(void)state;
	for (int i = 1; i < TYPE_TAG_DEPTH_MAX; i++)
		buf_puts(&deep, "vector<");
	buf_puts(&deep, "u8");
	for (int i = 1; i < TYPE_TAG_DEPTH_MAX; i++)
		buf_puts(&deep, ">");
	assert_int_equal(type_tag_parse(deep.data, &bcs, NULL), 0);
	buf_reset(&deep);
	for (int i = 0; i < TYPE_TAG_DEPTH_MAX; i++)
		buf_puts(&deep, "vector<");
	buf_puts(&deep, "u8");
	expect_refused(deep.data, "less depth");

	buf_puts(&wide, "0x1::m::T<u8");
	for (int i = 1; i < TYPE_TAG_ARGS_MAX; i++)
		buf_puts(&wide, ", u8");
	buf_puts(&name, wide.data);
	buf_puts(&name, ">");
	assert_int_equal(type_tag_parse(name.data, &bcs, NULL), 0);
	buf_puts(&wide, ", u8>");
	expect_refused(wide.data, "fewer arguments");

	buf_reset(&name);
	buf_puts(&name, "0x1::m::");
	for (int i = 0; i <= MOVE_NAME_MAX; i++)
		buf_puts(&name, "n");
	expect_refused(name.data, "a name");
}

static void a_type_of_too_many_bytes_is_refused(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	static const char long_name[] =
		"0x1::aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa::T";

	(void)state;
	buf_puts(&text, "0x1::m::T<u8");
	for (int i = 1; i < TYPE_TAG_ARGS_MAX; i++) {
		buf_puts(&text, ", 0x1::m::T<u8");
		for (int j = 1; j < TYPE_TAG_ARGS_MAX; j++)
			buf_printf(&text, ", %s", long_name);
		buf_puts(&text, ">");
	}
	buf_puts(&text, ">");
	expect_refused(text.data, "type 0x1::m::T");
}

static void malformed_bytes_are_no_type(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} wrong[] = {
		{ "", 0 },	   { "\x0b", 1 },     { "\x06", 1 }, { "\x01\x01", 2 },
		{ "\x06\x06", 2 }, { "\x80\x00", 2 }, { "\x07", 1 },
	};
	cleanup(buf_fini) struct buf out = BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err err = {};

		assert_int_equal(type_tag_format(wrong[i].bytes, wrong[i].len, &out, &err),
				 -EBADMSG);
		assert_true(err.text[0]);
		assert_int_equal(out.len, 0);
	}
}

static void the_reader_stops_behind_one_type(void **state)
{
	static const uint8_t bytes[] = { 6, 6, 1, 9, 9 };
	uint32_t len = 0;
	struct bcs in;

	(void)state;
	bcs_init(&in, bytes, sizeof(bytes));
	assert_ptr_equal(type_tag_get(&in, &len), bytes);
	assert_int_equal(len, 3);
	assert_ptr_equal(type_tag_get(&in, &len), bytes + 3);
	assert_int_equal(len, 1);
	assert_non_null(type_tag_get(&in, &len));
	len = 77;
	assert_null(type_tag_get(&in, &len));
	assert_int_equal(bcs_end(&in), -EBADMSG);
	assert_int_equal(len, 77);
}

static void names_are_letters_digits_and_underscores(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool ok;
	} cases[] = {
		{ "\1a", 2, true },
		{ "\3_a9", 4, true },
		{ "\0", 1, false },
		{ "\2"
		  "9a",
		  3, false },
		{ "\2a-", 3, false },
		{ "\2a\0", 3, false },
		{ "\2\xc3\xa9", 3, false },
		{ "\3ab", 3, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t len = 0;
		struct bcs in;

		bcs_init(&in, cases[i].bytes, cases[i].len);
		assert_int_equal(move_name_get(&in, &len) != NULL, cases[i].ok);
		assert_int_equal(in.error == 0, cases[i].ok);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_kind_of_type_has_its_long_text),
		TEST(what_is_no_type_is_refused_with_its_place),
		TEST(depth_arguments_and_names_have_limits),
		TEST(a_type_of_too_many_bytes_is_refused),
		TEST(malformed_bytes_are_no_type),
		TEST(the_reader_stops_behind_one_type),
		TEST(names_are_letters_digits_and_underscores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
