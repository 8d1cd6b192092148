/* SPDX-License-Identifier: Apache-2.0 */
/* Real containers that end, and an agent that dies at each instruction between that and their next start. */
#include "workload/workload.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>

#include "core/clock.h"
#include "core/err.h"
#include "unit/workload/container.h"
#include "workload/record.h"
#include "workload/restart.h"

#define WAIT_MS 20000
#define HOUR_MS 3600000u

static const char exits_3[] = "process.exit(3)";
static const char stays[] = "setInterval(() => {}, 1000)";
/* the second start waits until the test is over */
static const struct workload_backoff patient = WORKLOAD_BACKOFF(HOUR_MS);

static pid_t run(const struct fixture *f, const char *code, enum workload_restart restart)
{
	cleanup(close_fd) int tarball = make_package(code);
	cleanup(workload_free) struct workload *w = NULL;
	struct workload_spec spec = make_spec(f, tarball);
	struct err err = {};

	spec.restart = restart;
	spec.ready = "none";
	spec.limits.memory_bytes = 96 << 20;
	if (workload_run(f->state, &spec, &w, &err) < 0)
		fail_msg("%s", err.text);
	return w->pid;
}

struct tended {
	enum workload_state state;
	enum workload_health health;
	pid_t pid;
	uint64_t wait_ms;
};

static struct tended tend(const struct fixture *f)
{
	cleanup(workload_free) struct workload *w = NULL;
	struct err err = {};

	if (workload_tend(f->state, "app", &patient, &w, &err) < 0)
		fail_msg("%s", err.text);
	return (struct tended){ w->state, w->health, w->pid,
				restart_wait_ms(w, &patient, clock_wall_ms()) };
}

static struct workload *get(const struct fixture *f)
{
	struct workload *w = NULL;

	assert_int_equal(workload_get(f->state, "app", &w, NULL), 0);
	return w;
}

static void wait_end(pid_t pid)
{
	assert_true(pid > 0);
	assert_int_equal(process_wait(pid, WAIT_MS, NULL), 0);
}

/* The record as an agent that was killed would have left it. */
static void rewrite(const struct fixture *f, void (*change)(struct workload *w))
{
	cleanup(workload_free) struct workload *w = NULL;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/workloads/app", f->state);
	assert_int_equal(record_load(dir, &w, NULL), 0);
	change(w);
	assert_int_equal(record_save(dir, w, NULL), 0);
}

static void who_ends_is_run_again_at_once_and_then_later(void **state)
{
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *w = NULL, *stopped = NULL;

	need_kernel();
	wait_end(run(f, exits_3, WORKLOAD_RESTART_ALWAYS));
	struct tended t = tend(f);

	assert_int_equal(t.state, WORKLOAD_STATE_RUNNING);
	wait_end(t.pid);
	for (int i = 0; i < 3; i++) {
		t = tend(f);
		assert_int_equal(t.state, WORKLOAD_STATE_WAITING);
		assert_int_equal(t.pid, 0);
		assert_true(t.wait_ms > HOUR_MS / 2 && t.wait_ms <= HOUR_MS);
		assert_nothing_left(f);
	}
	w = get(f);
	assert_int_equal(w->state, WORKLOAD_STATE_WAITING);
	assert_int_equal(w->restarts, 1);
	assert_string_equal(w->last_exit, "exit 3");
	assert_int_equal(workload_remove(f->state, "app", NULL), -EBUSY);
	assert_int_equal(workload_stop(f->state, "app", 0, NULL), 0);
	assert_int_equal(tend(f).state, WORKLOAD_STATE_STOPPED);
	stopped = get(f);
	assert_int_equal(stopped->restarts, 1);
}

static void who_ends_well_is_left_alone(void **state)
{
	const struct fixture *f = *state;

	need_kernel();
	wait_end(run(f, "process.exit(0)", WORKLOAD_RESTART_ON_FAILURE));
	assert_int_equal(tend(f).state, WORKLOAD_STATE_STOPPED);
	assert_nothing_left(f);
}

static void who_runs_is_left_alone(void **state)
{
	const struct fixture *f = *state;

	need_kernel();
	pid_t pid = run(f, stays, WORKLOAD_RESTART_ALWAYS);
	struct tended t = tend(f);

	assert_int_equal(t.state, WORKLOAD_STATE_RUNNING);
	assert_int_equal(t.health, WORKLOAD_HEALTH_READY);
	assert_int_equal(t.pid, pid);
	cleanup(workload_free) struct workload *w = NULL;

	assert_int_equal(workload_recorded(f->state, "app", &w, NULL), 0);
	assert_int_equal(w->state, WORKLOAD_STATE_RUNNING);
	assert_int_equal(w->health, WORKLOAD_HEALTH_READY);
	assert_int_equal(kill(pid, 0), 0);
}

static void who_has_no_memory_left_is_told_so(void **state)
{
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *w = NULL;

	need_kernel();
	wait_end(run(f, "const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))",
		     WORKLOAD_RESTART_NEVER));
	assert_int_equal(tend(f).state, WORKLOAD_STATE_FAILED);
	w = get(f);
	assert_string_equal(w->last_exit, "out of memory");
}

static void intend_fifth(struct workload *w)
{
	w->state = WORKLOAD_STATE_CREATED;
	w->restarts = 5;
	w->pid = 0;
}

/* Killed behind the count: before its start, behind its start, and behind its end. */
static void a_start_that_was_counted_is_made_once(void **state)
{
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *first = NULL, *second = NULL, *third = NULL;

	need_kernel();
	pid_t pid = run(f, stays, WORKLOAD_RESTART_ALWAYS);

	assert_int_equal(workload_stop(f->state, "app", 0, NULL), 0);
	rewrite(f, intend_fifth);
	first = get(f);
	assert_int_equal(first->state, WORKLOAD_STATE_CREATED);
	struct tended t = tend(f);

	assert_int_equal(t.state, WORKLOAD_STATE_RUNNING);
	assert_int_not_equal(t.pid, pid);
	second = get(f);
	assert_int_equal(second->restarts, 5);

	rewrite(f, intend_fifth);
	assert_int_equal(tend(f).pid, t.pid);

	rewrite(f, intend_fifth);
	assert_int_equal(kill(t.pid, SIGKILL), 0);
	wait_end(t.pid);
	assert_int_equal(tend(f).state, WORKLOAD_STATE_RUNNING);
	third = get(f);
	assert_int_equal(third->restarts, 6);
	assert_string_equal(third->last_exit, "killed");
}

static void lose_network(struct workload *w)
{
	snprintf(w->netns, sizeof(w->netns), "/run/netns/weir-there-is-none");
}

static void a_start_that_fails_waits_and_says_why(void **state)
{
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *w = NULL;

	need_kernel();
	wait_end(run(f, exits_3, WORKLOAD_RESTART_ALWAYS));
	rewrite(f, lose_network);
	struct tended t = tend(f);

	assert_int_equal(t.state, WORKLOAD_STATE_WAITING);
	assert_true(t.wait_ms > HOUR_MS / 2);
	assert_nothing_left(f);
	w = get(f);
	assert_non_null(strstr(w->reason, "weir-there-is-none"));
	assert_string_equal(w->last_exit, "exit 3");
}

static void one_that_is_not_there_is_an_error(void **state)
{
	const struct fixture *f = *state;
	struct workload *w = NULL;

	assert_int_equal(workload_tend(f->state, "none", &patient, &w, NULL), -ENOENT);
	assert_null(w);
}

/* Nor does a second one of us wait: who acts will look when it is done. */
static void one_that_somebody_acts_on_is_left_to_him(void **state)
{
	const struct fixture *f = *state;
	struct workload *w = NULL;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/workloads/app", f->state);
	assert_int_equal(dir_make(dir, 0700, NULL), 0);
	cleanup(close_fd) int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(flock(lock, LOCK_EX), 0);
	assert_int_equal(workload_tend(f->state, "app", &patient, &w, NULL), -EWOULDBLOCK);
	assert_null(w);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_ends_is_run_again_at_once_and_then_later),
		T(who_ends_well_is_left_alone),
		T(who_runs_is_left_alone),
		T(who_has_no_memory_left_is_told_so),
		T(a_start_that_was_counted_is_made_once),
		T(a_start_that_fails_waits_and_says_why),
		T(one_that_is_not_there_is_an_error),
		T(one_that_somebody_acts_on_is_left_to_him),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
