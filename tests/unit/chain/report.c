/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/report.h"

#include <errno.h>

#include "core/json.h"
#include "core/parse.h"
#include "unit/chain/sample.h"

static void hex_of(const struct json *obj, const char *key, uint8_t *ret, size_t len)
{
	const char *text = json_str(obj, key, "");

	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	assert_int_equal(parse_hex(text, ret, len), 0);
}

static void read_vectors(struct json **ret)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	struct err err = {};

	assert_int_equal(crypto_init(), 0);
	sample_read("tests/vectors/usage-reports.json", &text);
	if (json_parse(text.data, text.len, 1 << 20, "vectors", ret, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(json_len(json_get(*ret, "reports")), 3);
}

static void report_of(const struct json *vector, struct report *ret)
{
	const struct json *fields = json_get(vector, "fields");

	hex_of(fields, "market", ret->market, sizeof(ret->market));
	hex_of(fields, "lease", ret->lease, sizeof(ret->lease));
	hex_of(fields, "usage_hash", ret->usage_hash, sizeof(ret->usage_hash));
	assert_int_equal(json_u64(fields, "seq", &ret->seq), 0);
	assert_int_equal(json_u64(fields, "from_ms", &ret->from_ms), 0);
	assert_int_equal(json_u64(fields, "to_ms", &ret->to_ms), 0);
	assert_int_equal(json_u64(fields, "total_due", &ret->total_due), 0);
}

static void the_sdks_reports_are_made_byte_for_byte(void **state)
{
	cleanup(json_free) struct json *vectors = NULL;
	cleanup(key_free) struct key *key = NULL;
	uint8_t seed[32];

	(void)state;
	read_vectors(&vectors);
	hex_of(vectors, "seed_hex", seed, sizeof(seed));
	assert_int_equal(key_from_seed(seed, &key), 0);
	json_foreach(vector, json_get(vectors, "reports")) {
		uint8_t want[REPORT_LEN], bytes[REPORT_LEN], hash[HASH_LEN], want_hash[HASH_LEN];
		uint8_t sig[SIG_LEN], want_sig[SIG_LEN];
		struct report r = {};

		report_of(vector, &r);
		hex_of(vector, "message_hex", want, sizeof(want));
		hex_of(vector, "message_blake2b256_hex", want_hash, sizeof(want_hash));
		hex_of(vector, "ed25519_signature_hex", want_sig, sizeof(want_sig));
		report_encode(&r, bytes);
		assert_memory_equal(bytes, want, REPORT_LEN);
		report_hash(bytes, hash);
		assert_memory_equal(hash, want_hash, HASH_LEN);
		memset(bytes, 0, sizeof(bytes));
		report_sign(&r, key, bytes, sig);
		assert_memory_equal(bytes, want, REPORT_LEN);
		assert_memory_equal(sig, want_sig, SIG_LEN);
	}
}

static void the_sdks_signed_reports_verify_to_their_fields(void **state)
{
	cleanup(json_free) struct json *vectors = NULL;

	(void)state;
	read_vectors(&vectors);
	json_foreach(vector, json_get(vectors, "reports")) {
		uint8_t bytes[REPORT_LEN], sig[SIG_LEN], pub[PUBKEY_LEN];
		struct report want = {}, r = {};

		report_of(vector, &want);
		hex_of(vector, "message_hex", bytes, sizeof(bytes));
		hex_of(vector, "ed25519_signature_hex", sig, sizeof(sig));
		hex_of(vector, "public_key_hex", pub, sizeof(pub));
		assert_int_equal(report_verify(bytes, sizeof(bytes), sig, pub, &r, NULL), 0);
		assert_memory_equal(&r, &want, sizeof(r));
	}
}

static void the_sdks_second_and_third_report_conflict(void **state)
{
	cleanup(json_free) struct json *vectors = NULL;
	const struct json *list;
	struct report r[3] = {};

	(void)state;
	read_vectors(&vectors);
	list = json_get(vectors, "reports");
	for (size_t i = 0; i < 3; i++)
		report_of(json_at(list, i), &r[i]);
	assert_true(report_conflict(&r[1], &r[2]));
	assert_true(report_conflict(&r[2], &r[1]));
	assert_false(report_conflict(&r[0], &r[1]));
	assert_false(report_conflict(&r[1], &r[1]));
}

static struct report sample(void)
{
	return (struct report){
		.market = { 1 },
		.lease = { 2 },
		.seq = 3,
		.from_ms = 4,
		.to_ms = 5,
		.total_due = 6,
		.usage_hash = { 7 },
	};
}

static void conflict_is_any_other_content_of_one_market_lease_and_seq(void **state)
{
	const struct report a = sample();
	struct report b;

	(void)state;
	b = a, b.from_ms++;
	assert_true(report_conflict(&a, &b));
	b = a, b.to_ms++;
	assert_true(report_conflict(&a, &b));
	b = a, b.total_due++;
	assert_true(report_conflict(&a, &b));
	b = a, b.usage_hash[31] ^= 1;
	assert_true(report_conflict(&a, &b));
	b.seq++;
	assert_false(report_conflict(&a, &b));
	b.seq--, b.lease[31] ^= 1;
	assert_false(report_conflict(&a, &b));
	b.lease[31] ^= 1, b.market[31] ^= 1;
	assert_false(report_conflict(&a, &b));
}

static void decode_refuses_other_lengths_and_domains(void **state)
{
	const struct report r = sample();
	const struct report before = { .seq = 99 };
	struct report got = before;
	uint8_t bytes[REPORT_LEN + 1] = {};

	(void)state;
	report_encode(&r, bytes);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct err err = {};

		if (len == REPORT_LEN)
			continue;
		assert_int_equal(report_decode(bytes, len, &got, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "want 144"));
	}
	for (size_t bit = 0; bit < 16 * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(report_decode(bytes, REPORT_LEN, &got, NULL), -EBADMSG);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_memory_equal(&got, &before, sizeof(got));
	assert_int_equal(report_decode(bytes, REPORT_LEN, &got, NULL), 0);
	assert_memory_equal(&got, &r, sizeof(got));
}

static void verify_refuses_every_flipped_bit_and_other_keys(void **state)
{
	cleanup(key_free) struct key *key = sample_key(1);
	cleanup(key_free) struct key *other = sample_key(2);
	const struct report r = sample(), before = { .seq = 99 };
	uint8_t signed_[REPORT_LEN + SIG_LEN], *sig = signed_ + REPORT_LEN;
	struct report got = before;

	(void)state;
	report_sign(&r, key, signed_, sig);
	for (size_t bit = 0; bit < sizeof(signed_) * 8; bit++) {
		signed_[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(
			report_verify(signed_, REPORT_LEN, sig, key_public(key), &got, NULL),
			-EBADMSG);
		signed_[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(report_verify(signed_, REPORT_LEN, sig, key_public(other), &got, NULL),
			 -EBADMSG);
	assert_int_equal(report_verify(signed_, REPORT_LEN - 1, sig, key_public(key), &got, NULL),
			 -EBADMSG);
	assert_memory_equal(&got, &before, sizeof(got));
	assert_int_equal(report_verify(signed_, REPORT_LEN, sig, key_public(key), &got, NULL), 0);
}

/* Vectors that nobody made with our code, the same that the Move tests have. */
static void co_signatures_are_those_that_the_chain_verifies(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20), move = BUF_INIT(1 << 20);
	cleanup(json_free) struct json *vectors = NULL;
	cleanup(key_free) struct key *key = NULL;
	uint8_t seed[32], pub[PUBKEY_LEN];

	(void)state;
	assert_int_equal(crypto_init(), 0);
	sample_read("tests/vectors/cosign-v1.json", &text);
	sample_read("chain/move/weir/tests/cosign_tests.move", &move);
	assert_int_equal(json_parse(text.data, text.len, 1 << 20, "vectors", &vectors, NULL), 0);
	hex_of(vectors, "seed", seed, sizeof(seed));
	hex_of(vectors, "key", pub, sizeof(pub));
	assert_int_equal(key_from_seed(seed, &key), 0);
	assert_memory_equal(key_public(key), pub, PUBKEY_LEN);
	assert_int_equal(json_len(json_get(vectors, "cosignatures")), 3);
	json_foreach(v, json_get(vectors, "cosignatures")) {
		uint8_t bytes[REPORT_LEN], want[SIG_LEN], sig[SIG_LEN];
		struct report r;
		uint64_t due;

		hex_of(v, "report", bytes, sizeof(bytes));
		hex_of(v, "cosignature", want, sizeof(want));
		assert_int_equal(report_decode(bytes, sizeof(bytes), &r, NULL), 0);
		assert_int_equal(json_u64(v, "total_due", &due), 0);
		assert_int_equal(r.total_due, due);
		report_cosign(bytes, key, sig);
		assert_memory_equal(sig, want, SIG_LEN);
		assert_true(report_cosigned(bytes, want, pub));
		/* the Move tests have the same */
		assert_non_null(strstr(move.data, json_str(v, "report", "?")));
		assert_non_null(strstr(move.data, json_str(v, "cosignature", "?")));
		assert_false(sig_valid(pub, bytes, REPORT_LEN, want));
		for (size_t bit = 0; bit < 8 * REPORT_LEN; bit += 13) {
			bytes[bit / 8] ^= 1 << bit % 8;
			assert_false(report_cosigned(bytes, want, pub));
			bytes[bit / 8] ^= 1 << bit % 8;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sdks_reports_are_made_byte_for_byte),
		cmocka_unit_test(the_sdks_signed_reports_verify_to_their_fields),
		cmocka_unit_test(the_sdks_second_and_third_report_conflict),
		cmocka_unit_test(conflict_is_any_other_content_of_one_market_lease_and_seq),
		cmocka_unit_test(decode_refuses_other_lengths_and_domains),
		cmocka_unit_test(verify_refuses_every_flipped_bit_and_other_keys),
		cmocka_unit_test(co_signatures_are_those_that_the_chain_verifies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
