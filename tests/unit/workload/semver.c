/* SPDX-License-Identifier: Apache-2.0 */
/* What npm's own semver 7 says of these, with includePrerelease as npm has it for engines. */
#include "workload/semver.h"

#include "unit/core/test.h"

enum { NO, YES };

static void ranges_mean_what_npm_means(void **state)
{
	static const struct {
		const char *version, *range;
		int in;
	} cases[] = {
		{ "20.20.2", "", YES },
		{ "20.20.2", "*", YES },
		{ "20.20.2", "x", YES },
		{ "20.20.2", "||", YES },
		{ "20.20.2", "1 ||", YES },
		{ "20.20.2", "20", YES },
		{ "20.20.2", "v20", YES },
		{ "20.20.2", "=20.x", YES },
		{ "20.20.2", "20.20.2", YES },
		{ "20.20.2", "20.20.2+build.1", YES },
		{ "20.20.2", "20.20.2-rc.1", NO },
		{ "20.20.2", "21", NO },
		{ "20.20.2", ">= 18", YES },
		{ "20.20.2", ">=18 <23", YES },
		{ "20.20.2", ">20", NO },
		{ "20.20.2", ">20.20", NO },
		{ "20.20.2", ">20.20.1", YES },
		{ "20.20.2", ">20.20.2-0", YES },
		{ "20.20.2", "<20", NO },
		{ "20.20.2", "<=20", YES },
		{ "20.20.2", "<=20.20.1", NO },
		{ "20.20.2", "<*", NO },
		{ "20.20.2", ">*", NO },
		{ "20.20.2", "^20", YES },
		{ "20.20.2", "^20.20.3", NO },
		{ "20.20.2", "^19.0.0", NO },
		{ "20.20.2", "^18.0.0 || ^20.1.0 || >=22.0.0", YES },
		{ "21.0.0", "^18.0.0 || ^20.1.0 || >=22.0.0", NO },
		{ "20.20.2", "~20.20", YES },
		{ "20.20.2", "~20", YES },
		{ "20.20.2", "~20.19.0", NO },
		{ "20.20.2", "~>20.20.0", YES },
		{ "20.20.2", "18 - 20", YES },
		{ "20.20.2", "18.0.0 - 20.20.1", NO },
		{ "20.20.2", "20.20.2 - 20.20.2", YES },
		{ "v20.20.2", "\t20\t", YES },
		/* what caret leaves as it is */
		{ "0.1.9", "^0", YES },
		{ "0.2.9", "^0.2.3", YES },
		{ "0.3.0", "^0.2.3", NO },
		{ "0.0.3", "^0.0.3", YES },
		{ "0.0.4", "^0.0.3", NO },
		{ "0.0.4", "^0.0", YES },
		{ "0.1.0", "^0.0.x", NO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool in = cases[i].in == NO;
		int r = semver_satisfies(cases[i].version, cases[i].range, &in);

		if (r != 0 || in != (cases[i].in == YES))
			fail_msg("%s in '%s': %d, %d", cases[i].version, cases[i].range, r, in);
	}
}

static void what_is_no_range_is_refused(void **state)
{
	static const char *const bad[] = {
		">=",	   "foo",    ">=18 foo", "18 - ",   "1.2.3.4",	 ">=18,<20",
		">=18<23", "|",	     "1 | 2",	 "- 20",    "18 -20",	 "18-20",
		">=01",	   "== 20",  "node 1",	 "20.",	    ".20",	 "^^20",
		"lts/*",   "1.2.3-", "1.2.3+",	 "1048576", "18 ||| 20", "4294967296.0.0",
	};
	bool in = true;
	char longest[SEMVER_RANGE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (semver_satisfies("20.20.2", bad[i], &in) != -EINVAL)
			fail_msg("'%s' is taken", bad[i]);
	memset(longest, ' ', sizeof(longest));
	longest[SEMVER_RANGE_MAX] = '\0';
	assert_int_equal(semver_satisfies("20.20.2", longest, &in), -EINVAL);
	assert_int_equal(semver_satisfies("20.20", "*", &in), -EINVAL);
	assert_int_equal(semver_satisfies("node", "*", &in), -EINVAL);
	assert_true(in); /* untouched */
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(ranges_mean_what_npm_means),
					    TEST(what_is_no_range_is_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
