/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/erasure.h"

#include <stdbool.h>

#include "core/cleanup.h"
#include "unit/walrus/content.h"
#include "walrus/lanes.h"

#define SYMBOL_MAX 200
#define SYMBOLS_MAX 40

/* More recovery than source, less, as many, powers of two and not, several chunks of either. */
static const struct {
	size_t k, m;
} codes[] = { { 1, 1 }, { 2, 2 }, { 3, 1 },  { 2, 5 },	{ 7, 3 },
	      { 4, 6 }, { 8, 8 }, { 21, 3 }, { 3, 30 }, { 16, 17 } };

static void encode_one(const struct erasure *e, const uint8_t *in, size_t symbol_bytes,
		       uint8_t *ret)
{
	cleanup(free_ptr) uint8_t *scratch = malloc(erasure_scratch_bytes(e));
	struct erasure_word word = { in, ret, symbol_bytes, symbol_bytes };

	assert_non_null(scratch);
	erasure_encode(e, &word, 1, symbol_bytes, scratch);
}

static void xor_into(uint8_t *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] ^= from[i];
}

static void the_code_is_linear_and_the_same_by_all(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		for (size_t k = 0; lanes_all[k]; k++) {
			cleanup(erasure_free) struct erasure *e = NULL, *plain = NULL;
			size_t in_len = codes[c].k * SYMBOL_MAX, out_len = codes[c].m * SYMBOL_MAX;
			uint8_t a[SYMBOLS_MAX * SYMBOL_MAX], b[sizeof(a)];
			uint8_t of_a[sizeof(a)], of_b[sizeof(a)], of_sum[sizeof(a)];

			if (!lanes_all[k]->usable())
				continue;
			assert_int_equal(erasure_new(codes[c].k, codes[c].m, lanes_all[k], &e), 0);
			assert_int_equal(erasure_new(codes[c].k, codes[c].m, &lanes_plain, &plain),
					 0);
			content_lcg(a, in_len, 1);
			content_lcg(b, in_len, 2);
			encode_one(e, a, SYMBOL_MAX, of_a);
			encode_one(plain, a, SYMBOL_MAX, of_b);
			assert_memory_equal(of_a, of_b, out_len);
			encode_one(e, b, SYMBOL_MAX, of_b);
			xor_into(a, b, in_len);
			encode_one(e, a, SYMBOL_MAX, of_sum);
			xor_into(of_a, of_b, out_len);
			assert_memory_equal(of_a, of_sum, out_len);
		}
	}
}

/* Each source symbol is in each recovery symbol: any k of all symbols give the rest. */
static void every_symbol_counts_everywhere(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		cleanup(erasure_free) struct erasure *e = NULL;

		assert_int_equal(erasure_new(codes[c].k, codes[c].m, lanes_best(), &e), 0);
		for (size_t i = 0; i < codes[c].k; i++) {
			uint16_t in[SYMBOLS_MAX] = {}, out[SYMBOLS_MAX] = {};

			in[i] = 1;
			encode_one(e, (const uint8_t *)in, sizeof(in[0]), (uint8_t *)out);
			for (size_t r = 0; r < codes[c].m; r++)
				assert_int_not_equal(out[r], 0);
		}
	}
}

/* Elements are code words of their own, so short symbols must give what long ones give in part. */
static void words_together_are_as_words_alone(void **state)
{
	enum { WORDS = 40, K = 7, M = 3 };
	static const size_t sizes[] = { 2, 4, 6, 22, 32, 34, 46, 62, 64, 66, 126, 128, 198 };
	cleanup(erasure_free) struct erasure *e = NULL;

	(void)state;
	assert_int_equal(erasure_new(K, M, lanes_best(), &e), 0);
	cleanup(free_ptr) uint8_t *scratch = malloc(erasure_scratch_bytes(e));

	for (size_t n = 0; n < ARRAY_LEN(sizes); n++) {
		size_t s = sizes[n];
		uint8_t in[WORDS * K * SYMBOL_MAX], out[WORDS * M * SYMBOL_MAX],
			alone[M * SYMBOL_MAX];
		struct erasure_word words[WORDS];

		content_lcg(in, sizeof(in), (uint32_t)n);
		for (size_t i = 0; i < WORDS; i++)
			words[i] = (struct erasure_word){ in + i * K * s, out + i * M * s, s, s };
		erasure_encode(e, words, WORDS, s, scratch);
		for (size_t i = 0; i < WORDS; i++) {
			encode_one(e, in + i * K * s, s, alone);
			assert_memory_equal(out + i * M * s, alone, M * s);
		}
	}
}

/* As many elements of all words as go into a lane. */
static void batches_fill_the_lanes(void **state)
{
	(void)state;
	assert_int_equal(erasure_batch(2), 32);
	assert_int_equal(erasure_batch(6), 10);
	assert_int_equal(erasure_batch(46), 1);
	assert_int_equal(erasure_batch(64), 1);
	assert_int_equal(erasure_batch(66), 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_code_is_linear_and_the_same_by_all),
		cmocka_unit_test(every_symbol_counts_everywhere),
		cmocka_unit_test(words_together_are_as_words_alone),
		cmocka_unit_test(batches_fill_the_lanes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
