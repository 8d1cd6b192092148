/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile package tries, one line each: "NAME through", "NAME ERRNO" or "NAME killed by N".
 * Each attempt is harmless where it succeeds, and runs in a process of its own.
 * Its arguments are KEY=VALUE, with the members of struct target.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* What there is to get at, as the test says. */
static struct target {
	const char *file; /* of the host, open to all */
	const char *code; /* of this package */
	const char *cgroup; /* a file of the host's cgroups */
	const char *abstract; /* an abstract Unix socket that listens */
	const char *path; /* one with a path */
	uint16_t port; /* of a TCP socket that listens on 127.0.0.1 */
	pid_t pid; /* of another process */
	pid_t init; /* who holds the log, and what is told of this package */
} target = { "/", "/", "/", "-", "-", 1, 1, 1 };

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

static int opened(const char *path, int flags)
{
	return result(open(path, flags | O_CLOEXEC, 0600));
}

/* A file that has no name vanishes with the process. */
static int made_in(const char *dir)
{
	return opened(dir, O_TMPFILE | O_WRONLY);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static int host_file(void)
{
	return opened(target.file, O_RDONLY);
}

static int host_passwords(void)
{
	return opened("/etc/shadow", O_RDONLY);
}

static int host_root(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/etc/shadow", (int)target.pid);
	return opened(path, O_RDONLY);
}

/* A directory that was left open leads out of any root. */
static int inherited_directory(void)
{
	int found = -ENOENT;

	for (int fd = 3; fd < 1024; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			found = 0;
	}
	return found;
}

static int write_code(void)
{
	return opened(target.code, O_WRONLY);
}

static int write_usr(void)
{
	return made_in("/usr");
}

static int write_root(void)
{
	return made_in("/");
}

static int write_dev(void)
{
	return made_in("/dev");
}

static int write_cgroup(void)
{
	return opened(target.cgroup, O_WRONLY);
}

static int read_sysfs(void)
{
	return opened("/sys/kernel", O_RDONLY | O_DIRECTORY);
}

static int write_sysctl(void)
{
	return opened("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int write_sysrq(void)
{
	return opened("/proc/sysrq-trigger", O_WRONLY);
}

static int kernel_log(void)
{
	return opened("/dev/kmsg", O_RDONLY | O_NONBLOCK);
}

static int make_device(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/weir-attempt-%d", (int)getpid());
	int r = result(mknod(path, S_IFCHR | 0600, makedev(1, 5)));

	unlink(path);
	return r;
}

/* ---- Mounts --------------------------------------------------------------------------------- */

static int mount_tmpfs(void)
{
	return result(mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
}

static int mount_writable(void)
{
	return result(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int unmount(void)
{
	return result(umount2("/tmp", MNT_DETACH));
}

static int new_mount(void)
{
	return result(syscall(SYS_fsopen, "tmpfs", 0));
}

static int copy_mount(void)
{
	return result(syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */));
}

static int change_root(void)
{
	return result(chroot("/"));
}

/* ---- Processes ------------------------------------------------------------------------------ */

static int see_process(void)
{
	return result(kill(target.pid, 0));
}

static int read_process(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)target.pid);
	return opened(path, O_RDONLY);
}

static int hold_process(void)
{
	return result(syscall(SYS_pidfd_open, target.pid, 0));
}

static int trace_process(void)
{
	return result(ptrace(PTRACE_SEIZE, target.pid, NULL, NULL));
}

static int read_memory(void)
{
	struct iovec none = {};

	return result(process_vm_readv(target.pid, &none, 1, &none, 1, 0));
}

static int steal_descriptor(void)
{
	int fd = (int)syscall(SYS_pidfd_open, target.pid, 0);

	return result(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int look_into_init(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)target.init);
	return opened(path, O_RDONLY | O_DIRECTORY);
}

static int become_root(void)
{
	return result(setuid(0));
}

static int be_first(void)
{
	return result(setpriority(PRIO_PROCESS, 0, -5));
}

/* ---- Sockets -------------------------------------------------------------------------------- */

static int connect_unix(const char *path, bool abstract)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = strlen(path);

	if (len + abstract >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path + abstract, path, len);
	return result(
		connect(fd, (const struct sockaddr *)&sun,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + len)));
}

static int abstract_socket(void)
{
	return connect_unix(target.abstract, true);
}

static int unix_socket(void)
{
	return connect_unix(target.path, false);
}

static int tcp_socket(void)
{
	const struct sockaddr_in sin = { .sin_family = AF_INET,
					 .sin_port = htons(target.port),
					 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return result(connect(fd, (const struct sockaddr *)&sin, sizeof(sin)));
}

static int raw_socket(void)
{
	return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int packet_socket(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

/* Marks are how a datapath knows its own packets. */
static int mark_packets(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mark = 1;

	return result(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
}

static int change_link(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return result(ioctl(fd, SIOCSIFFLAGS, &lo));
}

/* ---- The kernel ----------------------------------------------------------------------------- */

static int bpf_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int bpf_program(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K }, /* r0 = 0 */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insns = (uintptr_t)code,
				.insn_cnt = ARRAY_LEN(code),
				.license = (uintptr_t)"GPL" };

	return result(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static int perf_event(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_DUMMY };

	return result(syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0));
}

static int user_fault(void)
{
	return result(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int key_ring(void)
{
	return result(
		syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -1 /* of the thread */, 1));
}

/* These get as far as their arguments, which are wrong. */
static int reached(long r, int code)
{
	return r < 0 && errno == code ? 0 : result(r);
}

static int crypto_socket(void) /* a kernel may have none */
{
	return reached(socket(AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
}

static int reboot_host(void)
{
	return reached(syscall(SYS_reboot, 0, 0, 0, NULL), EINVAL);
}

static int open_by_handle(void)
{
	return reached(syscall(SYS_open_by_handle_at, -1, NULL, 0), EFAULT);
}

static int set_clock(void)
{
	const struct timespec wrong = { .tv_nsec = -1 };

	return reached(syscall(SYS_clock_settime, CLOCK_REALTIME, &wrong), EINVAL);
}

/* ---- Namespaces ----------------------------------------------------------------------------- */

static int unshare_user(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int unshare_network(void)
{
	return result(unshare(CLONE_NEWNET));
}

static int end_child(long pid)
{
	int r = result(pid);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return r;
}

static int clone_user(void)
{
	return end_child(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
}

static int clone3_user(void)
{
	struct {
		uint64_t flags, rest[3], exit_signal, more[6];
	} args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };

	return end_child(syscall(SYS_clone3, &args, sizeof(args)));
}

static int enter_network(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return result(setns(fd, CLONE_NEWNET));
}

/* ---- All of them ---------------------------------------------------------------------------- */

#define A(name) { #name, name }
/* In this order: what one mounts the next takes away. It would give each a line of its own. */
/* clang-format off */
static const struct {
	const char *name;
	int (*try)(void);
} attempts[] = {
	A(host_file), A(host_passwords), A(host_root), A(inherited_directory), A(write_code),
	A(write_usr), A(write_root), A(write_dev), A(write_cgroup),
	A(read_sysfs), A(write_sysctl), A(write_sysrq), A(kernel_log), A(make_device),
	A(mount_tmpfs), A(mount_writable), A(unmount), A(new_mount), A(copy_mount), A(change_root),
	A(see_process), A(read_process), A(hold_process), A(trace_process), A(read_memory),
	A(steal_descriptor), A(look_into_init), A(become_root), A(be_first), A(abstract_socket),
	A(unix_socket), A(tcp_socket), A(raw_socket), A(packet_socket),
	A(crypto_socket), A(mark_packets), A(change_link), A(bpf_map), A(bpf_program),
	A(perf_event), A(user_fault), A(key_ring), A(reboot_host), A(open_by_handle), A(set_clock),
	A(unshare_user), A(unshare_network), A(clone_user), A(clone3_user),
	A(enter_network),
};
/* clang-format on */

/* A seccomp filter may kill who asks; then this line tells. */
static void attempt(const char *name, int (*try)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int r = try();

		printf("%s %s\n", name, r == 0 ? "through" : strerrorname_np(-r));
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		printf("%s not tried\n", name);
	else if (WIFSIGNALED(status))
		printf("%s killed by %d\n", name, WTERMSIG(status));
	fflush(stdout);
}

static void set_target(const char *text)
{
	const struct {
		const char *key;
		const char **at;
	} texts[] = {
		{ "file=", &target.file },	   { "code=", &target.code },
		{ "cgroup=", &target.cgroup },	   { "path=", &target.path },
		{ "abstract=", &target.abstract },
	};
	const char *value = strchr(text, '=');

	for (size_t i = 0; value && i < ARRAY_LEN(texts); i++)
		if (strncmp(text, texts[i].key, strlen(texts[i].key)) == 0)
			*texts[i].at = value + 1;
	if (strncmp(text, "port=", 5) == 0)
		target.port = (uint16_t)strtoul(value + 1, NULL, 10);
	if (strncmp(text, "pid=", 4) == 0)
		target.pid = (pid_t)strtol(value + 1, NULL, 10);
	if (strncmp(text, "init=", 5) == 0)
		target.init = (pid_t)strtol(value + 1, NULL, 10);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		set_target(argv[i]);
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++)
		attempt(attempts[i].name, attempts[i].try);
	return 0;
}
