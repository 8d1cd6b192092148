/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole command line in a folder of its own: a configuration, a state and a run directory.
 * run(f, "usage", "show") gives what was written and the exit code.
 */
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/file.h"
#include "unit/cli/sample.h"

struct run {
	char dir[64], config[96], state[96], sock[96], bpffs[96];
	char out[65536], err[4096]; /* of the last run */
};

static inline void run_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline int run_setup(void **state)
{
	struct run *f = calloc(1, sizeof(*f));
	char text[512];

	if (!f)
		return -1;
	snprintf(f->dir, sizeof(f->dir), "/tmp/weir-cli-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->config, sizeof(f->config), "%s/weir.yaml", f->dir);
	snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
	snprintf(f->sock, sizeof(f->sock), "%s/weir.sock", f->dir);
	mkdir(f->state, 0700);
	snprintf(text, sizeof(text),
		 "node: {name: n}\npaths: {cgroup: %s, bpffs: %s, state: %s, run: %s}\n", f->dir,
		 f->dir, f->state, f->dir);
	run_write(f->config, text);
	*state = f;
	return 0;
}

static inline int run_teardown(void **state)
{
	struct run *f = *state;

	dir_remove(f->dir, NULL);
	free(f);
	return 0;
}

static inline void run_take(int fd, char *ret, size_t size)
{
	ssize_t n = pread(fd, ret, size - 1, 0);

	assert_true(n >= 0);
	ret[n] = '\0';
	close(fd);
}

/* words up to NULL; -c of the folder in front. */
static inline int run_words(struct run *f, const char *const *words)
{
	char *argv[ARGS_WORDS_MAX + 8] = { (char *)(uintptr_t)"-c", f->config };
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	int old_out, old_err, code;
	size_t n = 2;

	assert_true(out >= 0 && err >= 0);
	for (; words[n - 2]; n++)
		argv[n] = (char *)(uintptr_t)words[n - 2];
	fflush(stdout);
	old_out = dup(STDOUT_FILENO);
	old_err = dup(STDERR_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	code = cli_main(n, argv);
	fflush(stdout);
	dup2(old_out, STDOUT_FILENO);
	dup2(old_err, STDERR_FILENO);
	close(old_out);
	close(old_err);
	run_take(out, f->out, sizeof(f->out));
	run_take(err, f->err, sizeof(f->err));
	return code;
}

#define run(f_, ...) run_words((f_), (const char *const[]){ __VA_ARGS__, NULL })

/* Exit 0, nothing on standard error. */
#define run_ok(f_, ...)                                       \
	do {                                                  \
		int code_ = run((f_), __VA_ARGS__);           \
		if (code_ != 0 || (f_)->err[0])               \
			fail_msg("%d: %s", code_, (f_)->err); \
	} while (0)

/* The output of the last run, which must be one JSON text and a newline. */
static inline struct json *run_json(const struct run *f)
{
	size_t n = strlen(f->out);

	assert_true(n > 1 && f->out[n - 1] == '\n');
	return sample_json(f->out);
}

#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)
