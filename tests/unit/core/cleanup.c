/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void destructors_release_and_reset(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), was = fd;
	FILE *file = fopen("/dev/null", "re");
	DIR *dir = opendir("/");
	int file_fd = fileno(file), dir_fd = dirfd(dir);
	void *memory = malloc(1);

	(void)state;
	free_ptr(&memory);
	assert_null(memory);
	close_fd(&fd);
	assert_int_equal(fd, -1);
	assert_false(is_open(was));
	close_file(&file);
	assert_null(file);
	assert_false(is_open(file_fd));
	close_dir(&dir);
	assert_null(dir);
	assert_false(is_open(dir_fd));
}

static void destructors_accept_nothing(void **state)
{
	void *memory = NULL;
	FILE *file = NULL;
	DIR *dir = NULL;
	int fd = -1;

	(void)state;
	free_ptr(&memory);
	close_fd(&fd);
	close_file(&file);
	close_dir(&dir);
	assert_int_equal(fd, -1);
}

static int open_and_keep(bool keep)
{
	cleanup(close_fd) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return keep ? take_fd(fd) : fd;
}

static void a_scope_closes_what_was_not_taken(void **state)
{
	int lost = open_and_keep(false), kept;

	(void)state;
	assert_false(is_open(lost));
	kept = open_and_keep(true);
	assert_true(is_open(kept));
	close(kept);
}

static void take_ptr_leaves_null(void **state)
{
	char text[] = "x", *p = text;

	(void)state;
	assert_ptr_equal(take_ptr(p), text);
	assert_null(p);
}

static void container_of_finds_the_outer_struct(void **state)
{
	struct outer {
		int a;
		long member;
	} o;

	(void)state;
	assert_ptr_equal(container_of(&o.member, struct outer, member), &o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(destructors_release_and_reset),	   TEST(destructors_accept_nothing),
		TEST(a_scope_closes_what_was_not_taken),   TEST(take_ptr_leaves_null),
		TEST(container_of_finds_the_outer_struct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
