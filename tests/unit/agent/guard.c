/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guard.h"

#include <sys/stat.h>

#include "unit/agent/books.h"

static struct guard_entry entry(uint8_t lease, uint64_t seq)
{
	struct guard_entry e = { .lease = { lease }, .seq = seq };

	memset(e.hash, (int)(lease + seq), sizeof(e.hash));
	return e;
}

static void assert_entry(struct bed *t, uint8_t lease, uint64_t seq)
{
	struct guard_entry want = entry(lease, seq), is;

	assert_true(guard_find(t->guard, want.lease, &is));
	assert_memory_equal(&is, &want, sizeof(is));
}

static void reopen(struct bed *t)
{
	guard_close(&t->guard);
	must(guard_open(t->key_file, t->key, &t->guard, &why));
}

static void note(struct bed *t, uint8_t lease, uint64_t seq)
{
	struct guard_entry e = entry(lease, seq);

	must(guard_note(t->guard, &e));
}

/* G2 */
static void what_was_noted_is_there_again_and_never_falls(void **state)
{
	struct bed *t = *state;
	struct guard_totals totals = { .to_ms = 5000, .hash = { 9 } }, older = { .to_ms = 4000 };
	struct guard_entry e;

	assert_false(guard_find(t->guard, entry(3, 1).lease, &e));
	assert_int_equal(e.seq, 0);
	for (uint8_t lease = 200; lease > 0; lease -= 10)
		note(t, lease, lease);
	note(t, 100, 7); /* lower */
	guard_note_totals(t->guard, &totals);
	guard_note_totals(t->guard, &older);
	must(guard_sync(t->guard, &why));
	reopen(t);
	for (uint8_t lease = 200; lease > 0; lease -= 10)
		assert_entry(t, lease, lease);
	assert_int_equal(guard_totals(t->guard).to_ms, 5000);
	assert_int_equal(guard_totals(t->guard).hash[0], 9);
}

static void what_was_not_synced_is_not_there(void **state)
{
	struct bed *t = *state;
	struct guard_entry e;

	note(t, 1, 4);
	must(guard_sync(t->guard, &why));
	note(t, 1, 5);
	note(t, 2, 1);
	reopen(t);
	assert_entry(t, 1, 4);
	assert_false(guard_find(t->guard, entry(2, 1).lease, &e));
}

/* G1 */
static void a_second_agent_with_the_key_is_refused(void **state)
{
	struct bed *t = *state;
	struct guard *second = NULL;
	char link[120];

	assert_int_equal(guard_open(t->key_file, t->key, &second, &why), -EBUSY);
	assert_non_null(strstr(why.text, "another agent signs with"));
	assert_non_null(strstr(why.text, t->key_file));
	assert_null(second);
	snprintf(link, sizeof(link), "%s/other.key", t->dir); /* by another name */
	assert_int_equal(symlink(t->key_file, link), 0);
	assert_int_equal(guard_open(link, t->key, &second, &why), -EBUSY);
	guard_close(&t->guard);
	must(guard_open(t->key_file, t->key, &second, &why));
	guard_close(&second);
}

static void a_damaged_file_or_another_keys_is_refused(void **state)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(4096);
	struct bed *t = *state;
	struct key *other = key_of(8);
	char path[120];

	note(t, 1, 4);
	note(t, 2, 4);
	must(guard_sync(t->guard, &why));
	guard_close(&t->guard);
	assert_int_equal(guard_open(t->key_file, other, &t->guard, &why), -EBADMSG);
	assert_non_null(strstr(why.text, "another key's"));
	key_free(&other);
	snprintf(path, sizeof(path), "%s.signed", t->key_file);
	must(file_read(path, &bytes, &why));
	for (size_t len = 0; len < bytes.len; len++) {
		must(file_write_atomic(path, bytes.data, len, 0600, &why));
		assert_int_equal(guard_open(t->key_file, t->key, &t->guard, &why), -EBADMSG);
		assert_non_null(strstr(why.text, path));
	}
	bytes.data[0] ^= 1;
	must(file_write_atomic(path, bytes.data, bytes.len, 0600, &why));
	assert_int_equal(guard_open(t->key_file, t->key, &t->guard, &why), -EBADMSG);
	bytes.data[0] ^= 1;
	must(file_write_atomic(path, bytes.data, bytes.len, 0600, &why));
	must(guard_open(t->key_file, t->key, &t->guard, &why));
}

static void the_file_is_private_and_made_at_the_start(void **state)
{
	struct bed *t = *state;
	struct stat st;
	char path[120];

	snprintf(path, sizeof(path), "%s.signed", t->key_file);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void what_can_not_be_noted_says_so_and_can_be_later(void **state)
{
	struct bed *t = *state;
	char aside[120];

	note(t, 1, 4);
	snprintf(aside, sizeof(aside), "%s.aside", t->dir);
	assert_int_equal(rename(t->dir, aside), 0);
	assert_int_equal(guard_sync(t->guard, &why), -ENOENT);
	assert_non_null(strstr(why.text, "nothing is"));
	assert_int_equal(rename(aside, t->dir), 0);
	must(guard_sync(t->guard, &why));
	reopen(t);
	assert_entry(t, 1, 4);
}

static void that_the_chain_was_asked_is_of_this_life_only(void **state)
{
	struct bed *t = *state;

	assert_false(guard_asked(t->guard, entry(1, 0).lease));
	must(guard_set_asked(t->guard, entry(1, 0).lease, true));
	assert_true(guard_asked(t->guard, entry(1, 0).lease));
	guard_ask_again(t->guard);
	assert_false(guard_asked(t->guard, entry(1, 0).lease));
	must(guard_set_asked(t->guard, entry(1, 0).lease, true));
	assert_false(guard_asked(t->guard, entry(2, 0).lease));
	note(t, 2, 1);
	must(guard_sync(t->guard, &why)); /* lease 1 has signed nothing, and is not in the file */
	reopen(t);
	assert_entry(t, 2, 1);
	assert_false(guard_asked(t->guard, entry(1, 0).lease));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_BED(what_was_noted_is_there_again_and_never_falls),
		ON_BED(what_was_not_synced_is_not_there),
		ON_BED(a_second_agent_with_the_key_is_refused),
		ON_BED(a_damaged_file_or_another_keys_is_refused),
		ON_BED(the_file_is_private_and_made_at_the_start),
		ON_BED(what_can_not_be_noted_says_so_and_can_be_later),
		ON_BED(that_the_chain_was_asked_is_of_this_life_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
