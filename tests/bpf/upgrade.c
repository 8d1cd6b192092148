/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to those who measure: upgrades, detaches. Nothing is lost and nothing doubled. CPU time is
 * held against the parent's (witness.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bpf/lives.h"
#include "bpf/witness.h"
#include "core/cleanup.h"

static int setup(void **state)
{
	if (bed_setup(state))
		return -1;
	if (*state)
		witness_open(*state);
	return 0;
}

static int teardown(void **state)
{
	if (*state)
		witness_close();
	return bed_teardown(state);
}

/* Makes and ends pods until it is told to stop; says how many, and what the last was. */
static void storm(struct bed *b, int until, int say)
{
	uint64_t us = 500, ids[4096];
	uint32_t n = 0;
	char path[300], name[32];
	struct pollfd told = { .fd = until, .events = POLLIN };

	for (; n < 4096 && !poll(&told, 1, 0); n++) {
		snprintf(name, sizeof(name), "storm-%u", n);
		ids[n] = pod_make(b, name, path);
		if (bed_run_in(path, bed_burn, &us))
			_exit(1);
		bed_pod_remove(path);
	}
	if (write(say, &n, sizeof(n)) != sizeof(n) ||
	    write(say, ids, n * sizeof(*ids)) != (ssize_t)(n * sizeof(*ids)))
		_exit(1);
	_exit(0);
}

static void an_upgrade_in_a_storm_misses_and_doubles_nothing(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t before = witness_ns(b), sum = 0;
	int until[2], say[2], status;
	uint64_t *ids;
	uint32_t n = 0;
	pid_t pid;

	assert_int_equal(pipe2(until, O_CLOEXEC), 0);
	assert_int_equal(pipe2(say, O_CLOEXEC), 0);
	assert_true(fcntl(say[1], F_SETPIPE_SZ, 65536) >= 4096 * (int)sizeof(*ids) + 4);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		storm(b, until[0], say[1]);
	for (uint32_t i = 0; i < bed_times(6); i++) {
		ctl_change(b, set_build, 1); /* as if another build had made the pins */
		reopen(b, NULL, 0);
		assert_false(dp_adopted(b->dp));
	}
	assert_int_equal(write(until[1], "", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(say[0], &n, sizeof(n)), sizeof(n));
	assert_true(n > 6);
	ids = calloc(n, sizeof(*ids));
	assert_non_null(ids);
	assert_int_equal(read(say[0], ids, n * sizeof(*ids)), n * sizeof(*ids));
	for (uint32_t i = 0; i < n; i++) {
		const struct weir_pod *pod = bed_released(b, ids[i]);

		assert_true(pod->born > 0);
		sum += pod->cpu_ns;
		assert_int_equal(dp_pod_forget(b->dp, ids[i], NULL), 0);
	}
	assert_int_equal(sum, witness_ns(b) - before);
	free(ids);
	for (int i = 0; i < 2; i++) {
		close(until[i]);
		close(say[i]);
	}
}

/* In an upgrade programs of both builds run for a moment; here for as long as their links are held. */
static void two_builds_side_by_side_count_once(void **state)
{
	static const char *const progs[] = { "weir_mkdir", "weir_rmdir", "weir_release" };
	struct bed *b = bed_of(state);
	uint64_t before, us = 3000, id;
	char path[300], inner[320];
	int held[ARRAY_LEN(progs)];

	for (size_t i = 0; i < ARRAY_LEN(progs); i++)
		held[i] = pin_open(b, "links", progs[i]);
	ctl_change(b, set_build, 1);
	reopen(b, NULL, 0);
	before = witness_ns(b);
	id = pod_make(b, "twice", path);
	snprintf(inner, sizeof(inner), "%s/c", path);
	assert_int_equal(mkdir(inner, 0755), 0);
	assert_int_equal(bed_run_in(inner, bed_burn, &us), 0);
	bed_pod_remove(inner);
	assert_int_equal(pod_end(b, path, id), witness_ns(b) - before);
	for (size_t i = 0; i < ARRAY_LEN(progs); i++)
		close(held[i]);
}

static void what_goes_while_nobody_is_there_is_missed_and_final(void **state)
{
	struct bed *b = bed_of(state);
	struct dp_restore restore[2] = { { .net.tx.raw = { 4711, 11 }, .cpu_ns = 1234567 }, {} };
	char gone[300], kept[300];
	struct weir_net net;
	uint64_t us = 2000;

	restore[0].cgroup_id = pod_make(b, "gone", gone);
	restore[1].cgroup_id = pod_make(b, "kept", kept);
	assert_int_equal(bed_run_in(gone, bed_burn, &us), 0);
	dp_close(&b->dp);
	assert_int_equal(dp_detach(b->dir, NULL), 0);
	bed_pod_remove(gone);
	reopen(b, restore, 2);
	becomes(b, restore[0].cgroup_id, WEIR_POD_MISSED);
	assert_int_equal(dp_net(b->dp, restore[0].cgroup_id, &net, NULL), 0);
	assert_int_equal(net.tx.raw.bytes, 4711);
	assert_int_equal(bed_sample(b, restore[0].cgroup_id)->cpu_ns, 1234567);
	assert_int_equal(state_of(b, restore[1].cgroup_id), WEIR_POD_LIVE);
	assert_int_equal(dp_pod_forget(b->dp, restore[0].cgroup_id, NULL), 0);
	assert_null(bed_sample(b, restore[0].cgroup_id));
	pod_end(b, kept, restore[1].cgroup_id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upgrade_in_a_storm_misses_and_doubles_nothing),
		cmocka_unit_test(two_builds_side_by_side_count_once),
		cmocka_unit_test(what_goes_while_nobody_is_there_is_missed_and_final),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
