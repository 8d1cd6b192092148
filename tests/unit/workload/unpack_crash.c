/* SPDX-License-Identifier: Apache-2.0 */
/* SIGKILL at any system call: a child unpacks, and is killed at each of many places, from the first to the last. A
 * package is absent or whole then, and the next one that unpacks leaves nothing of the dead one's. */
#include "workload/unpack.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "unit/workload/tarball.h"
#include "unit/workload/tree.h"

#define NAME "sha512-00"
#define FILES 12
#define KILLS 60

static const struct unpack_limits usual = UNPACK_LIMITS_DEFAULT;

struct fixture {
	char parent[64];
	int fd; /* the tarball */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char paths[FILES][64];
	struct tar_item items[FILES] = {};

	assert_int_equal(crypto_init(), 0);
	snprintf(f->parent, sizeof(f->parent), "/tmp/weir-crash-XXXXXX");
	assert_non_null(mkdtemp(f->parent));
	for (size_t i = 0; i < FILES; i++) {
		snprintf(paths[i], sizeof(paths[i]), "package/%zu/%zu.js", i % 3, i);
		items[i].path = paths[i];
		items[i].text = "content";
	}
	f->fd = tar_make(items, FILES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_fd(&f->fd);
	tree_remove(f->parent);
	free(f);
	return 0;
}

static void child(const struct fixture *f)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
		_exit(2);
	_exit(unpack(f->fd, f->parent, NAME, &usual, NULL) < 0);
}

/* Lets a child come to its n-th stop at a system call, and kills it; fewer when it has ended: returns the
 * stops there were. */
static size_t run_to(const struct fixture *f, size_t n)
{
	size_t stops = 0;
	int status;
	pid_t pid;

	assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(f);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	for (; stops < n; stops++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return stops;
		}
		assert_true(WIFSTOPPED(status));
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return stops;
}

static size_t count(const char *path, bool hidden)
{
	cleanup(close_dir) DIR *dir = opendir(path);
	size_t n = 0;

	for (const struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir))
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
		     (d->d_name[0] == '.') == hidden;
	return n;
}

/* Whether it is there; and then it is all there. */
static bool is_whole_or_absent(const struct fixture *f)
{
	char path[128];
	size_t files = 0;

	if (count(f->parent, false) == 0)
		return false;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/" NAME "/%zu", f->parent, i);
		files += count(path, false);
	}
	assert_int_equal(files, FILES);
	return true;
}

static void killed_at_any_call_it_is_whole_or_absent(void **state)
{
	struct fixture *f = *state;
	size_t all = run_to(f, SIZE_MAX), whole = 0, absent = 0;

	assert_true(is_whole_or_absent(f) && all > KILLS);
	for (size_t i = 0; i < KILLS; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/" NAME, f->parent);
		tree_remove(path);
		run_to(f, 1 + i * (all - 1) / (KILLS - 1));
		if (is_whole_or_absent(f))
			whole++;
		else
			absent++;
		assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
		assert_int_equal(unpack(f->fd, f->parent, NAME, &usual, NULL), 0);
		assert_true(is_whole_or_absent(f));
		assert_int_equal(count(f->parent, true), 0); /* nothing left over */
	}
	assert_true(whole > 0 && absent > KILLS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_at_any_call_it_is_whole_or_absent, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
