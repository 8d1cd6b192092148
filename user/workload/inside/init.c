/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1 of a container, on the package's side of the wall but not in its hands: it can be neither
 * traced nor killed nor looked into from there (PR_SET_DUMPABLE; and process 1 hears no signal of its
 * own namespace that it does not ask for).
 *
 * It starts the package, passes signals on, buries orphans, keeps the log within bounds, asks whether
 * the package is ready, and leaves word of how it ended. With it ends all that the package started.
 *
 * Freestanding in all but libc, and static: it is a file in the bundle (init_image.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workload/inside/inside.h"
#include "workload/inside/probe.h"

#define CHUNK 65536
#define PIPE_CHUNKS 4

static struct init {
	struct inside_probe probe;
	pid_t child;
	int signals, output; /* output -1: nobody writes any more */
	off_t log_len;
} init;

static uint64_t now_ms(void)
{
	struct timespec ts = {};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* One write of one length: who reads meanwhile gets the one line or the other. */
static void report(const char *word, int number)
{
	char text[32], line[INSIDE_STATUS_LEN];
	size_t len;

	if (number < 0)
		snprintf(text, sizeof(text), "%s", word);
	else
		snprintf(text, sizeof(text), "%s %d", word, number);
	len = strnlen(text, sizeof(line) - 1);
	memset(line, ' ', sizeof(line));
	memcpy(line, text, len);
	line[sizeof(line) - 1] = '\n';
	if (pwrite(INSIDE_STATUS_FD, line, sizeof(line), 0) < 0)
		return; /* a full disk: the last word stays */
}

/* ---- The log -------------------------------------------------------------------------------- */

/* What is in it becomes the old log, whose content goes. */
static void turn_log(void)
{
	off_t at = 0;

	if (ftruncate(INSIDE_OLD_LOG_FD, 0) < 0 || lseek(INSIDE_OLD_LOG_FD, 0, SEEK_SET) < 0)
		return;
	while (at < init.log_len &&
	       sendfile(INSIDE_OLD_LOG_FD, INSIDE_LOG_FD, &at, (size_t)(init.log_len - at)) > 0)
		;
	if (ftruncate(INSIDE_LOG_FD, 0) == 0)
		init.log_len = 0;
}

/* Where the disk is full, output is lost and the package goes on. */
static void write_log(const char *data, size_t len)
{
	if (init.log_len + (off_t)len > INSIDE_LOG_BYTES)
		turn_log();
	while (len > 0 && init.log_len < INSIDE_LOG_BYTES) {
		ssize_t n = write(INSIDE_LOG_FD, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		init.log_len += n;
		data += n;
		len -= (size_t)n;
	}
}

/* true: there may be more. */
static bool take_output(void)
{
	static char chunk[CHUNK];
	ssize_t n = read(init.output, chunk, sizeof(chunk));

	if (n > 0)
		write_log(chunk, (size_t)n);
	if (n == 0) {
		close(init.output);
		init.output = -1;
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

/* ---- The package ---------------------------------------------------------------------------- */

static pid_t start(char *const *argv, int output)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execv(argv[0], argv);
	dprintf(STDERR_FILENO, "weir: starting %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static __attribute__((noreturn)) void end(const siginfo_t *how)
{
	bool exited = how->si_code == CLD_EXITED;

	/* what is in the pipe, not what others go on writing */
	for (int i = 0; init.output >= 0 && i < PIPE_CHUNKS && take_output(); i++)
		;
	report(exited ? "exit" : "signal", how->si_status);
	_exit(exited ? how->si_status : 128 + how->si_status);
}

static void bury(void)
{
	for (;;) {
		siginfo_t how = {};

		if (waitid(P_ALL, 0, &how, WEXITED | WNOHANG) < 0 || how.si_pid == 0)
			return;
		if (how.si_pid == init.child)
			end(&how);
	}
}

static void take_signal(void)
{
	struct signalfd_siginfo si;

	if (read(init.signals, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD) {
		bury();
		return;
	}
	if (si.ssi_signo == SIGTERM) {
		init.probe.on = false;
		report("unready", -1);
	}
	kill(init.child, (int)si.ssi_signo);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static bool prepare(int *ret_write)
{
	struct stat st;
	sigset_t all;
	int fds[2];

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	init.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (init.signals < 0 || fstat(INSIDE_LOG_FD, &st) < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return false;
	init.log_len = st.st_size;
	init.output = fds[0];
	*ret_write = fds[1];
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 &&
	       fcntl(INSIDE_OLD_LOG_FD, F_SETFD, FD_CLOEXEC) == 0 &&
	       fcntl(INSIDE_STATUS_FD, F_SETFD, FD_CLOEXEC) == 0;
}

static const char *state(void)
{
	return init.probe.ready ? "ready" : init.probe.was_ready ? "unready" : "starting";
}

static __attribute__((noreturn)) void serve(void)
{
	for (;;) {
		struct pollfd fds[] = { { .fd = init.signals, .events = POLLIN },
					{ .fd = init.output, .events = POLLIN },
					{ .fd = init.probe.fd,
					  .events = probe_events(&init.probe) } };
		uint64_t now = now_ms(), at = init.probe.at_ms;
		int wait_ms = !init.probe.on ? -1 : at > now ? (int)(at - now) : 0;

		if (poll(fds, sizeof(fds) / sizeof(fds[0]), wait_ms) < 0)
			continue;
		if (fds[1].revents)
			take_output();
		if (fds[0].revents)
			take_signal();
		if (probe_step(&init.probe, now_ms(), fds[2].revents))
			report(state(), -1);
	}
}

int main(int argc, char **argv)
{
	const char *host = getenv("HOST"), *port = getenv("PORT");
	int output = -1;

	prctl(PR_SET_DUMPABLE, 0);
	if (argc < 3 || !host || !port || !probe_init(&init.probe, argv[1], host, port) ||
	    !prepare(&output)) {
		dprintf(STDERR_FILENO, "weir: can't start: %s\n", strerror(errno));
		return 127;
	}
	report(state(), -1);
	init.child = start(argv + 2, output);
	close(output);
	if (init.child < 0) {
		report("exit", 127);
		return 127;
	}
	serve();
}
