/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/work.h"

#include <pthread.h>
#include <uv.h>

#include "unit/core/test.h"

#define JOBS 100

struct bed {
	uv_loop_t loop;
	struct work *w;
	pthread_t loop_thread;
	int ran, done; /* in all; ran is the pool's while a job runs */
	int in_run; /* jobs inside run() */
};

struct numbered {
	struct work_job job;
	struct bed *bed;
	int n;
	struct numbered *then; /* added from done() */
};

static int setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	*state = b;
	b->loop_thread = pthread_self();
	return uv_loop_init(&b->loop) || work_new(&b->loop, &b->w);
}

static int teardown(void **state)
{
	struct bed *b = *state;
	int r;

	work_free(&b->w);
	assert_null(b->w);
	r = uv_loop_close(&b->loop);
	free(b);
	return r;
}

#define ON_BED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void run(struct work_job *job)
{
	struct numbered *j = container_of(job, struct numbered, job);

	assert_false(pthread_equal(pthread_self(), j->bed->loop_thread));
	assert_int_equal(__atomic_add_fetch(&j->bed->in_run, 1, __ATOMIC_SEQ_CST), 1);
	assert_int_equal(j->bed->ran, j->n);
	j->bed->ran++;
	__atomic_sub_fetch(&j->bed->in_run, 1, __ATOMIC_SEQ_CST);
}

static void done(struct work_job *job)
{
	struct numbered *j = container_of(job, struct numbered, job);
	struct bed *b = j->bed;

	assert_true(pthread_equal(pthread_self(), b->loop_thread));
	assert_int_equal(b->done, j->n);
	b->done++;
	if (j->then)
		work_add(b->w, &j->then->job);
	free(j);
}

/* Freed by its own done(): the queue must not look at a job after that. */
static struct numbered *job_new(struct bed *b, int n)
{
	struct numbered *j = calloc(1, sizeof(*j));

	*j = (struct numbered){ .job = { .run = run, .done = done }, .bed = b, .n = n };
	return j;
}

static void jobs_run_off_the_loop_one_at_a_time_in_order(void **state)
{
	struct bed *b = *state;

	for (int i = 0; i < JOBS; i++)
		work_add(b->w, &job_new(b, i)->job);
	assert_int_equal(b->done, 0);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(b->ran, JOBS);
	assert_int_equal(b->done, JOBS);
}

static void a_job_added_by_done_runs_last(void **state)
{
	struct bed *b = *state;
	struct numbered *first = job_new(b, 0);

	first->then = job_new(b, 3);
	work_add(b->w, &first->job);
	work_add(b->w, &job_new(b, 1)->job);
	work_add(b->w, &job_new(b, 2)->job);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(b->done, 4);
}

static void the_last_job_may_add_one(void **state)
{
	struct bed *b = *state;
	struct numbered *first = job_new(b, 0);

	first->then = job_new(b, 1);
	first->then->then = job_new(b, 2);
	work_add(b->w, &first->job);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(b->done, 3);
}

static void stop_now(struct work_job *job)
{
	struct numbered *j = container_of(job, struct numbered, job);

	uv_stop(&j->bed->loop);
	done(job);
}

/* As the agent ends: what was added is done before the loop is over. */
static void a_stopped_loop_still_has_every_job_done(void **state)
{
	struct bed *b = *state;
	struct numbered *first = job_new(b, 0);

	first->job.done = stop_now;
	work_add(b->w, &first->job);
	for (int i = 1; i < JOBS; i++)
		work_add(b->w, &job_new(b, i)->job);
	assert_int_not_equal(uv_run(&b->loop, UV_RUN_DEFAULT), 0);
	assert_true(b->done < JOBS);
	while (uv_run(&b->loop, UV_RUN_DEFAULT))
		;
	assert_int_equal(b->done, JOBS);
}

static void two_queues_do_not_wait_for_each_other(void **state)
{
	struct bed *b = *state, other = { .loop_thread = b->loop_thread };

	assert_int_equal(work_new(&b->loop, &other.w), 0);
	for (int i = 0; i < JOBS; i++) {
		work_add(b->w, &job_new(b, i)->job);
		work_add(other.w, &job_new(&other, i)->job);
	}
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(b->done, JOBS);
	assert_int_equal(other.done, JOBS);
	work_free(&other.w);
}

/* A job that waits outside until one of the queue beside it has run, which it else would keep away. */
struct waiter {
	struct work_job job;
	struct work *w;
	int *in_run;
	uv_sem_t outside;
	bool waits, over;
};

static void take_turn(struct work_job *job)
{
	struct waiter *j = container_of(job, struct waiter, job);

	assert_int_equal(__atomic_add_fetch(j->in_run, 1, __ATOMIC_SEQ_CST), 1);
	if (j->waits) {
		__atomic_sub_fetch(j->in_run, 1, __ATOMIC_SEQ_CST);
		work_let_go(j->w);
		uv_sem_wait(&j->outside);
		work_take_back(j->w);
		assert_int_equal(__atomic_add_fetch(j->in_run, 1, __ATOMIC_SEQ_CST), 1);
	}
	__atomic_sub_fetch(j->in_run, 1, __ATOMIC_SEQ_CST);
}

static void note_over(struct work_job *job)
{
	struct waiter *j = container_of(job, struct waiter, job);

	j->over = true;
}

static void queues_beside_each_other_take_turns_but_for_waits(void **state)
{
	struct bed *b = *state;
	struct work *beside = NULL;
	int in_run = 0;
	struct waiter waits = { .job = { take_turn, note_over, NULL }, .in_run = &in_run };
	struct waiter quick = { .job = { take_turn, note_over, NULL }, .in_run = &in_run };

	assert_int_equal(work_new_beside(b->w, &beside), 0);
	waits.w = beside;
	waits.waits = true;
	assert_int_equal(uv_sem_init(&waits.outside, 0), 0);
	work_add(beside, &waits.job);
	work_add(b->w, &quick.job);
	while (!quick.over)
		uv_run(&b->loop, UV_RUN_ONCE);
	uv_sem_post(&waits.outside);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_true(waits.over);
	uv_sem_destroy(&waits.outside);
	work_free(&beside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BED(jobs_run_off_the_loop_one_at_a_time_in_order),
		ON_BED(a_job_added_by_done_runs_last),
		ON_BED(the_last_job_may_add_one),
		ON_BED(a_stopped_loop_still_has_every_job_done),
		ON_BED(two_queues_do_not_wait_for_each_other),
		ON_BED(queues_beside_each_other_take_turns_but_for_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
