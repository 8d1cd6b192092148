/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/aggregators.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"

static const char *const urls[] = { "https://a", "http://b:9000/walrus/", "https://c//" };
#define NOW 1000000u

static struct aggregators make(size_t n)
{
	struct aggregators a = {};

	assert_int_equal(aggregators_init(&a, urls, n, NULL), 0);
	aggregators_begin(&a);
	return a;
}

/* Whom to ask, as an index; -1: nobody. */
static int next(struct aggregators *a, uint64_t now, uint64_t want_wait)
{
	uint64_t wait = 0;
	const struct aggregator *g = aggregators_next(a, now, &wait);

	if (!g)
		return -1;
	assert_int_equal(wait, want_wait);
	return (int)(g - a->at);
}

static void note(struct aggregators *a, size_t i, enum answer answer, uint64_t now)
{
	aggregators_note(a, &a->at[i], answer, "why", now, 0);
}

static void urls_lose_their_last_slash(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(3);

	(void)state;
	assert_string_equal(a.at[0].url, "https://a");
	assert_string_equal(a.at[1].url, "http://b:9000/walrus");
	assert_string_equal(a.at[2].url, "https://c");
}

static void what_is_no_url_is_refused(void **state)
{
	static const char *const bad[] = { "ftp://a", "https://a?x=1", "https://a#b", "a",
					   "",	      "https://a b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct aggregators a = { .len = 77 };
		struct err err = {};

		assert_int_equal(aggregators_init(&a, &bad[i], 1, &err), -EINVAL);
		assert_int_equal(a.len, 77);
		assert_true(err.text[0]);
	}
	assert_int_equal(aggregators_init(&(struct aggregators){}, urls, AGGREGATORS_MAX + 1, NULL),
			 -E2BIG);
}

static void statuses(void **state)
{
	static const struct {
		unsigned int status;
		enum answer answer;
	} cases[] = {
		{ 301, ANSWER_REFUSED }, { 400, ANSWER_REFUSED },   { 401, ANSWER_REFUSED },
		{ 403, ANSWER_REFUSED }, { 404, ANSWER_ABSENT },    { 408, ANSWER_BUSY },
		{ 410, ANSWER_REFUSED }, { 416, ANSWER_REFUSED },   { 425, ANSWER_BUSY },
		{ 429, ANSWER_BUSY },	 { 451, ANSWER_FORBIDDEN }, { 500, ANSWER_BUSY },
		{ 502, ANSWER_BUSY },	 { 503, ANSWER_BUSY },	    { 504, ANSWER_BUSY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(answer_of_status(cases[i].status), cases[i].answer);
}

static void the_first_is_asked_first_then_who_failed_least(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(3);

	(void)state;
	assert_int_equal(next(&a, NOW, 0), 0);
	note(&a, 0, ANSWER_BUSY, NOW);
	assert_int_equal(next(&a, NOW, 0), 1);
	note(&a, 1, ANSWER_BUSY, NOW);
	note(&a, 2, ANSWER_BUSY, NOW + 10);
	assert_int_equal(next(&a, NOW + 20, 230), 0); /* the pause that ends first */
	note(&a, 0, ANSWER_BUSY, NOW + 250);
	/* all pauses are over: 1 has failed once, 0 twice */
	assert_int_equal(next(&a, NOW + 5000, 0), 1);
}

static void pauses_double_up_to_a_limit(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(1);
	uint64_t want = 250;

	(void)state;
	for (int i = 0; i < 12; i++, want = want * 2 < 30000 ? want * 2 : 30000) {
		aggregators_begin(&a);
		note(&a, 0, ANSWER_BUSY, NOW);
		assert_int_equal(next(&a, NOW, want), 0);
	}
	note(&a, 0, ANSWER_WHOLE, NOW);
	assert_int_equal(a.at[0].failures, 0);
	assert_int_equal(a.at[0].served, 1);
	assert_int_equal(a.at[0].failed, 12);
}

static void what_it_asks_for_itself_counts_within_reason(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(1);

	(void)state;
	aggregators_note(&a, &a.at[0], ANSWER_BUSY, "503", NOW, 5000);
	assert_int_equal(next(&a, NOW, 5000), 0);
	aggregators_note(&a, &a.at[0], ANSWER_BUSY, "503", NOW, UINT64_MAX / 2);
	assert_int_equal(next(&a, NOW, AGGREGATOR_PAUSE_MAX_MS), 0);
}

static void patience_with_one_ends(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(2);

	(void)state;
	for (int i = 0; i < AGGREGATOR_TRIES; i++)
		note(&a, 0, ANSWER_BUSY, NOW);
	assert_int_equal(next(&a, NOW, 0), 1);
	note(&a, 1, ANSWER_REFUSED, NOW);
	assert_int_equal(next(&a, NOW, 0), -1);
	assert_true(aggregators_settled(&a));
	aggregators_begin(&a); /* another blob, another chance */
	assert_int_equal(next(&a, NOW + 100000, 0), 1);
}

static void wrong_bytes_are_never_forgiven(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(2);

	(void)state;
	note(&a, 0, ANSWER_WRONG, NOW);
	assert_int_equal(next(&a, NOW, 0), 1);
	aggregators_begin(&a);
	assert_int_equal(next(&a, NOW + 1000000, 0), 1);
	assert_true(a.at[0].left);
	assert_int_equal(a.at[0].wrong, 1);
	assert_string_equal(a.at[0].why, "why");
}

static void two_are_believed_that_it_is_not_there(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(3), one = make(1);

	(void)state;
	note(&a, 0, ANSWER_ABSENT, NOW);
	assert_false(aggregators_settled(&a));
	assert_int_equal(next(&a, NOW, 0), 1);
	note(&a, 1, ANSWER_ABSENT, NOW);
	assert_true(aggregators_settled(&a));
	assert_int_equal(next(&a, NOW, 0), -1);
	/* a single one is asked three times */
	note(&one, 0, ANSWER_ABSENT, NOW);
	assert_int_equal(next(&one, NOW, 250), 0);
	note(&one, 0, ANSWER_ABSENT, NOW);
	assert_int_equal(next(&one, NOW, 500), 0);
	note(&one, 0, ANSWER_ABSENT, NOW);
	assert_int_equal(next(&one, NOW, 0), -1);
}

static void the_law_is_the_same_for_all(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(3);

	(void)state;
	note(&a, 0, ANSWER_FORBIDDEN, NOW);
	assert_int_equal(next(&a, NOW, 0), -1);
}

static void without_aggregators_nobody_is_asked(void **state)
{
	cleanup(aggregators_fini) struct aggregators a = make(0);

	(void)state;
	assert_int_equal(next(&a, NOW, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_lose_their_last_slash),
		cmocka_unit_test(what_is_no_url_is_refused),
		cmocka_unit_test(statuses),
		cmocka_unit_test(the_first_is_asked_first_then_who_failed_least),
		cmocka_unit_test(pauses_double_up_to_a_limit),
		cmocka_unit_test(what_it_asks_for_itself_counts_within_reason),
		cmocka_unit_test(patience_with_one_ends),
		cmocka_unit_test(wrong_bytes_are_never_forgiven),
		cmocka_unit_test(two_are_believed_that_it_is_not_there),
		cmocka_unit_test(the_law_is_the_same_for_all),
		cmocka_unit_test(without_aggregators_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
