/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/usage.h"

#include <errno.h>

#include "core/bcs.h"
#include "core/json.h"
#include "unit/chain/sample.h"

#define FIELDS 20

/* Field i of a usage as a pointer to its (low) 64 bits: two for memory_byte_ns, then the rest. */
static uint64_t *field(struct usage *u, size_t i)
{
	return (uint64_t *)u + (i ? i + 1 : 0);
}

static void every_field_is_added_and_compared(void **state)
{
	(void)state;
	for (size_t i = 0; i < FIELDS; i++) {
		struct usage total = sample_usage(1), part = {}, want = total;

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
		struct usage total = sample_usage(1), before, part = {};

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

static void encoding_is_168_bytes_and_decodes_to_the_same(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(1024);
	const struct usage u = sample_usage(77);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_added_and_compared),
		cmocka_unit_test(of_two_memory_peaks_the_larger_stays),
		cmocka_unit_test(an_overflow_changes_nothing),
		cmocka_unit_test(encoding_is_168_bytes_and_decodes_to_the_same),
		cmocka_unit_test(json_round_trips_at_the_limits),
		cmocka_unit_test(unmeasured_memory_is_null_and_comes_back),
		cmocka_unit_test(totals_with_some_measured_memory_show_the_amount_and_the_gaps),
		cmocka_unit_test(null_memory_without_a_gap_is_refused),
		cmocka_unit_test(a_missing_member_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
