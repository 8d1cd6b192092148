/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tarballs that want out, or want everything. Each is refused with one line that says why; nothing of it
 * is visible, and nothing beside the target folder is touched.
 */
#include "workload/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/file.h"
#include "unit/workload/rawtar.h"
#include "unit/workload/tree.h"

#define NAME "sha512-00"
#define RAWS_MAX 4
#define SECRET "nobody may change me"

static const struct unpack_limits usual = UNPACK_LIMITS_DEFAULT;

/* ROOT/packages is the target, ROOT/secret and ROOT/home lie beside it. */
struct fixture {
	char root[64], parent[96], secret[96], home[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "/tmp/weir-hostile-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->parent, sizeof(f->parent), "%s/packages", f->root);
	snprintf(f->secret, sizeof(f->secret), "%s/secret", f->root);
	snprintf(f->home, sizeof(f->home), "%s/home", f->root);
	assert_int_equal(mkdir(f->parent, 0755), 0);
	assert_int_equal(mkdir(f->home, 0755), 0);
	assert_int_equal(file_write_atomic(f->secret, SECRET, strlen(SECRET), 0600, NULL), 0);
	assert_int_equal(crypto_init(), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tree_remove(f->root);
	free(f);
	return 0;
}

static size_t entries_in(const char *path)
{
	cleanup(close_dir) DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir))
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	return n;
}

static void assert_outside_untouched(const struct fixture *f)
{
	char text[64] = "";
	struct stat st;
	cleanup(close_fd) int fd = open(f->secret, O_RDONLY | O_CLOEXEC);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(read(fd, text, sizeof(text) - 1), strlen(SECRET));
	assert_string_equal(text, SECRET);
	assert_int_equal(entries_in(f->home), 0);
	assert_int_equal(entries_in(f->root), 3);
}

static void assert_refused(const struct fixture *f, const char *what, int fd, int code,
			   const char *says)
{
	struct err err = {};
	int r = unpack(fd, f->parent, NAME, &usual, &err);

	if (r != code || err.code != code || !strstr(err.text, says) || strchr(err.text, '\n'))
		fail_msg("%s: %d '%s', want %d '%s'", what, r, err.text, code, says);
	if (entries_in(f->parent) > 0)
		fail_msg("%s: something of it is visible", what);
	assert_outside_untouched(f);
}

/* All that a fixture's own paths must be written into is left out of the table. */
static const struct hostile {
	const char *what;
	struct raw raws[RAWS_MAX];
	int code;
	const char *says;
} cases[] = {
	/* Names that lead out */
	{ "dots", { { .name = "package/../../../secret", .text = "x" } }, -EPERM, "secret" },
	{ "dots alone", { { .name = "..", .text = "x" } }, -EPERM, ".." },
	{ "absolute", { { .name = "/etc/weir-hostile", .text = "x" } }, -EPERM, "absolute" },
	{ "two slashes", { { .name = "//etc/weir-hostile", .text = "x" } }, -EPERM, "absolute" },
	{ "dots in the prefix",
	  { { .name = "secret", .prefix = "../..", .text = "x" } },
	  -EPERM,
	  "../../secret" },
	{ "dots behind the prefix",
	  { { .name = "../../../secret", .prefix = "package", .text = "x" } },
	  -EPERM,
	  "secret" },
	{ "a folder of dots", { { .name = "package/../", .type = '5' } }, -EPERM, "package/.." },
	{ "dots by pax",
	  { { .name = "x", .type = 'x', .key = "path", .value = "package/../../secret" },
	    { .name = "package/a", .text = "x" } },
	  -EPERM,
	  "secret" },
	{ "absolute by pax",
	  { { .name = "x", .type = 'x', .key = "path", .value = "/etc/weir-hostile" },
	    { .name = "package/a", .text = "x" } },
	  -EPERM,
	  "absolute" },
	{ "dots by a GNU long name",
	  { { .name = "././@LongLink", .type = 'L', .text = "package/../../secret", .len = 21 },
	    { .name = "package/a", .text = "x" } },
	  -EPERM,
	  "secret" },
	{ "backslashes", { { .name = "package\\..\\..\\secret", .text = "x" } }, -EPERM, "secret" },
	{ "a drive", { { .name = "C:\\secret", .text = "x" } }, -EPERM, "C:" },
	{ "an overlong slash",
	  { { .name = "package/..\xc0\xaf..\xc0\xafsecret", .text = "x" } },
	  -EPERM,
	  "package/" },
	{ "no name", { { .name = "", .text = "x" } }, -EPERM, "name" },
	{ "a blank top", { { .name = "package/", .text = "x" } }, -EBADMSG, "" },

	/* Links */
	{ "a link out, and a file through it",
	  { { .name = "package/d", .type = '2', .link = "/tmp" },
	    { .name = "package/d/weir-hostile", .text = "x" } },
	  -EPERM,
	  "symbolic link" },
	{ "a link upwards",
	  { { .name = "package/d", .type = '2', .link = "../.." } },
	  -EPERM,
	  "symbolic link" },
	{ "a link to itself",
	  { { .name = "package/d", .type = '2', .link = "d" } },
	  -EPERM,
	  "symbolic link" },
	{ "a hard link out",
	  { { .name = "package/h", .type = '1', .link = "../../secret" } },
	  -EPERM,
	  "hard link" },
	{ "a hard link with content",
	  { { .name = "package/a", .text = "x" },
	    { .name = "package/h", .type = '1', .link = "package/a", .text = "more" } },
	  -EPERM,
	  "hard link" },
	{ "a link by pax",
	  { { .name = "x", .type = 'x', .key = "linkpath", .value = "/etc/passwd" },
	    { .name = "package/l", .type = '2', .link = "a" } },
	  -EPERM,
	  "symbolic link" },
	{ "a link by a GNU long link",
	  { { .name = "././@LongLink", .type = 'K', .text = "/etc/passwd", .len = 12 },
	    { .name = "package/l", .type = '2', .link = "a" } },
	  -EPERM,
	  "symbolic link" },
	{ "the top is a link",
	  { { .name = "package", .type = '2', .link = "/tmp" } },
	  -EPERM,
	  "symbolic link" },

	/* What is no file */
	{ "a character device", { { .name = "package/null", .type = '3' } }, -EPERM, "device" },
	{ "a block device", { { .name = "package/sda", .type = '4' } }, -EPERM, "device" },
	{ "a FIFO", { { .name = "package/fifo", .type = '6' } }, -EPERM, "FIFO" },
	{ "an old GNU sparse file",
	  { { .name = "package/s",
	      .type = 'S',
	      .text = "x",
	      .magic = "ustar  ",
	      .sparse = "00000001000\0"
			"00000000001" } },
	  -EPERM,
	  "sparse" },
	{ "a pax sparse file that takes another name",
	  { { .name = "x", .type = 'x', .key = "GNU.sparse.name", .value = "../../secret" },
	    { .name = "package/a", .text = "x" } },
	  -EPERM,
	  "secret" },

	/* Twice */
	{ "a file twice",
	  { { .name = "package/a", .text = "x" }, { .name = "package/a", .text = "y" } },
	  -EPERM,
	  "package/a" },
	{ "a file, then a folder",
	  { { .name = "package/a", .text = "x" }, { .name = "package/a/", .type = '5' } },
	  -EPERM,
	  "package/a" },
	{ "a folder, then a file",
	  { { .name = "package/a/", .type = '5' }, { .name = "package/a", .text = "x" } },
	  -EPERM,
	  "package/a" },
	{ "the same in capitals",
	  { { .name = "package/index.js", .text = "x" },
	    { .name = "package/INDEX.js", .text = "y" } },
	  -EPERM,
	  "INDEX.js" },
	{ "two tops",
	  { { .name = "package/a", .text = "x" }, { .name = "other/a", .text = "x" } },
	  -EPERM,
	  "top folder" },

	/* Texts */
	{ "not UTF-8", { { .name = "package/\xff\xfe", .text = "x" } }, -EPERM, "package/" },
	{ "a surrogate", { { .name = "package/\xed\xa0\x80", .text = "x" } }, -EPERM, "package/" },
	{ "not UTF-8 by pax",
	  { { .name = "x", .type = 'x', .key = "path", .value = "package/\xff" },
	    { .name = "package/a", .text = "x" } },
	  -EPERM,
	  "package/" },
	{ "a line in a name",
	  { { .name = "package/a\nweir: all is well", .text = "x" } },
	  -EPERM,
	  "package/a" },
	{ "an escape sequence",
	  { { .name = "package/\033[2J", .text = "x" } },
	  -EPERM,
	  "package/" },
	{ "written backwards",
	  { { .name = "package/\xe2\x80\xaesj.exe", .text = "x" } },
	  -EPERM,
	  "U+202E" },
	{ "nothing to be seen",
	  { { .name = "package/a\xe2\x80\x8d", .text = "x" } },
	  -EPERM,
	  "U+200D" },

	/* Sizes */
	{ "a file of 8 GiB",
	  { { .name = "package/a", .size = "77777777777\0" } },
	  -E2BIG,
	  "package/a" },
	{ "a size beyond all",
	  { { .name = "package/a", .size = "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff" } },
	  -EBADMSG,
	  "" },
	{ "a size below zero",
	  { { .name = "package/a", .size = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" } },
	  -EBADMSG,
	  "" },
	{ "a size by pax",
	  { { .name = "x", .type = 'x', .key = "size", .value = "99999999999999" },
	    { .name = "package/a", .text = "x" } },
	  -E2BIG,
	  "package/a" },
	{ "more than there is",
	  { { .name = "package/a", .text = "x", .claim = 100000 } },
	  -EBADMSG,
	  "package/a" },
	{ "a name of 300 bytes by pax",
	  { { .name = "x",
	      .type = 'x',
	      .key = "path",
	      .value =
		      "package/"
		      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	    { .name = "package/a", .text = "x" } },
	  -E2BIG,
	  "xxx" },

	/* Not what it says */
	{ "a wrong checksum",
	  { { .name = "package/a", .text = "x", .bad_checksum = 1 } },
	  -EBADMSG,
	  "" },
	{ "a pax record without end",
	  { { .name = "x", .type = 'x', .text = "9999999 path=package/../../secret\n" },
	    { .name = "package/a", .text = "x" } },
	  -EBADMSG,
	  "" },
	{ "a pax record of length 0",
	  { { .name = "x", .type = 'x', .text = "0 path=package/../../secret\n" },
	    { .name = "package/a", .text = "x" } },
	  -EBADMSG,
	  "" },
	{ "a pax header of 8 GiB",
	  { { .name = "x", .type = 'x', .size = "77777777777\0" } },
	  -EBADMSG,
	  "" },
	{ "a long name of 8 GiB",
	  { { .name = "x", .type = 'L', .size = "77777777777\0" } },
	  -EBADMSG,
	  "" },
	{ "a header for nothing",
	  { { .name = "x", .type = 'x', .key = "path", .value = "package/a" } },
	  -EBADMSG,
	  "" },
};

static void each_hostile_tarball_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(free_ptr) struct raw_tar *t = calloc(1, sizeof(*t));

		assert_non_null(t);
		for (size_t k = 0; k < RAWS_MAX && cases[i].raws[k].name; k++)
			raw_add(t, &cases[i].raws[k]);
		cleanup(close_fd) int fd = raw_compress(t->bytes, t->len + 2 * RAW_BLOCK,
							archive_write_add_filter_gzip);

		assert_refused(*state, cases[i].what, fd, cases[i].code, cases[i].says);
	}
	assert_true(ARRAY_LEN(cases) >= 40);
}

/* Links to what really lies beside the target. */
static void what_lies_beside_is_not_reached(void **state)
{
	const struct fixture *f = *state;
	char inside[160];

	snprintf(inside, sizeof(inside), "package/d/stolen");
	for (int kind = '1'; kind <= '2'; kind++) {
		cleanup(free_ptr) struct raw_tar *t = calloc(1, sizeof(*t));

		raw_add(t, &(struct raw){ .name = "package/d",
					  .type = (char)kind,
					  .link = kind == '1' ? f->secret : f->home });
		raw_add(t, &(struct raw){ .name = inside, .text = "x" });
		cleanup(close_fd) int fd = raw_compress(t->bytes, t->len + 2 * RAW_BLOCK,
							archive_write_add_filter_gzip);

		assert_refused(f, "a real link", fd, -EPERM, "link");
	}
}

/* Other ways to compress, and archives in other formats, are not even looked at. */
static void other_formats_are_refused(void **state)
{
	static const struct {
		const char *what;
		int (*filter)(struct archive *);
	} filters[] = {
		{ "xz", archive_write_add_filter_xz },
		{ "bzip2", archive_write_add_filter_bzip2 },
		{ "compress", archive_write_add_filter_compress },
		{ "nothing", archive_write_add_filter_none },
	};
	static const char *const others[] = {
		"PK\3\4 a zip", "\3757zXZ",	"BZh91AY bzip2",  "(\xb5/\xfd zstd",
		"070701 cpio",	"!<arch>\n ar", "Rar!\x1a\7 rar", "\x1f\x8b\x08 cut gzip",
	};
	cleanup(free_ptr) struct raw_tar *t = calloc(1, sizeof(*t));

	raw_add(t, &(struct raw){ .name = "package/a", .text = "x" });
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		cleanup(close_fd) int fd =
			raw_compress(t->bytes, t->len + 2 * RAW_BLOCK, filters[i].filter);

		assert_refused(*state, filters[i].what, fd, -EBADMSG, "gzip");
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		cleanup(close_fd) int fd =
			raw_compress(others[i], strlen(others[i]), archive_write_add_filter_gzip);
		cleanup(close_fd) int bare =
			raw_compress(others[i], strlen(others[i]), archive_write_add_filter_none);

		assert_refused(*state, others[i], fd, -EBADMSG, "");
		assert_refused(*state, others[i], bare, -EBADMSG, "");
	}
}

/* Many, deep, or much of nothing. */
static void bombs_are_refused(void **state)
{
	enum { ENTRIES = 20100, ZEROS = 100 << 20 };
	cleanup(free_ptr) char *many = calloc(ENTRIES + 2, RAW_BLOCK);
	cleanup(free_ptr) char *zeros = calloc(1, ZEROS + 3 * RAW_BLOCK);
	cleanup(free_ptr) struct raw_tar *t = calloc(1, sizeof(*t));
	char name[100];

	assert_true(many && zeros && t);
	for (size_t i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "package/%zu", i);
		t->len = 0;
		memset(t->bytes, 0, RAW_BLOCK);
		raw_add(t, &(struct raw){ .name = name });
		memcpy(many + i * RAW_BLOCK, t->bytes, RAW_BLOCK);
	}
	cleanup(close_fd) int crowd = raw_compress(many, (size_t)(ENTRIES + 2) * RAW_BLOCK,
						   archive_write_add_filter_gzip);

	assert_refused(*state, "20100 files", crowd, -E2BIG, "");
	t->len = 0;
	memset(t->bytes, 0, RAW_BLOCK);
	raw_add(t, &(struct raw){ .name = "package/zeros", .claim = 60 << 20 });
	memcpy(zeros, t->bytes, RAW_BLOCK);
	cleanup(close_fd) int bomb = raw_compress(zeros, ZEROS, archive_write_add_filter_gzip);

	assert_refused(*state, "60 MiB of zeros", bomb, -E2BIG, "times its size");
}

/* What a tarball may say of a file without getting it. */
static void rights_and_owners_are_not_taken_over(void **state)
{
	const struct fixture *f = *state;
	cleanup(free_ptr) struct raw_tar *t = calloc(1, sizeof(*t));
	char path[160];
	struct stat st;

	raw_add(t,
		&(struct raw){
			.name = "x", .type = 'x', .key = "SCHILY.xattr.user.evil", .value = "1" });
	raw_add(t, &(struct raw){ .name = "package/a", .text = "x" });
	memcpy(t->bytes + 2 * RAW_BLOCK + 100, "0007777", 8); /* set-uid, set-gid, sticky */
	memcpy(t->bytes + 2 * RAW_BLOCK + 108, "0001750", 8); /* uid 1000 */
	raw_checksum(t->bytes + 2 * RAW_BLOCK, 0);
	cleanup(close_fd) int fd =
		raw_compress(t->bytes, t->len + 2 * RAW_BLOCK, archive_write_add_filter_gzip);

	assert_int_equal(unpack(fd, f->parent, NAME, &usual, NULL), 0);
	snprintf(path, sizeof(path), "%s/" NAME "/a", f->parent);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0555);
	assert_int_equal(st.st_uid, geteuid());
	assert_true(lgetxattr(path, "user.evil", NULL, 0) < 0);
	assert_outside_untouched(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_hostile_tarball_is_refused),
		T(what_lies_beside_is_not_reached),
		T(other_formats_are_refused),
		T(bombs_are_refused),
		T(rights_and_owners_are_not_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
