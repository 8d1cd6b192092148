/* SPDX-License-Identifier: Apache-2.0 */
/* By the commands that have such flags. */
#include "cli/number.h"

#include "unit/cli/run.h"

#define NEARLY_TWO_TO_64_MS "213503982334d" /* added to a date it wraps */

static void what_is_no_number_or_too_large_is_a_usage_error(void **state)
{
	static const struct {
		const char *words[6];
		const char *says;
	} cases[] = {
		{ { "workload", "prune", "--keep", "7" },
		  "--keep: '7' is not a time such as 90s or 12h" },
		{ { "workload", "prune", "--keep", NEARLY_TWO_TO_64_MS },
		  "is out of range; use 0ms to 36500d" },
		{ { "workload", "prune", "--keep", "36501d" },
		  "is out of range; use 0ms to 36500d" },
		{ { "workload", "prune", "--keep", "-1d" }, "--keep: '-1d' is not a time" },
		{ { "workload", "run", "a", "/dev/null", "--port", "65536" },
		  "--port: '65536' is out of range; use 1 to 65535" },
		{ { "workload", "run", "a", "/dev/null", "--pids", "4294967297" },
		  "--pids: '4294967297'" },
		{ { "workload", "run", "a", "/dev/null", "--memory", "16777216TiB" },
		  "out of range" },
		{ { "workload", "run", "a", "/dev/null", "--memory", "1MB" },
		  "is not a size such as 256MiB" },
	};
	struct run *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const *w = cases[i].words;

		assert_int_equal(run(f, w[0], w[1], w[2], w[3], w[4], w[5]), 2);
		if (!strstr(f->err, cases[i].says))
			fail_msg("%s: \"%s\"", cases[i].says, f->err);
	}
}

static void what_is_in_range_is_taken(void **state)
{
	struct run *f = *state;

	run_ok(f, "workload", "prune", "--keep", "0s");
	run_ok(f, "workload", "prune", "--keep", "36500d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(what_is_no_number_or_too_large_is_a_usage_error),
		RUN_TEST(what_is_in_range_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
