/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

static void set_gives_code_and_text(void **state)
{
	struct err err = {};

	(void)state;
	assert_int_equal(err_set(&err, -EINVAL, "port %d", 7), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.text, "port 7");
}

static void errno_puts_the_reason_behind(void **state)
{
	struct err err = {};

	(void)state;
	assert_int_equal(err_errno(&err, -ENOENT, "a.yaml"), -ENOENT);
	assert_string_equal(err.text, "a.yaml: No such file or directory");
	assert_int_equal(err_errno(&err, -99999, "x"), -99999);
	assert_string_equal(err.text, "x: unknown error");
}

static void wrap_puts_context_in_front(void **state)
{
	struct err err = {};

	(void)state;
	err_set(&err, -EBADMSG, "bad");
	assert_int_equal(err_wrap(&err, "reading %s", "x"), -EBADMSG);
	assert_int_equal(err_wrap(&err, "starting"), -EBADMSG);
	assert_string_equal(err.text, "starting: reading x: bad");
	assert_int_equal(err.code, -EBADMSG);
}

static void wrap_of_nothing_is_an_error_all_the_same(void **state)
{
	struct err err = {};

	(void)state;
	assert_int_equal(err_wrap(&err, "x"), -EIO);
	assert_int_equal(err.code, -EIO);
}

static void null_is_accepted(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(err_errno(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(err_wrap(NULL, "x"), -EIO);
}

static void its_own_text_may_be_an_argument(void **state)
{
	struct err err = {};

	(void)state;
	err_set(&err, -EINVAL, "inner");
	err_set(&err, -EIO, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
	err_wrap(&err, "%s", err.text);
	assert_string_equal(err.text, "outer (inner): outer (inner)");
}

static void long_texts_are_cut(void **state)
{
	char text[sizeof(((struct err *)NULL)->text) + 10];
	struct err err = {};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_errno(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(err_wrap(&err, "c"), -EIO);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "c: x", 4);
	assert_int_equal(err_wrap(&err, "%s", text), -EIO);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void a_text_is_one_line_whatever_it_quotes(void **state)
{
	struct err err = {};

	(void)state;
	err_set(&err, -EINVAL, "key \"%s\"", "a\nb\x1b[2J\x7f\xc3\xa9");
	assert_string_equal(err.text, "key \"a?b?[2J?\xc3\xa9\"");
	err_wrap(&err, "file %s", "x\ty");
	assert_string_equal(err.text, "file x?y: key \"a?b?[2J?\xc3\xa9\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(set_gives_code_and_text),	  TEST(errno_puts_the_reason_behind),
		TEST(wrap_puts_context_in_front), TEST(wrap_of_nothing_is_an_error_all_the_same),
		TEST(null_is_accepted),		  TEST(its_own_text_may_be_an_argument),
		TEST(long_texts_are_cut),	  TEST(a_text_is_one_line_whatever_it_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
