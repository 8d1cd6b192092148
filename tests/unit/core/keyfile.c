/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/temp.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/crypto.h"
#include "core/file.h"

static const char seed_text[] =
	"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n";

static int init(void **state)
{
	(void)state;
	return crypto_init();
}

/* Expects a refusal that names the path and not the key. */
static void assert_refused(const char *path, int code)
{
	struct key *k = NULL;
	struct err err = {};

	assert_int_equal(key_load(path, &k, &err), code);
	assert_null(k);
	assert_non_null(strstr(err.text, path));
	assert_null(strstr(err.text, "9d61b19d"));
}

static void a_saved_key_is_loaded(void **state)
{
	cleanup(key_free) struct key *k = NULL, *back = NULL;
	struct temp_path p = temp_path(state, "key");
	struct err err = {};
	struct stat st;

	assert_int_equal(key_new(&k), 0);
	assert_int_equal(key_save(k, p.text, &err), 0);
	assert_int_equal(stat(p.text, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(key_load(p.text, &back, &err), 0);
	assert_memory_equal(key_public(back), key_public(k), PUBKEY_LEN);
}

static void saving_never_overwrites(void **state)
{
	cleanup(key_free) struct key *first = NULL, *second = NULL, *back = NULL;
	struct temp_path p = temp_path(state, "key");
	struct err err = {};

	assert_int_equal(key_new(&first), 0);
	assert_int_equal(key_new(&second), 0);
	assert_int_equal(key_save(first, p.text, &err), 0);
	assert_int_equal(key_save(second, p.text, &err), -EEXIST);
	assert_int_equal(key_load(p.text, &back, &err), 0);
	assert_memory_equal(key_public(back), key_public(first), PUBKEY_LEN);
}

static void the_file_is_hex_and_a_newline(void **state)
{
	cleanup(key_free) struct key *k = NULL;
	cleanup(buf_fini) struct buf b = BUF_INIT(100);
	struct temp_path p = temp_path(state, "key"), copy = temp_path(state, "copy");

	file_write_atomic(p.text, seed_text, 65, 0400, NULL);
	assert_int_equal(key_load(p.text, &k, NULL), 0);
	assert_int_equal(key_public(k)[0], 0xd7); /* RFC 8032, 7.1, test 1 */
	assert_int_equal(key_save(k, copy.text, NULL), 0);
	assert_int_equal(file_read(copy.text, &b, NULL), 0);
	assert_string_equal(b.data, seed_text);
}

static void only_the_owner_may_see_it(void **state)
{
	static const mode_t bad[] = { 0644, 0640, 0604, 0660, 0700, 0500, 0601, 04600, 0200 };
	struct temp_path p = temp_path(state, "key");

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		file_write_atomic(p.text, seed_text, 65, bad[i], NULL);
		if (bad[i] & 0400 || geteuid() == 0)
			assert_refused(p.text, -EACCES);
	}
}

static void the_key_of_another_user_is_refused(void **state)
{
	struct temp_path p = temp_path(state, "key");

	if (geteuid() != 0)
		skip();
	file_write_atomic(p.text, seed_text, 65, 0600, NULL);
	assert_int_equal(chown(p.text, 12345, 0), 0);
	assert_refused(p.text, -EACCES);
}

static void what_is_no_file_is_refused(void **state)
{
	struct temp_path p = temp_path(state, "fifo");

	assert_refused(*state, -EACCES);
	assert_int_equal(mkfifo(p.text, 0600), 0);
	assert_refused(p.text, -EACCES); /* and does not wait for a writer */
	assert_refused(temp_path(state, "none").text, -ENOENT);
}

static void a_link_to_a_key_is_fine(void **state)
{
	cleanup(key_free) struct key *k = NULL;
	struct temp_path p = temp_path(state, "key"), link = temp_path(state, "link");

	file_write_atomic(p.text, seed_text, 65, 0600, NULL);
	assert_int_equal(symlink(p.text, link.text), 0);
	assert_int_equal(key_load(link.text, &k, NULL), 0);
}

static void other_contents_are_refused(void **state)
{
	struct temp_path p = temp_path(state, "key");
	char text[66];

	for (size_t i = 0; i < 5; i++) {
		size_t len = 65;

		memcpy(text, seed_text, sizeof(text));
		if (i == 0)
			len = 64; /* no newline */
		else if (i == 1)
			text[3] = 'F';
		else if (i == 2)
			len = 0;
		else if (i == 3)
			text[len++] = '\n';
		else
			text[10] = '\0';
		file_write_atomic(p.text, text, len, 0600, NULL);
		assert_refused(p.text, -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMP_TEST(a_saved_key_is_loaded),
		TEMP_TEST(saving_never_overwrites),
		TEMP_TEST(the_file_is_hex_and_a_newline),
		TEMP_TEST(only_the_owner_may_see_it),
		TEMP_TEST(the_key_of_another_user_is_refused),
		TEMP_TEST(what_is_no_file_is_refused),
		TEMP_TEST(a_link_to_a_key_is_fine),
		TEMP_TEST(other_contents_are_refused),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
