/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/temp.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/buf.h"
#include "core/file.h"

static int entries(const char *path)
{
	cleanup(close_dir) DIR *dir = opendir(path);
	int n = 0;

	while (readdir(dir))
		n++;
	return n - 2; /* . and .. */
}

static void assert_content(const char *path, const char *want)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(1 << 20);
	struct err err = {};

	if (file_read(path, &b, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(b.len ? b.data : "", want);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void what_was_written_is_read(void **state)
{
	struct temp_path p = temp_path(state, "a");
	mode_t mask = umask(077);

	assert_int_equal(file_write_atomic(p.text, "one", 3, 0644, NULL), 0);
	umask(mask);
	assert_content(p.text, "one");
	assert_int_equal(mode_of(p.text), 0644);
	assert_int_equal(file_write_atomic(p.text, "", 0, 0600, NULL), 0);
	assert_content(p.text, "");
	assert_int_equal(mode_of(p.text), 0600);
	assert_int_equal(entries(*state), 1);
}

static void read_appends(void **state)
{
	struct temp_path p = temp_path(state, "a");
	cleanup(buf_fini) struct buf b = BUF_INIT(100);

	file_write_atomic(p.text, "two", 3, 0600, NULL);
	buf_puts(&b, "one ");
	assert_int_equal(file_read(p.text, &b, NULL), 0);
	assert_string_equal(b.data, "one two");
}

static void a_large_file_comes_back(void **state)
{
	struct temp_path p = temp_path(state, "a");
	cleanup(buf_fini) struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

	for (int i = 0; i < 20000; i++)
		buf_printf(&in, "%d,", i);
	assert_int_equal(file_write_atomic(p.text, in.data, in.len, 0600, NULL), 0);
	assert_int_equal(file_read(p.text, &out, NULL), 0);
	assert_int_equal(out.len, in.len);
	assert_memory_equal(out.data, in.data, in.len);
}

static void over_the_limit_reads_nothing(void **state)
{
	struct temp_path p = temp_path(state, "a");
	cleanup(buf_fini) struct buf b = BUF_INIT(6);
	struct err err = {};

	file_write_atomic(p.text, "1234567", 7, 0600, NULL);
	buf_puts(&b, "x");
	assert_int_equal(file_read(p.text, &b, &err), -E2BIG);
	assert_string_equal(b.data, "x");
	assert_non_null(strstr(err.text, p.text));
	assert_non_null(strstr(err.text, "limit of 6 bytes"));
	buf_reset(&b);
	file_write_atomic(p.text, "123456", 6, 0600, NULL);
	assert_int_equal(file_read(p.text, &b, &err), 0);
	assert_string_equal(b.data, "123456");
}

static void a_fault_in_reading_names_the_path(void **state)
{
	struct temp_path p = temp_path(state, "none");
	cleanup(buf_fini) struct buf b = BUF_INIT(6);
	struct err err = {};

	assert_int_equal(file_read(p.text, &b, &err), -ENOENT);
	assert_non_null(strstr(err.text, p.text));
	assert_int_equal(file_read(*state, &b, &err), -EISDIR);
	assert_int_equal(buf_error(&b), 0);
}

static void dash_is_standard_input(void **state)
{
	struct temp_path p = temp_path(state, "a");
	cleanup(buf_fini) struct buf b = BUF_INIT(100);
	int was = dup(STDIN_FILENO), fd;

	file_write_atomic(p.text, "piped", 5, 0600, NULL);
	fd = open(p.text, O_RDONLY | O_CLOEXEC);
	dup2(fd, STDIN_FILENO);
	close(fd);
	assert_int_equal(file_read("-", &b, NULL), 0);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* not closed: it isn't ours */
	dup2(was, STDIN_FILENO);
	close(was);
	assert_string_equal(b.data, "piped");
}

static void a_failed_write_leaves_no_trace(void **state)
{
	struct temp_path p = temp_path(state, "none/a"), dir = temp_path(state, "dir");
	struct err err = {};

	assert_int_equal(file_write_atomic(p.text, "x", 1, 0600, &err), -ENOENT);
	assert_non_null(strstr(err.text, p.text));
	assert_int_equal(mkdir(dir.text, 0700), 0);
	assert_int_equal(file_write_atomic(dir.text, "x", 1, 0600, &err), -EISDIR);
	p = temp_path(state, "slash/");
	assert_int_equal(file_write_atomic(p.text, "x", 1, 0600, &err), -EISDIR);
	assert_int_equal(entries(*state), 1);
}

static void a_link_is_replaced_and_its_target_kept(void **state)
{
	struct temp_path target = temp_path(state, "target"), link = temp_path(state, "link");
	struct stat st;

	file_write_atomic(target.text, "old", 3, 0600, NULL);
	assert_int_equal(symlink(target.text, link.text), 0);
	assert_int_equal(file_write_atomic(link.text, "new", 3, 0600, NULL), 0);
	assert_content(target.text, "old");
	assert_content(link.text, "new");
	assert_int_equal(lstat(link.text, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void create_never_overwrites(void **state)
{
	struct temp_path p = temp_path(state, "a");
	struct err err = {};

	assert_int_equal(file_create_atomic(p.text, "first", 5, 0640, &err), 0);
	assert_int_equal(mode_of(p.text), 0640);
	assert_int_equal(file_create_atomic(p.text, "second", 6, 0600, &err), -EEXIST);
	assert_content(p.text, "first");
	assert_int_equal(mode_of(p.text), 0640);
	assert_int_equal(entries(*state), 1);
}

static void a_bare_name_is_in_the_working_directory(void **state)
{
	cleanup(close_fd) int was = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct temp_path p = temp_path(state, "bare");

	assert_int_equal(chdir(*state), 0);
	assert_int_equal(file_write_atomic("bare", "x", 1, 0600, NULL), 0);
	assert_int_equal(fchdir(was), 0);
	assert_content(p.text, "x");
}

/* The child holds the lock until it hears of us, or for good. */
static pid_t hold(const char *path, int *ret_gate)
{
	int gate[2], held[2];
	char byte;

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC);

		_exit(close(gate[1]) < 0 || file_lock(fd) < 0 || write(held[1], "x", 1) < 0 ||
		      read(gate[0], &byte, 1) < 0);
	}
	assert_int_equal(read(held[0], &byte, 1), 1);
	close(gate[0]);
	close(held[0]);
	close(held[1]);
	*ret_gate = gate[1];
	return pid;
}

static void a_lock_that_is_held_is_refused_and_free_with_its_holder(void **state)
{
	char path[] = "/tmp/weir-lock-XXXXXX";
	cleanup(close_fd) int fd = mkostemp(path, O_CLOEXEC);
	int gate = -1;
	pid_t pid = hold(path, &gate);

	(void)state;
	assert_int_equal(file_lock(fd), -EWOULDBLOCK);
	close(gate); /* it ends about when we ask: waited for */
	assert_int_equal(file_lock(fd), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(file_lock(-1), -EBADF);
	unlink(path);
}

static void path_format_says_when_it_does_not_fit(void **state)
{
	char path[8];

	(void)state;
	assert_int_equal(path_format(path, sizeof(path), "%s/%d", "abcde", 1), 0);
	assert_string_equal(path, "abcde/1");
	assert_int_equal(path_format(path, sizeof(path), "%s/%d", "abcde", 12), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMP_TEST(what_was_written_is_read),
		TEMP_TEST(read_appends),
		TEMP_TEST(a_large_file_comes_back),
		TEMP_TEST(over_the_limit_reads_nothing),
		TEMP_TEST(a_fault_in_reading_names_the_path),
		TEMP_TEST(dash_is_standard_input),
		TEMP_TEST(a_failed_write_leaves_no_trace),
		TEMP_TEST(a_link_is_replaced_and_its_target_kept),
		TEMP_TEST(create_never_overwrites),
		TEMP_TEST(a_bare_name_is_in_the_working_directory),
		TEST(a_lock_that_is_held_is_refused_and_free_with_its_holder),
		TEST(path_format_says_when_it_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
