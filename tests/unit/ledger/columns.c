/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

static void add_sums_every_counter_and_keeps_the_larger_peak(void **state)
{
	struct ledger_usage a = reading(1), b = reading(2), want = reading(3);

	(void)state;
	/* reading() is n * 1000 + k in each counter, so the sum has 3000 + 2k. */
	want.cpu_ns += 1;
	want.memory_peak_bytes = 2002;
	for (size_t c = 0; c < LEDGER_CLASS_MAX_; c++) {
		want.rx.bytes[c] += 10 + c;
		want.rx.packets[c] += 20 + c;
		want.tx.bytes[c] += 30 + c;
		want.tx.packets[c] += 40 + c;
	}
	want.rx.raw_bytes += 50;
	want.rx.raw_packets += 51;
	want.tx.raw_bytes += 52;
	want.tx.raw_packets += 53;
	assert_int_equal(ledger_usage_add(&a, &b), 0);
	assert_usage(&a, &want);
}

static void sub_undoes_add(void **state)
{
	struct ledger_usage a = reading(1), b = reading(2), sum = a, d;

	(void)state;
	assert_int_equal(ledger_usage_add(&sum, &b), 0);
	assert_int_equal(ledger_usage_sub(&sum, &a, &d), 0);
	assert_usage(&d, &b);
}

/* Each member is its own case: a counter that the table left out would pass. */
static void an_overflow_of_any_counter_changes_nothing(void **state)
{
	const struct ledger_usage one = reading(0);
	uint64_t *members[17];
	struct ledger_usage u;
	size_t n = 0;

	(void)state;
	members[n++] = &u.cpu_ns;
	for (size_t c = 0; c < LEDGER_CLASS_MAX_; c++) {
		members[n++] = &u.rx.bytes[c];
		members[n++] = &u.rx.packets[c];
		members[n++] = &u.tx.bytes[c];
		members[n++] = &u.tx.packets[c];
	}
	members[n++] = &u.rx.raw_bytes;
	members[n++] = &u.rx.raw_packets;
	members[n++] = &u.tx.raw_bytes;
	members[n++] = &u.tx.raw_packets;
	assert_int_equal(n, ARRAY_LEN(members));
	for (size_t i = 0; i < n; i++) {
		struct ledger_usage before, sum, diff = reading(9), untouched = diff;

		u = reading(5);
		*members[i] = UINT64_MAX;
		before = sum = u;
		assert_int_equal(ledger_usage_add(&sum, &one), -EOVERFLOW);
		assert_usage(&sum, &before);
		/* and the other way round: that counter alone is below */
		assert_int_equal(ledger_usage_sub(&one, &u, &diff), -ERANGE);
		u = one;
		*members[i] += 1;
		assert_int_equal(ledger_usage_sub(&one, &u, &diff), -ERANGE);
		assert_usage(&diff, &untouched);
	}
}

static void memory_has_128_checked_bits(void **state)
{
	struct ledger_usage a = { .memory_measured = true }, b = a, d;

	(void)state;
	a.memory_byte_ns = ~(unsigned __int128)0;
	b.memory_byte_ns = 1;
	assert_int_equal(ledger_usage_sub(&a, &b, &d), 0);
	assert_true(d.memory_byte_ns == ~(unsigned __int128)0 - 1);
	assert_int_equal(ledger_usage_add(&a, &b), -EOVERFLOW);
	assert_true(a.memory_byte_ns == ~(unsigned __int128)0);
	assert_int_equal(ledger_usage_sub(&b, &a, &d), -ERANGE);
}

static void memory_not_measured_is_unknown_and_not_zero(void **state)
{
	struct ledger_usage none = { .cpu_ns = 5 }, known = reading(1), d, sum = {};

	(void)state;
	assert_int_equal(ledger_usage_sub(&none, &none, &d), 0);
	assert_false(d.memory_measured);
	assert_int_equal(ledger_usage_sub(&known, &none, &d), 0); /* became known */
	assert_true(d.memory_measured);
	assert_true(d.memory_byte_ns == known.memory_byte_ns);
	assert_int_equal(ledger_usage_add(&sum, &none), 0);
	assert_false(sum.memory_measured);
	assert_int_equal(ledger_usage_add(&sum, &known), 0);
	assert_true(sum.memory_measured);
	known.memory_measured = false;
	known.cpu_ns += 1;
	known.memory_byte_ns = known.memory_peak_bytes = 0;
	assert_int_equal(ledger_usage_sub(&known, &sum, &d), -ERANGE); /* cpu: 1002 < 1006 */
	known.cpu_ns = sum.cpu_ns;
	assert_int_equal(ledger_usage_sub(&known, &sum, &d), 0); /* became unknown */
	assert_false(d.memory_measured);
	assert_true(d.memory_byte_ns == 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_sums_every_counter_and_keeps_the_larger_peak),
		cmocka_unit_test(sub_undoes_add),
		cmocka_unit_test(an_overflow_of_any_counter_changes_nothing),
		cmocka_unit_test(memory_has_128_checked_bits),
		cmocka_unit_test(memory_not_measured_is_unknown_and_not_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
