/* SPDX-License-Identifier: Apache-2.0 */
/* A thousand pods of four containers each: five thousand cgroups, and others beside them that are none of the meter's. */
#include <errno.h>
#include <sys/stat.h>

#include "bpf/bed.h"
#include "core/err.h"

#define PODS 1000
#define CONTAINERS 4
#define BUSY 50 /* each so-manieth pod runs something */

static uint32_t pods;
static uint64_t *ids;

static void pod_path(const struct bed *b, uint32_t pod, char ret[300])
{
	snprintf(ret, 300, "%s/pods/crowd-%u", b->cgroup, pod);
}

static void container_path(const struct bed *b, uint32_t pod, uint32_t c, char ret[320])
{
	snprintf(ret, 320, "%s/pods/crowd-%u/c%u", b->cgroup, pod, c);
}

static const struct weir_sample *walk(struct bed *b, size_t want)
{
	const struct weir_sample *s;
	struct err err = {};
	size_t n;

	if (dp_walk(b->dp, &s, &n, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(n, want);
	return s;
}

/* In the order of the tree, and nothing but pods. */
static const struct weir_pod *sample_of(const struct weir_sample *s, uint64_t id)
{
	for (uint32_t i = 0; i < pods; i++)
		if (s[i].cgroup_id == id)
			return &s[i].pod;
	fail_msg("cgroup %" PRIu64 " was not met", id);
	return NULL;
}

static void a_walk_meets_every_pod_of_a_crowd_and_nothing_else(void **state)
{
	struct bed *b = bed_of(state);
	char path[300], inner[320], host[300];
	const struct weir_sample *s;
	uint64_t us = 2000;

	pods = bed_times(PODS);
	ids = calloc(pods, sizeof(*ids));
	assert_non_null(ids);
	snprintf(host, sizeof(host), "%s/host/beside", b->cgroup);
	assert_int_equal(mkdir(host, 0755), 0);
	for (uint32_t i = 0; i < pods; i++) {
		pod_path(b, i, path);
		assert_int_equal(mkdir(path, 0755), 0);
		ids[i] = bed_pod_id(path);
		for (uint32_t c = 0; c < CONTAINERS; c++) {
			container_path(b, i, c, inner);
			assert_int_equal(mkdir(inner, 0755), 0);
		}
		if (i % BUSY == 0)
			assert_int_equal(bed_run_in(inner, bed_burn, &us), 0);
	}
	s = walk(b, pods);
	for (uint32_t i = 0; i < pods; i++) {
		const struct weir_pod *pod = sample_of(s, ids[i]);

		assert_int_equal(pod->state, WEIR_POD_LIVE);
		assert_true(i % BUSY ? pod->cpu_ns == 0 : pod->cpu_ns >= us * 1000);
		pod_path(b, i, path);
		if (i % BUSY == 0)
			assert_int_equal(pod->cpu_ns / 1000, bed_cpu_stat_us(path));
	}
	assert_int_equal(bed_reason(b, WEIR_REASON_SAMPLE_FULL), 0);
	assert_int_equal(rmdir(host), 0);
}

static void a_crowd_that_goes_is_read_to_its_end_and_forgotten(void **state)
{
	struct bed *b = bed_of(state);
	char path[300], inner[320];

	for (uint32_t i = 0; i < pods; i++) {
		for (uint32_t c = 0; c < CONTAINERS; c++) {
			container_path(b, i, c, inner);
			bed_pod_remove(inner);
		}
		pod_path(b, i, path);
		bed_pod_remove(path);
	}
	for (uint32_t i = 0; i < pods; i++) {
		assert_true(i % BUSY || bed_released(b, ids[i])->cpu_ns > 0);
		assert_int_equal(bed_released(b, ids[i])->state, WEIR_POD_RELEASED);
	}
	for (uint32_t i = 0; i < pods; i++)
		assert_int_equal(dp_pod_forget(b->dp, ids[i], NULL), 0);
	walk(b, 0);
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_meets_every_pod_of_a_crowd_and_nothing_else),
		cmocka_unit_test(a_crowd_that_goes_is_read_to_its_end_and_forgotten),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
