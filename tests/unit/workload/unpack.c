/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "unit/workload/tarball.h"
#include "unit/workload/tree.h"

#define NAME "sha512-00"

static const struct unpack_limits usual = UNPACK_LIMITS_DEFAULT;

struct fixture {
	char parent[64];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->parent, sizeof(f->parent), "/tmp/weir-unpack-XXXXXX");
	assert_non_null(mkdtemp(f->parent));
	assert_int_equal(crypto_init(), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tree_remove(f->parent);
	free(f);
	return 0;
}

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir))
		n += d->d_name[0] != '.' || d->d_name[1] == 't';
	closedir(dir);
	return n;
}

static void assert_file(const struct fixture *f, const char *inner, const char *text, mode_t mode)
{
	char path[256], found[64] = "";
	struct stat st;

	snprintf(path, sizeof(path), "%s/" NAME "/%s", f->parent, inner);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	if (!text) {
		assert_true(S_ISDIR(st.st_mode));
		return;
	}
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(text));
	assert_string_equal(found, text);
	close(fd);
}

static int unpack_items(const struct fixture *f, const struct tar_item *items, size_t len,
			const struct unpack_limits *limits, struct err *err)
{
	cleanup(close_fd) int fd = tar_make(items, len);

	return unpack(fd, f->parent, NAME, limits, err);
}

/* Refused with this code, the entry named, and nothing visible. */
static void assert_refused(const struct fixture *f, const struct tar_item *items, size_t len,
			   const struct unpack_limits *limits, int code, const char *named)
{
	struct err err = {};

	assert_int_equal(unpack_items(f, items, len, limits, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, named))
		fail_msg("'%s' does not name '%s'", err.text, named);
	assert_int_equal(count_entries(f->parent), 0);
}

static void package_becomes_a_read_only_tree(void **state)
{
	const struct fixture *f = *state;
	const struct tar_item items[] = {
		{ .path = "package/package.json", .text = "{}" },
		{ .path = "package/bin/cli", .text = "#!", .mode = 0700 },
		{ .path = "package/lib/a/b.js", .text = "b", .mode = 0666 | 04000 },
		{ .path = "package/lib/", .type = AE_IFDIR, .mode = 0777 },
		{ .path = "package/empty", .text = "" },
		{ .path = "package/caf\xc3\xa9/\xe6\x97\xa5\xe6\x9c\xac.txt", .text = "u" },
	};
	struct err err = {};

	assert_int_equal(unpack_items(f, items, ARRAY_LEN(items), &usual, &err), 0);
	assert_int_equal(count_entries(f->parent), 1);
	assert_file(f, "package.json", "{}", 0444);
	assert_file(f, "bin/cli", "#!", 0555);
	assert_file(f, "lib/a/b.js", "b", 0444);
	assert_file(f, "empty", "", 0444);
	assert_file(f, "caf\xc3\xa9/\xe6\x97\xa5\xe6\x9c\xac.txt", "u", 0444);
	assert_file(f, "lib", NULL, 0555);
	assert_file(f, "lib/a", NULL, 0555);
	assert_file(f, ".", NULL, 0555);
}

static void any_single_top_folder_is_stripped(void **state)
{
	const struct tar_item items[] = {
		{ .path = "my-app-1.0/", .type = AE_IFDIR, .mode = 0755 },
		{ .path = "my-app-1.0/index.js", .text = "1" },
	};

	assert_int_equal(unpack_items(*state, items, ARRAY_LEN(items), &usual, NULL), 0);
	assert_file(*state, "index.js", "1", 0444);
}

static void what_is_there_already_is_not_touched(void **state)
{
	const struct fixture *f = *state;
	const struct tar_item first[] = { { .path = "package/a", .text = "first" } };
	const struct tar_item other[] = { { .path = "package/a", .text = "other" } };

	assert_int_equal(unpack_items(f, first, 1, &usual, NULL), 0);
	assert_int_equal(unpack_items(f, other, 1, &usual, NULL), 0);
	assert_file(f, "a", "first", 0444);
}

static void hostile_entries_are_refused_by_name(void **state)
{
	static const struct {
		struct tar_item item;
		const char *named;
	} cases[] = {
		{ { .path = "package/sym", .type = AE_IFLNK, .link = "/etc/passwd" },
		  "package/sym" },
		{ { .path = "package/hard", .link = "package/ok", .is_hardlink = 1 },
		  "package/hard" },
		{ { .path = "package/fifo", .type = AE_IFIFO }, "package/fifo" },
		{ { .path = "package/char", .type = AE_IFCHR }, "package/char" },
		{ { .path = "package/block", .type = AE_IFBLK }, "package/block" },
		{ { .path = "package/../../escape", .text = "x" }, "package/../../escape" },
		{ { .path = "../escape", .text = "x" }, "../escape" },
		{ { .path = "../escape/", .type = AE_IFDIR }, "../escape" },
		{ { .path = "package/..", .text = "x" }, "package/.." },
		{ { .path = "package/./a", .text = "x" }, "package/./a" },
		{ { .path = "package//a", .text = "x" }, "package//a" },
		{ { .path = "/package/abs", .text = "x" }, "/package/abs" },
		{ { .path = "/etc/passwd", .text = "x" }, "/etc/passwd" },
		{ { .path = "package/a\\b", .text = "x" }, "package/a\\b" },
		{ { .path = "package/new\nline", .text = "x" }, "package/new" },
		{ { .path = "package/zero\xe2\x80\x8bwidth", .text = "x" }, "U+200B" },
		{ { .path = "package/\xe2\x80\xaegnp.js", .text = "x" }, "U+202E" },
		{ { .path = "package/cafe\xcc\x81", .text = "x" }, "U+0301" },
		{ { .path = "package/ok", .text = "again" }, "package/ok" },
		{ { .path = "package/ok/below", .text = "x" }, "package/ok/below" },
		{ { .path = "package/OK", .text = "x" }, "package/OK" },
		{ { .path = "package/Lib/b", .text = "x" }, "package/Lib/b" },
		{ { .path = "package/lib", .text = "x" }, "package/lib" },
		{ { .path = "package/\xc3\x89", .text = "x" }, "package/\xc3\x89" },
		{ { .path = "package/\xc5\xbf", .text = "x" }, "package/\xc5\xbf" },
		{ { .path = "package/\xe2\x84\xaa", .text = "x" }, "package/\xe2\x84\xaa" },
		{ { .path = "other/a", .text = "x" }, "other/a" },
		{ { .path = "packages/a", .text = "x" }, "packages/a" },
		{ { .path = "beside", .text = "x" }, "beside" },
		{ { .path = "package", .text = "x" }, "package" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct tar_item items[] = {
			{ .path = "package/ok", .text = "x" },
			{ .path = "package/lib/a", .text = "x" },
			{ .path = "package/\xc3\xa9", .text = "x" },
			{ .path = "package/s", .text = "x" },
			{ .path = "package/k", .text = "x" },
			cases[i].item,
		};

		assert_refused(*state, items, ARRAY_LEN(items), &usual, -EPERM, cases[i].named);
	}
}

struct limit_case {
	struct unpack_limits limits; /* 0: as usual */
	struct tar_item item;
};

static uint64_t or_usual(uint64_t value, uint64_t usual_value)
{
	return value ? value : usual_value;
}

static struct unpack_limits fill_limits(const struct unpack_limits *l)
{
	return (struct unpack_limits){
		.archive_bytes = or_usual(l->archive_bytes, usual.archive_bytes),
		.total_bytes = or_usual(l->total_bytes, usual.total_bytes),
		.file_bytes = or_usual(l->file_bytes, usual.file_bytes),
		.entries = (uint32_t)or_usual(l->entries, usual.entries),
		.depth = (uint32_t)or_usual(l->depth, usual.depth),
		.name_bytes = (uint32_t)or_usual(l->name_bytes, usual.name_bytes),
		.path_bytes = (uint32_t)or_usual(l->path_bytes, usual.path_bytes),
		.ratio = (uint32_t)or_usual(l->ratio, usual.ratio),
	};
}

static void limits_are_refused_by_name(void **state)
{
	char deep[200] = "package", wide[400] = "package/";
	const struct limit_case cases[] = {
		{ { .file_bytes = 10 }, { .path = "package/big", .text = "0123456789a" } },
		{ { .total_bytes = 10 }, { .path = "package/all", .text = "0123456789" } },
		{ { .entries = 2 }, { .path = "package/many/x", .text = "x" } },
		{ { .depth = 64 }, { .path = deep, .text = "x" } },
		{ { .path_bytes = 18 }, { .path = "package/a-path/that-is/long", .text = "x" } },
		{ { .ratio = 100 }, { .path = "package/bomb", .zeros = 8 << 20 } },
		{ {}, { .path = wide, .text = "x" } },
	};

	for (size_t i = 0; i < 65; i++)
		memcpy(deep + strlen("package") + 2 * i, "/d", 3);
	memset(wide + strlen("package/"), 'w', 256);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct tar_item items[] = { { .path = "package/a", .text = "x" },
						  cases[i].item };
		const struct unpack_limits limits = fill_limits(&cases[i].limits);
		char named[41];

		snprintf(named, sizeof(named), "%s", cases[i].item.path);
		assert_refused(*state, items, ARRAY_LEN(items), &limits, -E2BIG, named);
	}
}

static void limits_reached_exactly_are_fine(void **state)
{
	const struct tar_item items[] = { { .path = "package/d/file", .text = "0123456789" } };
	const struct unpack_limits limits = {
		.archive_bytes = 4096,
		.total_bytes = 10,
		.file_bytes = 10,
		.entries = 2,
		.depth = 2,
		.name_bytes = 4,
		.path_bytes = 6,
		.ratio = 1,
	};

	assert_int_equal(unpack_items(*state, items, 1, &limits, NULL), 0);
	assert_file(*state, "d/file", "0123456789", 0444);
}

static void archive_over_its_limit_is_not_read(void **state)
{
	const struct tar_item items[] = { { .path = "package/a", .text = "x" } };
	struct unpack_limits limits = usual;

	limits.archive_bytes = 20;
	assert_refused(*state, items, 1, &limits, -E2BIG, "archive");
}

/* A tarball cut short, one that is no gzip, one that is no tar, an empty one. */
static void damaged_archives_leave_nothing(void **state)
{
	const struct fixture *f = *state;
	const struct tar_item items[] = { { .path = "package/a", .zeros = 300000 } };
	struct err err = {};
	cleanup(close_fd) int cut = tar_make(items, 1);
	cleanup(close_fd) int empty = tar_make(items, 0);
	cleanup(close_fd) int text = tar_make(items, 0);
	struct stat st;

	assert_int_equal(fstat(cut, &st), 0);
	assert_int_equal(ftruncate(cut, st.st_size / 2), 0);
	assert_int_equal(unpack(cut, f->parent, NAME, &usual, &err), -EBADMSG);
	assert_int_equal(unpack(empty, f->parent, NAME, &usual, &err), -EBADMSG);
	assert_int_equal(ftruncate(text, 0), 0);
	assert_int_equal(pwrite(text, "not an archive", 14, 0), 14);
	assert_int_equal(unpack(text, f->parent, NAME, &usual, &err), -EBADMSG);
	assert_int_equal(count_entries(f->parent), 0);
}

static void tar_without_gzip_is_refused(void **state)
{
	const struct fixture *f = *state;
	char path[128];
	struct archive *a = archive_write_new();
	const struct tar_item item = { .path = "package/a", .text = "x" };

	snprintf(path, sizeof(path), "%s.tar", f->parent);
	archive_write_set_format_ustar(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	tar_add(a, &item);
	archive_write_free(a);
	cleanup(close_fd) int fd = open(path, O_RDONLY);

	unlink(path);
	assert_int_equal(unpack(fd, f->parent, NAME, &usual, NULL), -EBADMSG);
	assert_int_equal(count_entries(f->parent), 0);
}

static void sparse_file_is_refused_by_name(void **state)
{
	const struct fixture *f = *state;
	char path[] = "/tmp/weir-sparse-XXXXXX";
	cleanup(close_fd) int fd = mkstemp(path);
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	struct err err = {};

	unlink(path);
	archive_write_set_format_pax(a);
	archive_write_add_filter_gzip(a);
	assert_int_equal(archive_write_open_fd(a, fd), ARCHIVE_OK);
	archive_entry_set_pathname(e, "package/holes");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, 1 << 20);
	archive_entry_sparse_add_entry(e, 4096, 512);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	tar_zeros(a, 1 << 20);
	archive_entry_free(e);
	archive_write_free(a);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(unpack(fd, f->parent, NAME, &usual, &err), -EPERM);
	assert_non_null(strstr(err.text, "package/holes"));
	assert_int_equal(count_entries(f->parent), 0);
}

static void leftover_of_a_crash_is_removed(void **state)
{
	const struct fixture *f = *state;
	const struct tar_item items[] = { { .path = "package/a", .text = "x" } };
	char path[128], inner[160];

	for (int round = 0; round < 2; round++) {
		snprintf(path, sizeof(path), "%s/.tmp-0123", f->parent);
		snprintf(inner, sizeof(inner), "%s/half", path);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(mkdir(inner, 0555), 0);
		if (round == 0)
			assert_int_equal(unpack_sweep(f->parent, NULL), 0);
		else
			assert_int_equal(unpack_items(f, items, 1, &usual, NULL), 0);
		assert_int_equal(access(path, F_OK), -1);
	}
	assert_int_equal(count_entries(f->parent), 1);
}

static void sweep_of_a_missing_folder_is_fine(void **state)
{
	(void)state;
	assert_int_equal(unpack_sweep("/tmp/weir-there-is-no-such-folder", NULL), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(package_becomes_a_read_only_tree),
		T(any_single_top_folder_is_stripped),
		T(what_is_there_already_is_not_touched),
		T(hostile_entries_are_refused_by_name),
		T(limits_are_refused_by_name),
		T(limits_reached_exactly_are_fine),
		T(archive_over_its_limit_is_not_read),
		T(damaged_archives_leave_nothing),
		T(tar_without_gzip_is_refused),
		T(sparse_file_is_refused_by_name),
		T(leftover_of_a_crash_is_removed),
		cmocka_unit_test(sweep_of_a_missing_folder_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
