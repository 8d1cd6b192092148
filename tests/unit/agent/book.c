/* SPDX-License-Identifier: Apache-2.0 */
/* Windows, and the receipts that follow from them. */
#include "agent/book.h"

#include "unit/agent/books.h"

/* ---- Windows ---------------------------------------------------------------------------------- */

static void the_first_window_begins_with_the_agent(void **state)
{
	struct bed *t = *state;
	struct book_window w = next_window(t, NULL, 0);

	assert_int_equal(w.from_ms, STARTED_MS);
	assert_int_equal(w.to_ms, STARTED_MS + WINDOW_MS);
	assert_int_equal(w.pods, 0);
	assert_int_equal(w.receipts, 0);
}

#define HOUR_MS 3600000ULL

/* B1: the time between two lives of the agent belongs to the next window. */
static void a_restart_goes_on_where_the_last_window_ended(void **state)
{
	struct bed *t = *state;

	next_window(t, NULL, 0);
	t->now_ms += 10 * WINDOW_MS;
	crash(t);
	next_window(t, NULL, 0);
	must(ledger_check(t->ledger, &why));
}

/* The kernel counted on: a pod that lived all the hour, one that died in it, one that came. */
static void an_hour_without_an_agent_is_in_the_window_behind_it(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "shop", 5), reading(2, "shop", 7),
				    reading(3, "shop", 2) };
	struct book_window w;

	open_lease(t, "shop", 1000000);
	next_window(t, r, 2);
	crash(t);
	t->now_ms += HOUR_MS;
	r[0].total = usage_of(5000);
	r[1] = last_reading(2, "shop", 9);
	w = window(t, r, 3);
	assert_true(w.to_ms - w.from_ms >= HOUR_MS);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		assert_booked(t, &r[i]);
	next_window(t, r, 1);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		assert_booked(t, &r[i]);
	assert_int_equal(verified(t, "shop").to_ms, t->now_ms);
	must(ledger_check(t->ledger, &why));
}

static void two_windows_in_one_millisecond_are_two(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "", 5);

	next_window(t, &r, 1);
	r.total = usage_of(6);
	assert_int_equal(window(t, &r, 1).to_ms, t->now_ms + 1);
	assert_booked(t, &r);
	must(ledger_check(t->ledger, &why));
}

static void a_clock_that_steps_back_makes_short_windows_and_no_gap(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 1);

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	for (uint64_t n = 1; n < 10; n++) {
		t->now_ms += n == 4 ? (uint64_t)-3600000 : WINDOW_MS;
		r.total = usage_of(n);
		window(t, &r, 1);
	}
	assert_booked(t, &r);
	assert_int_equal(settle(t), 9);
	assert_int_equal(verified(t, "shop").count, 9);
	must(ledger_check(t->ledger, &why));
}

static void deltas_sum_to_the_last_reading(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "", 3), reading(2, "", 4) };

	assert_int_equal(next_window(t, r, 2).pods, 2);
	next_window(t, r, 2); /* nothing was used */
	r[0].total = usage_of(8);
	next_window(t, r, 1); /* one is not seen */
	r[0].total = usage_of(80);
	r[1].total = usage_of(9);
	crash(t);
	next_window(t, r, 2);
	assert_booked(t, &r[0]);
	assert_booked(t, &r[1]);
}

static void memory_that_is_unknown_is_booked_as_unknown(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 3);
	struct usage sum;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	r.total.memory_byte_ns = r.total.memory_peak_bytes = 0;
	r.total.memory_unmeasured = 1;
	next_window(t, &r, 1);
	next_window(t, &r, 1);
	sum = booked(t, NULL, NULL);
	assert_true(usage_memory_unknown(&sum));
	assert_int_equal(sum.memory_unmeasured, 2);
	assert_usage(verified(t, "shop").totals, sum);
}

static void a_final_pod_is_booked_once_and_never_again(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "", 3), last_reading(2, "", 4) };
	const struct book_reading want = r[1];

	next_window(t, r, 2);
	assert_false(r[0].booked);
	assert_true(r[1].booked);
	assert_booked(t, &want);

	/* the kernel was not told: the same reading again, and after a restart */
	for (int i = 0; i < 2; i++) {
		r[1] = want;
		assert_int_equal(next_window(t, r, 2).pods, 1);
		assert_true(r[1].booked);
		crash(t);
	}
	assert_booked(t, &want);
}

static int count_recalled(void *arg, uint64_t cgroup_id, const struct meter_pod *p,
			  const struct usage *last)
{
	assert_int_equal(cgroup_id, 1);
	assert_string_equal(p->ns, "default");
	assert_string_equal(p->name, "pod-1");
	assert_string_equal(p->lease, "shop");
	assert_string_equal(p->uid, "11111111-2222");
	assert_usage(*last, usage_of(3));
	++*(int *)arg;
	return 0;
}

static int refuse(void *arg, uint64_t cgroup_id, const struct meter_pod *p,
		  const struct usage *last)
{
	(void)arg;
	(void)cgroup_id;
	(void)p;
	(void)last;
	return -ENOMEM;
}

static void recall_tells_the_open_pods_of_this_boot(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "shop", 3), last_reading(2, "shop", 4) };
	int n = 0;

	next_window(t, r, 2);
	crash(t);
	must(book_recall(&t->b, count_recalled, &n, &why));
	assert_int_equal(n, 1);
	assert_int_equal(book_recall(&t->b, refuse, NULL, &why), -ENOMEM);
	memset(t->b.boot, 'b', BOOT_ID_LEN - 1);
	must(book_recall(&t->b, count_recalled, &n, &why));
	assert_int_equal(n, 1);
}

/* Ids of two boots are not related. */
static void the_same_id_in_another_boot_is_another_pod(void **state)
{
	struct bed *t = *state;
	struct book_reading r = last_reading(1, "", 9);

	next_window(t, &r, 1);
	t->b.boot[0] = 'f';
	r = reading(1, "", 2);
	assert_int_equal(next_window(t, &r, 1).pods, 1);
	assert_int_equal(booked(t, "pod-1", NULL).cpu_ns, usage_of(9).cpu_ns + usage_of(2).cpu_ns);
}

/* B1: here the same pod comes twice. */
static void a_window_that_fails_leaves_nothing(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "shop", 3), last_reading(2, "shop", 4),
				    reading(1, "shop", 3) };
	struct book_window untouched = { .from_ms = 77 };
	struct ledger_window before, after;
	struct usage sum;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	next_window(t, r, 1);
	must(ledger_window_last(t->ledger, &before, &why));
	sum = booked(t, NULL, NULL);

	t->now_ms += WINDOW_MS;
	assert_int_equal(book_window(&t->b, t->now_ms, r, 3, &untouched, &why), -EEXIST);
	assert_non_null(strstr(why.text, "default/pod-1"));
	assert_int_equal(untouched.from_ms, 77);
	assert_false(r[1].booked);
	must(ledger_window_last(t->ledger, &after, &why));
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(seq_of(t, "shop"), 1);
	assert_usage(booked(t, NULL, NULL), sum);

	window(t, r, 2); /* and the next one has it all */
	assert_booked(t, &r[0]);
	assert_booked(t, &r[1]);
}

/* B6 */
static void a_pod_whose_counter_falls_keeps_no_other_from_being_booked(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "shop", 3), reading(2, "shop", 4) };
	struct book_window w;
	struct usage before;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	next_window(t, r, 2);
	before = booked(t, "pod-1", NULL);

	r[0].total.tx.raw.packets--;
	r[1] = last_reading(2, "shop", 5);
	w = next_window(t, r, 2);
	assert_int_equal(w.pods, 1);
	assert_int_equal(w.fallen, 1);
	assert_non_null(strstr(w.why_fallen.text, "default/pod-1"));
	assert_usage(booked(t, "pod-1", NULL), before);
	assert_booked(t, &r[1]);
	assert_int_equal(seq_of(t, "shop"), 2);

	r[0] = reading(1, "shop", 6); /* past it again */
	w = next_window(t, r, 1);
	assert_int_equal(w.fallen, 0);
	assert_booked(t, &r[0]);
}

/* Nothing can come any more, so it is closed and the kernel may forget it. */
static void a_fallen_pod_that_is_final_is_closed(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "", 3);

	next_window(t, &r, 1);
	r = last_reading(1, "", 3);
	r.total.cpu_ns--;
	assert_int_equal(next_window(t, &r, 1).fallen, 1);
	assert_true(r.booked);
	assert_int_equal(next_window(t, &r, 1).fallen, 0);
	assert_int_equal(booked(t, "pod-1", NULL).cpu_ns, usage_of(3).cpu_ns);
}

static void a_window_holds_as_many_pods_as_a_record(void **state)
{
	cleanup(free_ptr) struct book_reading *r = calloc(BOOK_PODS_MAX + 1, sizeof(*r));
	struct book_window w = {};
	struct bed *t = *state;

	for (uint64_t i = 0; i <= BOOK_PODS_MAX; i++)
		r[i] = last_reading(i + 1, "shop", 1);
	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	assert_int_equal(book_window(&t->b, t->now_ms, r, BOOK_PODS_MAX + 1, &w, &why), -E2BIG);
	assert_int_equal(w.to_ms, 0);
	assert_int_equal(next_window(t, r, BOOK_PODS_MAX).pods, BOOK_PODS_MAX);
	assert_int_equal(window(t, r + BOOK_PODS_MAX, 1).receipts, 1);
	assert_int_equal(verified(t, "shop").totals.cpu_ns,
			 (BOOK_PODS_MAX + 1) * usage_of(1).cpu_ns);
}

/* ---- Receipts --------------------------------------------------------------------------------- */

/* B2 */
static void a_receipt_is_only_made_for_pods_and_covers_the_time_without(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 3), other = reading(2, "", 1);
	uint64_t opened;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	opened = t->to_ms;
	assert_int_equal(next_window(t, &other, 1).receipts, 0);
	assert_int_equal(next_window(t, &r, 1).receipts, 1);
	assert_int_equal(verified(t, "shop").from_ms, opened);
	assert_int_equal(next_window(t, NULL, 0).receipts, 0);
	crash(t);
	assert_int_equal(next_window(t, NULL, 0).receipts, 0);
	r.total = usage_of(4);
	assert_int_equal(next_window(t, &r, 1).receipts, 1);
	assert_int_equal(verified(t, "shop").count, 2);
	assert_int_equal(verified(t, "shop").to_ms, t->to_ms);
}

/* B3 */
static void a_lease_opened_in_the_middle_pays_only_from_there(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 10);
	const struct usage before = usage_of(15);
	struct usage late;

	next_window(t, &r, 1);
	t->now_ms += WINDOW_MS / 3;
	r.total = before;
	window(t, &r, 1);
	open_lease(t, "shop", 1000000000);
	r.total = usage_of(25);
	next_window(t, &r, 1);
	assert_int_equal(usage_sub(&r.total, &before, &late), 0);
	assert_usage(verified(t, "shop").totals, late);
	assert_booked(t, &r);
	assert_int_equal(settle(t), 1);
	assert_int_equal(account(t, "shop").paid, verified(t, "shop").total_due);
}

/* Prices are those of the lease, each total rounded down once. */
static void what_is_due_is_the_price_of_the_totals(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 0);

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	r.total = (struct usage){ .cpu_ns = 2500000000,
				  .memory_byte_ns = (unsigned __int128)3000000000 << 30,
				  .tx.wire[USAGE_LOCAL].bytes = 3ULL << 29 };
	next_window(t, &r, 1);
	assert_int_equal(verified(t, "shop").total_due,
			 CORE_S * 5 / 2 + GIB_S * 3 + GIB_TX * 3 / 2);
}

static void each_lease_bills_its_own_pods(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "a", 3), reading(2, "b", 40), reading(3, "a", 500),
				    reading(4, "nobody", 6000), reading(5, "", 70000) };

	next_window(t, NULL, 0);
	open_lease(t, "a", 1000000000);
	open_lease(t, "b", 1000000000);
	assert_int_equal(next_window(t, r, ARRAY_LEN(r)).receipts, 2);
	assert_usage(verified(t, "a").totals, booked(t, NULL, "a"));
	assert_usage(verified(t, "b").totals, r[1].total);
	assert_int_equal(settle(t), 2);
}

/* B5 */
static void a_lease_beyond_all_amounts_stops_no_other(void **state)
{
	struct bed *t = *state;
	struct book_lease dear = lease_named("dear", 5);
	struct book_reading r[] = { reading(1, "dear", 30), reading(2, "shop", 3) };
	cleanup(json_free) struct json *view = NULL;
	struct book_window w;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	dear.prices.core_s = UINT64_MAX;
	must(book_lease_open(&t->b, &dear, t->to_ms, &view, &why));
	for (int i = 0; i < 2; i++) {
		w = next_window(t, r, 2);
		assert_int_equal(w.pods, 2);
		assert_int_equal(w.receipts, 1);
		assert_int_equal(w.unbilled, 1);
		assert_non_null(strstr(w.why.text, "lease dear"));
	}
	assert_int_equal(seq_of(t, "dear"), 0);
	assert_int_equal(verified(t, "shop").count, 2);
	assert_booked(t, &r[0]);
}

/* 2^63 - 1 is the largest that the ledger holds, though a report could say more. */
static void a_due_of_more_than_the_ledger_holds_stops_no_other(void **state)
{
	struct bed *t = *state;
	struct book_lease dear = lease_named("dear", 5);
	struct book_reading r = reading(1, "dear", 3);
	cleanup(json_free) struct json *view = NULL;

	next_window(t, NULL, 0);
	dear.prices.core_s = 1ULL << 62;
	must(book_lease_open(&t->b, &dear, t->to_ms, &view, &why));
	assert_int_equal(next_window(t, &r, 1).unbilled, 1);
	assert_booked(t, &r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BED(the_first_window_begins_with_the_agent),
		ON_BED(a_restart_goes_on_where_the_last_window_ended),
		ON_BED(an_hour_without_an_agent_is_in_the_window_behind_it),
		ON_BED(two_windows_in_one_millisecond_are_two),
		ON_BED(a_clock_that_steps_back_makes_short_windows_and_no_gap),
		ON_BED(deltas_sum_to_the_last_reading),
		ON_BED(memory_that_is_unknown_is_booked_as_unknown),
		ON_BED(a_final_pod_is_booked_once_and_never_again),
		ON_BED(recall_tells_the_open_pods_of_this_boot),
		ON_BED(the_same_id_in_another_boot_is_another_pod),
		ON_BED(a_window_that_fails_leaves_nothing),
		ON_BED(a_pod_whose_counter_falls_keeps_no_other_from_being_booked),
		ON_BED(a_fallen_pod_that_is_final_is_closed),
		ON_BED(a_window_holds_as_many_pods_as_a_record),
		ON_BED(a_receipt_is_only_made_for_pods_and_covers_the_time_without),
		ON_BED(a_lease_opened_in_the_middle_pays_only_from_there),
		ON_BED(what_is_due_is_the_price_of_the_totals),
		ON_BED(each_lease_bills_its_own_pods),
		ON_BED(a_lease_beyond_all_amounts_stops_no_other),
		ON_BED(a_due_of_more_than_the_ledger_holds_stops_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
