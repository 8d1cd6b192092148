/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/temp.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "core/file.h"

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void make_makes_all_of_the_way(void **state)
{
	struct temp_path p = temp_path(state, "a//b/c/");
	struct stat st;

	assert_int_equal(dir_make(p.text, 0750, NULL), 0);
	assert_int_equal(stat(p.text, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(dir_make(p.text, 0700, NULL), 0); /* and again */
	assert_int_equal(stat(p.text, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(dir_make("/", 0755, NULL), 0);
}

static void make_is_stopped_by_a_file(void **state)
{
	struct temp_path p = temp_path(state, "file"), below = temp_path(state, "file/dir");
	struct err err = {};

	touch(p.text);
	assert_int_equal(dir_make(p.text, 0755, &err), -ENOTDIR);
	assert_non_null(strstr(err.text, p.text));
	assert_int_equal(dir_make(below.text, 0755, &err), -ENOTDIR);
	assert_int_equal(dir_make("", 0755, &err), -ENOENT);
}

static void make_follows_a_link_to_a_directory(void **state)
{
	struct temp_path link = temp_path(state, "link"), p = temp_path(state, "link/a");

	assert_int_equal(symlink(*state, link.text), 0);
	assert_int_equal(dir_make(p.text, 0755, NULL), 0);
	assert_true(exists(temp_path(state, "a").text));
}

static void remove_takes_all_that_is_below(void **state)
{
	struct temp_path top = temp_path(state, "top"), p = temp_path(state, "top/a/b/c");

	assert_int_equal(dir_make(p.text, 0755, NULL), 0);
	touch(temp_path(state, "top/f").text);
	touch(temp_path(state, "top/a/f").text);
	touch(temp_path(state, "top/a/b/c/.hidden").text);
	assert_int_equal(mkfifo(temp_path(state, "top/fifo").text, 0600), 0);
	assert_int_equal(dir_remove(top.text, NULL), 0);
	assert_false(exists(top.text));
	assert_int_equal(dir_remove(top.text, NULL), 0); /* a missing one is fine */
}

static void remove_does_not_follow_links(void **state)
{
	struct temp_path keep = temp_path(state, "keep"), file = temp_path(state, "keep/file");
	struct temp_path top = temp_path(state, "top"), link = temp_path(state, "link");
	struct err err = {};

	assert_int_equal(dir_make(keep.text, 0755, NULL), 0);
	touch(file.text);
	assert_int_equal(dir_make(top.text, 0755, NULL), 0);
	assert_int_equal(symlink(keep.text, temp_path(state, "top/link").text), 0);
	assert_int_equal(symlink(file.text, temp_path(state, "top/link2").text), 0);
	assert_int_equal(dir_remove(top.text, &err), 0);
	assert_true(exists(file.text));
	assert_int_equal(symlink(keep.text, link.text), 0);
	assert_int_equal(dir_remove(link.text, &err), -ENOTDIR);
	assert_true(exists(file.text));
	assert_non_null(strstr(err.text, link.text));
}

static void remove_refuses_a_file(void **state)
{
	struct temp_path p = temp_path(state, "file");

	touch(p.text);
	assert_int_equal(dir_remove(p.text, NULL), -ENOTDIR);
	assert_true(exists(p.text));
}

static void remove_has_a_limit_of_depth(void **state)
{
	struct temp_path top = temp_path(state, "top");
	char name[PATH_MAX];
	size_t len = strlen(top.text);

	memcpy(name, top.text, len);
	for (int i = 0; i < 300; i++, len += 2)
		memcpy(name + len, "/d", 2);
	name[len] = '\0';
	assert_int_equal(dir_make(name, 0755, NULL), 0);
	assert_int_equal(dir_remove(top.text, NULL), -ELOOP);
	assert_true(exists(name));
	name[len - 2 * 100] = '\0'; /* the lower hundred first */
	assert_int_equal(dir_remove(name, NULL), 0);
	assert_int_equal(dir_remove(top.text, NULL), 0);
}

/* In a mount namespace of its own, so that nothing is left behind. */
static int removal_across_a_mount(const char *top, const char *mounted, const char *file)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -EPERM;
	if (mount("none", mounted, "tmpfs", 0, NULL) < 0)
		return -errno;
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	if (dir_remove(top, NULL) != -EXDEV)
		return -EBADMSG;
	return exists(file) ? 0 : -ENOENT;
}

static void remove_does_not_cross_mounts(void **state)
{
	struct temp_path top = temp_path(state, "top"), mounted = temp_path(state, "top/m");
	struct temp_path file = temp_path(state, "top/m/file");
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(dir_make(mounted.text, 0755, NULL), 0);
	pid = fork();
	if (pid == 0)
		_exit(-removal_across_a_mount(top.text, mounted.text, file.text));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EPERM)
		skip(); /* no mount namespaces here */
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMP_TEST(make_makes_all_of_the_way),
		TEMP_TEST(make_is_stopped_by_a_file),
		TEMP_TEST(make_follows_a_link_to_a_directory),
		TEMP_TEST(remove_takes_all_that_is_below),
		TEMP_TEST(remove_does_not_follow_links),
		TEMP_TEST(remove_refuses_a_file),
		TEMP_TEST(remove_has_a_limit_of_depth),
		TEMP_TEST(remove_does_not_cross_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
