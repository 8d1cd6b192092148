/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/lanes.h"

#include "core/cleanup.h"
#include "core/crypto.h"
#include "unit/walrus/content.h"
#include "walrus/gf16.h"

#define MANY 5 /* lanes beside each other */
#define POINTS 64

static int group_setup(void **state)
{
	(void)state;
	return crypto_init();
}

static bool is_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i])
			return false;
	}
	return true;
}

/* What one does the other takes back: b += a, a += b * f; then a += b * f, b += a. */
static void transforms_are_inverse_and_the_same_by_all(void **state)
{
	cleanup(gf16_free) struct gf16 *g = NULL;

	(void)state;
	assert_int_equal(gf16_new(POINTS, &g), 0);
	for (size_t i = 0; i < POINTS; i++) {
		const struct gf16_factor *f = gf16_skew(g, i);
		uint8_t a[MANY * LANE_BYTES], b[sizeof(a)], want_a[sizeof(a)], want_b[sizeof(a)];

		if (!f)
			continue;
		content_lcg(a, sizeof(a), (uint32_t)i);
		content_lcg(b, sizeof(b), (uint32_t)i + 1000);
		memcpy(want_a, a, sizeof(a));
		memcpy(want_b, b, sizeof(b));
		lanes_plain.ifft(want_a, want_b, MANY, f);
		for (size_t k = 0; lanes_all[k]; k++) {
			uint8_t x[sizeof(a)], y[sizeof(b)];

			if (!lanes_all[k]->usable())
				continue;
			memcpy(x, a, sizeof(a));
			memcpy(y, b, sizeof(b));
			lanes_all[k]->ifft(x, y, MANY, f);
			assert_memory_equal(x, want_a, sizeof(x));
			assert_memory_equal(y, want_b, sizeof(y));
			lanes_all[k]->fft(x, y, MANY, f);
			assert_memory_equal(x, a, sizeof(x));
			assert_memory_equal(y, b, sizeof(y));
		}
	}
}

/* Factor 0 and 1 of a field: the first point has the factor 0, no other product of ones is zero. */
static void factors_of_different_points_differ(void **state)
{
	cleanup(gf16_free) struct gf16 *g = NULL;
	uint8_t ones[LANE_BYTES];
	size_t zeros = 0;

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(gf16_new(POINTS, &g), 0);
	for (size_t i = 0; i < POINTS; i++) {
		uint8_t a[LANE_BYTES] = {}, b[LANE_BYTES];

		memcpy(b, ones, sizeof(b));
		if (!gf16_skew(g, i)) {
			zeros++;
			continue;
		}
		lanes_plain.fft(a, b, 1, gf16_skew(g, i));
		assert_false(is_zero(a, sizeof(a)));
	}
	assert_null(gf16_skew(g, 0));
	assert_true(zeros < POINTS / 4);
}

static void four_hashes_of_any_length(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 64, 126, 127, 128, 129, 254, 255, 256, 450, 1000 };
	uint8_t data[LANES_HASHES][1000];

	(void)state;
	for (size_t i = 0; i < LANES_HASHES; i++)
		content_lcg(data[i], sizeof(data[i]), (uint32_t)i);
	for (size_t n = 0; n < ARRAY_LEN(lens); n++) {
		for (size_t k = 0; lanes_all[k]; k++) {
			const uint8_t *from[LANES_HASHES] = { data[0], data[1], data[2], data[3] };
			uint8_t ret[LANES_HASHES][HASH_LEN], want[HASH_LEN], message[1001] = { 7 };
			uint8_t *const to[LANES_HASHES] = { ret[0], ret[1], ret[2], ret[3] };

			if (!lanes_all[k]->usable())
				continue;
			lanes_all[k]->hash(7, from, lens[n], to);
			for (size_t i = 0; i < LANES_HASHES; i++) {
				memcpy(message + 1, data[i], lens[n]);
				blake2b256(message, lens[n] + 1, want);
				assert_memory_equal(ret[i], want, HASH_LEN);
			}
		}
	}
}

static void hashes_may_replace_what_they_are_of(void **state)
{
	(void)state;
	for (size_t k = 0; lanes_all[k]; k++) {
		uint8_t nodes[2 * LANES_HASHES][HASH_LEN], want[LANES_HASHES][HASH_LEN];
		const uint8_t *from[LANES_HASHES];
		uint8_t *to[LANES_HASHES];

		if (!lanes_all[k]->usable())
			continue;
		content_lcg(nodes[0], sizeof(nodes), 1);
		for (size_t i = 0; i < LANES_HASHES; i++) {
			from[i] = nodes[2 * i];
			to[i] = nodes[i];
			lanes_hash_one(1, nodes[2 * i], 2 * HASH_LEN, want[i]);
		}
		lanes_all[k]->hash(1, from, 2 * HASH_LEN, to);
		assert_memory_equal(nodes, want, sizeof(want));
	}
}

static void the_best_is_usable(void **state)
{
	(void)state;
	assert_true(lanes_best()->usable());
	assert_true(lanes_plain.usable());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transforms_are_inverse_and_the_same_by_all),
		cmocka_unit_test(factors_of_different_points_differ),
		cmocka_unit_test(four_hashes_of_any_length),
		cmocka_unit_test(hashes_may_replace_what_they_are_of),
		cmocka_unit_test(the_best_is_usable),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
