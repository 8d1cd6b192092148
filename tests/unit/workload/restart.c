/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/restart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "workload/status.h"
#include "workload/workload.h"

#define S 1000u
#define START (1000000 * S)

static const struct workload_backoff usual = WORKLOAD_BACKOFF(WORKLOAD_BACKOFF_MS);

static struct workload running(enum workload_restart policy)
{
	return (struct workload){
		.state = WORKLOAD_STATE_RUNNING, .pid = 7, .started_ms = START, .restart = policy
	};
}

static const struct status failure = { STATUS_EXIT, 1, START + S },
			   success = { STATUS_EXIT, 0, START + S },
			   killed = { STATUS_SIGNAL, 9, START + S }, silence = {};

static void the_policy_says_who_is_run_again(void **state)
{
	static const struct {
		enum workload_restart policy;
		const struct status *how;
		bool oom;
		enum workload_state state;
		const char *last_exit;
	} cases[] = {
		{ WORKLOAD_RESTART_NEVER, &success, false, WORKLOAD_STATE_STOPPED, "exit 0" },
		{ WORKLOAD_RESTART_NEVER, &failure, false, WORKLOAD_STATE_FAILED, "exit 1" },
		{ WORKLOAD_RESTART_NEVER, &killed, false, WORKLOAD_STATE_FAILED, "signal 9" },
		{ WORKLOAD_RESTART_NEVER, &silence, false, WORKLOAD_STATE_FAILED, "killed" },
		{ WORKLOAD_RESTART_ON_FAILURE, &success, false, WORKLOAD_STATE_STOPPED, "exit 0" },
		{ WORKLOAD_RESTART_ON_FAILURE, &failure, true, WORKLOAD_STATE_WAITING, "exit 1" },
		{ WORKLOAD_RESTART_ON_FAILURE, &killed, true, WORKLOAD_STATE_WAITING,
		  "out of memory" },
		{ WORKLOAD_RESTART_ON_FAILURE, &silence, true, WORKLOAD_STATE_WAITING,
		  "out of memory" },
		{ WORKLOAD_RESTART_ALWAYS, &success, false, WORKLOAD_STATE_WAITING, "exit 0" },
		{ WORKLOAD_RESTART_ALWAYS, &silence, false, WORKLOAD_STATE_WAITING, "killed" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct workload w = running(cases[i].policy);

		restart_after_end(&w, cases[i].how, cases[i].oom, &usual, START + 2 * S);
		assert_int_equal(w.state, cases[i].state);
		assert_string_equal(w.last_exit, cases[i].last_exit);
		assert_int_equal(w.pid, 0);
		assert_int_equal(w.ended_ms, cases[i].how == &silence ? START + 2 * S : START + S);
		assert_int_equal(w.state == WORKLOAD_STATE_FAILED,
				 strstr(w.reason, w.last_exit) != NULL);
	}
}

/* As the kubelet: at once, 10 s, 20 s, ... 5 min; who ran for 10 min is as new. */
static void waits_grow_until_it_runs_well(void **state)
{
	static const uint64_t waits[] = { 0, 10, 20, 40, 80, 160, 300, 300, 300 };
	struct workload w = running(WORKLOAD_RESTART_ALWAYS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		const struct status how = { STATUS_EXIT, 1, w.started_ms + 599 * S };

		restart_after_end(&w, &how, false, &usual, how.at_ms + 5);
		assert_int_equal(w.again_ms, how.at_ms + waits[i] * S);
		assert_int_equal(restart_wait_ms(&w, &usual, how.at_ms), waits[i] * S);
		w.started_ms = w.again_ms;
	}
	const struct status late = { STATUS_EXIT, 1, w.started_ms + 600 * S };

	restart_after_end(&w, &late, false, &usual, late.at_ms);
	assert_int_equal(w.again_ms, late.at_ms);
}

static void a_start_that_fails_is_tried_again_later(void **state)
{
	struct workload w = running(WORKLOAD_RESTART_ON_FAILURE);

	(void)state;
	for (uint64_t wait = 0; wait <= 10; wait += 10) {
		restart_after_failure(&w, &usual, START);
		assert_int_equal(w.state, WORKLOAD_STATE_WAITING);
		assert_int_equal(w.again_ms, START + wait * S);
	}
	w.restart = WORKLOAD_RESTART_NEVER;
	restart_after_failure(&w, &usual, START);
	assert_int_equal(w.state, WORKLOAD_STATE_FAILED);
}

static void a_clock_that_was_set_makes_nobody_wait_long(void **state)
{
	struct workload w = { .again_ms = START };

	(void)state;
	assert_int_equal(restart_wait_ms(&w, &usual, START + 1), 0);
	assert_int_equal(restart_wait_ms(&w, &usual, START - 7), 7);
	assert_int_equal(restart_wait_ms(&w, &usual, 0), 300 * S);
	/* nor count a time to come as one of its own */
	const struct status ahead = { STATUS_EXIT, 1, START + 900 * S };
	struct workload r = running(WORKLOAD_RESTART_ALWAYS);

	r.soon = 1;
	restart_after_end(&r, &ahead, false, &usual, START + S);
	assert_int_equal(r.ended_ms, START + S);
	assert_int_equal(r.again_ms, START + 11 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_policy_says_who_is_run_again),
		cmocka_unit_test(waits_grow_until_it_runs_well),
		cmocka_unit_test(a_start_that_fails_is_tried_again_later),
		cmocka_unit_test(a_clock_that_was_set_makes_nobody_wait_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
