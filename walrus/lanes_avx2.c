/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/lanes.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "core/crypto.h"
#include "walrus/gf16.h"

#define AVX2 __attribute__((target("avx2")))
#define INLINE_AVX2 AVX2 __attribute__((always_inline)) static inline

/* Blake2b (RFC 7693). */
#define ROUNDS 12
#define BLOCK 128u
#define WORDS 16

static const uint64_t iv[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint8_t sigma[ROUNDS][WORDS] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
};

static bool usable(void)
{
	return __builtin_cpu_supports("avx2");
}

struct factor {
	__m256i at[2][4]; /* each row of 16 twice: a shuffle stays within its half */
};

INLINE_AVX2 __m256i load(const uint8_t *from)
{
	return _mm256_loadu_si256((const __m256i_u *)from);
}

INLINE_AVX2 void store(uint8_t *to, __m256i v)
{
	_mm256_storeu_si256((__m256i_u *)to, v);
}

INLINE_AVX2 void factor_load(const struct gf16_factor *from, struct factor *ret)
{
	for (size_t byte = 0; byte < 2; byte++) {
		for (size_t i = 0; i < 4; i++)
			ret->at[byte][i] = _mm256_broadcastsi128_si256(
				_mm_loadu_si128((const __m128i_u *)from->at[byte][i]));
	}
}

/* One byte of 32 products. */
INLINE_AVX2 __m256i product(const __m256i at[4], const __m256i nibbles[4])
{
	__m256i low = _mm256_xor_si256(_mm256_shuffle_epi8(at[0], nibbles[0]),
				       _mm256_shuffle_epi8(at[1], nibbles[1]));
	__m256i high = _mm256_xor_si256(_mm256_shuffle_epi8(at[2], nibbles[2]),
					_mm256_shuffle_epi8(at[3], nibbles[3]));

	return _mm256_xor_si256(low, high);
}

struct lane {
	__m256i low, high;
};

INLINE_AVX2 struct lane lane_load(const uint8_t *from)
{
	return (struct lane){ load(from), load(from + LANE_ELEMENTS) };
}

INLINE_AVX2 void lane_store(uint8_t *to, struct lane l)
{
	store(to, l.low);
	store(to + LANE_ELEMENTS, l.high);
}

INLINE_AVX2 struct lane lane_add(struct lane a, struct lane b)
{
	return (struct lane){ _mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high) };
}

INLINE_AVX2 struct lane lane_mul(struct lane b, const struct factor *f)
{
	const __m256i mask = _mm256_set1_epi8(15);
	const __m256i nibbles[4] = {
		_mm256_and_si256(b.low, mask),
		_mm256_and_si256(_mm256_srli_epi64(b.low, 4), mask),
		_mm256_and_si256(b.high, mask),
		_mm256_and_si256(_mm256_srli_epi64(b.high, 4), mask),
	};

	return (struct lane){ product(f->at[0], nibbles), product(f->at[1], nibbles) };
}

AVX2 static void avx2_ifft(uint8_t *a, uint8_t *b, size_t n, const struct gf16_factor *factor)
{
	struct factor f;

	factor_load(factor, &f);
	for (size_t i = 0; i < n; i++, a += LANE_BYTES, b += LANE_BYTES) {
		struct lane x = lane_load(a), y = lane_add(lane_load(b), x);

		lane_store(b, y);
		lane_store(a, lane_add(x, lane_mul(y, &f)));
	}
}

AVX2 static void avx2_fft(uint8_t *a, uint8_t *b, size_t n, const struct gf16_factor *factor)
{
	struct factor f;

	factor_load(factor, &f);
	for (size_t i = 0; i < n; i++, a += LANE_BYTES, b += LANE_BYTES) {
		struct lane y = lane_load(b), x = lane_add(lane_load(a), lane_mul(y, &f));

		lane_store(a, x);
		lane_store(b, lane_add(y, x));
	}
}

INLINE_AVX2 __m256i rotate_32(__m256i v)
{
	return _mm256_shuffle_epi32(v, 0xb1);
}

INLINE_AVX2 __m256i rotate_24(__m256i v)
{
	return _mm256_shuffle_epi8(v, _mm256_setr_epi8(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15,
						       8, 9, 10, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13,
						       14, 15, 8, 9, 10));
}

INLINE_AVX2 __m256i rotate_16(__m256i v)
{
	return _mm256_shuffle_epi8(v, _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14,
						       15, 8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12,
						       13, 14, 15, 8, 9));
}

INLINE_AVX2 __m256i rotate_63(__m256i v)
{
	return _mm256_or_si256(_mm256_srli_epi64(v, 63), _mm256_add_epi64(v, v));
}

INLINE_AVX2 void mix(__m256i v[WORDS], size_t a, size_t b, size_t c, size_t d, __m256i x, __m256i y)
{
	v[a] = _mm256_add_epi64(_mm256_add_epi64(v[a], v[b]), x);
	v[d] = rotate_32(_mm256_xor_si256(v[d], v[a]));
	v[c] = _mm256_add_epi64(v[c], v[d]);
	v[b] = rotate_24(_mm256_xor_si256(v[b], v[c]));
	v[a] = _mm256_add_epi64(_mm256_add_epi64(v[a], v[b]), y);
	v[d] = rotate_16(_mm256_xor_si256(v[d], v[a]));
	v[c] = _mm256_add_epi64(v[c], v[d]);
	v[b] = rotate_63(_mm256_xor_si256(v[b], v[c]));
}

/* Four states, one in each 64-bit part of the vectors. */
AVX2 static void compress(__m256i h[8], const __m256i m[WORDS], uint64_t bytes, bool last)
{
	__m256i v[WORDS];

	for (size_t i = 0; i < 8; i++) {
		v[i] = h[i];
		v[i + 8] = _mm256_set1_epi64x((long long)iv[i]);
	}
	v[12] = _mm256_xor_si256(v[12], _mm256_set1_epi64x((long long)bytes));
	v[14] = _mm256_xor_si256(v[14], _mm256_set1_epi64x(last ? -1 : 0));
	for (size_t r = 0; r < ROUNDS; r++) {
		const uint8_t *s = sigma[r];

		mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
		mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
		mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
		mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
		mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
		mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
		mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
		mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
	}
	for (size_t i = 0; i < 8; i++)
		h[i] = _mm256_xor_si256(h[i], _mm256_xor_si256(v[i], v[i + 8]));
}

/* Four words each of four rows into four columns, or back. */
INLINE_AVX2 void transpose(const __m256i in[4], __m256i ret[4])
{
	__m256i a = _mm256_unpacklo_epi64(in[0], in[1]), b = _mm256_unpackhi_epi64(in[0], in[1]);
	__m256i c = _mm256_unpacklo_epi64(in[2], in[3]), d = _mm256_unpackhi_epi64(in[2], in[3]);

	ret[0] = _mm256_permute2x128_si256(a, c, 0x20);
	ret[1] = _mm256_permute2x128_si256(b, d, 0x20);
	ret[2] = _mm256_permute2x128_si256(a, c, 0x31);
	ret[3] = _mm256_permute2x128_si256(b, d, 0x31);
}

INLINE_AVX2 void load_block(const uint8_t blocks[LANES_HASHES][BLOCK], __m256i ret[WORDS])
{
	for (size_t i = 0; i < WORDS / 4; i++) {
		const __m256i rows[4] = {
			load(blocks[0] + i * 32),
			load(blocks[1] + i * 32),
			load(blocks[2] + i * 32),
			load(blocks[3] + i * 32),
		};

		transpose(rows, ret + i * 4);
	}
}

AVX2 static void avx2_hash(uint8_t prefix, const uint8_t *const data[LANES_HASHES], size_t len,
			   uint8_t *const ret[LANES_HASHES])
{
	uint8_t blocks[LANES_HASHES][BLOCK];
	__m256i h[8], m[WORDS], rows[4];

	for (size_t i = 0; i < 8; i++)
		h[i] = _mm256_set1_epi64x((long long)iv[i]);
	/* no key, a hash of 32 bytes */
	h[0] = _mm256_xor_si256(h[0], _mm256_set1_epi64x(0x01010000 | HASH_LEN));
	/* The first block has the prefix in front: data is one byte behind. */
	for (size_t done = 0, at = 1; done < len + 1; at = 0) {
		size_t from = done - (done > 0), room = BLOCK - at;
		size_t n = len - from < room ? len - from : room;

		for (size_t i = 0; i < LANES_HASHES; i++) {
			blocks[i][0] = prefix;
			memcpy(blocks[i] + at, data[i] + from, n);
			memset(blocks[i] + at + n, 0, room - n);
		}
		load_block(blocks, m);
		done += at + n;
		compress(h, m, done, done == len + 1);
	}
	transpose(h, rows);
	for (size_t i = 0; i < LANES_HASHES; i++)
		store(ret[i], rows[i]);
}

const struct lanes lanes_avx2 = {
	.name = "avx2",
	.usable = usable,
	.ifft = avx2_ifft,
	.fft = avx2_fft,
	.hash = avx2_hash,
};

#endif
