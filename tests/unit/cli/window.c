/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/window.h"

#include "core/clock.h"
#include "unit/cli/sample.h"

static uint64_t at(const char *text)
{
	uint64_t ms = 0;

	assert_int_equal(time_parse(text, &ms), 0);
	return ms;
}

#define NOW "2026-11-20T20:25:17.123Z" /* a Friday */

static void grammar_gives_the_windows_of_opencost(void **state)
{
	static const struct {
		const char *now, *text, *from, *to;
	} cases[] = {
		{ NOW, "today", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z" },
		{ NOW, "yesterday", "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z" },
		{ NOW, "week", "2026-11-15T00:00:00Z", NOW },
		{ NOW, "lastweek", "2026-11-08T00:00:00Z", "2026-11-15T00:00:00Z" },
		{ NOW, "month", "2026-11-01T00:00:00Z", NOW },
		{ NOW, "lastmonth", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z" },
		{ NOW, "30m", "2026-11-20T19:56:00Z", "2026-11-20T20:26:00Z" },
		{ NOW, "12h", "2026-11-20T09:00:00Z", "2026-11-20T21:00:00Z" },
		{ NOW, "7d", "2026-11-14T00:00:00Z", "2026-11-21T00:00:00Z" },
		{ NOW, "2w", "2026-11-07T00:00:00Z", "2026-11-21T00:00:00Z" },
		{ NOW, "1d", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z" },
		{ NOW, "1586822400,1586908800", "2020-04-14T00:00:00Z", "2020-04-15T00:00:00Z" },
		{ NOW, "2020-04-01T00:00:00Z,2020-04-03T12:30:00Z", "2020-04-01T00:00:00Z",
		  "2020-04-03T12:30:00Z" },
		{ NOW, "2020-04-01T02:00:00+02:00,1585785600", "2020-04-01T00:00:00Z",
		  "2020-04-02T00:00:00Z" },
		{ NOW, "0,1", "1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z" },
		/* the turns of week, month and year */
		{ "2026-11-15T00:00:00.001Z", "week", "2026-11-15T00:00:00Z",
		  "2026-11-15T00:00:00.001Z" },
		{ "2026-11-14T23:59:59Z", "week", "2026-11-08T00:00:00Z", "2026-11-14T23:59:59Z" },
		{ "2024-03-31T12:00:00Z", "lastmonth", "2024-02-01T00:00:00Z",
		  "2024-03-01T00:00:00Z" },
		{ "2026-01-01T00:00:00.500Z", "lastmonth", "2025-12-01T00:00:00Z",
		  "2026-01-01T00:00:00Z" },
		{ "2026-01-01T00:00:00.500Z", "yesterday", "2025-12-31T00:00:00Z",
		  "2026-01-01T00:00:00Z" },
		{ "2026-11-20T20:00:00Z", "1h", "2026-11-20T20:00:00Z", "2026-11-20T21:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
		struct err err = {};
		struct window w;

		if (window_parse(cases[i].text, at(cases[i].now), &w, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		time_format(w.from_ms, from);
		time_format(w.to_ms, to);
		if (strcmp(from, cases[i].from) != 0 || strcmp(to, cases[i].to) != 0)
			fail_msg("%s: %s to %s", cases[i].text, from, to);
	}
}

static void closed_window_does_not_depend_on_now(void **state)
{
	struct window a, b;

	(void)state;
	assert_int_equal(window_parse("1586822400,1586908800", at(NOW), &a, NULL), 0);
	assert_int_equal(window_parse("1586822400,1586908800", at(NOW) + 12345678, &b, NULL), 0);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void bad_windows_are_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "", -EINVAL },
		{ "tomorrow", -EINVAL },
		{ "Today", -EINVAL },
		{ "0d", -EINVAL },
		{ "d", -EINVAL },
		{ "-1d", -EINVAL },
		{ "1.5h", -EINVAL },
		{ " 1h", -EINVAL },
		{ "1h ", -EINVAL },
		{ "1y", -EINVAL },
		{ "7", -EINVAL },
		{ "99999999d", -ERANGE },
		{ "999999999999999m", -ERANGE },
		{ "18446744073709551615w", -EINVAL },
		{ ",", -EINVAL },
		{ "1586822400,", -EINVAL },
		{ ",1586822400", -EINVAL },
		{ "1,2,3", -EINVAL },
		{ "2,1", -EINVAL },
		{ "1,1", -EINVAL },
		{ "1586822400,today", -EINVAL },
		{ "0,999999999999", -EINVAL },
		{ "2020-04-01,2020-04-03", -EINVAL },
		{ "2020-04-01T00:00:00,2020-04-03T00:00:00", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct window w = { 1, 2 };
		struct err err = {};
		int rc = window_parse(cases[i].text, at(NOW), &w, &err);

		if (rc != cases[i].code)
			fail_msg("'%s': %d", cases[i].text, rc);
		assert_int_equal(err.code, rc);
		assert_non_null(strstr(err.text, cases[i].text));
		assert_true(w.from_ms == 1 && w.to_ms == 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grammar_gives_the_windows_of_opencost),
		cmocka_unit_test(closed_window_does_not_depend_on_now),
		cmocka_unit_test(bad_windows_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
