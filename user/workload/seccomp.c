/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/seccomp.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/cleanup.h"
#include "core/json.h"

/* By area; within one by name. Names of other architectures' calls are read over by runc. */
/* It would give each name a line of its own. */
/* clang-format off */
static const char *const allowed[] = {
	/* files */
	"access", "chdir", "chmod", "close", "close_range", "copy_file_range", "creat", "dup", "dup2",
	"dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat",
	"fchmodat2", "fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock", "fstat", "fstatfs",
	"fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "ioctl",
	"lgetxattr", "link", "linkat", "listxattr", "llistxattr", "lseek", "lstat", "mkdir", "mkdirat",
	"newfstatat", "open", "openat", "openat2", "pread64", "preadv", "preadv2", "pwrite64",
	"pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "rename",
	"renameat", "renameat2", "rmdir", "sendfile", "splice", "stat", "statfs", "statx", "symlink",
	"symlinkat", "sync_file_range", "tee", "truncate", "umask", "unlink", "unlinkat", "utime",
	"utimensat", "utimes", "vmsplice", "write", "writev",
	/* events */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"eventfd", "eventfd2", "inotify_add_watch", "inotify_init", "inotify_init1",
	"inotify_rm_watch", "pipe", "pipe2", "poll", "ppoll", "pselect6", "select", "signalfd",
	"signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_settime",
	/* memory */
	"brk", "madvise", "membarrier", "memfd_create", "mincore", "mlock", "mlock2", "mlockall",
	"mmap", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc",
	"pkey_free", "pkey_mprotect",
	/* processes, threads, signals; clone has a rule of its own */
	"alarm", "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork",
	"futex", "futex_waitv", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrlimit",
	"get_robust_list", "getrusage", "getsid", "gettid", "kill", "pause", "pidfd_open",
	"pidfd_send_signal", "prctl", "prlimit64", "restart_syscall", "rseq", "rt_sigaction",
	"rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_getaffinity", "sched_getattr",
	"sched_getparam", "sched_get_priority_max", "sched_get_priority_min", "sched_getscheduler",
	"sched_rr_get_interval", "sched_setaffinity", "sched_yield", "seccomp", "setpgid",
	"setpriority", "setrlimit", "set_robust_list", "setsid", "set_thread_area",
	"set_tid_address", "sigaltstack", "tgkill", "times", "tkill", "vfork", "wait4", "waitid",
	/* identity */
	"getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid", "getuid",
	/* network; socket has a rule of its own */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
	"recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
	"socketpair",
	/* time and the machine */
	"clock_getres", "clock_gettime", "clock_nanosleep", "getcpu", "getitimer", "getrandom",
	"gettimeofday", "nanosleep", "setitimer", "sysinfo", "time", "timer_create", "timer_delete",
	"timer_getoverrun", "timer_gettime", "timer_settime", "uname",
};
/* clang-format on */

/* Not AF_PACKET, AF_VSOCK, AF_ALG and the rest. Netlink is how node lists its interfaces. */
static const uint64_t families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

/* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: none may be set. */
#define CLONE_NEW_ALL 0x7e020000u

static struct json *rule(const char *const *names, size_t len, const char *action)
{
	cleanup(json_free) struct json *r = json_new_object();
	struct json *list = json_new_array();
	int failed = 0;

	for (size_t i = 0; i < len; i++)
		failed |= json_add_str(list, names[i]);
	failed |= json_set(r, "names", list);
	failed |= json_set_str(r, "action", action);
	return failed ? NULL : take_ptr(r);
}

/* A rule for one call whose argument 0 is compared. */
static struct json *rule_arg(const char *name, const char *op, uint64_t value, uint64_t value2)
{
	cleanup(json_free) struct json *r = rule(&name, 1, "SCMP_ACT_ALLOW");
	struct json *args = json_new_array(), *arg = json_new_object();
	int failed = json_set_u64(arg, "index", 0);

	failed |= json_set_u64(arg, "value", value);
	failed |= json_set_u64(arg, "valueTwo", value2);
	failed |= json_set_str(arg, "op", op);
	failed |= json_add(args, arg);
	failed |= json_set(r, "args", args);
	return failed ? NULL : take_ptr(r);
}

/* clone3's flags lie in memory, where a filter can't see them: ENOSYS makes glibc use clone. */
static struct json *rule_clone3(void)
{
	static const char *const name = "clone3";
	cleanup(json_free) struct json *r = rule(&name, 1, "SCMP_ACT_ERRNO");

	return json_set_u64(r, "errnoRet", ENOSYS) < 0 ? NULL : take_ptr(r);
}

struct json *seccomp_profile(void)
{
	cleanup(json_free) struct json *profile = json_new_object();
	struct json *rules = json_new_array();
	int failed = json_add(rules, rule(allowed, ARRAY_LEN(allowed), "SCMP_ACT_ALLOW"));

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		failed |= json_add(rules, rule_arg("socket", "SCMP_CMP_EQ", families[i], 0));
	failed |= json_add(rules, rule_arg("clone", "SCMP_CMP_MASKED_EQ", CLONE_NEW_ALL, 0));
	failed |= json_add(rules, rule_clone3());
	failed |= json_set(profile, "syscalls", rules);
	failed |= json_set_str(profile, "defaultAction", "SCMP_ACT_ERRNO");
	failed |= json_set_u64(profile, "defaultErrnoRet", EPERM);
	return failed ? NULL : take_ptr(profile);
}
