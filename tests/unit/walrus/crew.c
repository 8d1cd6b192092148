/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/crew.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JOBS 1000

struct tally {
	atomic_int done[JOBS];
	atomic_int works;
	size_t fail_at;
};

static int count(struct crew *crew, void *arg)
{
	struct tally *t = arg;
	size_t job;

	atomic_fetch_add(&t->works, 1);
	while (crew_next(crew, &job)) {
		atomic_fetch_add(&t->done[job], 1);
		if (job == t->fail_at)
			return -ENOSPC;
	}
	return 0;
}

static void each_job_is_done_once(void **state)
{
	(void)state;
	for (size_t threads = 0; threads <= 8; threads++) {
		struct tally t = { .fail_at = SIZE_MAX };

		assert_int_equal(crew_run(threads, JOBS, count, &t), 0);
		for (size_t i = 0; i < JOBS; i++)
			assert_int_equal(atomic_load(&t.done[i]), 1);
		assert_true(atomic_load(&t.works) <= (threads ? (int)threads : 1));
	}
}

static void a_failure_ends_it(void **state)
{
	struct tally t = { .fail_at = 3 };

	(void)state;
	assert_int_equal(crew_run(1, JOBS, count, &t), -ENOSPC);
	assert_int_equal(atomic_load(&t.done[3]), 1);
	assert_int_equal(atomic_load(&t.done[4]), 0);
	assert_int_equal(crew_run(4, JOBS, count, &t), -ENOSPC);
}

static void no_jobs_are_done_at_once(void **state)
{
	struct tally t = { .fail_at = SIZE_MAX };

	(void)state;
	assert_int_equal(crew_run(4, 0, count, &t), 0);
	assert_int_equal(atomic_load(&t.works), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_job_is_done_once),
		cmocka_unit_test(a_failure_ends_it),
		cmocka_unit_test(no_jobs_are_done_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
