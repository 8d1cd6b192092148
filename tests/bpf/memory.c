/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of pods against the kernel's own files: memory.current, memory.peak, memory.stat. Skipped where
 * cgroup2 has no memory controller; tests/vm boots kernels where it has.
 *
 * The kernel charges in batches that each CPU keeps for itself, and a test's own kernel structures are
 * charged, too: slack() is what two readings of the same thing may be apart. Integrals are checked against
 * the samples' own figures and times, never against a clock of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include "bpf/lives.h"
#include "core/cleanup.h"

#define MIB (1ULL << 20)
#define DISK "/var/tmp" /* a real file system, by its purpose: what is there outlives a reboot */
#define FILE_MIB 16

static uint64_t slack(void)
{
	return MIB + 256 * 1024 * (uint64_t)sysconf(_SC_NPROCESSORS_CONF);
}

static uint64_t bytes(uint64_t pages)
{
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void assert_near(uint64_t a, uint64_t b)
{
	if ((a > b ? a - b : b - a) > slack())
		fail_msg("%" PRIu64 " and %" PRIu64 " bytes are more than %" PRIu64 " apart", a, b,
			 slack());
}

static struct bed *memory_bed_of(void **state)
{
	struct bed *b = bed_of(state);
	char pods[300], why[128];

	bed_options(b, pods);
	if (!dp_memory_measured(pods, why, sizeof(why))) {
		print_message("skipped: %s\n", why);
		skip();
	}
	return b;
}

/* "VALUE" alone, or behind "NAME " at the start of a line. */
static uint64_t kernel_says(const char *pod, const char *name, const char *key)
{
	cleanup(close_file) FILE *f = NULL;
	char path[360], line[128];
	size_t n = strlen(key);
	uint64_t value;

	snprintf(path, sizeof(path), "%s/%s", pod, name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && sscanf(line + n, "%" SCNu64, &value) == 1)
			return value;
	fail_msg("%s: no %s", path, key);
	return 0;
}

static uint64_t working_set(const char *pod)
{
	return kernel_says(pod, "memory.current", "") -
	       kernel_says(pod, "memory.stat", "inactive_file ");
}

/* A process in a pod that takes more memory when told to, and holds it until it is let go. */
struct holder {
	int ours, its;
	pid_t pid;
};

static int hold(void *arg)
{
	const struct holder *h = arg;
	size_t mib;

	close(h->ours);
	while (read(h->its, &mib, sizeof(mib)) == sizeof(mib)) {
		void *at = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			return 1;
		memset(at, 1, mib * MIB);
		if (write(h->its, "", 1) != 1)
			return 1;
	}
	return 0;
}

static void holder_start(struct holder *h, const char *cgroup)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	h->ours = ends[0];
	h->its = ends[1];
	h->pid = bed_start_in(cgroup, hold, h);
	close_fd(&h->its);
}

static void holder_take(const struct holder *h, size_t mib)
{
	char done;

	assert_int_equal(write(h->ours, &mib, sizeof(mib)), sizeof(mib));
	assert_int_equal(read(h->ours, &done, 1), 1);
}

static void holder_end(struct holder *h)
{
	int status;

	close_fd(&h->ours);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	assert_int_equal(status, 0);
}

static unsigned __int128 integral(const struct weir_pod *p)
{
	return (unsigned __int128)p->mem_page_ns_hi << 64 | p->mem_page_ns_lo;
}

/* A living pod's memory was read within the walk; a dead one's at its death. */
static struct weir_pod sample(struct bed *b, uint64_t id)
{
	const struct weir_sample *all;
	const struct weir_pod *pod;
	uint64_t before, after;

	dp_samples(b->dp, &all, &before);
	pod = bed_sample(b, id);
	dp_samples(b->dp, &all, &after);
	assert_non_null(pod);
	assert_true(pod->flags & WEIR_POD_HAS_MEM);
	assert_true(pod->mem_at >= (pod->died ? 0 : before));
	assert_true(pod->mem_at <= (pod->died ? pod->died : after));
	return *pod;
}

static void a_pod_reads_what_the_memory_files_read(void **state)
{
	struct bed *b = memory_bed_of(state);
	struct weir_pod pod;
	struct holder h;
	char path[300];
	uint64_t id;

	bed_pod_make(b, "holder", path);
	id = bed_pod_id(path);
	holder_start(&h, path);
	holder_take(&h, 24);
	pod = sample(b, id);
	assert_true(bytes(pod.mem_pages) >= 24 * MIB);
	assert_near(bytes(pod.mem_pages), working_set(path));
	assert_near(bytes(pod.mem_peak_pages), kernel_says(path, "memory.peak", ""));
	holder_end(&h);

	pod = sample(b, id); /* it let go: the peak stays */
	assert_near(bytes(pod.mem_pages), working_set(path));
	assert_true(bytes(pod.mem_pages) < 12 * MIB);
	assert_true(bytes(pod.mem_peak_pages) >= 24 * MIB);
	bed_pod_remove(path);
	bed_released(b, id);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

static void the_integral_lies_between_what_the_samples_allow(void **state)
{
	struct bed *b = memory_bed_of(state);
	struct weir_pod was, is;
	struct holder h;
	char path[300];
	uint64_t id;

	bed_pod_make(b, "grower", path);
	id = bed_pod_id(path);
	holder_start(&h, path);
	holder_take(&h, 4);
	was = sample(b, id);
	/* never sampled before: at most what it ever had for as long as it lives */
	assert_true(integral(&was) <=
		    (unsigned __int128)was.mem_peak_pages * (was.mem_at - was.born));
	for (size_t mib = 8; mib <= 32; mib *= 2) {
		unsigned __int128 grown, dt;

		holder_take(&h, mib);
		is = sample(b, id);
		assert_true(is.mem_at > was.mem_at);
		assert_true(bytes(is.mem_pages) >= bytes(was.mem_pages) + mib * MIB - slack());
		grown = integral(&is) - integral(&was);
		dt = is.mem_at - was.mem_at;
		assert_true(grown >= was.mem_pages * dt && grown <= is.mem_pages * dt);
		was = is;
	}
	holder_end(&h);
	bed_pod_remove(path);
	bed_released(b, id);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

/* As Kubernetes has it: the processes are in a container's cgroup, which goes first. */
static void a_dead_pod_keeps_its_peak_and_its_integral(void **state)
{
	struct bed *b = memory_bed_of(state);
	struct weir_pod last, dead, later;
	char path[300], inner[320];
	struct holder h;
	uint64_t id;

	bed_pod_make(b, "mortal", path);
	id = bed_pod_id(path);
	bed_delegate(path);
	snprintf(inner, sizeof(inner), "%s/c", path);
	assert_int_equal(mkdir(inner, 0755), 0);
	holder_start(&h, inner);
	holder_take(&h, 16);
	last = sample(b, id);
	assert_true(bytes(last.mem_pages) >= 16 * MIB);
	holder_end(&h);
	bed_pod_remove(inner);
	bed_pod_remove(path);

	dead = sample(b, id);
	assert_int_not_equal(dead.state, WEIR_POD_LIVE);
	assert_int_equal(dead.mem_pages, 0);
	assert_true(dead.mem_peak_pages >= last.mem_peak_pages);
	assert_near(bytes(dead.mem_peak_pages), bytes(last.mem_peak_pages));
	assert_true(dead.mem_at > last.mem_at);
	assert_true(integral(&dead) > integral(&last));
	assert_true(integral(&dead) - integral(&last) <=
		    (unsigned __int128)dead.mem_peak_pages * (dead.mem_at - last.mem_at));

	later = *bed_released(b, id);
	assert_true(later.flags & WEIR_POD_HAS_MEM);
	assert_true(integral(&later) == integral(&dead));
	assert_int_equal(later.mem_peak_pages, dead.mem_peak_pages);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

/* Written by us and dropped from the cache, so that the pod is the one that brings it back. It has no name
 * any more, so it goes with the descriptor, cache and all. */
static int cold_file(char *path)
{
	static char block[64 * 1024];
	cleanup(close_fd) int fd = mkostemp(path, O_CLOEXEC);
	struct statfs fs;

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	if (!fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)) {
		print_message("skipped: " DISK " is in memory; mount a disk there\n");
		skip();
	}
	memset(block, 7, sizeof(block));
	for (size_t n = 0; n < FILE_MIB * MIB; n += sizeof(block))
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	return take_fd(fd);
}

static int read_through(void *arg)
{
	static char block[64 * 1024];
	const int *fd = arg;
	size_t n = 0;
	ssize_t got;

	while ((got = pread(*fd, block, sizeof(block), (off_t)n)) > 0)
		n += (size_t)got;
	return n == FILE_MIB * MIB ? 0 : 1;
}

static void page_cache_is_inactive_and_not_billed(void **state)
{
	struct bed *b = memory_bed_of(state);
	char path[300], file[] = DISK "/weir-memory-XXXXXX";
	cleanup(close_fd) int fd = cold_file(file);
	struct weir_pod pod;
	uint64_t id;

	bed_pod_make(b, "reader", path);
	id = bed_pod_id(path);
	assert_int_equal(bed_run_in(path, read_through, &fd), 0);
	pod = sample(b, id);
	/* else the kernel charged it to somebody else, and nothing was shown */
	assert_true(kernel_says(path, "memory.current", "") >= FILE_MIB * MIB);
	assert_true(kernel_says(path, "memory.stat", "inactive_file ") >= FILE_MIB * MIB / 2);
	assert_near(bytes(pod.mem_pages), working_set(path));
	assert_true(bytes(pod.mem_peak_pages) >=
		    FILE_MIB * MIB); /* a peak is of all that is charged */
	bed_pod_remove(path);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

/* Page cache keeps a dead cgroup until memory is short, on 6.1 and 6.12. */
static void page_cache_holds_up_no_bill(void **state)
{
	struct bed *b = memory_bed_of(state);
	char path[300], file[] = DISK "/weir-memory-XXXXXX";
	cleanup(close_fd) int fd = cold_file(file);
	struct weir_pod last, dead;
	uint64_t id;

	ctl_change(b, set_settle, 200);
	bed_pod_make(b, "reader", path);
	id = bed_pod_id(path);
	assert_int_equal(bed_run_in(path, read_through, &fd), 0);
	last = sample(b, id);
	bed_pod_remove(path);
	for (int i = 0; i < 500 && sample(b, id).state < WEIR_POD_RELEASED; i++)
		usleep(10000);
	dead = sample(b, id);
	assert_true(dead.state >= WEIR_POD_RELEASED);
	assert_true(dead.cpu_ns >= last.cpu_ns);
	assert_true(dead.mem_peak_pages >= last.mem_peak_pages);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
	assert_null(bed_sample(b, id));
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	assert_int_equal(clock_gettime(id, &t), 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void write_text(const char *path, const char *text)
{
	cleanup(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("%s: %s", path, strerror(errno));
}

/* The whole machine, until its clock wakes it; how long it slept. */
static uint64_t suspend(void)
{
	uint64_t slept = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);

	write_text("/sys/class/rtc/rtc0/wakealarm", "+3");
	write_text("/sys/power/state", "mem");
	return clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC) - slept;
}

static void a_machine_that_sleeps_bills_no_sleep(void **state)
{
	struct bed *b = memory_bed_of(state);
	uint64_t us = 20000, id, from, slept, awake;
	struct weir_pod was, is;
	struct holder h;
	char path[300];

	if (!getenv("WEIR_EMULATED")) {
		print_message("skipped: only a machine of the test's own may be suspended\n");
		skip();
	}
	bed_pod_make(b, "sleeper", path);
	id = bed_pod_id(path);
	holder_start(&h, path);
	holder_take(&h, 16);
	from = clock_ns(CLOCK_MONOTONIC);
	was = sample(b, id);
	slept = suspend();
	assert_int_equal(bed_run_in(path, bed_burn, &us), 0);
	is = sample(b, id);
	awake = clock_ns(CLOCK_MONOTONIC) - from;

	assert_true(slept > 1000000000);
	assert_int_equal(is.state, WEIR_POD_LIVE);
	assert_true(is.mem_at - was.mem_at <= awake);
	assert_true(bytes(is.mem_pages) >= 16 * MIB);
	/* the reading of before is held until the one behind, for as long as it was awake */
	assert_true(integral(&is) - integral(&was) <=
		    (unsigned __int128)is.mem_peak_pages * (is.mem_at - was.mem_at));
	assert_true(integral(&is) - integral(&was) >=
		    (unsigned __int128)(16 * MIB / bytes(1)) * (is.mem_at - was.mem_at));
	assert_int_equal(is.cpu_ns / 1000, bed_cpu_stat_us(path));
	assert_true(is.cpu_ns - was.cpu_ns >= us * 1000 && is.cpu_ns - was.cpu_ns <= 2 * awake);
	holder_end(&h);
	bed_pod_remove(path);
	bed_released(b, id);
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_reads_what_the_memory_files_read),
		cmocka_unit_test(the_integral_lies_between_what_the_samples_allow),
		cmocka_unit_test(a_dead_pod_keeps_its_peak_and_its_integral),
		cmocka_unit_test(page_cache_is_inactive_and_not_billed),
		cmocka_unit_test(page_cache_holds_up_no_bill),
		cmocka_unit_test(a_machine_that_sleeps_bills_no_sleep),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
