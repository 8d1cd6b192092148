/* SPDX-License-Identifier: Apache-2.0 */
#include "core/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"

#define MS_NS 1000000u
#define HANDED_FIRST 3

/* Where programs are looked for. Not the caller's PATH: who can set that would be root. */
static const char *const folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
				       "/usr/bin",	  "/sbin",	    "/bin" };
static char path_env[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

int program_find(const char *name, char *ret, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		char path[PATH_MAX];

		if (path_format(path, sizeof(path), "%s/%s", folders[i], name) == 0 &&
		    access(path, X_OK) == 0)
			return path_format(ret, size, "%s", path);
	}
	return -ENOENT;
}

static int remaining_ms(uint64_t deadline_ns)
{
	uint64_t now = clock_boot_ns();
	uint64_t left = now < deadline_ns ? (deadline_ns - now + MS_NS - 1) / MS_NS : 0;

	return left > INT_MAX ? INT_MAX : (int)left;
}

static uint64_t deadline_in(uint32_t timeout_ms)
{
	return clock_boot_ns() + (uint64_t)timeout_ms * MS_NS;
}

/* A pipe's end that we read, and where to. */
struct capture {
	int fd;
	struct buf *into;
};

/* What becomes descriptors 0, 1 and 2 of the child, and what we read of the latter two. */
struct pipe_ends {
	int in, out, err; /* in: -1 is /dev/null; err: -1 is as out */
	struct capture capture[2];
	size_t captures;
	int handed[CHILD_HANDED_MAX]; /* above the numbers they get */
	size_t n_handed;
};

static void ends_close(struct pipe_ends *e)
{
	close_fd(&e->in);
	close_fd(&e->out);
	close_fd(&e->err);
	for (size_t i = 0; i < e->captures; i++)
		close_fd(&e->capture[i].fd);
	for (size_t i = 0; i < e->n_handed; i++)
		close_fd(&e->handed[i]);
}

static int set_actions(posix_spawn_file_actions_t *fa, const struct pipe_ends *ends)
{
	int e = ends->in >= 0 ? posix_spawn_file_actions_adddup2(fa, ends->in, 0) :
				posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);

	if (e == 0)
		e = posix_spawn_file_actions_adddup2(fa, ends->out, 1);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(fa, ends->err >= 0 ? ends->err : ends->out, 2);
	for (size_t i = 0; e == 0 && i < ends->n_handed; i++)
		e = posix_spawn_file_actions_adddup2(fa, ends->handed[i], HANDED_FIRST + (int)i);
	if (e == 0)
		e = posix_spawn_file_actions_addclosefrom_np(fa,
							     HANDED_FIRST + (int)ends->n_handed);
	return -e;
}

static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	int e = posix_spawnattr_setsigmask(attr, &none);

	if (e == 0)
		e = posix_spawnattr_setsigdefault(attr, &all);
	if (e == 0)
		e = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
							   POSIX_SPAWN_SETSIGDEF);
	return -e;
}

/* posix_spawn() takes the arguments as char *const[] and does not write to them. */
static char *const *unconst(const char *const *argv)
{
	union {
		const char *const *in;
		char *const *out;
	} u = { .in = argv };

	return u.out;
}

static int spawn(const struct child *c, const struct pipe_ends *ends, pid_t *ret_pid,
		 struct err *err)
{
	const char *const *argv = c->argv;
	char program[PATH_MAX];
	char *const env[] = { path_env, NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int r = program_find(argv[0], program, sizeof(program));

	if (r < 0)
		return err_set(err, r, "%s is not installed; install the package %s", argv[0],
			       argv[0]);
	if (posix_spawn_file_actions_init(&fa) != 0)
		return err_errno(err, -ENOMEM, "starting %s", program);
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&fa);
		return err_errno(err, -ENOMEM, "starting %s", program);
	}
	r = set_actions(&fa, ends);
	if (r == 0)
		r = set_signals(&attr);
	if (r == 0)
		r = -posix_spawn(ret_pid, program, &fa, &attr, unconst(argv),
				 c->our_environment ? environ : env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return r < 0 ? err_errno(err, r, "starting %s", program) : 0;
}

/* Takes what is in the pipe. false: there will be nothing more. */
static bool drain(const struct capture *c)
{
	char chunk[4096];

	for (;;) {
		ssize_t n = read(c->fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		size_t room = c->into->limit - c->into->len;

		buf_append(c->into, chunk, (size_t)n < room ? (size_t)n : room);
	}
}

/* Waits for the end of the process, not of its output: a grandchild may keep a pipe open. */
static int wait_end(int pidfd, const struct pipe_ends *ends, uint64_t deadline_ns)
{
	struct pollfd fds[1 + ARRAY_LEN(ends->capture)] = { { .fd = pidfd, .events = POLLIN } };

	for (size_t i = 0; i < ends->captures; i++)
		fds[1 + i] = (struct pollfd){ .fd = ends->capture[i].fd, .events = POLLIN };
	for (;;) {
		int n = poll(fds, 1 + ends->captures, remaining_ms(deadline_ns));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		for (size_t i = 0; i < ends->captures; i++) {
			if (fds[1 + i].revents && !drain(&ends->capture[i]))
				fds[1 + i].fd = -1;
		}
		if (fds[0].revents)
			return 0;
	}
}

static int reap(pid_t pid)
{
	siginfo_t si = {};

	while (waitid(P_PID, (id_t)pid, &si, WEXITED) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
}

static int wait_child(const struct child *c, pid_t pid, const struct pipe_ends *ends,
		      struct err *err)
{
	cleanup(close_fd) int pidfd = pidfd_open(pid, 0);
	int r = pidfd < 0 ? -errno : wait_end(pidfd, ends, deadline_in(c->timeout_ms));

	if (r < 0)
		kill(-pid,
		     SIGKILL); /* it leads a group; not reaped yet, so the id is still its own */
	int status = reap(pid);

	if (r == -ETIMEDOUT)
		return err_set(err, r, "%s did not end within %u ms and was killed", c->argv[0],
			       c->timeout_ms);
	if (r < 0 || status < 0)
		return err_errno(err, r < 0 ? r : status, "waiting for %s", c->argv[0]);
	return status;
}

static int open_pipe(struct pipe_ends *e, struct buf *into, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	e->capture[e->captures++] = (struct capture){ .fd = fds[0], .into = into };
	*ret_write = fds[1];
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_output(const struct child *c, struct pipe_ends *e)
{
	if (c->output_fd < 0 && c->output)
		return open_pipe(e, c->output, &e->out);
	e->out = c->output_fd >= 0 ? fcntl(c->output_fd, F_DUPFD_CLOEXEC, 3) :
				     open("/dev/null", O_WRONLY | O_CLOEXEC);
	return e->out < 0 ? -errno : 0;
}

/* Out of the way of each other's numbers. */
static int take_handed(const struct child *c, struct pipe_ends *e)
{
	assert(c->n_handed <= CHILD_HANDED_MAX);
	for (size_t i = 0; i < c->n_handed; i++) {
		int fd = fcntl(c->handed[i], F_DUPFD_CLOEXEC, HANDED_FIRST + CHILD_HANDED_MAX);

		if (fd < 0)
			return -errno;
		e->handed[e->n_handed++] = fd;
	}
	return 0;
}

static int open_input(const struct buf *input, int *ret_fd)
{
	cleanup(close_fd) int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < input->len;) {
		ssize_t n = write(fd, input->data + done, input->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n < 0 ? 0 : (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

int child_run(const struct child *c, int *ret_status, struct err *err)
{
	cleanup(ends_close) struct pipe_ends ends = { .in = -1, .out = -1, .err = -1 };
	pid_t pid = 0;
	int r = open_output(c, &ends);

	if (r == 0 && c->errors)
		r = open_pipe(&ends, c->errors, &ends.err);
	if (r == 0 && c->input)
		r = open_input(c->input, &ends.in);
	if (r == 0)
		r = take_handed(c, &ends);
	if (r < 0)
		return err_errno(err, r, "starting %s", c->argv[0]);
	r = spawn(c, &ends, &pid, err);
	if (r < 0)
		return r;
	r = wait_child(c, pid, &ends, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ends.captures; i++)
		drain(&ends.capture[i]);
	*ret_status = r;
	return 0;
}

int process_wait(pid_t pid, uint32_t timeout_ms, struct err *err)
{
	cleanup(close_fd) int pidfd = pidfd_open(pid, 0);

	if (pidfd < 0)
		return errno == ESRCH ? 0 : err_errno(err, -errno, "waiting for process %d", pid);
	const struct pipe_ends none = {};
	int r = wait_end(pidfd, &none, deadline_in(timeout_ms));

	return r < 0 ? err_errno(err, r, "waiting for process %d", pid) : 0;
}
