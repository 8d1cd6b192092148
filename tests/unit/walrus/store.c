/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"

#define MAX_BLOB 1000

struct fixture {
	char root[64];
	struct store *store;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(crypto_init(), 0);
	snprintf(f->root, sizeof(f->root), "/tmp/weir-store-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(store_open(f->root, MAX_BLOB, &f->store, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(&f->store);
	assert_null(f->store);
	store_free(&f->store);
	dir_remove(f->root, NULL);
	free(f);
	return 0;
}

static int content(const void *data, size_t len)
{
	char path[] = "/tmp/weir-blob-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct sri sri_of(const char *text)
{
	cleanup(sha512_free) struct sha512 *s = NULL;
	struct sri sri = { .len = 1 };

	assert_int_equal(sha512_new(&s), 0);
	sha512_update(s, text, strlen(text));
	sha512_final(s, sri.digest[0]);
	return sri;
}

static int put(struct fixture *f, const char *text, const struct sri *expected, uint8_t *ret_digest,
	       struct err *err)
{
	cleanup(close_fd) int fd = content(text, strlen(text));

	return store_put(f->store, fd, expected, ret_digest, err);
}

static size_t count(const struct fixture *f, const char *sub)
{
	char path[128];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/blobs/%s", f->root, sub);
	cleanup(close_dir) DIR *dir = opendir(path);

	assert_non_null(dir);
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir))
		n += d->d_name[0] != '.';
	return n;
}

static void blob_path(const struct fixture *f, const uint8_t *digest, char ret[300])
{
	char hex[2 * SHA512_LEN + 1];

	format_hex(digest, SHA512_LEN, hex);
	snprintf(ret, 300, "%s/blobs/sha512/%s", f->root, hex);
}

static void assert_stored(struct fixture *f, const char *text)
{
	const struct sri sri = sri_of(text);
	cleanup(close_fd) int fd = -1;
	struct blob blob = {};
	char found[MAX_BLOB + 1] = "";

	assert_int_equal(store_get(f->store, &sri, &blob, &fd, NULL), 0);
	assert_memory_equal(blob.digest, sri.digest[0], SHA512_LEN);
	assert_int_equal(blob.size, strlen(text));
	assert_int_equal(read(fd, found, MAX_BLOB), strlen(text));
	assert_string_equal(found, text);
}

static void what_is_put_can_be_got(void **state)
{
	struct fixture *f = *state;
	uint8_t digest[SHA512_LEN];
	const struct sri sri = sri_of("hello");

	assert_int_equal(put(f, "hello", &sri, digest, NULL), 0);
	assert_memory_equal(digest, sri.digest[0], SHA512_LEN);
	assert_int_equal(put(f, "", NULL, digest, NULL), 0);
	assert_stored(f, "hello");
	assert_stored(f, "");
	assert_int_equal(count(f, "tmp"), 0);
}

static void any_alternative_matches(void **state)
{
	struct fixture *f = *state;
	struct sri sri = sri_of("first");
	const struct sri second = sri_of("second");
	uint8_t digest[SHA512_LEN];
	cleanup(close_fd) int fd = -1;
	struct blob blob = {};

	memcpy(sri.digest[sri.len++], second.digest[0], SHA512_LEN);
	assert_int_equal(put(f, "second", &sri, digest, NULL), 0);
	assert_int_equal(store_get(f->store, &sri, &blob, &fd, NULL), 0);
	assert_memory_equal(blob.digest, second.digest[0], SHA512_LEN);
}

static void wrong_content_is_never_visible(void **state)
{
	struct fixture *f = *state;
	const struct sri wanted = sri_of("wanted"), sent = sri_of("sent");
	uint8_t digest[SHA512_LEN] = { 7 };
	struct err err = {};
	struct blob blob = { .size = 99 };
	int fd = -7;

	assert_int_equal(put(f, "sent", &wanted, digest, &err), -EBADMSG);
	assert_int_equal(err.code, -EBADMSG);
	assert_int_equal(digest[0], 7);
	assert_int_equal(count(f, "sha512"), 0);
	assert_int_equal(count(f, "tmp"), 0);
	assert_int_equal(store_get(f->store, &wanted, &blob, &fd, &err), -ENOENT);
	assert_int_equal(store_get(f->store, &sent, &blob, &fd, &err), -ENOENT);
	assert_int_equal(fd, -7);
	assert_int_equal(blob.size, 99);
}

static void size_cap_holds_and_is_reached(void **state)
{
	struct fixture *f = *state;
	char text[MAX_BLOB + 2];
	uint8_t digest[SHA512_LEN];

	memset(text, 'x', sizeof(text));
	text[MAX_BLOB + 1] = '\0';
	assert_int_equal(put(f, text, NULL, digest, NULL), -E2BIG);
	assert_int_equal(count(f, "sha512") + count(f, "tmp"), 0);
	text[MAX_BLOB] = '\0';
	assert_int_equal(put(f, text, NULL, digest, NULL), 0);
	assert_stored(f, text);
}

static void same_blob_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t digest[SHA512_LEN];
	struct stat before, after;
	char path[300];

	assert_int_equal(put(f, "same", NULL, digest, NULL), 0);
	blob_path(f, digest, path);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(put(f, "same", NULL, digest, NULL), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(count(f, "sha512"), 1);
	assert_int_equal(count(f, "tmp"), 0);
}

static void damage_on_disk_is_found_and_healed_by_put(void **state)
{
	struct fixture *f = *state;
	const struct sri sri = sri_of("fragile");
	uint8_t digest[SHA512_LEN];
	struct blob blob;
	struct err err = {};
	char path[300];
	int fd = -1;

	assert_int_equal(put(f, "fragile", NULL, digest, NULL), 0);
	blob_path(f, digest, path);
	assert_int_equal(chmod(path, 0600), 0);
	cleanup(close_fd) int raw = open(path, O_WRONLY);

	assert_int_equal(pwrite(raw, "F", 1, 0), 1);
	assert_int_equal(store_get(f->store, &sri, &blob, &fd, &err), -EBADMSG);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(put(f, "fragile", &sri, digest, NULL), 0);
	assert_stored(f, "fragile");
}

static void leftover_of_a_crash_goes_but_a_living_writer_stays(void **state)
{
	struct fixture *f = *state;
	char dead[128], alive[128];
	struct store *again = NULL;

	snprintf(dead, sizeof(dead), "%s/blobs/tmp/dead", f->root);
	snprintf(alive, sizeof(alive), "%s/blobs/tmp/alive", f->root);
	close(open(dead, O_CREAT | O_WRONLY, 0600));
	cleanup(close_fd) int writer = open(alive, O_CREAT | O_WRONLY, 0600);

	assert_int_equal(flock(writer, LOCK_EX), 0);
	assert_int_equal(store_open(f->root, MAX_BLOB, &again, NULL), 0);
	store_free(&again);
	assert_int_equal(access(dead, F_OK), -1);
	assert_int_equal(access(alive, F_OK), 0);
}

static void list_is_in_order_and_remove_forgets(void **state)
{
	static const char *const texts[] = { "c", "a", "b", "dd" };
	struct fixture *f = *state;
	cleanup(free_ptr) struct blob *blobs = NULL;
	uint8_t digest[SHA512_LEN];
	size_t len = 99;

	assert_int_equal(store_list(f->store, &blobs, &len, NULL), 0);
	assert_int_equal(len, 0);
	assert_null(blobs);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(put(f, texts[i], NULL, digest, NULL), 0);
	assert_int_equal(store_list(f->store, &blobs, &len, NULL), 0);
	assert_int_equal(len, ARRAY_LEN(texts));
	for (size_t i = 1; i < len; i++)
		assert_true(memcmp(blobs[i - 1].digest, blobs[i].digest, SHA512_LEN) < 0);
	assert_int_equal(store_remove(f->store, digest, NULL), 0);
	assert_int_equal(store_remove(f->store, digest, NULL), -ENOENT);
	assert_int_equal(count(f, "sha512"), ARRAY_LEN(texts) - 1);
}

static void files_are_put_and_anything_else_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t digest[SHA512_LEN];
	struct err err = {};
	char path[128];

	snprintf(path, sizeof(path), "%s/app.tgz", f->root);
	assert_int_equal(file_write_atomic(path, "tgz", 3, 0600, NULL), 0);
	assert_int_equal(store_put_file(f->store, path, NULL, digest, NULL), 0);
	assert_stored(f, "tgz");
	assert_int_equal(store_put_file(f->store, f->root, NULL, digest, &err), -EINVAL);
	assert_int_equal(store_put_file(f->store, "/no/such/file", NULL, digest, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/no/such/file"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_put_can_be_got),
		T(any_alternative_matches),
		T(wrong_content_is_never_visible),
		T(size_cap_holds_and_is_reached),
		T(same_blob_again_changes_nothing),
		T(damage_on_disk_is_found_and_healed_by_put),
		T(leftover_of_a_crash_goes_but_a_living_writer_stays),
		T(list_is_in_order_and_remove_forgets),
		T(files_are_put_and_anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
