/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/bed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "core/addr.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

#define CHARGE (1U << 20) /* more than a CPU keeps */

static char why_not[600];

static int no_bed(const char *why)
{
	snprintf(why_not, sizeof(why_not), "%s", why);
	if (getenv("WEIR_REQUIRE_KERNEL")) {
		print_error("%s\n", why_not);
		return -1;
	}
	return 0;
}

struct bed *bed_of(void **state)
{
	if (!*state) {
		print_message("skipped: %s\n", why_not);
		skip();
	}
	return *state;
}

uint32_t bed_times(uint32_t n)
{
	return getenv("WEIR_EMULATED") ? (n + 31) / 32 : n;
}

static void must(bool ok, const char *what)
{
	if (!ok)
		fail_msg("%s: %s", what, strerror(errno));
}

__attribute__((format(printf, 3, 4))) static void path_set(char *ret, size_t size, const char *fmt,
							   ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(ret, size, fmt, ap);
	va_end(ap);
	must(n >= 0 && (size_t)n < size, "path too long");
}

static void write_text(const char *path, const char *text)
{
	cleanup(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
}

/* "ID PARENT MAJ:MIN ROOT MOUNT ... - cgroup2 ..." */
static bool cgroup2_mount(char *ret, size_t size)
{
	cleanup(close_file) FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024], mount[256];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s %*s %255s", mount) == 1) {
			return !path_format(ret, size, "%s", mount);
		}
	return false;
}

static bool home_cgroup(const char *mount, char *ret, size_t size)
{
	cleanup(close_file) FILE *f = fopen("/proc/self/cgroup", "re");
	char line[1024];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::", 3)) {
			line[strcspn(line, "\n")] = '\0';
			return !path_format(ret, size, "%s%s", mount, line + 3);
		}
	return false;
}

void bed_loopback_up(void)
{
	cleanup(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	must(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &ifr), "lo up");
}

static void cgroup_enter(const char *path)
{
	char procs[320], pid[16];

	path_set(procs, sizeof(procs), "%s/cgroup.procs", path);
	snprintf(pid, sizeof(pid), "%d", getpid());
	write_text(procs, pid);
}

static void cgroup_make(const char *base, const char *name)
{
	char path[300];

	path_set(path, sizeof(path), "%s%s%s", base, name[0] ? "/" : "", name);
	must(!mkdir(path, 0755), path);
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || at[-1] == ' ') && strchr(" \n", at[n]))
			return true;
	return false;
}

void bed_delegate(const char *path)
{
	static const char *const controllers[] = { "cpu", "memory" };
	cleanup(close_file) FILE *f = NULL;
	char have[320], control[320], text[512] = "", word[16];

	path_set(have, sizeof(have), "%s/cgroup.controllers", path);
	path_set(control, sizeof(control), "%s/cgroup.subtree_control", path);
	f = fopen(have, "re");
	must(f != NULL, have);
	if (!fgets(text, sizeof(text), f))
		return; /* none: an empty file */
	for (size_t i = 0; i < ARRAY_LEN(controllers); i++) {
		if (!has_word(text, controllers[i]))
			continue;
		snprintf(word, sizeof(word), "+%s", controllers[i]);
		write_text(control, word);
	}
}

struct dp_options bed_options(const struct bed *b, char meter_cgroup[300])
{
	path_set(meter_cgroup, 300, "%s/pods", b->cgroup);
	return (struct dp_options){
		.bpffs = b->dir,
		.cgroup = b->cgroup,
		.meter_cgroup = meter_cgroup,
	};
}

int bed_setup(void **state)
{
	char mount_at[200], host[300], pods[300];
	const char *parents[1] = { pods };
	struct err err = {};
	struct dp_options opt;
	struct bed *b;

	if (geteuid() != 0)
		return no_bed("needs root");
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return no_bed("needs a kernel with BTF");
	if (!cgroup2_mount(mount_at, sizeof(mount_at)))
		return no_bed("needs a mounted cgroup2");
	b = calloc(1, sizeof(*b));
	must(b && home_cgroup(mount_at, b->home, sizeof(b->home)), "/proc/self/cgroup");
	must(!unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare");
	must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	bed_loopback_up();
	path_set(b->dir, sizeof(b->dir), "/tmp/weir-bed-XXXXXX");
	must(mkdtemp(b->dir) != NULL, "mkdtemp");
	must(!mount("bpf", b->dir, "bpf", 0, NULL), "mounting bpffs");
	path_set(b->cgroup, sizeof(b->cgroup), "%s/%s", mount_at, strrchr(b->dir, '/') + 1);
	cgroup_make(b->cgroup, "");
	bed_delegate(b->cgroup);
	cgroup_make(b->cgroup, "host");
	cgroup_make(b->cgroup, "pods");
	path_set(host, sizeof(host), "%s/host", b->cgroup);
	cgroup_enter(host);

	opt = bed_options(b, pods);
	bed_delegate(pods);
	if (dp_open(&opt, &b->dp, &err) < 0 || dp_parents_sync(b->dp, parents, 1, &err) < 0) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = b;
	return 0;
}

int bed_teardown(void **state)
{
	static const char *const below[] = { "/host", "/pods", "" };
	struct bed *b = *state;
	struct err err = {};
	char path[300];

	if (!b)
		return 0;
	dp_close(&b->dp);
	assert_int_equal(dp_detach(b->dir, &err), 0);
	must(!umount2(b->dir, 0), "umount");
	must(!rmdir(b->dir), b->dir);
	cgroup_enter(b->home);
	for (size_t i = 0; i < ARRAY_LEN(below); i++) {
		path_set(path, sizeof(path), "%s%s", b->cgroup, below[i]);
		bed_pod_remove(path);
	}
	free(b);
	return 0;
}

struct weir_vip bed_vip(const char *addr, uint16_t port, uint8_t proto)
{
	struct weir_vip vip = { .port = htons(port), .proto = proto };
	struct addr a;

	assert_int_equal(addr_parse(addr, &a), 0);
	memcpy(&vip.addr, a.b, sizeof(vip.addr));
	return vip;
}

void bed_service(struct bed *b, uint32_t id, const char *vip, uint16_t port, uint8_t proto,
		 const uint16_t *backend_ports, uint32_t n, const char *backend_addr)
{
	struct weir_svc svc = { .id = id, .gen = id, .first = id * 16, .count = n };
	struct weir_vip key = bed_vip(vip, port, proto);
	struct err err = {};

	assert_true(n <= 16);
	for (uint32_t i = 0; i < n; i++) {
		struct weir_vip to = bed_vip(backend_addr, backend_ports[i], proto);
		struct weir_backend be = { .addr = to.addr, .port = to.port, .proto = proto };

		assert_int_equal(dp_backend_put(b->dp, id * 16 + i, &be, &err), 0);
		dp_slot_put(b->dp, id * 16 + i,
			    (struct weir_slot){ .backend = id * 16 + i, .gen = id });
	}
	assert_int_equal(dp_frontend_put(b->dp, &key, &svc, &err), 0);
}

uint64_t bed_reason(struct bed *b, enum weir_reason r)
{
	uint64_t all[WEIR_REASON_MAX_];

	assert_int_equal(dp_reasons(b->dp, all, NULL), 0);
	return all[r];
}

socklen_t bed_sockaddr(const char *addr, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (strchr(addr, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, addr, &v6->sin6_addr), 1);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, addr, &v4->sin_addr), 1);
	return sizeof(*v4);
}

const char *bed_text(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)sa;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)sa;
	static char text[80];
	char addr[INET6_ADDRSTRLEN];
	bool is4 = sa->ss_family == AF_INET;

	inet_ntop(sa->ss_family, is4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr,
		  addr, sizeof(addr));
	snprintf(text, sizeof(text), "%s %u", addr, ntohs(is4 ? v4->sin_port : v6->sin6_port));
	return text;
}

int bed_listen(const char *addr, int type, uint16_t *ret_port)
{
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr(addr, 0, &sa);
	int fd = socket(sa.ss_family, type | SOCK_CLOEXEC, 0);

	must(fd >= 0 && !bind(fd, (struct sockaddr *)&sa, len), "bind");
	must((type & 0xf) != SOCK_STREAM || !listen(fd, 64), "listen");
	len = sizeof(sa);
	must(!getsockname(fd, (struct sockaddr *)&sa, &len), "getsockname");
	*ret_port = ntohs(((struct sockaddr_in *)(void *)&sa)->sin_port); /* same place in both */
	return fd;
}

int bed_connect(const char *addr, uint16_t port, int type)
{
	struct sockaddr_storage sa;
	socklen_t len = bed_sockaddr(addr, port, &sa);
	cleanup(close_fd) int fd = socket(sa.ss_family, type | SOCK_CLOEXEC, 0);

	must(fd >= 0, "socket");
	if (connect(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	return take_fd(fd);
}

void bed_echo(int server)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char data[16];
	ssize_t n = recvfrom(server, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

	assert_int_equal(n, 4);
	assert_int_equal(sendto(server, data, 4, 0, (struct sockaddr *)&from, len), 4);
}

void bed_pod_make(struct bed *b, const char *name, char ret_path[300])
{
	path_set(ret_path, 300, "%s/pods/%s", b->cgroup, name);
	must(!mkdir(ret_path, 0755), ret_path);
}

void bed_pod_remove(const char *path)
{
	for (int i = 0; i < 500; i++) {
		if (!rmdir(path))
			return;
		must(errno == EBUSY, path);
		usleep(10000); /* the last task is still leaving */
	}
	fail_msg("%s: still busy", path);
}

uint64_t bed_pod_id(const char *path)
{
	struct stat st;

	must(!stat(path, &st), path);
	return st.st_ino;
}

pid_t bed_start_in(const char *path, int (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (!pid) {
		cgroup_enter(path);
		_exit(fn(arg));
	}
	return pid;
}

int bed_run_in(const char *path, int (*fn)(void *arg), void *arg)
{
	pid_t pid = bed_start_in(path, fn, arg);
	int status = 0;

	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "child");
	return WEXITSTATUS(status);
}

uint64_t bed_cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int bed_burn(void *us)
{
	uint64_t start = bed_cpu_us();

	while (bed_cpu_us() - start < *(const uint64_t *)us)
		;
	return 0;
}

uint64_t bed_cpu_stat_us(const char *path)
{
	cleanup(close_file) FILE *f = NULL;
	char file[320];
	uint64_t us = 0;

	path_set(file, sizeof(file), "%s/cpu.stat", path);
	f = fopen(file, "re");
	must(f && fscanf(f, "usage_usec %" SCNu64, &us) == 1, file);
	return us;
}

const struct weir_pod *bed_sample(struct bed *b, uint64_t id)
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

/* Each CPU keeps a few pages charged to the cgroup that it charged last, which holds a dead cgroup until
 * another is charged there: on an idle machine that may be never. */
static int charge_each_cpu(void *arg)
{
	int n = (int)sysconf(_SC_NPROCESSORS_CONF);

	(void)arg;
	for (int cpu = 0; cpu < n; cpu++) {
		cpu_set_t one;
		char *at;

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue; /* offline */
		at = mmap(NULL, CHARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED)
			return 1;
		memset(at, 1, CHARGE);
	}
	return 0;
}

const struct weir_pod *bed_released(struct bed *b, uint64_t id)
{
	char host[300];

	path_set(host, sizeof(host), "%s/host", b->cgroup);
	for (int i = 0; i < 500; i++) {
		const struct weir_pod *pod = bed_sample(b, id);

		assert_non_null(pod);
		if (pod->state == WEIR_POD_RELEASED)
			return pod;
		if (i % 50 == 49)
			assert_int_equal(bed_run_in(host, charge_each_cpu, NULL), 0);
		usleep(10000);
	}
	fail_msg("cgroup %" PRIu64 " was never released", id);
	return NULL;
}
