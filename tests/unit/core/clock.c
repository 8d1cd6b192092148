/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include "core/clock.h"
#include "unit/core/random.h"

#define DAY_MS 86400000ull

/* From `date -u -d @SECONDS`. */
static const struct {
	uint64_t ms;
	const char *text;
} known[] = {
	{ 0, "1970-01-01T00:00:00Z" },
	{ 1, "1970-01-01T00:00:00.001Z" },
	{ 951782399000, "2000-02-28T23:59:59Z" },
	{ 951782400000, "2000-02-29T00:00:00Z" }, /* divisible by 400: a leap year */
	{ 951868800000, "2000-03-01T00:00:00Z" },
	{ 1709164800000, "2024-02-29T00:00:00Z" },
	{ 1709251199999, "2024-02-29T23:59:59.999Z" },
	{ 1709251200000, "2024-03-01T00:00:00Z" },
	{ 1740700800000, "2025-02-28T00:00:00Z" },
	{ 1740787200000, "2025-03-01T00:00:00Z" },
	{ 1795206300000, "2026-11-20T20:25:00Z" },
	{ 1795206300120, "2026-11-20T20:25:00.120Z" },
	{ 2147483647000, "2038-01-19T03:14:07Z" },
	{ 4107542399000, "2100-02-28T23:59:59Z" }, /* divisible by 100: none */
	{ 4107542400000, "2100-03-01T00:00:00Z" },
	{ 13574563200000, "2400-02-29T00:00:00Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
};

static void known_times_are_written_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		char text[TIME_TEXT_MAX];
		uint64_t ms = 0;

		assert_string_equal(time_format(known[i].ms, text), known[i].text);
		assert_int_equal(time_parse(known[i].text, &ms), 0);
		assert_int_equal(ms, known[i].ms);
	}
}

static bool is_leap(unsigned int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Each day to 9999, counted by hand. */
static void every_day_has_its_date(void **state)
{
	static const unsigned int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	uint64_t day = 0, ms;

	(void)state;
	for (unsigned int year = 1970; year <= 9999; year++)
		for (unsigned int m = 0; m < 12; m++)
			for (unsigned int d = 1; d <= days[m] + (m == 1 && is_leap(year));
			     d++, day++) {
				char want[64], text[TIME_TEXT_MAX];

				snprintf(want, sizeof(want), "%04u-%02u-%02uT00:00:00Z", year,
					 m + 1, d);
				time_format(day * DAY_MS, text);
				if (strcmp(text, want) != 0)
					fail_msg("day %" PRIu64 " is %s and not %s", day, text,
						 want);
				if (time_parse(want, &ms) < 0 || ms != day * DAY_MS)
					fail_msg("%s is misread", want);
			}
	assert_int_equal(day * DAY_MS, TIME_MAX_MS + 1);
}

static void random_times_come_back(void **state)
{
	struct random r = { 6 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t ms = random_number(&r) % (TIME_MAX_MS + 1), back;
		char text[TIME_TEXT_MAX];

		assert_int_equal(time_parse(time_format(ms, text), &back), 0);
		assert_int_equal(back, ms);
	}
}

static void other_forms_of_rfc_3339_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01T00:00:00+00:00", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T02:00:00+02:00", 0 },
		{ "1969-12-31T18:30:00-05:30", 0 },
		{ "1970-01-01T00:00:00.5Z", 500 },
		{ "1970-01-01T00:00:00.05Z", 50 },
		{ "1970-01-01T00:00:00.123456Z", 123 },
		{ "1970-01-01T00:00:00.123999999999999999999999Z", 123 },
		{ "1970-01-01T00:00:01.000+00:00", 1000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t ms = 99;

		assert_int_equal(time_parse(cases[i].text, &ms), 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "", -EINVAL },
		{ "2026-11-20", -EINVAL },
		{ "2026-11-20T20:25:00", -EINVAL }, /* of which zone? */
		{ "2026-11-20 20:25:00Z", -EINVAL },
		{ "2026-11-20T20:25Z", -EINVAL },
		{ "2026-11-20T20:25:00.Z", -EINVAL },
		{ "2026-11-20T20:25:00ZZ", -EINVAL },
		{ "2026-11-20T20:25:00Z ", -EINVAL },
		{ " 2026-11-20T20:25:00Z", -EINVAL },
		{ "2026-11-20T20:25:00+0200", -EINVAL },
		{ "2026-11-20T20:25:00+2:00", -EINVAL },
		{ "2026-11-20T20:25:00+24:00", -EINVAL },
		{ "2026-11-20T20:25:00+02:60", -EINVAL },
		{ "2026-11-20T20:25:00+02:00x", -EINVAL },
		{ "2026-00-20T20:25:00Z", -EINVAL },
		{ "2026-13-20T20:25:00Z", -EINVAL },
		{ "2026-11-00T20:25:00Z", -EINVAL },
		{ "2026-11-31T20:25:00Z", -EINVAL },
		{ "2025-02-29T00:00:00Z", -EINVAL },
		{ "2100-02-29T00:00:00Z", -EINVAL },
		{ "2026-11-20T24:00:00Z", -EINVAL },
		{ "2026-11-20T20:60:00Z", -EINVAL },
		{ "2026-11-20T20:25:60Z", -EINVAL },
		{ "26-11-20T20:25:00Z", -EINVAL },
		{ "02026-11-20T20:25:00Z", -EINVAL },
		{ "2026-1-20T20:25:00Z", -EINVAL },
		{ "-026-11-20T20:25:00Z", -EINVAL },
		{ "1969-12-31T23:59:59.999Z", -ERANGE },
		{ "1970-01-01T00:00:00+00:01", -ERANGE },
		{ "0000-02-29T00:00:00Z", -ERANGE },
		{ "0000-01-01T00:00:00Z", -ERANGE },
		{ "9999-12-31T23:59:59-00:01", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t ms = 99;

		if (time_parse(cases[i].text, &ms) != cases[i].rc)
			fail_msg("\"%s\" gives %d", cases[i].text, time_parse(cases[i].text, &ms));
		assert_int_equal(ms, 99);
	}
}

static void a_time_beyond_9999_is_shown_as_its_end(void **state)
{
	char text[TIME_TEXT_MAX];

	(void)state;
	assert_string_equal(time_format(UINT64_MAX, text), "9999-12-31T23:59:59.999Z");
}

static void clocks_run(void **state)
{
	uint64_t boot = clock_boot_ns(), wall = clock_wall_ms();

	(void)state;
	assert_true(boot > 0);
	assert_true(clock_boot_ns() >= boot);
	assert_true(wall > 1700000000000 && wall < TIME_MAX_MS);
}

static void the_boot_id_is_one_uuid(void **state)
{
	char a[BOOT_ID_LEN] = "", b[BOOT_ID_LEN] = "";

	(void)state;
	assert_int_equal(clock_boot_id(a), 0);
	assert_int_equal(clock_boot_id(b), 0);
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(known_times_are_written_and_read),
		TEST(every_day_has_its_date),
		TEST(random_times_come_back),
		TEST(other_forms_of_rfc_3339_are_read),
		TEST(what_is_no_time_is_refused),
		TEST(a_time_beyond_9999_is_shown_as_its_end),
		TEST(clocks_run),
		TEST(the_boot_id_is_one_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
