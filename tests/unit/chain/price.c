/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/price.h"

#include <errno.h>

#include "core/bcs.h"
#include "core/json.h"
#include "unit/chain/sample.h"

#define GIB (1ULL << 30)
#define S 1000000000ULL

static uint64_t due(const struct prices *p, const struct usage *u)
{
	uint64_t ret = 12345;
	struct err err = {};

	if (price_due(p, u, 0, &ret, &err) < 0)
		fail_msg("%s", err.text);
	return ret;
}

static void each_dimension_has_its_own_price_and_unit(void **state)
{
	struct usage u = { .cpu_ns = 2 * S, .memory_byte_ns = (unsigned __int128)3 * GIB * S };
	struct prices p;

	(void)state;
	for (unsigned int c = 0; c < USAGE_CLASS_MAX_; c++) {
		u.rx.wire[c].bytes = (5 + c) * GIB;
		u.tx.wire[c].bytes = (11 + c) * GIB;
	}
	p = (struct prices){ .core_s = 7 };
	assert_int_equal(due(&p, &u), 14);
	p = (struct prices){ .gib_s = 7 };
	assert_int_equal(due(&p, &u), 21);
	for (unsigned int c = 0; c < USAGE_CLASS_MAX_; c++) {
		p = (struct prices){};
		p.rx_gib[c] = 7;
		assert_int_equal(due(&p, &u), 7 * (5 + c));
		p = (struct prices){};
		p.tx_gib[c] = 7;
		assert_int_equal(due(&p, &u), 7 * (11 + c));
	}
	p = (struct prices){ 1, 1, { 1, 1, 1 }, { 1, 1, 1 }, 0 };
	assert_int_equal(due(&p, &u), 2 + 3 + 5 + 6 + 7 + 11 + 12 + 13);
}

static void raw_bytes_packets_and_peaks_cost_nothing(void **state)
{
	const struct prices p = { 1, 1, { 1, 1, 1 }, { 1, 1, 1 }, 0 };
	struct usage u = {
		.memory_peak_bytes = UINT64_MAX,
		.memory_unmeasured = UINT64_MAX,
		.rx.raw = { UINT64_MAX, UINT64_MAX },
		.tx.raw = { UINT64_MAX, UINT64_MAX },
	};

	(void)state;
	for (unsigned int c = 0; c < USAGE_CLASS_MAX_; c++)
		u.rx.wire[c].packets = u.tx.wire[c].packets = UINT64_MAX;
	assert_int_equal(due(&p, &u), 0);
}

static void each_dimension_is_rounded_down_once(void **state)
{
	const struct prices p = { .core_s = 3, .gib_s = 3, .tx_gib = { 3 } };
	struct usage u = { .cpu_ns = S - 1 };

	(void)state;
	assert_int_equal(due(&p, &u), 2); /* 2.999... */
	u.tx.wire[USAGE_EXTERNAL].bytes = GIB - 1;
	assert_int_equal(due(&p, &u), 4);
	u.memory_byte_ns = (unsigned __int128)GIB * S - 1;
	assert_int_equal(due(&p, &u), 6);
	u.cpu_ns++;
	assert_int_equal(due(&p, &u), 7);
}

static void rounding_does_not_accumulate_over_windows(void **state)
{
	const struct prices p = { .core_s = 1 };
	struct usage total = {};

	(void)state;
	/* a thousand windows of a third of a MIST each */
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(usage_add(&total, &(struct usage){ .cpu_ns = S / 3 }), 0);
	assert_int_equal(due(&p, &total), 333);
}

static void due_never_falls_as_usage_and_time_go_on(void **state)
{
	const struct prices p = { 999, 7, { 3, 5, 7 }, { 11, 13, 17 }, 2000 };
	struct usage total = {};
	uint64_t before = 0, now;

	(void)state;
	for (uint64_t i = 0; i < 2000; i++) {
		struct usage part = sample_usage(i * i);

		assert_int_equal(usage_add(&total, &part), 0);
		assert_int_equal(price_due(&p, &total, i * 37, &now, NULL), 0);
		assert_true(now >= before);
		assert_true(now <= price_cap(&p, i * 37));
		before = now;
	}
	assert_true(before > 0);
}

static void overflow_is_exactly_beyond_64_bits(void **state)
{
	struct prices p = { .core_s = UINT64_MAX };
	struct usage u = { .cpu_ns = S };
	struct err err = {};
	uint64_t ret = 7;

	(void)state;
	assert_int_equal(due(&p, &u), UINT64_MAX);
	u.cpu_ns = S + 1;
	assert_int_equal(price_due(&p, &u, 0, &ret, &err), -EOVERFLOW);
	assert_non_null(strstr(err.text, "total_due"));
	assert_int_equal(ret, 7);
	/* two dimensions that fit alone */
	u = (struct usage){ .cpu_ns = S, .tx.wire[USAGE_LOCAL].bytes = GIB };
	p.tx_gib[USAGE_LOCAL] = 1;
	assert_int_equal(price_due(&p, &u, 0, &ret, NULL), -EOVERFLOW);
	p.core_s--;
	assert_int_equal(due(&p, &u), UINT64_MAX);
	/* a cap does not hide it */
	p.core_s++, p.cap_s = 1;
	assert_int_equal(price_due(&p, &u, 1000, &ret, NULL), -EOVERFLOW);
	assert_int_equal(ret, 7);
}

static void the_largest_memory_integral_is_priced_without_overflow(void **state)
{
	const unsigned __int128 most = -(unsigned __int128)1;
	struct usage u = { .memory_byte_ns = most };
	struct prices p = {};
	uint64_t ret = 7;

	(void)state;
	assert_int_equal(due(&p, &u), 0);
	p.gib_s = UINT64_MAX;
	assert_int_equal(price_due(&p, &u, 0, &ret, NULL), -EOVERFLOW);
	assert_int_equal(ret, 7);
	u.memory_byte_ns = (unsigned __int128)GIB * S - 1;
	p.gib_s = UINT64_MAX;
	/* floor((u - 1) * m / u) = m - 1 - floor(m / u) where u does not divide m */
	assert_int_equal(due(&p, &u), UINT64_MAX - 1 - UINT64_MAX / (GIB * S));
	u.memory_byte_ns = (unsigned __int128)GIB * S * UINT64_MAX;
	p.gib_s = 1;
	assert_int_equal(due(&p, &u), UINT64_MAX);
}

static void the_rate_cap_bounds_what_is_due(void **state)
{
	const struct usage u = { .cpu_ns = 100 * S };
	struct prices p = { .core_s = 10, .cap_s = 7 };
	uint64_t ret;

	(void)state;
	assert_int_equal(price_due(&p, &u, 10000, &ret, NULL), 0);
	assert_int_equal(ret, 70);
	assert_int_equal(price_due(&p, &u, 1999, &ret, NULL), 0);
	assert_int_equal(ret, 13); /* 13.993 */
	assert_int_equal(price_due(&p, &u, 0, &ret, NULL), 0);
	assert_int_equal(ret, 0);
	assert_int_equal(price_due(&p, &u, 1000000, &ret, NULL), 0);
	assert_int_equal(ret, 1000);
	p.cap_s = 0;
	assert_int_equal(price_due(&p, &u, 0, &ret, NULL), 0);
	assert_int_equal(ret, 1000);
}

static void a_cap_beyond_64_bits_is_no_cap(void **state)
{
	const struct prices p = { .cap_s = UINT64_MAX };

	(void)state;
	assert_int_equal(price_cap(&p, 1000), UINT64_MAX);
	assert_int_equal(price_cap(&p, UINT64_MAX), UINT64_MAX);
	assert_int_equal(price_cap(&p, 0), 0);
	assert_int_equal(price_cap(&(struct prices){}, 0), UINT64_MAX);
}

static void prices_round_trip_as_bcs_and_json(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(1024);
	cleanup(json_free) struct json *obj = json_new_object();
	const struct prices p = { 1, 2, { 3, 4, 5 }, { 6, 7, UINT64_MAX }, 9 };
	struct prices got = {};
	struct err err = {};
	struct bcs in;

	(void)state;
	price_encode(&p, &out);
	assert_int_equal(out.len, 72);
	bcs_init(&in, out.data, out.len);
	price_decode(&in, &got);
	assert_int_equal(bcs_end(&in), 0);
	assert_null(price_diff(&got, &p));
	got = (struct prices){};
	assert_string_equal(price_diff(&got, &p), "mist_per_core_second");
	price_to_json(&p, obj);
	assert_int_equal(price_from_json(obj, &got, &err), 0);
	assert_null(price_diff(&got, &p));
	json_set_str(obj, "mist_per_gib_rx_local", "-1");
	assert_int_equal(price_from_json(obj, &got, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "mist_per_gib_rx_local"));
	assert_null(price_diff(&got, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_dimension_has_its_own_price_and_unit),
		cmocka_unit_test(raw_bytes_packets_and_peaks_cost_nothing),
		cmocka_unit_test(each_dimension_is_rounded_down_once),
		cmocka_unit_test(rounding_does_not_accumulate_over_windows),
		cmocka_unit_test(due_never_falls_as_usage_and_time_go_on),
		cmocka_unit_test(overflow_is_exactly_beyond_64_bits),
		cmocka_unit_test(the_largest_memory_integral_is_priced_without_overflow),
		cmocka_unit_test(the_rate_cap_bounds_what_is_due),
		cmocka_unit_test(a_cap_beyond_64_bits_is_no_cap),
		cmocka_unit_test(prices_round_trip_as_bcs_and_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
