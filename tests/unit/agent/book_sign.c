/* SPDX-License-Identifier: Apache-2.0 */
/* No two contents of one number, whatever dies when and whatever is put back. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "chain/totals.h"
#include "core/clock.h"
#include "ledger/signing.h"
#include "unit/agent/books.h"

static struct ledger_lease row_of(struct bed *t, const char *label)
{
	struct ledger_lease row;

	must(ledger_lease_get(t->ledger, label, &row, &why));
	return row;
}

static struct ledger_receipt receipt(struct bed *t, uint64_t seq)
{
	struct ledger_receipt r = {};

	must(ledger_receipt_get(t->ledger, "shop", seq, &r, &why));
	ledger_receipt_fini(&r);
	return r;
}

static bool is_signed(struct bed *t, const struct ledger_receipt *r)
{
	return sig_valid(key_public(t->key), r->report, sizeof(r->report), r->signature);
}

/* A window in which the pod of the lease used something, not signed yet. */
static void use(struct bed *t, uint64_t n)
{
	struct book_reading r = reading(1, "shop", n);

	t->now_ms += WINDOW_MS;
	assert_int_equal(closed(t, &r, 1).receipts, 1);
}

static void begin(struct bed *t)
{
	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
}

static void copy(struct bed *t, const char *from, const char *to)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(64 << 20);

	ledger_close(&t->ledger);
	must(file_read(from, &bytes, &why));
	must(file_write_atomic(to, bytes.data, bytes.len, 0600, &why));
	crash(t);
}

/* Of the whole ledger: closed, it is one file. */
static void back_up(struct bed *t, const char *name)
{
	char to[200];

	snprintf(to, sizeof(to), "%s/%s", t->dir, name);
	copy(t, t->path, to);
}

static void put_back(struct bed *t, const char *name)
{
	struct ledger_window last;
	char from[200];

	snprintf(from, sizeof(from), "%s/%s", t->dir, name);
	copy(t, from, t->path);
	must(ledger_window_last(t->ledger, &last, &why));
	t->to_ms = last.to_ms;
}

/* ---- Death at each step ------------------------------------------------------------------------- */

static void a_report_is_written_before_it_is_signed(void **state)
{
	struct bed *t = *state;
	struct ledger_receipt before, after;

	begin(t);
	use(t, 3);
	before = receipt(t, 1);
	assert_false(is_signed(t, &before));
	assert_int_equal(row_of(t, "shop").signed_seq, 0);
	assert_int_equal(settle(t), 0);
	assert_int_equal(sign(t).receipts, 1);
	after = receipt(t, 1);
	assert_true(is_signed(t, &after));
	assert_memory_equal(before.report, after.report, sizeof(before.report));
	assert_int_equal(settle(t), 1);
	assert_int_equal(verified(t, "shop").count, 1);
}

/* Between the window and the guard; between the guard and the signature; behind it. */
static void death_at_any_step_leaves_the_same_content(void **state)
{
	struct bed *t = *state;

	begin(t);
	for (int step = 0; step < 3; step++) {
		struct guard_entry e = { .seq = row_of(t, "shop").seq + 1 };
		struct ledger_receipt before, after;

		use(t, 3 * e.seq);
		before = receipt(t, e.seq);
		memcpy(e.lease, row_of(t, "shop").id, sizeof(e.lease));
		memcpy(e.hash, before.hash, sizeof(e.hash));
		must(step == 1 ? guard_note(t->guard, &e) : 0);
		must(guard_sync(t->guard, &why));
		if (step == 2)
			sign(t);
		crash(t);
		use(t, 3 * e.seq); /* the next life has another report to make */
		assert_int_equal(sign(t).held, 0);
		after = receipt(t, e.seq);
		assert_true(is_signed(t, &after));
		assert_memory_equal(before.report, after.report, sizeof(before.report));
	}
	assert_int_equal(settle(t), row_of(t, "shop").seq);
	must(ledger_check(t->ledger, &why));
}

static void what_the_guard_can_not_note_is_not_signed_and_made_good(void **state)
{
	struct book_signed s = { .receipts = 77 };
	struct bed *t = *state;
	char path[120], aside[120];

	begin(t);
	snprintf(path, sizeof(path), "%s.signed", t->key_file);
	snprintf(aside, sizeof(aside), "%s.aside", t->key_file);
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* so that no file can take its place */
	for (uint64_t n = 1; n < 4; n++) {
		use(t, n);
		assert_true(book_sign(&t->b, &s, &why) < 0);
		assert_non_null(strstr(why.text, path));
		assert_int_equal(s.receipts, 77);
		assert_int_equal(row_of(t, "shop").signed_seq, 0);
	}
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(sign(t).receipts, 3);
	assert_int_equal(settle(t), 3);
	assert_int_equal(verified(t, "shop").count, 3);
}

/* ---- Old copies --------------------------------------------------------------------------------- */

static void an_old_copy_is_metered_and_not_signed_until_the_newest_is_back(void **state)
{
	struct bed *t = *state;
	struct book_signed s;

	begin(t);
	for (uint64_t n = 1; n < 6; n++) {
		use(t, n);
		assert_int_equal(sign(t).receipts, 1);
		if (n == 2)
			back_up(t, "old.db");
	}
	back_up(t, "newest.db");
	put_back(t, "old.db");
	for (uint64_t n = 6; n < 12; n++) { /* also beyond the number that the guard knows */
		use(t, n);
		s = sign(t);
		assert_int_equal(s.receipts, 0);
		assert_int_equal(s.held, 1);
		assert_false(s.ask);
		assert_non_null(strstr(s.why.text, "lease shop: receipts up to 5 were signed"));
		assert_int_equal(row_of(t, "shop").signed_seq, 2);
		assert_non_null(strstr(row_of(t, "shop").held, "put back the newest"));
	}
	assert_usage(booked(t, "pod-1", "shop"), usage_of(11));
	assert_int_equal(settle(t), 2); /* which were signed before */

	put_back(t, "newest.db");
	use(t, 12);
	s = sign(t);
	assert_int_equal(s.receipts, 1);
	assert_int_equal(s.held, 0);
	assert_string_equal(row_of(t, "shop").held, "");
	assert_int_equal(verified(t, "shop").count, 6);
}

/* One lease's numbers hold up no other's, and a new one is signed at once. */
static void what_is_held_holds_up_no_other_lease(void **state)
{
	struct book_reading r[] = { reading(1, "shop", 1), reading(2, "farm", 1) };
	struct bed *t = *state;
	struct book_signed s;

	begin(t);
	back_up(t, "old.db");
	next_window(t, r, 1);
	put_back(t, "old.db");
	open_lease(t, "farm", 1000000000);
	t->now_ms += 5;
	closed(t, r, 2);
	s = sign(t);
	assert_int_equal(s.held, 1);
	assert_int_equal(s.receipts, 1);
	assert_int_equal(verified(t, "farm").count, 1);
}

/* The same numbers with another history: a second ledger of the key that was not noticed before. */
static void another_history_of_the_same_length_is_held(void **state)
{
	struct bed *t = *state;

	begin(t);
	back_up(t, "old.db");
	use(t, 1);
	assert_int_equal(sign(t).receipts, 1);
	put_back(t, "old.db");
	use(t, 9);
	assert_int_equal(row_of(t, "shop").seq, 1);
	assert_int_equal(sign(t).held, 1);
}

/* A ledger of a version that knew no guard. */
static void what_the_ledger_holds_is_known_from_the_start(void **state)
{
	struct bed *t = *state;
	struct guard_entry e;
	char path[120];

	begin(t);
	use(t, 1);
	sign(t);
	snprintf(path, sizeof(path), "%s.signed", t->key_file);
	assert_int_equal(unlink(path), 0);
	crash(t);
	assert_true(guard_find(t->guard, row_of(t, "shop").id, &e));
	assert_int_equal(e.seq, 1);
}

/* ---- The chain ---------------------------------------------------------------------------------- */

static void nothing_is_signed_before_the_chain_was_asked(void **state)
{
	struct bed *t = *state;
	struct ledger_receipt r;
	struct book_signed s;

	begin(t);
	t->b.asks = true;
	use(t, 1);
	use(t, 2);
	s = sign(t);
	assert_int_equal(s.held, 1);
	assert_true(s.ask);
	assert_int_equal(s.why.code, 0); /* which is nothing to worry about */
	must(book_chain_says(&t->b, "shop", 0, (const uint8_t[HASH_LEN]){}, &why));
	assert_int_equal(sign(t).receipts, 2);
	use(t, 3);
	assert_int_equal(sign(t).receipts, 1); /* once is enough */

	crash(t);
	use(t, 4);
	assert_true(sign(t).ask);
	r = receipt(t, 2); /* the chain is behind */
	must(book_chain_says(&t->b, "shop", 2, r.hash, &why));
	assert_int_equal(sign(t).receipts, 1);
	assert_string_equal(row_of(t, "shop").held, "");
	assert_int_equal(verified(t, "shop").count, 4);
}

/* Two machines with copies of one key. */
static void a_chain_that_knows_more_or_other_is_believed(void **state)
{
	const uint8_t other[HASH_LEN] = { 1 };
	struct bed *t = *state;
	struct book_signed s;

	begin(t);
	t->b.asks = true;
	must(book_chain_says(&t->b, "shop", 0, other, &why));
	use(t, 1);
	assert_int_equal(sign(t).receipts, 1);
	crash(t);
	use(t, 2);
	for (uint64_t seq = 1; seq < 4; seq++) { /* another 1, one that is not signed here, none */
		must(book_chain_says(&t->b, "shop", seq, seq == 2 ? receipt(t, 2).hash : other,
				     &why));
		s = sign(t);
		assert_int_equal(s.receipts, 0);
		assert_int_equal(s.held, 1);
		assert_true(s.ask);
		assert_non_null(strstr(s.why.text, "the chain has a report"));
	}
	must(book_chain_says(&t->b, "shop", 1, receipt(t, 1).hash, &why));
	assert_int_equal(sign(t).receipts, 1);
}

/* ---- SIGKILL ------------------------------------------------------------------------------------ */

#define KILLS 12
#define TOLD_MAX 4096

struct told {
	uint64_t seq;
	uint8_t hash[HASH_LEN];
};

static struct told_all {
	struct told at[TOLD_MAX];
	size_t n;
} all;

/* Closes windows for ever, and tells of each receipt behind its signature. */
static void agent(struct bed *t, int fd)
{
	uint64_t n, last;

	crash(t);
	last = row_of(t, "shop").signed_seq;
	n = row_of(t, "shop").seq; /* each window has one, and uses something */
	for (;;) {
		struct book_reading r = reading(1, "shop", ++n);
		struct book_signed s;
		struct book_window w;
		struct err err = {};

		t->now_ms = clock_wall_ms();
		if (book_window(&t->b, t->now_ms, &r, 1, &w, &err) < 0 ||
		    book_sign(&t->b, &s, &err) < 0)
			_exit(1);
		for (; last < row_of(t, "shop").signed_seq; last++) {
			struct told told = { .seq = last + 1 };
			struct ledger_receipt got = receipt(t, last + 1);

			memcpy(told.hash, got.hash, sizeof(told.hash));
			if (write(fd, &told, sizeof(told)) != sizeof(told))
				_exit(1);
		}
	}
}

static void live_and_die(struct bed *t, size_t receipts)
{
	struct told told;
	int fds[2], status;
	size_t got = 0;
	uint32_t spin;
	pid_t pid;

	random_bytes(&spin, sizeof(spin));
	assert_int_equal(pipe(fds), 0);
	ledger_close(&t->ledger);
	guard_close(&t->guard);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		agent(t, fds[1]);
	}
	close(fds[1]);
	while (got < receipts && read(fds[0], &told, sizeof(told)) == sizeof(told)) {
		all.at[all.n++] = told;
		got++;
	}
	assert_int_equal(got, receipts);
	for (volatile uint32_t i = 0; i < spin % 3000000; i++)
		;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(fds[0], &told, sizeof(told)) == sizeof(told))
		all.at[all.n++] = told;
	close(fds[0]);
	crash(t);
}

/* What was ever told has one content, and that is the ledger's. */
static void assert_one_story(struct bed *t)
{
	must(ledger_check(t->ledger, &why));
	for (size_t i = 0; i < all.n; i++) {
		struct ledger_receipt r = receipt(t, all.at[i].seq);

		assert_memory_equal(r.hash, all.at[i].hash, HASH_LEN);
		assert_true(is_signed(t, &r));
	}
}

static struct said_all {
	struct totals at[TOLD_MAX];
	size_t n;
} said;

static int remember(const struct ledger_totals *t, void *arg)
{
	(void)arg;
	assert_true(said.n < TOLD_MAX);
	return totals_decode(t->statement, TOTALS_LEN, &said.at[said.n++], NULL);
}

/* What the ledger that is there has signed of the node's totals, old copies as well. */
static void assert_no_conflict(struct bed *t)
{
	size_t before = said.n;

	must(ledger_totals_list(t->ledger, LEDGER_SIGNED, 0, remember, NULL, &why));
	for (size_t i = 0; i < before; i++)
		for (size_t j = before; j < said.n; j++)
			assert_false(totals_conflict(&said.at[i], &said.at[j]));
}

static void sigkill_at_any_instruction_makes_no_second_story(void **state)
{
	struct bed *t = *state;

	begin(t);
	t->now_ms = clock_wall_ms();
	window(t, NULL, 0);
	for (size_t i = 0; i < KILLS; i++) {
		live_and_die(t, 1 + i);
		assert_one_story(t);
		assert_no_conflict(t);
		if (i % 3 == 2) { /* and an old copy that lives a while in between */
			struct book_reading r = reading(1, "shop", UINT32_MAX);

			back_up(t, "newest.db");
			put_back(t, "old.db");
			t->now_ms = clock_wall_ms();
			closed(t, &r, 1);
			assert_int_equal(sign(t).held, 1);
			assert_no_conflict(t);
			put_back(t, "newest.db");
		}
		if (i % 3 == 0)
			back_up(t, "old.db");
	}
	assert_true(all.n >= KILLS * (KILLS + 1) / 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_BED(a_report_is_written_before_it_is_signed),
		ON_BED(death_at_any_step_leaves_the_same_content),
		ON_BED(what_the_guard_can_not_note_is_not_signed_and_made_good),
		ON_BED(an_old_copy_is_metered_and_not_signed_until_the_newest_is_back),
		ON_BED(what_is_held_holds_up_no_other_lease),
		ON_BED(another_history_of_the_same_length_is_held),
		ON_BED(what_the_ledger_holds_is_known_from_the_start),
		ON_BED(nothing_is_signed_before_the_chain_was_asked),
		ON_BED(a_chain_that_knows_more_or_other_is_believed),
		ON_BED(sigkill_at_any_instruction_makes_no_second_story),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
