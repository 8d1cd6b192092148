/* SPDX-License-Identifier: Apache-2.0 */
/* The init itself, run as a child of ours: what it tells, how it asks, what it does with the log. */
#include "workload/init_image.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "workload/inside/inside.h"
#include "workload/status.h"

#define WAIT_MS 20000

struct fixture {
	char dir[64], init[80], log[80], old[80], status[80];
	pid_t pid; /* of the init; 0: it does not run */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	size_t len;
	const void *image = init_image(&len);

	snprintf(f->dir, sizeof(f->dir), "/tmp/weir-init-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->init, sizeof(f->init), "%s/init", f->dir);
	snprintf(f->log, sizeof(f->log), "%s/log", f->dir);
	snprintf(f->old, sizeof(f->old), "%s/old", f->dir);
	snprintf(f->status, sizeof(f->status), "%s/status", f->dir);
	assert_int_equal(file_write_atomic(f->init, image, len, 0755, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	dir_remove(f->dir, NULL);
	free(f);
	return 0;
}

static int hand(const char *path, int flags, int as)
{
	int fd = open(path, flags | O_CREAT, 0600);

	return fd < 0 || dup2(fd, as) < 0 ? -1 : 0;
}

/* sh runs the script. Its parent adopts its orphans, as process 1 would. */
static void begin(struct fixture *f, const char *ready, const char *port, const char *script)
{
	int status_fd = -1;

	assert_int_equal(status_open(f->dir, &status_fd, NULL), 0);
	close(status_fd);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setenv("HOST", "127.0.0.1", 1);
	setenv("PORT", port, 1);
	if (hand(f->log, O_RDWR | O_APPEND, INSIDE_LOG_FD) < 0 ||
	    hand(f->log, O_RDWR | O_APPEND, 2) < 0 ||
	    hand(f->old, O_WRONLY, INSIDE_OLD_LOG_FD) < 0 ||
	    hand(f->status, O_WRONLY, INSIDE_STATUS_FD) < 0)
		_exit(99);
	close_range(INSIDE_STATUS_FD + 1, ~0u, 0);
	execl(f->init, "init", ready, "/bin/sh", "-c", script, (char *)NULL);
	_exit(98);
}

static int end_of(struct fixture *f)
{
	int how = 0;

	assert_int_equal(waitpid(f->pid, &how, 0), f->pid);
	f->pid = 0;
	assert_true(WIFEXITED(how));
	return WEXITSTATUS(how);
}

/* Waits, by inotify, until what is in the file satisfies. */
static void wait_file(const char *path, bool (*satisfies)(const char *path, const void *arg),
		      const void *arg)
{
	cleanup(close_fd) int in = inotify_init1(IN_CLOEXEC);
	struct pollfd pfd = { .fd = in, .events = POLLIN };
	char events[4096];

	assert_true(inotify_add_watch(in, path, IN_MODIFY) >= 0);
	while (!satisfies(path, arg)) {
		if (poll(&pfd, 1, WAIT_MS) <= 0)
			fail_msg("%s does not become what it should", path);
		assert_true(read(in, events, sizeof(events)) > 0);
	}
}

static bool is_word(const char *path, const void *arg)
{
	const enum status_word *want = arg;
	struct status s;
	char dir[64];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	return status_read(dir, &s, NULL) == 0 && s.word == *want;
}

static bool has_content(const char *path, const void *arg)
{
	struct stat st;

	(void)arg;
	return stat(path, &st) == 0 && st.st_size > 0;
}

static void wait_word(const struct fixture *f, enum status_word want)
{
	wait_file(f->status, is_word, &want);
}

static void assert_status(const struct fixture *f, enum status_word word, uint32_t number)
{
	struct status s;

	assert_int_equal(status_read(f->dir, &s, NULL), 0);
	assert_int_equal(s.word, word);
	assert_int_equal(s.number, number);
}

static void the_end_is_told_and_passed_on(void **state)
{
	static const struct {
		const char *script;
		enum status_word word;
		uint32_t number;
		int code;
	} cases[] = {
		{ "exit 0", STATUS_EXIT, 0, 0 },
		{ "exit 7", STATUS_EXIT, 7, 7 },
		{ "kill -9 $$", STATUS_SIGNAL, 9, 137 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(f, "none", "1", cases[i].script);
		assert_int_equal(end_of(f), cases[i].code);
		assert_status(f, cases[i].word, cases[i].number);
	}
}

static void a_program_that_is_not_there_is_told_in_the_log(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_fini) struct buf log = BUF_INIT(4096);

	begin(f, "none", "1", "exec /no/such/program");
	assert_int_equal(end_of(f), 127);
	assert_int_equal(file_read(f->log, &log, NULL), 0);
	assert_non_null(strstr(log.data, "/no/such/program"));
}

/* The child has nothing of ours, and all of its signals. */
static void the_package_gets_no_descriptor_and_no_blocked_signal(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_fini) struct buf log = BUF_INIT(4096);

	begin(f, "none", "1", "ls /proc/self/fd; grep SigBlk /proc/self/status");
	assert_int_equal(end_of(f), 0);
	assert_int_equal(file_read(f->log, &log, NULL), 0);
	/* 3 is what ls reads the folder by */
	assert_string_equal(log.data, "0\n1\n2\n3\nSigBlk:\t0000000000000000\n");
}

static void a_signal_is_passed_on_and_ends_the_readiness(void **state)
{
	struct fixture *f = *state;

	begin(f, "none", "1", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done");
	wait_word(f, STATUS_READY);
	wait_file(f->log, has_content, NULL);
	assert_int_equal(kill(f->pid, SIGTERM), 0);
	assert_int_equal(end_of(f), 5);
	assert_status(f, STATUS_EXIT, 5);
}

/* Without burying, each would stay a zombie, and count. */
static void orphans_are_buried(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_fini) struct buf log = BUF_INIT(65536);

	begin(f, "none", "1",
	      "for i in 1 2 3 4 5 6 7 8; do (true &); done; read x </dev/null;"
	      "i=0; while grep -l \"PPid:.$PPID$\" /proc/[0-9]*/status 2>/dev/null | grep -v \"/$$/\" "
	      ">/dev/null; do i=$((i+1)); [ $i -lt 2000 ] || exit 9; done; exit 0");
	assert_int_equal(end_of(f), 0);
}

static int listen_any(char ret_port[8])
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);

	assert_int_equal(bind(fd, (const struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	snprintf(ret_port, 8, "%u", ntohs(sin.sin_port));
	return fd;
}

static void a_port_that_listens_is_ready_and_one_that_no_longer_does_is_not(void **state)
{
	struct fixture *f = *state;
	char port[8];
	int fd = listen_any(port);

	begin(f, "tcp", port, "while :; do sleep 1; done");
	wait_word(f, STATUS_READY);
	close(fd);
	wait_word(f, STATUS_UNREADY);
}

static void who_does_not_listen_is_starting(void **state)
{
	struct fixture *f = *state;
	char port[8];

	close(listen_any(port));
	begin(f, "tcp", port, "while :; do sleep 1; done");
	wait_word(f, STATUS_STARTING);
}

/* Answers one request; the request is what the init should ask. */
static void answer(int fd, const char *text)
{
	static const char want[] = "GET /up HTTP/1.1\r\nHost: localhost\r\n";
	cleanup(close_fd) int peer = accept(fd, NULL, NULL);
	char request[512] = "";

	assert_true(recv(peer, request, sizeof(request) - 1, 0) > 0);
	assert_memory_equal(request, want, strlen(want));
	assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void http_is_ready_by_its_status(void **state)
{
	struct fixture *f = *state;
	char port[8];
	cleanup(close_fd) int fd = listen_any(port);

	begin(f, "http:/up", port, "while :; do sleep 1; done");
	answer(fd, "HTTP/1.1 500 Oh\r\n\r\n");
	answer(fd, "no HTTP at all, but long");
	answer(fd, "HTTP/1.0 404 Not\r\n\r\n");
	assert_status(f, STATUS_STARTING, 0);
	answer(fd, "HTTP/1.1 204 Fine\r\n\r\n");
	wait_word(f, STATUS_READY);
}

/* The log is what was written last, the old one what was before, and neither is over its cap. */
static void the_log_is_turned_at_its_cap(void **state)
{
	struct fixture *f = *state;
	struct stat log, old;
	char script[160];

	snprintf(
		script, sizeof(script),
		"head -c %u /dev/zero | tr '\\0' a; echo; head -c 1000 /dev/zero | tr '\\0' b; echo end",
		INSIDE_LOG_BYTES - 100);
	begin(f, "none", "1", script);
	assert_int_equal(end_of(f), 0);
	assert_int_equal(stat(f->log, &log), 0);
	assert_int_equal(stat(f->old, &old), 0);
	assert_int_equal(log.st_size + old.st_size, INSIDE_LOG_BYTES - 100 + 1 + 1000 + 4);
	assert_true(old.st_size <= INSIDE_LOG_BYTES && log.st_size <= INSIDE_LOG_BYTES);
	cleanup(close_fd) int fd = open(f->log, O_RDONLY | O_CLOEXEC);
	char tail[5] = "";

	assert_int_equal(pread(fd, tail, 4, log.st_size - 4), 4);
	assert_string_equal(tail, "end\n");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_end_is_told_and_passed_on),
		T(a_program_that_is_not_there_is_told_in_the_log),
		T(the_package_gets_no_descriptor_and_no_blocked_signal),
		T(a_signal_is_passed_on_and_ends_the_readiness),
		T(orphans_are_buried),
		T(a_port_that_listens_is_ready_and_one_that_no_longer_does_is_not),
		T(who_does_not_listen_is_starting),
		T(http_is_ready_by_its_status),
		T(the_log_is_turned_at_its_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
