/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time of pods against the kernel's own cpu.stat. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"

static int burn(void *arg)
{
	const uint64_t *us = arg;
	struct timespec ts;
	uint64_t used;

	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
		used = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	} while (used < *us);
	return 0;
}

static uint64_t id_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* Walks, and returns the pod's sample; NULL: not there. */
static const struct weir_pod *sample(struct bed *b, uint64_t id)
{
	const struct weir_sample *s;
	struct err err = {};
	size_t n;

	if (dp_walk(b->dp, &s, &n, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < n; i++)
		if (s[i].cgroup_id == id)
			return &s[i].pod;
	return NULL;
}

static void a_pod_reads_what_cpu_stat_reads(void **state)
{
	struct bed *b = bed_of(state);
	const struct weir_pod *pod;
	uint64_t us = 30000, id;
	char path[300];

	bed_pod_make(b, "burner", path);
	id = id_of(path);
	assert_int_equal(bed_run_in(path, burn, &us), 0);
	pod = sample(b, id);
	assert_non_null(pod);
	assert_true(pod->cpu_ns / 1000 >= us);
	assert_int_equal(pod->cpu_ns / 1000, bed_cpu_stat_us(path));
	assert_string_equal(pod->name, "burner");
	assert_int_equal(pod->parent, id_of(b->cgroup) ? pod->parent : 0);
	assert_true(pod->born > 0 && !pod->died);
	bed_pod_remove(path);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

/* Every task has left; the kernel frees the cgroup a little later, on its own time. */
static const struct weir_pod *released(struct bed *b, uint64_t id)
{
	for (int i = 0; i < 500; i++) {
		const struct weir_pod *pod = sample(b, id);

		assert_non_null(pod);
		if (pod->state == WEIR_POD_RELEASED)
			return pod;
		usleep(10000);
	}
	fail_msg("cgroup %" PRIu64 " was never released", id);
	return NULL;
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
		ids[i] = id_of(path);
		/* a container inside, as Kubernetes has it */
		snprintf(inner, sizeof(inner), "%s/c", path);
		assert_int_equal(mkdir(inner, 0755), 0);
		assert_int_equal(bed_run_in(inner, burn, &us), 0);
		bed_pod_remove(inner);
		bed_pod_remove(path);
	}
	for (int i = 0; i < PODS; i++) {
		sum_ns += released(b, ids[i])->cpu_ns;
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
	id = id_of(path);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		char c, procs[320], text[16];

		snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
		snprintf(text, sizeof(text), "%d", getpid());
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		_exit(fd < 0 || write(fd, text, strlen(text)) < 0 || burn(&us) ||
		      write(go[1], "x", 1) < 0 || read(go[0], &c, 0) < 0);
	}
	assert_int_equal(read(go[0], path + 290, 1), 1);
	path[290] = '\0';
	bed_pod_remove(path); /* possible while the task is a zombie that nobody has reaped */
	pod = sample(b, id);
	assert_non_null(pod);
	assert_int_equal(pod->state, WEIR_POD_REMOVED);
	assert_true(pod->cpu_ns / 1000 >= us);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(released(b, id)->cpu_ns / 1000 >= us);
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
	id = id_of(path);
	snprintf(file, sizeof(file), "%s/memory.current", path);
	has = !access(file, R_OK);
	pod = sample(b, id);
	assert_non_null(pod);
	assert_int_equal(!!(pod->flags & WEIR_POD_HAS_MEM), has);
	bed_pod_remove(path);
	released(b, id);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_reads_what_cpu_stat_reads),
		cmocka_unit_test(pods_that_die_between_walks_are_read_in_full),
		cmocka_unit_test(a_pod_that_is_held_is_read_until_it_is_let_go),
		cmocka_unit_test(memory_is_unknown_where_there_is_no_controller),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
