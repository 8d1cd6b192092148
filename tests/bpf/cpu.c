/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time of pods against the kernel's own cpu.stat. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"

static void a_pod_reads_what_cpu_stat_reads(void **state)
{
	struct bed *b = bed_of(state);
	const struct weir_pod *pod;
	uint64_t us = 30000, id;
	char path[300];

	bed_pod_make(b, "burner", path);
	id = bed_pod_id(path);
	assert_int_equal(bed_run_in(path, bed_burn, &us), 0);
	pod = bed_sample(b, id);
	assert_non_null(pod);
	assert_true(pod->cpu_ns / 1000 >= us);
	assert_int_equal(pod->cpu_ns / 1000, bed_cpu_stat_us(path));
	assert_string_equal(pod->name, "burner");
	assert_true(pod->born > 0 && !pod->died);
	bed_pod_remove(path);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

static void pods_that_die_between_walks_are_read_in_full(void **state)
{
	enum { PODS = 20 };
	struct bed *b = bed_of(state);
	uint64_t us = 3000, ids[PODS], before_us, sum_ns = 0, after_us;
	char pods[300], path[300], inner[310];

	snprintf(pods, sizeof(pods), "%s/pods", b->cgroup);
	before_us = bed_cpu_stat_us(pods);
	for (int i = 0; i < PODS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "short-%d", i);
		bed_pod_make(b, name, path);
		ids[i] = bed_pod_id(path);
		/* a container inside, as Kubernetes has it */
		snprintf(inner, sizeof(inner), "%s/c", path);
		assert_int_equal(mkdir(inner, 0755), 0);
		assert_int_equal(bed_run_in(inner, bed_burn, &us), 0);
		bed_pod_remove(inner);
		bed_pod_remove(path);
	}
	for (int i = 0; i < PODS; i++) {
		sum_ns += bed_released(b, ids[i])->cpu_ns;
		assert_int_equal(dp_pod_forget(b->dp, ids[i], NULL), 0);
	}
	after_us = bed_cpu_stat_us(pods);
	/* both ends of the parent's reading are cut to whole microseconds */
	assert_in_range(sum_ns / 1000, after_us - before_us - 1, after_us - before_us + 1);
	assert_int_equal(bed_reason(b, WEIR_REASON_CPU_UNREAD), 0);
}

static void a_pod_that_is_held_is_read_until_it_is_let_go(void **state)
{
	struct bed *b = bed_of(state);
	const struct weir_pod *pod;
	cleanup(close_fd) int fd = -1;
	uint64_t id, us = 2000;
	char path[300];
	pid_t pid;
	int go[2];

	bed_pod_make(b, "zombie", path);
	id = bed_pod_id(path);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		char c, procs[320], text[16];

		snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
		snprintf(text, sizeof(text), "%d", getpid());
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		_exit(fd < 0 || write(fd, text, strlen(text)) < 0 || bed_burn(&us) ||
		      write(go[1], "x", 1) < 0 || read(go[0], &c, 0) < 0);
	}
	assert_int_equal(read(go[0], path + 290, 1), 1);
	path[290] = '\0';
	bed_pod_remove(path); /* possible while the task is a zombie that nobody has reaped */
	pod = bed_sample(b, id);
	assert_non_null(pod);
	assert_int_equal(pod->state, WEIR_POD_REMOVED);
	assert_true(pod->cpu_ns / 1000 >= us);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(bed_released(b, id)->cpu_ns / 1000 >= us);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
	close_fd(&go[0]);
	close_fd(&go[1]);
}

static void memory_is_unknown_where_there_is_no_controller(void **state)
{
	struct bed *b = bed_of(state);
	const struct weir_pod *pod;
	char path[300], file[320];
	uint64_t id;
	bool has;

	bed_pod_make(b, "mem", path);
	id = bed_pod_id(path);
	snprintf(file, sizeof(file), "%s/memory.current", path);
	has = !access(file, R_OK);
	pod = bed_sample(b, id);
	assert_non_null(pod);
	assert_int_equal(!!(pod->flags & WEIR_POD_HAS_MEM), has);
	bed_pod_remove(path);
	bed_released(b, id);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

static void reopen(struct bed *b)
{
	const char *parents[1];
	struct dp_options opt;
	struct err err = {};
	char pods[300];

	dp_close(&b->dp);
	assert_int_equal(dp_detach(b->dir, &err), 0);
	opt = bed_options(b, pods);
	parents[0] = pods;
	if (dp_open(&opt, &b->dp, &err) < 0 || dp_parents_sync(b->dp, parents, 1, &err) < 0)
		fail_msg("%s", err.text);
}

static void a_pod_older_than_the_programs_is_read_to_its_end(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t us = 4000, id, before_us, after_us;
	char pods[300], path[300];

	snprintf(pods, sizeof(pods), "%s/pods", b->cgroup);
	before_us = bed_cpu_stat_us(pods);
	bed_pod_make(b, "old", path);
	id = bed_pod_id(path);
	assert_int_equal(bed_run_in(path, bed_burn, &us), 0);
	reopen(b);
	assert_non_null(bed_sample(b, id));
	assert_int_equal(bed_run_in(path, bed_burn, &us), 0); /* nobody walks after this */
	bed_pod_remove(path);
	us = bed_released(b, id)->cpu_ns / 1000;
	after_us = bed_cpu_stat_us(pods);
	assert_in_range(us, after_us - before_us - 1, after_us - before_us + 1);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

/* kubepods and kubepods/burstable are parents both. */
static void a_parent_within_a_parent_is_no_pod_and_hides_none(void **state)
{
	struct bed *b = bed_of(state);
	char pods[300], inner[300], outer_pod[300], inner_pod[320];
	const char *parents[2] = { pods, inner };
	uint64_t us = 3000, inner_id, outer_id, middle_id;

	snprintf(pods, sizeof(pods), "%s/pods", b->cgroup);
	bed_pod_make(b, "burstable", inner);
	assert_int_equal(dp_parents_sync(b->dp, parents, 2, NULL), 0);
	bed_pod_make(b, "guaranteed", outer_pod);
	snprintf(inner_pod, sizeof(inner_pod), "%s/pod", inner);
	assert_int_equal(mkdir(inner_pod, 0755), 0);
	outer_id = bed_pod_id(outer_pod);
	inner_id = bed_pod_id(inner_pod);
	middle_id = bed_pod_id(inner);
	assert_int_equal(bed_run_in(inner_pod, bed_burn, &us), 0);
	assert_true(bed_sample(b, inner_id)->cpu_ns / 1000 >= us);
	assert_int_equal(bed_sample(b, inner_id)->cpu_ns / 1000, bed_cpu_stat_us(inner_pod));
	assert_non_null(bed_sample(b, outer_id));
	assert_null(bed_sample(b, middle_id));

	bed_pod_remove(inner_pod);
	assert_true(bed_released(b, inner_id)->cpu_ns / 1000 >= us);
	bed_pod_remove(outer_pod);
	bed_released(b, outer_id);
	assert_int_equal(dp_pod_forget(b->dp, inner_id, NULL), 0);
	assert_int_equal(dp_pod_forget(b->dp, outer_id, NULL), 0);
	assert_int_equal(dp_parents_sync(b->dp, parents, 1, NULL), 0);
	bed_pod_remove(inner);
}

static void a_parent_stays_while_a_pod_beneath_it_lives(void **state)
{
	struct bed *b = bed_of(state);
	const char *parents[1];
	uint64_t us = 3000, id;
	char pods[300], path[300];

	bed_pod_make(b, "orphan", path);
	id = bed_pod_id(path);
	assert_non_null(bed_sample(b, id));
	assert_int_equal(dp_parents_sync(b->dp, NULL, 0, NULL), 0); /* its manifest went */
	assert_int_equal(bed_run_in(path, bed_burn, &us), 0);
	assert_int_equal(bed_sample(b, id)->cpu_ns / 1000, bed_cpu_stat_us(path));
	bed_pod_remove(path);
	assert_true(bed_released(b, id)->cpu_ns / 1000 >= us);
	snprintf(pods, sizeof(pods), "%s/pods", b->cgroup);
	parents[0] = pods;
	assert_int_equal(dp_parents_sync(b->dp, parents, 1, NULL), 0);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_reads_what_cpu_stat_reads),
		cmocka_unit_test(pods_that_die_between_walks_are_read_in_full),
		cmocka_unit_test(a_pod_that_is_held_is_read_until_it_is_let_go),
		cmocka_unit_test(memory_is_unknown_where_there_is_no_controller),
		cmocka_unit_test(a_pod_older_than_the_programs_is_read_to_its_end),
		cmocka_unit_test(a_parent_within_a_parent_is_no_pod_and_hides_none),
		cmocka_unit_test(a_parent_stays_while_a_pod_beneath_it_lives),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
