/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/store.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"
#include "walrus/blobid.h"
#include "walrus/blobname.h"

#define SHARDS 10
#define MAX_BLOB 1000
/* "abc" in a committee of ten, by @mysten/walrus-wasm; `printf abc | openssl dgst -sha512 -binary | base64 -w0` */
#define ID "J0-cFCl8gpG-D-d6mz1jNGfls47wpAlwXsYeFgbC2e8"
#define SRI \
	"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="

struct fixture {
	char root[64];
	struct store *store;
	uint8_t id[BLOBID_LEN];
	struct sri sri, other;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(crypto_init(), 0);
	snprintf(f->root, sizeof(f->root), "/tmp/weir-names-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(store_open(f->root, MAX_BLOB, &f->store, NULL), 0);
	assert_int_equal(blobname_parse(ID, f->id, NULL), 0);
	assert_int_equal(sri_parse(SRI, &f->sri, NULL), 0);
	f->other = (struct sri){ .len = 1 };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(&f->store);
	dir_remove(f->root, NULL);
	free(f);
	return 0;
}

static int keep(struct fixture *f, const char *text, const struct store_name *name, uint8_t *digest,
		struct err *err)
{
	cleanup(incoming_free) struct incoming *i = NULL;

	assert_int_equal(store_incoming(f->store, &i, NULL), 0);
	assert_int_equal(write(incoming_fd(i), text, strlen(text)), strlen(text));
	return store_keep(i, name, digest, err);
}

static size_t files_in(const struct fixture *f, const char *sub)
{
	char path[96];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/blobs/%s", f->root, sub);
	cleanup(close_dir) DIR *dir = opendir(path);

	assert_non_null(dir);
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir))
		n += d->d_name[0] != '.';
	return n;
}

static void assert_files(const struct fixture *f, size_t blobs, size_t names)
{
	assert_int_equal(files_in(f, "sha512"), blobs);
	assert_int_equal(files_in(f, "walrus"), names);
	assert_int_equal(files_in(f, "tmp"), 0);
}

static void what_is_kept_is_found_by_each_of_its_names(void **state)
{
	struct fixture *f = *state;
	const struct store_name name = { .blob_id = f->id, .shards = SHARDS, .sri = &f->sri };
	uint8_t digest[SHA512_LEN] = {}, found[SHA512_LEN] = {};
	cleanup(close_fd) int fd = -1;
	struct blob blob;

	assert_int_equal(keep(f, "abc", &name, digest, NULL), 0);
	assert_memory_equal(digest, f->sri.digest[0], sizeof(digest));
	assert_int_equal(store_find(f->store, f->id, found, NULL), 0);
	assert_memory_equal(found, digest, sizeof(found));
	assert_int_equal(store_get(f->store, &f->sri, &blob, &fd, NULL), 0);
	assert_files(f, 1, 1);
	assert_int_equal(keep(f, "abc", &name, digest, NULL), 0); /* again */
	assert_files(f, 1, 1);
}

static void a_name_may_be_missing(void **state)
{
	struct fixture *f = *state;
	uint8_t digest[SHA512_LEN];

	assert_int_equal(keep(f, "abc", &(struct store_name){ .sri = &f->sri }, digest, NULL), 0);
	assert_files(f, 1, 0);
	assert_int_equal(store_find(f->store, f->id, digest, NULL), -ENOENT);
	assert_int_equal(keep(f, "abd", &(struct store_name){}, digest, NULL), 0);
	assert_files(f, 2, 0);
}

static void what_is_not_kept_is_gone(void **state)
{
	struct fixture *f = *state;
	struct incoming *i = NULL;

	assert_int_equal(store_incoming(f->store, &i, NULL), 0);
	assert_int_equal(files_in(f, "tmp"), 1);
	incoming_free(&i);
	assert_null(i);
	incoming_free(&i);
	assert_files(f, 0, 0);
}

static void wrong_content_is_never_seen(void **state)
{
	struct fixture *f = *state;
	struct store_name names[] = {
		{ .blob_id = f->id, .shards = SHARDS },
		{ .blob_id = f->id, .shards = SHARDS, .sri = &f->sri },
		{ .sri = &f->sri },
		{ .blob_id = f->id, .shards = SHARDS, .sri = &f->other },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint8_t digest[SHA512_LEN] = { 77 };
		struct err err = {};

		assert_int_equal(keep(f, "abd", &names[i], digest, &err), -EBADMSG);
		assert_true(err.text[0]);
		assert_int_equal(digest[0], 77);
		assert_files(f, 0, 0);
	}
}

static void names_that_contradict_each_other_are_told(void **state)
{
	struct fixture *f = *state;
	const struct store_name name = { .blob_id = f->id, .shards = SHARDS, .sri = &f->other };
	uint8_t digest[SHA512_LEN];
	struct err err = {};

	assert_int_equal(keep(f, "abc", &name, digest, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_non_null(strstr(err.text, "name different content"));
	assert_files(f, 0, 0);
}

static void of_another_committee_it_is_another_blob(void **state)
{
	struct fixture *f = *state;
	const struct store_name name = { .blob_id = f->id, .shards = SHARDS + 3 };
	uint8_t digest[SHA512_LEN];

	assert_int_equal(keep(f, "abc", &name, digest, NULL), -EBADMSG);
}

static void content_over_the_limit_is_refused(void **state)
{
	struct fixture *f = *state;
	char text[MAX_BLOB + 2];
	uint8_t digest[SHA512_LEN];
	struct err err = {};

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(keep(f, text, &(struct store_name){}, digest, &err), -E2BIG);
	assert_non_null(strstr(err.text, "walrus.maxBlobBytes"));
	text[MAX_BLOB] = '\0';
	assert_int_equal(keep(f, text, &(struct store_name){}, digest, NULL), 0);
}

/* The name stays as a link that leads nowhere, and works again when the content is back. */
static void what_a_blob_opens_to_is_found_by_it_and_is_nobody_elses(void **state)
{
	struct fixture *f = *state;
	const struct store_name name = { .sri = &f->sri, .opens = f->id };
	uint8_t digest[SHA512_LEN] = {}, found[SHA512_LEN] = {};
	char path[256], hex[2 * SHA512_LEN + 1];
	struct stat st;

	assert_int_equal(store_find_opened(f->store, f->id, found, NULL), -ENOENT);
	assert_int_equal(keep(f, "abd", &name, digest, NULL), -EBADMSG);
	assert_int_equal(store_find_opened(f->store, f->id, found, NULL), -ENOENT);
	assert_int_equal(keep(f, "abc", &name, digest, NULL), 0);
	assert_int_equal(store_find_opened(f->store, f->id, found, NULL), 0);
	assert_memory_equal(found, f->sri.digest[0], sizeof(found));
	assert_int_equal(store_find(f->store, f->id, found, NULL), -ENOENT);
	assert_files(f, 1, 0);
	assert_int_equal(files_in(f, "opened"), 1);
	format_hex(digest, sizeof(digest), hex);
	snprintf(path, sizeof(path), "%s/blobs/sha512/%s", f->root, hex);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(store_remove(f->store, digest, NULL), 0);
	assert_int_equal(store_find_opened(f->store, f->id, found, NULL), -ENOENT);
	assert_int_equal(store_sweep_names(f->store, NULL), 0);
	assert_int_equal(files_in(f, "opened"), 0);
}

static void removed_content_is_not_found(void **state)
{
	struct fixture *f = *state;
	const struct store_name name = { .blob_id = f->id, .shards = SHARDS, .sri = NULL };
	uint8_t digest[SHA512_LEN], found[SHA512_LEN] = { 77 };
	struct err err = {};

	assert_int_equal(keep(f, "abc", &name, digest, NULL), 0);
	assert_int_equal(store_remove(f->store, digest, NULL), 0);
	assert_int_equal(store_find(f->store, f->id, found, &err), -ENOENT);
	assert_non_null(strstr(err.text, "weir workload pull " ID));
	assert_int_equal(found[0], 77);
	assert_int_equal(keep(f, "abc", &name, digest, NULL), 0);
	assert_int_equal(store_find(f->store, f->id, found, NULL), 0);
}

static void names_without_content_are_swept(void **state)
{
	struct fixture *f = *state;
	const struct store_name name = { .blob_id = f->id, .shards = SHARDS, .sri = NULL };
	uint8_t digest[SHA512_LEN];

	assert_int_equal(keep(f, "abc", &name, digest, NULL), 0);
	assert_int_equal(store_sweep_names(f->store, NULL), 0);
	assert_files(f, 1, 1);
	assert_int_equal(store_remove(f->store, digest, NULL), 0);
	assert_int_equal(store_sweep_names(f->store, NULL), 0);
	assert_files(f, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_kept_is_found_by_each_of_its_names),
		TEST(a_name_may_be_missing),
		TEST(what_is_not_kept_is_gone),
		TEST(wrong_content_is_never_seen),
		TEST(names_that_contradict_each_other_are_told),
		TEST(of_another_committee_it_is_another_blob),
		TEST(content_over_the_limit_is_refused),
		TEST(what_a_blob_opens_to_is_found_by_it_and_is_nobody_elses),
		TEST(removed_content_is_not_found),
		TEST(names_without_content_are_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
