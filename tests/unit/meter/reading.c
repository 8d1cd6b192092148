/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/reading.h"
#include "unit/core/random.h"
#include "unit/core/test.h"

#define PAGE 4096

/* Every number differs from every other. */
static struct weir_net net_make(uint64_t n)
{
	struct weir_net net = { .rx.raw = { n + 1, n + 2 }, .tx.raw = { n + 3, n + 4 } };

	for (int c = 0; c < WEIR_CLASSES_BILLED; c++) {
		net.rx.wire[c] = (struct weir_count){ n + 10 + c, n + 20 + c };
		net.tx.wire[c] = (struct weir_count){ n + 30 + c, n + 40 + c };
	}
	return net;
}

static void each_count_goes_to_its_own_class_and_direction(void **state)
{
	const struct weir_sample s = { .pod.cpu_ns = 77 };
	const struct weir_net net = net_make(1000);
	struct usage u = {};

	(void)state;
	meter_reading(&s, &net, PAGE, &u);
	assert_int_equal(u.cpu_ns, 77);
	assert_int_equal(u.rx.wire[USAGE_EXTERNAL].bytes, 1010 + WEIR_CLASS_EXTERNAL);
	assert_int_equal(u.rx.wire[USAGE_CLUSTER].packets, 1020 + WEIR_CLASS_CLUSTER);
	assert_int_equal(u.tx.wire[USAGE_LOCAL].bytes, 1030 + WEIR_CLASS_LOCAL);
	assert_int_equal(u.tx.wire[USAGE_EXTERNAL].packets, 1040 + WEIR_CLASS_EXTERNAL);
	assert_int_equal(u.rx.raw.bytes, 1001);
	assert_int_equal(u.rx.raw.packets, 1002);
	assert_int_equal(u.tx.raw.bytes, 1003);
	assert_int_equal(u.tx.raw.packets, 1004);
}

/* M2 */
static void memory_that_was_not_counted_is_unmeasured_and_never_0(void **state)
{
	const struct weir_sample s = {
		.pod = { .mem_page_ns_lo = 5, .mem_pages = 6, .mem_peak_pages = 7 }
	};
	const struct weir_net net = {};
	struct usage u = {};

	(void)state;
	meter_reading(&s, &net, PAGE, &u);
	assert_int_equal(u.memory_unmeasured, 1);
	assert_true(usage_memory_unknown(&u));
}

static void memory_of_0_is_measured(void **state)
{
	const struct weir_sample s = { .pod.flags = WEIR_POD_HAS_MEM };
	const struct weir_net net = {};
	struct usage u = { .memory_unmeasured = 1 };

	(void)state;
	meter_reading(&s, &net, PAGE, &u);
	assert_false(usage_memory_unknown(&u));
	assert_int_equal(u.memory_unmeasured, 0);
}

static void both_words_of_the_integral_become_bytes(void **state)
{
	const struct weir_sample s = { .pod = { .flags = WEIR_POD_HAS_MEM,
						.mem_page_ns_lo = UINT64_MAX,
						.mem_page_ns_hi = 3,
						.mem_peak_pages = 1ULL << 40 } };
	unsigned __int128 want = (((unsigned __int128)3 << 64) | UINT64_MAX) * 65536;
	const struct weir_net net = {};
	struct usage u = {};

	(void)state;
	meter_reading(&s, &net, 65536, &u);
	assert_true(u.memory_byte_ns == want);
	assert_int_equal(u.memory_peak_bytes, 1ULL << 56);
}

/* M3 */
static void a_pod_is_final_when_nothing_can_come(void **state)
{
	(void)state;
	for (uint32_t st = WEIR_POD_LIVE; st <= WEIR_POD_MISSED; st++) {
		const struct weir_sample s = { .pod.state = st };

		assert_int_equal(meter_final(&s), st != WEIR_POD_LIVE && st != WEIR_POD_REMOVED);
	}
}

/* M1: whatever readings are left out, the differences of the others make up the last one. */
static void differences_of_any_readings_make_up_the_last(void **state)
{
	struct weir_sample s = { .pod.flags = WEIR_POD_HAS_MEM };
	struct random random = { 7 };
	struct usage last = {}, sum = {}, now = {}, delta;
	struct weir_net net = {};

	(void)state;
	for (int i = 0; i < 500; i++) {
		unsigned int class = random_next(&random) % WEIR_CLASSES_BILLED;
		uint64_t low = s.pod.mem_page_ns_lo, more = random_next(&random) >> 1;

		s.pod.cpu_ns += random_next(&random) >> 20;
		s.pod.mem_page_ns_lo += more;
		s.pod.mem_page_ns_hi += s.pod.mem_page_ns_lo < low;
		net.tx.wire[class].bytes += random_next(&random) >> 30;
		net.rx.raw.packets++;
		meter_reading(&s, &net, PAGE, &now);
		if (i != 499 && random_next(&random) % 3)
			continue;
		assert_int_equal(usage_sub(&now, &last, &delta), 0);
		assert_int_equal(usage_add(&sum, &delta), 0);
		last = now;
	}
	assert_null(usage_diff(&sum, &now));
}

static void what_went_by_all_interfaces_of_a_pod_is_its(void **state)
{
	const struct weir_veth veths[] = {
		{ 3, { 1, 1 }, { 1, 1 } },
		{ 5, { 10, 1 }, { 100, 3 } },
		{ 5, { 20, 2 }, { 200, 4 } },
		{ 9, { 7, 7 }, { 7, 7 } },
	};
	struct usage_interface seen = { .rx.bytes = 77 };
	struct weir_sample s = { .cgroup_id = 5 };

	(void)state;
	assert_true(meter_interface(&s, veths, 4, &seen));
	assert_int_equal(seen.rx.bytes, 30);
	assert_int_equal(seen.rx.packets, 3);
	assert_int_equal(seen.tx.bytes, 300);
	assert_int_equal(seen.tx.packets, 7);
	for (s.cgroup_id = 4; s.cgroup_id < 11; s.cgroup_id += 2) {
		assert_false(meter_interface(&s, veths, 4, &seen));
		assert_int_equal(seen.rx.bytes, 30);
	}
	assert_false(meter_interface(&s, NULL, 0, &seen));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_count_goes_to_its_own_class_and_direction),
		TEST(memory_that_was_not_counted_is_unmeasured_and_never_0),
		TEST(memory_of_0_is_measured),
		TEST(both_words_of_the_integral_become_bytes),
		TEST(what_went_by_all_interfaces_of_a_pod_is_its),
		TEST(a_pod_is_final_when_nothing_can_come),
		TEST(differences_of_any_readings_make_up_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
