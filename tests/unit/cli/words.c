/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/words.h"

#include "unit/cli/sample.h"

/* All lines as "LINE:word|word;", or the error. */
static char *read_all(const char *text, char *ret, size_t size)
{
	static struct words w;
	struct err err = {};
	size_t n = 0;
	int rc;

	w = (struct words){};
	ret[0] = '\0';
	while ((rc = words_next(&text, &w, &err)) > 0) {
		n += (size_t)snprintf(ret + n, size - n, "%u:", w.line);
		for (size_t i = 0; i < w.n; i++)
			n += (size_t)snprintf(ret + n, size - n, "%s%s", i ? "|" : "", w.at[i]);
		n += (size_t)snprintf(ret + n, size - n, ";");
	}
	if (rc < 0)
		snprintf(ret + n, size - n, "!%s", err.text);
	return ret;
}

static void lines_become_words_as_in_a_shell(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "\n \n\t\n", "" },
		{ "usage show", "1:usage|show;" },
		{ "usage show\n", "1:usage|show;" },
		{ "  a\tb \r\n\n# no\nc # d\n", "1:a|b;4:c;" },
		{ "a#b", "1:a#b;" },
		{ "'a b' \"c d\" e' 'f", "1:a b|c d|e f;" },
		{ "'' \"\"", "1:|;" },
		{ "a\\ b \\# '\\'", "1:a b|#|\\;" },
		{ "\"a\\\"b\" \"'\"", "1:a\"b|';" },
		{ "a \\\n  b\nc", "1:a|b;3:c;" },
		{ "a\\\nb\nc", "1:ab;3:c;" },
		{ "'a\nb' c\nd", "1:a\nb|c;3:d;" },
		{ "a\\", "1:a\\;" },
		{ "a\n'b", "1:a;!line 2: a quote is not closed" },
		{ "\"b\\", "!line 1: a quote is not closed" },
	};
	char got[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(read_all(cases[i].text, got, sizeof(got)), cases[i].want);
}

static void limits_are_told_with_the_line(void **state)
{
	static char text[3 * WORDS_TEXT_MAX];
	char got[256];

	(void)state;
	text[0] = '\n';
	memset(text + 1, 'x', WORDS_TEXT_MAX);
	assert_string_equal(read_all(text, got, sizeof(got)),
			    "!line 2: over 128 words or 16384 bytes");
	memset(text, 0, sizeof(text));
	for (size_t i = 0; i < 2 * (WORDS_MAX + 1); i += 2)
		memcpy(text + i, "a ", 2);
	assert_string_equal(read_all(text, got, sizeof(got)),
			    "!line 1: over 128 words or 16384 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_words_as_in_a_shell),
		cmocka_unit_test(limits_are_told_with_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
