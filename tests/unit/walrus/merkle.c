/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/merkle.h"

#include "core/cleanup.h"
#include "unit/walrus/content.h"

#define NODES_MAX 33

static int group_setup(void **state)
{
	(void)state;
	return crypto_init();
}

/* The definition, level by level. */
static void climb_plainly(struct merkle_node *nodes, size_t n)
{
	static const struct merkle_node none = {};

	for (; n > 1; n = (n + 1) / 2) {
		for (size_t i = 0; i < n; i += 2) {
			struct merkle_node pair[2] = { nodes[i], i + 1 < n ? nodes[i + 1] : none };

			lanes_hash_one(MERKLE_INNER, pair[0].hash, sizeof(pair), nodes[i / 2].hash);
		}
	}
}

static void trees_of_any_size_side_by_side(void **state)
{
	enum { TREES = 3 };

	(void)state;
	for (size_t n = 1; n < NODES_MAX; n++) {
		struct merkle_node nodes[TREES * (NODES_MAX + 1)], want[TREES][NODES_MAX];

		content_lcg(nodes[0].hash, sizeof(nodes), (uint32_t)n);
		for (size_t i = 0; i < TREES; i++) {
			memcpy(want[i], &nodes[i * (n + 1)], n * sizeof(nodes[0]));
			climb_plainly(want[i], n);
		}
		merkle_climb(lanes_best(), nodes, TREES, n + 1, n, MERKLE_TO_ROOT);
		for (size_t i = 0; i < TREES; i++)
			assert_memory_equal(&nodes[i * (n + 1)], &want[i][0], HASH_LEN);
	}
}

/* A part of a larger tree goes on to its level, also with a single node. */
static void some_levels_only(void **state)
{
	struct merkle_node nodes[6], want[4] = {};

	(void)state;
	content_lcg(nodes[0].hash, sizeof(nodes), 1);
	memcpy(want, nodes, 3 * sizeof(nodes[0]));
	climb_plainly(want, 3);
	want[1] = (struct merkle_node){};
	lanes_hash_one(MERKLE_INNER, want[0].hash, 2 * sizeof(want[0]), want[0].hash);
	merkle_climb(lanes_best(), nodes, 1, 6, 3, 3);
	assert_memory_equal(nodes, want, HASH_LEN);
}

static void leaves_are_there_after_a_flush(void **state)
{
	uint8_t data[NODES_MAX][10];

	(void)state;
	content_lcg(data[0], sizeof(data), 1);
	for (size_t n = 0; n < NODES_MAX; n++) {
		struct merkle_node ret[NODES_MAX] = {}, want, none = {};
		struct merkle m;

		merkle_begin(&m, lanes_best(), MERKLE_LEAF, sizeof(data[0]));
		for (size_t i = 0; i < n; i++)
			merkle_add(&m, data[i], &ret[i]);
		merkle_flush(&m);
		for (size_t i = 0; i < n; i++) {
			lanes_hash_one(MERKLE_LEAF, data[i], sizeof(data[i]), want.hash);
			assert_memory_equal(&ret[i], &want, sizeof(want));
		}
		assert_memory_equal(&ret[n], &none, sizeof(none));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_of_any_size_side_by_side),
		cmocka_unit_test(some_levels_only),
		cmocka_unit_test(leaves_are_there_after_a_flush),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
