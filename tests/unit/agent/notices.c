/* SPDX-License-Identifier: Apache-2.0 */
/* The limit; that what is told arrives is tests/e2e/test_lease_pods.py's. */
#include "agent/notices.h"

#include "k8s/notice.h"
#include "unit/core/test.h"

static struct kube_notice about(const char *name, const char *message)
{
	return (struct kube_notice){ .kind = "Pod",
				     .namespace = "demo",
				     .name = name,
				     .uid = "u",
				     .reason = "NotMetered",
				     .message = message };
}

static void the_same_words_are_told_again_after_a_while(void **state)
{
	const struct kube_notice a = about("a", "why"), other = about("a", "else"),
				 b = about("b", "why");
	struct notices_limit l = {};
	uint64_t now = 1000;

	(void)state;
	assert_true(notices_may(&l, &a, now));
	assert_false(notices_may(&l, &a, now));
	assert_true(notices_may(&l, &other, now));
	assert_true(notices_may(&l, &b, now));
	assert_false(notices_may(&l, &a, now + NOTICES_AGAIN_MS - 1));
	assert_true(notices_may(&l, &a, now + NOTICES_AGAIN_MS));
}

static void a_flood_is_cut_and_then_let_through_drop_by_drop(void **state)
{
	struct notices_limit l = {};
	uint64_t now = 5000000;
	char text[16];
	int told = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		struct kube_notice n = about("a", text);

		told += notices_may(&l, &n, now);
	}
	assert_int_equal(told, NOTICES_BURST);
	for (int i = 1000; i < 2000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		struct kube_notice n = about("a", text);

		told += notices_may(&l, &n, now + (uint64_t)(i - 1000) * 100); /* for 100 s */
	}
	assert_in_range(told, NOTICES_BURST + 9, NOTICES_BURST + 10);
	now += 10ULL * NOTICES_BURST * NOTICES_EACH_MS;
	told = 0;
	for (int i = 2000; i < 3000; i++) { /* whole again, and no more than that */
		snprintf(text, sizeof(text), "%d", i);
		struct kube_notice n = about("a", text);

		told += notices_may(&l, &n, now);
	}
	assert_int_equal(told, NOTICES_BURST);
}

static void nobody_is_told_where_there_is_nobody(void **state)
{
	const struct kube_notice a = about("a", "why");
	struct notices *n = NULL;

	(void)state;
	notices_tell(NULL, &a);
	assert_int_equal(notices_new(NULL, "node-a", &n), 0);
	notices_tell(n, &a);
	notices_free(&n);
	assert_null(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_words_are_told_again_after_a_while),
		cmocka_unit_test(a_flood_is_cut_and_then_let_through_drop_by_drop),
		cmocka_unit_test(nobody_is_told_where_there_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
