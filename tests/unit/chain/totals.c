/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/totals.h"

#include <errno.h>

#include "core/json.h"
#include "core/parse.h"
#include "unit/chain/sample.h"

static void hex_of(const struct json *obj, const char *key, uint8_t *ret, size_t len)
{
	assert_int_equal(parse_hex(json_str(obj, key, ""), ret, len), 0);
}

static void read_vectors(struct json **ret)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	struct err err = {};

	assert_int_equal(crypto_init(), 0);
	sample_read("tests/vectors/totals-v1.json", &text);
	if (json_parse(text.data, text.len, 1 << 20, "vectors", ret, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(json_len(json_get(*ret, "trees")), 11);
}

static unsigned __int128 u128_of(const char *digits)
{
	unsigned __int128 v = 0;

	for (; *digits; digits++)
		v = v * 10 + (unsigned char)(*digits - '0');
	return v;
}

static struct totals_sums sums_of(const struct json *obj)
{
	struct totals_sums s = { .memory_byte_ns = u128_of(json_str(obj, "memory_byte_ns", "")) };

	assert_int_equal(json_u64(obj, "cpu_ns", &s.cpu_ns), 0);
	assert_int_equal(json_u64(obj, "rx_bytes", &s.rx_bytes), 0);
	assert_int_equal(json_u64(obj, "tx_bytes", &s.tx_bytes), 0);
	return s;
}

static void assert_sums(struct totals_sums is, struct totals_sums want)
{
	assert_int_equal(is.cpu_ns, want.cpu_ns);
	assert_true(is.memory_byte_ns == want.memory_byte_ns);
	assert_int_equal(is.rx_bytes, want.rx_bytes);
	assert_int_equal(is.tx_bytes, want.tx_bytes);
}

/* The leaves of a vector, made from what they say. */
static size_t leaves_of(const struct json *vector, struct totals_node ret[16])
{
	size_t n = 0;

	json_foreach(leaf, json_get(vector, "leaves")) {
		uint8_t content[64], want[HASH_LEN];
		size_t len = strlen(json_str(leaf, "content", "")) / 2;
		struct totals_sums sums = sums_of(leaf);

		hex_of(leaf, "content", content, len);
		hex_of(leaf, "hash", want, sizeof(want));
		totals_leaf(&sums, content, len, &ret[n]);
		assert_memory_equal(ret[n].hash, want, HASH_LEN);
		n++;
	}
	return n;
}

static struct totals said(const struct json *vectors, const struct json *vector)
{
	uint8_t bytes[TOTALS_LEN], sig[SIG_LEN], key[PUBKEY_LEN];
	struct totals t;
	struct err err = {};

	hex_of(vectors, "key", key, sizeof(key));
	hex_of(vector, "statement", bytes, sizeof(bytes));
	hex_of(vector, "signature", sig, sizeof(sig));
	if (totals_verify(bytes, sizeof(bytes), sig, key, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static void trees_of_every_shape_are_as_written_by_hand(void **state)
{
	cleanup(json_free) struct json *vectors = NULL;

	(void)state;
	read_vectors(&vectors);
	json_foreach(vector, json_get(vectors, "trees")) {
		cleanup(totals_tree_fini) struct totals_tree tree = {};
		struct totals_node leaves[16];
		size_t n = leaves_of(vector, leaves);
		uint8_t root[HASH_LEN];
		struct err err = {};

		if (totals_tree_make(leaves, n, &tree, &err) < 0)
			fail_msg("%s", err.text);
		hex_of(vector, "root", root, sizeof(root));
		assert_memory_equal(totals_tree_root(&tree)->hash, root, HASH_LEN);
		assert_sums(totals_tree_root(&tree)->sums, sums_of(vector));
	}
}

static void paths_are_as_written_by_hand_and_lead_to_the_root(void **state)
{
	cleanup(json_free) struct json *vectors = NULL;

	(void)state;
	read_vectors(&vectors);
	json_foreach(vector, json_get(vectors, "trees")) {
		cleanup(totals_tree_fini) struct totals_tree tree = {};
		struct totals t = said(vectors, vector);
		struct totals_node leaves[16];
		size_t n = leaves_of(vector, leaves);

		assert_int_equal(totals_tree_make(leaves, n, &tree, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			const struct json *want =
				json_get(json_at(json_get(vector, "leaves"), i), "path");
			struct totals_step path[TOTALS_DEPTH_MAX];
			size_t steps = totals_tree_path(&tree, i, path);

			assert_int_equal(steps, json_len(want));
			for (size_t s = 0; s < steps; s++) {
				uint8_t hash[HASH_LEN];

				hex_of(json_at(want, s), "hash", hash, sizeof(hash));
				assert_memory_equal(path[s].node.hash, hash, HASH_LEN);
				assert_sums(path[s].node.sums, sums_of(json_at(want, s)));
				assert_int_equal(path[s].on_left,
						 json_bool(json_at(want, s), "on_left", false));
			}
			assert_true(totals_includes(&t, &leaves[i], path, steps));
			assert_false(
				totals_includes(&t, &leaves[i], path, steps + (steps ? -1 : 33)));
		}
	}
}

static void statements_are_made_byte_for_byte(void **state)
{
	cleanup(json_free) struct json *vectors = NULL;
	cleanup(key_free) struct key *key = NULL;
	uint8_t seed[KEY_SEED_LEN];

	(void)state;
	read_vectors(&vectors);
	hex_of(vectors, "seed", seed, sizeof(seed));
	assert_int_equal(key_from_seed(seed, &key), 0);
	json_foreach(vector, json_get(vectors, "trees")) {
		uint8_t want[TOTALS_LEN], bytes[TOTALS_LEN], want_sig[SIG_LEN], sig[SIG_LEN];
		struct totals t = { .root.sums = sums_of(vector) };

		hex_of(vectors, "market", t.market, sizeof(t.market));
		hex_of(vectors, "provider", t.provider, sizeof(t.provider));
		hex_of(vector, "root", t.root.hash, sizeof(t.root.hash));
		assert_int_equal(json_u64(vector, "from_ms", &t.from_ms), 0);
		assert_int_equal(json_u64(vector, "to_ms", &t.to_ms), 0);
		hex_of(vector, "statement", want, sizeof(want));
		hex_of(vector, "signature", want_sig, sizeof(want_sig));
		totals_encode(&t, bytes);
		assert_memory_equal(bytes, want, TOTALS_LEN);
		key_sign(key, bytes, sizeof(bytes), sig);
		assert_memory_equal(sig, want_sig, SIG_LEN);
	}
}

static void a_statement_with_any_bit_changed_is_refused(void **state)
{
	cleanup(json_free) struct json *vectors = NULL;
	const struct json *vector;
	uint8_t bytes[TOTALS_LEN], sig[SIG_LEN], key[PUBKEY_LEN];
	struct totals t = { .from_ms = 77 };
	struct err err = {};

	(void)state;
	read_vectors(&vectors);
	vector = json_at(json_get(vectors, "trees"), 5);
	hex_of(vectors, "key", key, sizeof(key));
	hex_of(vector, "statement", bytes, sizeof(bytes));
	hex_of(vector, "signature", sig, sizeof(sig));
	for (size_t bit = 0; bit < 8 * TOTALS_LEN; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(totals_verify(bytes, sizeof(bytes), sig, key, &t, &err), -EBADMSG);
		assert_non_null(strstr(err.text, "signature"));
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(totals_verify(bytes, sizeof(bytes) - 1, sig, key, &t, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "167 bytes"));
	bytes[0] = 'X';
	assert_int_equal(totals_decode(bytes, sizeof(bytes), &t, &err), -EBADMSG);
	assert_int_equal(t.from_ms, 77);
}

/* A path that is another in any bit, and a leaf that is another, lead nowhere. */
static void a_path_with_any_bit_changed_is_refused(void **state)
{
	cleanup(json_free) struct json *vectors = NULL;
	cleanup(totals_tree_fini) struct totals_tree tree = {};
	struct totals_step path[TOTALS_DEPTH_MAX];
	struct totals_node leaves[16];
	struct totals t;
	size_t n, steps;

	(void)state;
	read_vectors(&vectors);
	t = said(vectors, json_at(json_get(vectors, "trees"), 7));
	n = leaves_of(json_at(json_get(vectors, "trees"), 7), leaves);
	assert_int_equal(totals_tree_make(leaves, n, &tree, NULL), 0);
	steps = totals_tree_path(&tree, 5, path);
	for (size_t s = 0; s < steps; s++) {
		uint8_t bytes[TOTALS_STEP_LEN];

		totals_step_encode(&path[s], bytes);
		for (size_t bit = 0; bit < 8 * TOTALS_STEP_LEN; bit++) {
			struct totals_step was = path[s];

			bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
			if (totals_step_decode(bytes, &path[s]) == 0)
				assert_false(totals_includes(&t, &leaves[5], path, steps));
			else
				assert_true(bit > 0 && bit < 8);
			bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
			path[s] = was;
		}
	}
	assert_true(totals_includes(&t, &leaves[5], path, steps));
	assert_false(totals_includes(&t, &leaves[4], path, steps));
	leaves[5].sums.cpu_ns--;
	assert_false(totals_includes(&t, &leaves[5], path, steps));
}

/* T2 */
static void sums_that_overflow_make_no_tree_and_no_proof(void **state)
{
	struct totals_tree tree = { .leaves = 77 };
	struct totals_step step = {};
	struct totals t = {};
	struct err err = {};

	(void)state;
	for (int field = 0; field < 4; field++) {
		struct totals_node leaves[2] = {
			{ .sums = { 1, 1, 1, 1 } },
			{ .sums = { .cpu_ns = field == 0 ? UINT64_MAX : 0,
				    .memory_byte_ns = field == 1 ? ~(unsigned __int128)0 : 0,
				    .rx_bytes = field == 2 ? UINT64_MAX : 0,
				    .tx_bytes = field == 3 ? UINT64_MAX : 0 } },
		};

		assert_int_equal(totals_tree_make(leaves, 2, &tree, &err), -EOVERFLOW);
		assert_int_equal(tree.leaves, 77);
		step.node = leaves[1];
		assert_false(totals_includes(&t, &leaves[0], &step, 1));
	}
	assert_int_equal(totals_tree_make(NULL, TOTALS_LEAVES_MAX + 1, &tree, &err), -E2BIG);
}

static void usage_is_summed_over_the_classes_that_are_billed(void **state)
{
	struct usage u = sample_usage(3);
	struct totals_sums s = {};

	(void)state;
	assert_int_equal(totals_sums_of(&u, &s), 0);
	assert_int_equal(s.cpu_ns, u.cpu_ns);
	assert_true(s.memory_byte_ns == u.memory_byte_ns);
	assert_int_equal(s.rx_bytes, 300 + 301 + 302);
	assert_int_equal(s.tx_bytes, 3 * (3ULL << 30) + 600 + 601 + 602);
	u.rx.wire[USAGE_LOCAL].bytes = UINT64_MAX;
	assert_int_equal(totals_sums_of(&u, &s), -EOVERFLOW);
	assert_int_equal(s.rx_bytes, 903);
}

static void overlapping_statements_conflict_and_adjacent_ones_do_not(void **state)
{
	struct totals a = { .from_ms = 10, .to_ms = 20 }, b = a;

	(void)state;
	assert_false(totals_conflict(&a, &b));
	b.root.sums.cpu_ns = 1;
	assert_true(totals_conflict(&a, &b) && totals_conflict(&b, &a));
	b.from_ms = 20;
	b.to_ms = 30;
	assert_false(totals_conflict(&a, &b) || totals_conflict(&b, &a));
	b.from_ms = 19;
	assert_true(totals_conflict(&a, &b) && totals_conflict(&b, &a));
	b.provider[0] = 1;
	assert_false(totals_conflict(&a, &b));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_of_every_shape_are_as_written_by_hand),
		cmocka_unit_test(paths_are_as_written_by_hand_and_lead_to_the_root),
		cmocka_unit_test(statements_are_made_byte_for_byte),
		cmocka_unit_test(a_statement_with_any_bit_changed_is_refused),
		cmocka_unit_test(a_path_with_any_bit_changed_is_refused),
		cmocka_unit_test(sums_that_overflow_make_no_tree_and_no_proof),
		cmocka_unit_test(usage_is_summed_over_the_classes_that_are_billed),
		cmocka_unit_test(overlapping_statements_conflict_and_adjacent_ones_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
