/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/mirror.h"
#include "unit/k8s/api_bed.h"

static uint64_t now;

static uint64_t clock_ms(void)
{
	return now;
}

struct told {
	int changed, away, back;
	char why[512];
};

static void on_changed(void *arg, const struct kube_set *set, const struct kube_touched *touched)
{
	struct told *t = arg;

	(void)set;
	(void)touched;
	t->changed++;
}

static void on_malformed(void *arg, const struct err *err)
{
	(void)arg;
	fail_msg("%s", err->text);
}

static void on_state(void *arg, const struct err *why)
{
	struct told *t = arg;

	t->away += why != NULL;
	t->back += why == NULL;
	if (why)
		snprintf(t->why, sizeof(t->why), "%s", why->text);
}

static const struct kube_mirror_ops ops = { on_changed, on_malformed, on_state };

static struct kube_mirror *mirror_of(struct api_bed *b, struct told *t)
{
	const struct kube_mirror_options opt = {
		.api = b->api, .node = "node a", .ops = &ops, .arg = t, .now_ms = clock_ms
	};
	struct kube_mirror *m = NULL;
	struct err err = {};

	now = 5000000;
	if (kube_mirror_new(&opt, &m, &err) < 0)
		fail_msg("%s", err.text);
	return m;
}

static void while_nobody_answers_there_is_no_set_and_one_line(void **state)
{
	struct api_bed *b = *state;
	cleanup(kube_mirror_free) struct kube_mirror *m = NULL;
	struct told t = {};

	api_bed_new(b, (const char *const[]){ b->refusing.url }, 1);
	m = mirror_of(b, &t);
	assert_int_equal(kube_mirror_due(m), 0);
	for (int attempts = 0; attempts < 4; attempts++) {
		kube_mirror_turn(m);
		do {
			api_bed_work(b);
			kube_mirror_turn(m);
		} while (kube_mirror_due(m) == 0 || kube_mirror_due(m) > 1000);
		assert_true(kube_mirror_due(m) > 0);
		now += 31000; /* over every delay */
	}
	assert_int_equal(t.away, 1);
	assert_int_equal(t.back, 0);
	assert_int_equal(t.changed, 0);
	assert_false(kube_mirror_synced(m));
	assert_non_null(strstr(t.why, b->refusing.url));
}

static void who_is_silent_is_asked_and_given_up(void **state)
{
	struct api_bed *b = *state;
	cleanup(kube_mirror_free) struct kube_mirror *m = NULL;
	struct told t = {};

	api_bed_new(b, (const char *const[]){ b->silent.url, b->refusing.url }, 2);
	m = mirror_of(b, &t);
	kube_mirror_turn(m);
	assert_int_equal(t.away, 0);
	now += 60000; /* no answer to anything */
	kube_mirror_turn(m);
	assert_int_equal(t.away, 1);
	assert_non_null(strstr(t.why, "no answer in time"));
	kube_mirror_hurry(m);
	assert_int_equal(kube_mirror_due(m), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_bed_setup, api_bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(while_nobody_answers_there_is_no_set_and_one_line),
		TEST(who_is_silent_is_asked_and_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
