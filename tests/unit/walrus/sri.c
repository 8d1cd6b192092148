/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/sri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"

/* `printf abc | openssl dgst -sha512 -binary | base64 -w0`, and of nothing */
#define ABC \
	"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
#define NOTHING \
	"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
#define SHA1 "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
#define SHA384 "sha384-ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn"

static int group_setup(void **state)
{
	(void)state;
	return crypto_init();
}

static void digest_of(const char *text, uint8_t ret[SHA512_LEN])
{
	cleanup(sha512_free) struct sha512 *s = NULL;

	assert_int_equal(sha512_new(&s), 0);
	sha512_update(s, text, strlen(text));
	sha512_final(s, ret);
}

static void accepted_lists(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ ABC, 1 },
		{ "  " ABC "\n", 1 },
		{ ABC " " ABC, 1 }, /* said twice is one */
		{ ABC " " NOTHING, 2 },
		{ SHA1 " " ABC, 1 }, /* the strongest counts */
		{ NOTHING "\t" SHA384 " " SHA1 " " ABC, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sri sri = {};
		uint8_t digest[SHA512_LEN];

		assert_int_equal(sri_parse(cases[i].text, &sri, NULL), 0);
		assert_int_equal(sri.len, cases[i].len);
		digest_of("abc", digest);
		assert_true(sri_has(&sri, digest));
		digest_of("", digest);
		assert_int_equal(sri_has(&sri, digest), cases[i].len == 2);
		digest_of("abd", digest);
		assert_false(sri_has(&sri, digest));
	}
}

static void refused_lists_leave_the_result_alone(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} cases[] = {
		{ "", -EINVAL, "empty" },
		{ " \t", -EINVAL, "empty" },
		{ SHA1, -ENOTSUP, "sha512" },
		{ SHA384 " " SHA1, -ENOTSUP, "sha512" },
		{ "sha512-", -EINVAL, "64 bytes" },
		{ "sha512-YWJj", -EINVAL, "64 bytes" },
		{ "sha512", -EINVAL, "sha512-BASE64" },
		{ "SHA512-" NOTHING, -EINVAL, "" },
		{ "md5-rL0Y20zC+Fzt72VPzMSk2A==", -EINVAL, "md5" },
		{ ABC "?opt", -EINVAL, "" },
		{ ABC " garbage", -EINVAL, "garbage" },
		/* the last character has bits that no digest sets */
		{ "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/"
		  "BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknx==",
		  -EINVAL, "canonical" },
		{ "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/"
		  "BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw",
		  -EINVAL, "canonical" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sri sri = { .len = 77 };
		struct err err = {};

		assert_int_equal(sri_parse(cases[i].text, &sri, &err), cases[i].code);
		assert_int_equal(err.code, cases[i].code);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
		assert_int_equal(sri.len, 77);
	}
}

static void too_long_and_too_many_are_refused(void **state)
{
	char text[2048] = "";
	uint8_t digest[SHA512_LEN] = {};
	struct sri sri = { .len = 77 };
	size_t len = 0;

	(void)state;
	for (int i = 0; i <= SRI_MAX; i++) {
		digest[0] = (uint8_t)i;
		sri_format(digest, text + len);
		len = strlen(text);
		text[len++] = ' ';
	}
	text[len] = '\0';
	assert_true(len < SRI_TEXT_LIMIT); /* so that it is the count that is refused */
	assert_int_equal(sri_parse(text, &sri, NULL), -E2BIG);
	memset(text, ' ', SRI_TEXT_LIMIT + 1);
	text[SRI_TEXT_LIMIT + 1] = '\0';
	assert_int_equal(sri_parse(text, &sri, NULL), -E2BIG);
	assert_int_equal(sri.len, 77);
}

static void format_gives_what_parse_reads(void **state)
{
	uint8_t digest[SHA512_LEN];
	char text[SRI_TEXT_MAX];
	struct sri sri = {};

	(void)state;
	digest_of("abc", digest);
	assert_string_equal(sri_format(digest, text), ABC);
	assert_int_equal(sri_parse(text, &sri, NULL), 0);
	assert_memory_equal(sri.digest[0], digest, SHA512_LEN);
}

static void empty_list_matches_nothing(void **state)
{
	const struct sri sri = {};

	(void)state;
	assert_false(sri_has(&sri, sri.digest[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_lists),
		cmocka_unit_test(refused_lists_leave_the_result_alone),
		cmocka_unit_test(too_long_and_too_many_are_refused),
		cmocka_unit_test(format_gives_what_parse_reads),
		cmocka_unit_test(empty_list_matches_nothing),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
