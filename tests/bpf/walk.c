/* SPDX-License-Identifier: Apache-2.0 */
/* How many pods one walk reads. */
#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/err.h"

#define PODS 600 /* more than are mapped at first, twice over */

static size_t walk(struct bed *b, const struct weir_sample **ret)
{
	struct err err = {};
	size_t n = 0;

	if (dp_walk(b->dp, ret, &n, &err) < 0)
		fail_msg("%s", err.text);
	return n;
}

static bool has(const struct weir_sample *samples, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (samples[i].cgroup_id == id)
			return true;
	return false;
}

static void all_pods_are_read_however_many(void **state)
{
	static char paths[PODS][300];
	struct bed *b = bed_of(state);
	const struct weir_sample *samples;
	size_t before = walk(b, &samples), n;

	for (int i = 0; i < PODS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "many-%d", i);
		bed_pod_make(b, name, paths[i]);
	}
	n = walk(b, &samples);
	assert_int_equal(n, before + PODS);
	for (int i = 0; i < PODS; i++)
		assert_true(has(samples, n, bed_pod_id(paths[i])));
	for (int i = 0; i < PODS; i++)
		bed_pod_remove(paths[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pods_are_read_however_many),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
