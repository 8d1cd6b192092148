/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_step.h"

#include <errno.h>

#include "k8s/object.h"
#include "unit/core/test.h"

#define APPLY(what) ((enum run_step)(RUN_APPLY + KUBE_RUN_##what))
#define DELETE(what) ((enum run_step)(RUN_DELETE + KUBE_RUN_##what))

/* Does steps until it rests or has forgotten. */
static size_t follow(struct run_state *s, enum run_step ret[RUN_STEP_MAX_])
{
	size_t n = 0;

	for (enum run_step step; (step = run_step_next(s)) != RUN_REST;) {
		assert_true(n < RUN_STEP_MAX_);
		run_step_did(s, step);
		ret[n++] = step;
		if (step == RUN_FORGET)
			break;
	}
	return n;
}

static void assert_steps(struct run_state *s, const enum run_step *want, size_t n)
{
	enum run_step got[RUN_STEP_MAX_];

	assert_int_equal(follow(s, got), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got[i], want[i]);
}

static const enum run_step up[] = { APPLY(VOLUME), APPLY(CLAIM), APPLY(SERVICE), APPLY(POD) };
static const enum run_step down[] = { DELETE(SERVICE), DELETE(POD) };
static const enum run_step away[] = { DELETE(CLAIM), DELETE(VOLUME), RUN_FORGET };

static void what_is_wanted_is_applied_in_order_and_then_rests(void **state)
{
	struct run_state s = {};

	(void)state;
	assert_steps(&s, up, 4);
	run_step_saw(&s, RUN_POD_THERE);
	assert_steps(&s, NULL, 0);
}

/* As after a restart: what is there is applied again, which changes nothing. */
static void what_is_there_is_adopted(void **state)
{
	struct run_state s = { .pod = RUN_POD_THERE };

	(void)state;
	assert_steps(&s, up, 4);
}

static void what_others_delete_is_made_anew(void **state)
{
	struct run_state s = {};

	(void)state;
	assert_steps(&s, up, 4);
	run_step_saw(&s, RUN_POD_THERE);
	run_step_saw(&s, RUN_POD_GOING);
	assert_steps(&s, NULL, 0);
	run_step_saw(&s, RUN_POD_NONE);
	assert_steps(&s, up, 4);
	run_step_saw(&s, RUN_POD_THERE);
	run_step_saw(&s, RUN_POD_NONE); /* at once */
	assert_steps(&s, up, 4);
	run_step_doubt(&s);
	assert_steps(&s, up, 4);
}

static void a_pod_that_is_over_gives_way_to_another(void **state)
{
	static const enum run_step go[] = { DELETE(POD) };
	struct run_state s = {};

	(void)state;
	assert_steps(&s, up, 4);
	run_step_saw(&s, RUN_POD_OVER);
	assert_steps(&s, go, 1);
	run_step_saw(&s, RUN_POD_GOING);
	assert_steps(&s, NULL, 0);
	run_step_saw(&s, RUN_POD_NONE);
	assert_steps(&s, up, 4);
}

static void what_ended_goes_and_its_volume_behind_its_pod(void **state)
{
	struct run_state s = {};

	(void)state;
	assert_steps(&s, up, 4);
	run_step_saw(&s, RUN_POD_THERE);
	run_step_end(&s);
	assert_steps(&s, down, 2);
	run_step_saw(&s, RUN_POD_GOING);
	run_step_end(&s); /* said twice */
	assert_steps(&s, NULL, 0);
	run_step_saw(&s, RUN_POD_NONE);
	assert_steps(&s, away, 3);
}

/* A Pod that was applied may not be seen yet: it is deleted all the same. */
static void what_ended_before_it_was_seen_is_deleted_too(void **state)
{
	static const enum run_step all[] = { DELETE(SERVICE), DELETE(POD), DELETE(CLAIM),
					     DELETE(VOLUME), RUN_FORGET };
	struct run_state s = {};

	(void)state;
	assert_steps(&s, up, 4);
	run_step_end(&s);
	assert_steps(&s, all, 5);
}

/* I1, over all states there are. */
static void nothing_is_deleted_that_is_wanted_and_not_over(void **state)
{
	(void)state;
	for (uint32_t done = 0; done < 1u << RUN_STEP_MAX_; done++)
		for (int pod = RUN_POD_NONE; pod <= RUN_POD_OVER; pod++) {
			const struct run_state s = { .pod = (enum run_pod)pod, .done = done };
			enum run_step step = run_step_next(&s);

			assert_true(step != RUN_FORGET);
			if (run_step_is_delete(step))
				assert_true(pod == RUN_POD_OVER && step == DELETE(POD));
		}
}

static void a_step_knows_its_object(void **state)
{
	(void)state;
	for (int what = 0; what < KUBE_RUN_OBJECT_MAX_; what++) {
		assert_int_equal(run_step_object((enum run_step)(RUN_APPLY + what)), what);
		assert_int_equal(run_step_object((enum run_step)(RUN_DELETE + what)), what);
	}
	assert_true(run_step_is_apply(APPLY(POD)) && !run_step_is_apply(DELETE(VOLUME)));
	assert_true(run_step_is_delete(DELETE(POD)) && !run_step_is_delete(RUN_FORGET));
}

static void a_reply_meets_a_step_or_not(void **state)
{
	const struct run_state there = { .pod = RUN_POD_THERE }, none = {};

	(void)state;
	assert_true(run_step_is_met(&none, APPLY(POD), 0, 201));
	assert_true(run_step_is_met(&none, DELETE(POD), -ENOENT, 404));
	assert_false(run_step_is_met(&none, APPLY(POD), -ENOENT, 404)); /* no such namespace */
	assert_false(run_step_is_met(&none, DELETE(POD), -EACCES, 403));
	assert_false(run_step_is_met(&none, DELETE(POD), -ETIMEDOUT, 0));
	assert_true(run_step_is_met(&there, APPLY(POD), -EIO, 422));
	assert_false(run_step_is_met(&none, APPLY(POD), -EIO, 422));
	assert_false(run_step_is_met(&there, APPLY(SERVICE), -EIO, 422));
}

static void a_pod_is_what_the_server_says_of_it(void **state)
{
	struct kube_object pod = { .kind = KUBE_POD };

	(void)state;
	assert_int_equal(run_pod_of(NULL), RUN_POD_NONE);
	pod.pod.phase = KUBE_POD_PENDING;
	assert_int_equal(run_pod_of(&pod), RUN_POD_THERE);
	pod.pod.phase = KUBE_POD_UNKNOWN; /* its node does not answer */
	assert_int_equal(run_pod_of(&pod), RUN_POD_THERE);
	pod.pod.phase = KUBE_POD_SUCCEEDED;
	assert_int_equal(run_pod_of(&pod), RUN_POD_OVER);
	pod.pod.phase = KUBE_POD_FAILED;
	assert_int_equal(run_pod_of(&pod), RUN_POD_OVER);
	pod.meta.deleting = true;
	assert_int_equal(run_pod_of(&pod), RUN_POD_GOING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wanted_is_applied_in_order_and_then_rests),
		cmocka_unit_test(what_is_there_is_adopted),
		cmocka_unit_test(what_others_delete_is_made_anew),
		cmocka_unit_test(a_pod_that_is_over_gives_way_to_another),
		cmocka_unit_test(what_ended_goes_and_its_volume_behind_its_pod),
		cmocka_unit_test(what_ended_before_it_was_seen_is_deleted_too),
		cmocka_unit_test(nothing_is_deleted_that_is_wanted_and_not_over),
		cmocka_unit_test(a_step_knows_its_object),
		cmocka_unit_test(a_reply_meets_a_step_or_not),
		cmocka_unit_test(a_pod_is_what_the_server_says_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
