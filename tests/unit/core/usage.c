/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage.h"

#include "core/bcs.h"
#include "core/buf.h"
#include "core/json.h"
#include "unit/core/test.h"

#define FIELDS 20
#define UNMEASURED 2 /* the number of memory_unmeasured */

/* Field i of a usage as a pointer to its (low) 64 bits: two for memory_byte_ns, then the rest. */
static uint64_t *field(struct usage *u, size_t i)
{
	return (uint64_t *)u + (i ? i + 1 : 0);
}

/* A reading with another number in every field, for any two n; it grows with n. */
static struct usage sample(uint64_t n)
{
	struct usage u = { .memory_byte_ns = (unsigned __int128)1 << 66 };

	for (size_t i = 0; i < FIELDS; i++)
		if (i != UNMEASURED)
			*field(&u, i) = n * 1000 + i + 1;
	return u;
}

static void every_field_is_added_and_compared(void **state)
{
	(void)state;
	for (size_t i = 0; i < FIELDS; i++) {
		struct usage total = sample(1), part = {}, want = total;

		*field(&part, i) = 5000000;
		assert_non_null(usage_diff(&part, &(struct usage){}));
		assert_int_equal(usage_add(&total, &part), 0);
		*field(&want, i) += i == 1 ? 5000000 - want.memory_peak_bytes : 5000000;
		assert_null(usage_diff(&total, &want));
		assert_non_null(usage_diff(&total, &(const struct usage){}));
	}
}

static void of_two_memory_peaks_the_larger_stays(void **state)
{
	struct usage total = { .memory_peak_bytes = 10 };

	(void)state;
	assert_int_equal(usage_add(&total, &(struct usage){ .memory_peak_bytes = 7 }), 0);
	assert_int_equal(total.memory_peak_bytes, 10);
	assert_int_equal(usage_add(&total, &(struct usage){ .memory_peak_bytes = 11 }), 0);
	assert_int_equal(total.memory_peak_bytes, 11);
}

static void an_overflow_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < FIELDS; i++) {
		struct usage total = sample(1), before, part = {};

		if (i == 1)
			continue; /* the peak isn't added */
		if (i == 0)
			total.memory_byte_ns = -(unsigned __int128)1;
		else
			*field(&total, i) = UINT64_MAX;
		before = total;
		*field(&part, i) = 1;
		assert_int_equal(usage_add(&total, &part), -EOVERFLOW);
		assert_null(usage_diff(&total, &before));
	}
}

/* ---- The difference of two readings --------------------------------------------------------- */

static void sub_undoes_add(void **state)
{
	const struct usage a = sample(1), b = sample(2);
	struct usage sum = a, got = {};

	(void)state;
	assert_int_equal(usage_add(&sum, &b), 0);
	assert_int_equal(usage_sub(&sum, &a, &got), 0);
	assert_null(usage_diff(&got, &b)); /* the peak is the sum's, which is b's */
}

static void a_counter_that_fell_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < FIELDS; i++) {
		struct usage now = sample(5), before = sample(5), got = sample(9);
		const struct usage untouched = got;

		if (i == 1 || i == UNMEASURED)
			continue; /* not counters of a reading */
		*field(&before, i) += 1;
		assert_int_equal(usage_sub(&now, &before, &got), -ERANGE);
		assert_null(usage_diff(&got, &untouched));
		*field(&now, i) += 1;
		assert_int_equal(usage_sub(&now, &before, &got), 0);
	}
}

static void the_difference_of_memory_has_128_bits(void **state)
{
	const struct usage all = { .memory_byte_ns = -(unsigned __int128)1 };
	const struct usage one = { .memory_byte_ns = 1 };
	struct usage got = {};

	(void)state;
	assert_int_equal(usage_sub(&all, &one, &got), 0);
	assert_true(got.memory_byte_ns == all.memory_byte_ns - 1);
	assert_int_equal(usage_sub(&one, &all, &got), -ERANGE);
}

static void the_peak_of_a_difference_is_of_now(void **state)
{
	struct usage got = {};

	(void)state;
	assert_int_equal(usage_sub(&(struct usage){ .memory_peak_bytes = 7 },
				   &(struct usage){ .memory_peak_bytes = 10 }, &got),
			 0);
	assert_int_equal(got.memory_peak_bytes, 7);
}

static void memory_that_became_known_counts_from_0(void **state)
{
	const struct usage before = { .memory_unmeasured = 3 }, now = sample(1);
	struct usage got = {};

	(void)state;
	assert_int_equal(usage_sub(&now, &before, &got), 0);
	assert_null(usage_diff(&got, &now));
	assert_false(usage_memory_unknown(&got));
}

static void memory_that_became_unknown_has_no_amount(void **state)
{
	const struct usage before = sample(1);
	struct usage now = sample(2), got = {};

	(void)state;
	now.memory_byte_ns = now.memory_peak_bytes = 0;
	now.memory_unmeasured = 1;
	assert_int_equal(usage_sub(&now, &before, &got), 0);
	assert_int_equal(got.memory_unmeasured, 1);
	assert_true(usage_memory_unknown(&got));
	assert_int_equal(got.cpu_ns, 1000);
}

/* ---- Forms ---------------------------------------------------------------------------------- */

static void encoding_is_168_bytes_and_decodes_to_the_same(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(1024);
	const struct usage u = sample(77);
	struct usage got = {};
	struct bcs in;

	(void)state;
	usage_encode(&u, &out);
	assert_int_equal(buf_error(&out), 0);
	assert_int_equal(out.len, 168);
	bcs_init(&in, out.data, out.len);
	usage_decode(&in, &got);
	assert_int_equal(bcs_end(&in), 0);
	assert_null(usage_diff(&got, &u));
}

static void json_round_trips_at_the_limits(void **state)
{
	cleanup(json_free) struct json *obj = json_new_object();
	struct usage u = { .memory_byte_ns = -(unsigned __int128)1 }, got = {};
	struct err err = {};

	(void)state;
	for (size_t i = 1; i < FIELDS; i++)
		*field(&u, i) = UINT64_MAX;
	usage_to_json(&u, obj);
	assert_string_equal(json_str(obj, "cpu_ns", ""), "18446744073709551615");
	assert_string_equal(json_str(obj, "memory_byte_ns", ""),
			    "340282366920938463463374607431768211455");
	assert_int_equal(usage_from_json(obj, &got, &err), 0);
	assert_null(usage_diff(&got, &u));
}

static void unmeasured_memory_is_null_and_comes_back(void **state)
{
	cleanup(json_free) struct json *obj = json_new_object();
	const struct usage u = { .memory_unmeasured = 1, .cpu_ns = 5 };
	struct usage got = {};

	(void)state;
	usage_to_json(&u, obj);
	assert_int_equal(json_type(json_get(obj, "memory_byte_ns")), JSON_NULL);
	assert_non_null(json_get(obj, "memory_byte_ns"));
	assert_int_equal(json_type(json_get(obj, "memory_peak_bytes")), JSON_NULL);
	assert_int_equal(usage_from_json(obj, &got, NULL), 0);
	assert_null(usage_diff(&got, &u));
}

static void totals_with_some_measured_memory_show_the_amount_and_the_gaps(void **state)
{
	cleanup(json_free) struct json *obj = json_new_object();
	const struct usage u = { .memory_unmeasured = 2, .memory_byte_ns = 9 };

	(void)state;
	usage_to_json(&u, obj);
	assert_string_equal(json_str(obj, "memory_byte_ns", ""), "9");
	assert_string_equal(json_str(obj, "memory_unmeasured", ""), "2");
}

static void null_memory_without_a_gap_is_refused(void **state)
{
	cleanup(json_free) struct json *obj = json_new_object();
	struct usage got = { .cpu_ns = 3 };
	struct err err = {};

	(void)state;
	usage_to_json(&(struct usage){}, obj);
	assert_int_equal(usage_from_json(obj, &got, NULL), 0);
	assert_int_equal(got.cpu_ns, 0);
	got.cpu_ns = 3;
	json_set_null(obj, "memory_byte_ns");
	json_set_null(obj, "memory_peak_bytes");
	assert_int_equal(usage_from_json(obj, &got, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "memory_byte_ns"));
	assert_int_equal(got.cpu_ns, 3);
}

static void a_missing_member_is_named(void **state)
{
	cleanup(json_free) struct json *obj = json_new_object();
	struct usage got = { .cpu_ns = 3 };
	struct err err = {};

	(void)state;
	usage_to_json(&(struct usage){}, obj);
	json_set_str(obj, "tx_packets_raw", "x");
	assert_int_equal(usage_from_json(obj, &got, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "tx_packets_raw"));
	assert_int_equal(got.cpu_ns, 3);
}

static void an_interface_differs_by_more_than_64_kib_and_a_sixteenth(void **state)
{
	const struct {
		uint64_t raw, wire, seen;
		bool differs;
	} cases[] = {
		{ 0, 0, 0, false },
		{ 0, 0, 65536, false }, /* what the kernel says by itself */
		{ 0, 0, 65537, true },
		{ 65537, 65537, 0, true },
		{ 1000, 1100, 1050, false }, /* segmented on the way, or not */
		{ 16 << 20, 17 << 20, 16 << 20, false },
		{ 16 << 20, 16 << 20, 17 << 20, false },
		{ 16 << 20, 16 << 20, (17 << 20) + 1, true },
		{ 16 << 20, 16 << 20, (15 << 20) - 1, true },
		{ UINT64_MAX, UINT64_MAX, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct usage_dir dir = { .raw.bytes = cases[i].raw,
					       .wire[USAGE_LOCAL].bytes = cases[i].wire };
		const struct usage_count seen = { .bytes = cases[i].seen };

		assert_int_equal(usage_interface_differs(&(struct usage){ .rx = dir },
							 &(struct usage_interface){ .rx = seen }),
				 cases[i].differs);
		assert_int_equal(usage_interface_differs(&(struct usage){ .tx = dir },
							 &(struct usage_interface){ .tx = seen }),
				 cases[i].differs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_added_and_compared),
		cmocka_unit_test(of_two_memory_peaks_the_larger_stays),
		cmocka_unit_test(an_overflow_changes_nothing),
		cmocka_unit_test(sub_undoes_add),
		cmocka_unit_test(a_counter_that_fell_is_refused_and_changes_nothing),
		cmocka_unit_test(the_difference_of_memory_has_128_bits),
		cmocka_unit_test(the_peak_of_a_difference_is_of_now),
		cmocka_unit_test(memory_that_became_known_counts_from_0),
		cmocka_unit_test(memory_that_became_unknown_has_no_amount),
		cmocka_unit_test(encoding_is_168_bytes_and_decodes_to_the_same),
		cmocka_unit_test(json_round_trips_at_the_limits),
		cmocka_unit_test(unmeasured_memory_is_null_and_comes_back),
		cmocka_unit_test(totals_with_some_measured_memory_show_the_amount_and_the_gaps),
		cmocka_unit_test(null_memory_without_a_gap_is_refused),
		cmocka_unit_test(a_missing_member_is_named),
		cmocka_unit_test(an_interface_differs_by_more_than_64_kib_and_a_sixteenth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
