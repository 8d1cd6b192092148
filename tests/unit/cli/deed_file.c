/* SPDX-License-Identifier: Apache-2.0 */
/* The file that a person's transaction is in while it may have been taken. */
#include <sys/stat.h>

#include "cli/deed_int.h"
#include "core/file.h"
#include "unit/core/temp.h"

/* Any bytes will do: what they say is the chain's to judge. */
static void make(void **state, struct deed *d, struct deed_file *f)
{
	struct temp_path path = temp_path(state, "owner.key.open");

	assert_int_equal(crypto_init(), 0);
	assert_int_equal(key_new(&d->key), 0);
	snprintf(d->path, sizeof(d->path), "%.200s", path.text);
	f->tx = (struct buf)BUF_INIT(TX_LEN_MAX);
	buf_puts(&f->tx, "transaction");
	snprintf(f->what, sizeof(f->what), "provider stake 5SUI");
	f->max_epoch = UINT64_MAX;
	tx_digest(f->tx.data, f->tx.len, f->digest);
	sui_sign(INTENT_TRANSACTION, f->tx.data, f->tx.len, d->key, f->signature);
}

static void what_was_written_is_read(void **state)
{
	cleanup(deed_fini) struct deed d = {};
	cleanup(deed_file_fini) struct deed_file f = {}, got = {};
	struct stat st;

	make(state, &d, &f);
	assert_int_equal(deed_file_read(&d, &got, NULL), -ENOENT);
	assert_int_equal(deed_file_write(&d, &f, NULL), 0);
	assert_int_equal(stat(d.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(deed_file_read(&d, &got, NULL), 0);
	assert_string_equal(got.what, f.what);
	assert_int_equal(got.max_epoch, UINT64_MAX);
	assert_int_equal(got.tx.len, f.tx.len);
	assert_memory_equal(got.tx.data, f.tx.data, f.tx.len);
	assert_memory_equal(got.signature, f.signature, SUI_SIG_LEN);
	assert_memory_equal(got.digest, f.digest, HASH_LEN);
	/* one at a time, and gone when it is over */
	assert_int_equal(deed_file_write(&d, &f, NULL), -EEXIST);
	assert_int_equal(deed_file_remove(&d, NULL), 0);
	assert_int_equal(deed_file_remove(&d, NULL), 0);
	assert_int_equal(deed_file_write(&d, &f, NULL), 0);
}

static void what_another_key_signed_or_somebody_changed_is_refused(void **state)
{
	cleanup(deed_fini) struct deed d = {}, other = {};
	cleanup(deed_file_fini) struct deed_file f = {}, got = {};
	cleanup(buf_fini) struct buf text = BUF_INIT(1 << 20);
	struct err err = {};
	char *tx;

	make(state, &d, &f);
	assert_int_equal(deed_file_write(&d, &f, NULL), 0);
	snprintf(other.path, sizeof(other.path), "%s", d.path);
	assert_int_equal(key_new(&other.key), 0);
	assert_int_equal(deed_file_read(&other, &got, &err), -EBADMSG);
	assert_non_null(strstr(err.text, d.path));

	/* what another chain does not know says nothing of this one */
	d.site.genesis[0] ^= 1;
	assert_int_equal(deed_file_read(&d, &got, &err), -EXDEV);
	d.site.genesis[0] ^= 1;

	assert_int_equal(file_read(d.path, &text, NULL), 0);
	tx = strstr(text.data, "\"tx\":\"") + 6;
	*tx = *tx == 'A' ? 'B' : 'A';
	assert_int_equal(file_write_atomic(d.path, text.data, text.len, 0600, NULL), 0);
	assert_int_equal(deed_file_read(&d, &got, NULL), -EBADMSG);
	assert_int_equal(file_write_atomic(d.path, "{}", 2, 0600, NULL), 0);
	assert_int_equal(deed_file_read(&d, &got, NULL), -EBADMSG);
	assert_int_equal(file_write_atomic(d.path, "", 0, 0600, NULL), 0);
	assert_true(deed_file_read(&d, &got, NULL) < 0);
	assert_null(got.tx.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEMP_TEST(what_was_written_is_read),
		TEMP_TEST(what_another_key_signed_or_somebody_changed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
