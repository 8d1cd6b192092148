/* SPDX-License-Identifier: Apache-2.0 */
#include "core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

#define LONG_MS 20000

static int run(const char *script, struct buf *out, uint32_t timeout_ms, int *ret_status,
	       struct err *err)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct child c = {
		.argv = argv, .output_fd = -1, .output = out, .timeout_ms = timeout_ms
	};

	return child_run(&c, ret_status, err);
}

static void exit_codes_and_signals_come_back(void **state)
{
	static const struct {
		const char *script;
		int status;
	} cases[] = { { "exit 0", 0 }, { "exit 7", 7 }, { "kill -9 $$", 128 + SIGKILL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status = -1;

		assert_int_equal(run(cases[i].script, NULL, LONG_MS, &status, NULL), 0);
		assert_int_equal(status, cases[i].status);
	}
}

static void output_is_captured_up_to_its_limit(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(10);
	int status = -1;

	(void)state;
	assert_int_equal(run("echo out; echo err >&2", &out, LONG_MS, &status, NULL), 0);
	assert_string_equal(out.data, "out\nerr\n");
	buf_reset(&out);
	/* more than a pipe holds: the child must not hang on it */
	assert_int_equal(run("head -c 300000 /dev/zero | tr '\\0' x", &out, LONG_MS, &status, NULL),
			 0);
	assert_int_equal(status, 0);
	assert_string_equal(out.data, "xxxxxxxxxx");
}

/* Standard error apart, and more on both than their pipes hold. */
static void errors_are_captured_apart(void **state)
{
	static const char *const argv[] = {
		"sh", "-c",
		"echo out; echo err >&2; head -c 200000 /dev/zero | tr '\\0' e >&2; "
		"head -c 200000 /dev/zero | tr '\\0' o",
		NULL
	};
	cleanup(buf_fini) struct buf out = BUF_INIT(6), errors = BUF_INIT(1 << 20);
	const struct child c = { .argv = argv,
				 .output_fd = -1,
				 .output = &out,
				 .errors = &errors,
				 .timeout_ms = LONG_MS };
	int status = -1;

	(void)state;
	assert_int_equal(child_run(&c, &status, NULL), 0);
	assert_int_equal(status, 0);
	assert_string_equal(out.data, "out\noo");
	assert_memory_equal(errors.data, "err\nee", 6);
	assert_int_equal(errors.len, 200004);
}

/* More than a pipe holds, to one that reads it late, in part, and not at all. */
static void input_is_there_to_be_read(void **state)
{
	static const struct {
		const char *script, *output;
	} cases[] = { { "echo first; cat | wc -c", "first\n300000\n" },
		      { "head -c 3", "iii" },
		      { "true", "" } };
	cleanup(buf_fini) struct buf out = BUF_INIT(100), in = BUF_INIT(300000);

	(void)state;
	while (in.len < in.limit)
		assert_int_equal(buf_append(&in, "iiiiiiiiii", 10), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const argv[] = { "sh", "-c", cases[i].script, NULL };
		const struct child c = { .argv = argv,
					 .input = &in,
					 .output_fd = -1,
					 .output = &out,
					 .timeout_ms = LONG_MS };
		int status = -1;

		buf_reset(&out);
		assert_int_equal(child_run(&c, &status, NULL), 0);
		assert_int_equal(status, 0);
		assert_string_equal(out.len ? out.data : "", cases[i].output);
	}
}

static void time_out_kills_the_whole_group(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(100);
	struct err err = {};
	int status = -7;

	(void)state;
	/* the grandchild keeps the pipe open; 1000 s would outlast the test */
	assert_int_equal(run("sleep 1000 & echo $!; wait", &out, 300, &status, &err), -ETIMEDOUT);
	assert_int_equal(status, -7);
	assert_non_null(strstr(err.text, "sh"));
}

/* A child that left a process behind with the pipe is over when it is over. */
static void grandchild_does_not_hold_us(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(100);
	int status = -1;

	(void)state;
	assert_int_equal(run("sleep 1000 & echo $!", &out, LONG_MS, &status, NULL), 0);
	assert_int_equal(status, 0);
	assert_non_null(out.data);
	char script[64];

	snprintf(script, sizeof(script), "kill %s", out.data);
	assert_int_equal(run(script, NULL, LONG_MS, &status, NULL), 0);
	assert_int_equal(status, 0); /* it was there to be killed */
}

/* Without a shell, which would change what it inherits before it could be seen. */
static void capture(const char *program, const char *arg, struct buf *out)
{
	const char *const argv[] = { program, arg, NULL };
	const struct child c = {
		.argv = argv, .output_fd = -1, .output = out, .timeout_ms = LONG_MS
	};
	int status = -1;

	buf_reset(out);
	assert_int_equal(child_run(&c, &status, NULL), 0);
	assert_int_equal(status, 0);
}

static void child_inherits_no_signal_settings(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(8192);
	sigset_t blocked, old;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	void (*pipe_handler)(int) = signal(SIGPIPE, SIG_IGN); /* as a server does */

	capture("cat", "/proc/self/status", &out);
	signal(SIGPIPE, pipe_handler);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_non_null(strstr(out.data, "SigBlk:\t0000000000000000\n"));
	const char *ignored = strstr(out.data, "SigIgn:\t");

	assert_non_null(ignored);
	/* of the first 28 signals none; glibc keeps two of its own above them ignored */
	assert_int_equal(strncmp(ignored + strlen("SigIgn:\t") + 9, "0000000\n", 8), 0);
}

static void child_inherits_no_files_and_no_environment(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(8192);
	cleanup(close_fd) int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */

	(void)state;
	assert_true(leak >= 0);
	capture("ls", "/proc/self/fd", &out);
	assert_string_equal(out.data, "0\n1\n2\n3\n"); /* 3 is how ls reads the folder */
	capture("readlink", "/proc/self/fd/0", &out);
	assert_string_equal(out.data, "/dev/null\n");
	setenv("WEIR_TEST_SECRET", "x", 1);
	capture("env", NULL, &out);
	assert_int_equal(strncmp(out.data, "PATH=", 5), 0);
	assert_null(strstr(out.data, "WEIR_TEST_SECRET"));
}

/* Also when their numbers cross those they get. */
static void what_is_handed_comes_as_3_and_4(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(8192);
	static const char *const argv[] = { "sh", "-c", "cat <&3; cat <&4; ls /proc/self/fd",
					    NULL };
	cleanup(close_fd) int a = open("/proc/sys/kernel/ostype", O_RDONLY | O_CLOEXEC);
	cleanup(close_fd) int b = open("/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC);
	const int handed[] = { b, a };
	struct child c = { .argv = argv,
			   .output_fd = -1,
			   .output = &out,
			   .handed = handed,
			   .n_handed = 2,
			   .timeout_ms = LONG_MS };
	char host[256] = "";
	int status = -1;

	(void)state;
	assert_true(a >= 0 && b >= 0);
	assert_true(read(b, host, sizeof(host) - 1) > 0 && lseek(b, 0, SEEK_SET) == 0);
	assert_int_equal(child_run(&c, &status, NULL), 0);
	assert_int_equal(status, 0);
	assert_memory_equal(out.data, host, strlen(host));
	/* 5 is what ls reads the folder by */
	assert_string_equal(out.data + strlen(host), "Linux\n0\n1\n2\n3\n4\n5\n");
}

static void missing_program_is_named(void **state)
{
	static const char *const argv[] = { "weir-no-such-program", NULL };
	const struct child c = { .argv = argv, .output_fd = -1, .timeout_ms = LONG_MS };
	struct err err = {};
	char path[64] = "untouched";
	int status = -7;

	(void)state;
	assert_int_equal(child_run(&c, &status, &err), -ENOENT);
	assert_int_equal(status, -7);
	assert_non_null(strstr(err.text, "weir-no-such-program"));
	assert_int_equal(program_find("weir-no-such-program", path, sizeof(path)), -ENOENT);
	assert_string_equal(path, "untouched");
	assert_int_equal(program_find("sh", path, sizeof(path)), 0);
	assert_int_equal(access(path, X_OK), 0);
}

static void process_wait_sees_the_end_and_the_time_out(void **state)
{
	int hold[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) != 0);
	}
	close(hold[0]);
	assert_int_equal(process_wait(pid, 1, NULL), -ETIMEDOUT);
	close(hold[1]); /* now it ends */
	assert_int_equal(process_wait(pid, LONG_MS, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(process_wait(pid, LONG_MS, NULL), 0); /* there is none */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes_and_signals_come_back),
		cmocka_unit_test(output_is_captured_up_to_its_limit),
		cmocka_unit_test(errors_are_captured_apart),
		cmocka_unit_test(input_is_there_to_be_read),
		cmocka_unit_test(time_out_kills_the_whole_group),
		cmocka_unit_test(grandchild_does_not_hold_us),
		cmocka_unit_test(child_inherits_no_signal_settings),
		cmocka_unit_test(child_inherits_no_files_and_no_environment),
		cmocka_unit_test(what_is_handed_comes_as_3_and_4),
		cmocka_unit_test(missing_program_is_named),
		cmocka_unit_test(process_wait_sees_the_end_and_the_time_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
