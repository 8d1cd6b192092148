/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/book_totals.h"

#include "chain/proof.h"
#include "unit/agent/books.h"

static int count_one(const struct ledger_totals *t, void *arg)
{
	(void)t;
	++*(size_t *)arg;
	return 0;
}

static size_t count(struct bed *t, enum ledger_signed which)
{
	size_t n = 0;

	must(ledger_totals_list(t->ledger, which, 0, count_one, &n, &why));
	return n;
}

static int newest(const struct ledger_totals *t, void *arg)
{
	*(struct ledger_totals *)arg = *t;
	return 0;
}

/* The newest statement that is signed, verified. */
static struct totals said(struct bed *t, struct ledger_totals *row)
{
	struct totals out;

	*row = (struct ledger_totals){};
	must(ledger_totals_list(t->ledger, LEDGER_SIGNED, 0, newest, row, &why));
	must(totals_verify(row->statement, TOTALS_LEN, row->signature, key_public(t->key), &out,
			   &why));
	return out;
}

static void the_totals_are_of_all_pods_leased_or_not(void **state)
{
	struct book_reading r[] = { reading(1, "shop", 3), reading(2, "", 5),
				    reading(3, "shop", 7) };
	struct bed *t = *state;
	struct ledger_totals row;
	struct totals_sums sums;
	struct usage all = {};
	struct totals s;

	next_window(t, NULL, 0);
	s = said(t, &row);
	assert_int_equal(s.root.sums.cpu_ns, 0);
	open_lease(t, "shop", 1000000000);
	next_window(t, r, 3);
	s = said(t, &row);
	for (size_t i = 0; i < 3; i++)
		must(usage_add(&all, &r[i].total));
	must(totals_sums_of(&all, &sums));
	assert_int_equal(s.root.sums.cpu_ns, sums.cpu_ns);
	assert_true(s.root.sums.memory_byte_ns == sums.memory_byte_ns);
	assert_int_equal(s.root.sums.rx_bytes, sums.rx_bytes);
	assert_int_equal(s.root.sums.tx_bytes, sums.tx_bytes);
	assert_int_equal(s.from_ms, t->to_ms - WINDOW_MS);
	assert_int_equal(s.to_ms, t->to_ms);
	assert_memory_equal(s.provider, key_public(t->key), OBJECT_ID_LEN);
	assert_memory_equal(s.market, account(t, "shop").terms.market, OBJECT_ID_LEN);
	assert_int_equal(count(t, LEDGER_SIGNED), 2);
	assert_int_equal(count(t, LEDGER_UNSIGNED), 0);
}

/* The tree again, from the ledger alone, and every leaf of the lease in it. */
static void leaves_are_made_anew_from_the_ledger(void **state)
{
	struct book_reading r[40];
	struct bed *t = *state;
	struct ledger_totals row;
	struct totals s;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	open_lease(t, "farm", 1000000000);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = reading(i + 1, i % 3 == 0 ? "shop" : i % 3 == 1 ? "farm" : "", i + 1);
	next_window(t, r, ARRAY_LEN(r));
	crash(t);
	s = said(t, &row);
	{
		const struct lease shop = account(t, "shop");
		cleanup(book_tree_fini) struct book_tree tree = {};

		must(book_tree_make(t->ledger, &row, shop.terms.id, &tree, &why));
		assert_memory_equal(totals_tree_root(&tree.tree)->hash, s.root.hash, HASH_LEN);
		assert_int_equal(tree.tree.leaves, ARRAY_LEN(r));
		assert_int_equal(tree.n, 14);
		for (size_t i = 0; i < tree.n; i++) {
			struct totals_step path[TOTALS_DEPTH_MAX];
			struct totals_node node;

			assert_memory_equal(tree.mine[i].lease, shop.terms.id, OBJECT_ID_LEN);
			assert_int_equal(tree.mine[i].pod.cgroup_id, 3 * i + 1);
			must(leaf_node(&tree.mine[i], &node, &why));
			assert_true(totals_includes(
				&s, &node, path, totals_tree_path(&tree.tree, tree.at[i], path)));
		}
	}
}

/* A lease's label may have been on pods before the lease was: their leaves stay nobody's. */
static void what_was_used_before_a_lease_stays_nobodys(void **state)
{
	cleanup(book_tree_fini) struct book_tree tree = {};
	struct book_reading r = reading(1, "shop", 3);
	struct bed *t = *state;
	struct ledger_totals row;
	struct totals s;

	next_window(t, &r, 1);
	s = said(t, &row);
	open_lease(t, "shop", 1000000000);
	must(book_tree_make(t->ledger, &row, account(t, "shop").terms.id, &tree, &why));
	assert_int_equal(tree.n, 0);
	assert_memory_equal(totals_tree_root(&tree.tree)->hash, s.root.hash, HASH_LEN);
}

/* ---- B8 ----------------------------------------------------------------------------------------- */

static struct book_capacity cores(uint64_t millis)
{
	return (struct book_capacity){ .bounds = true,
				       .cpu_millis = millis,
				       .memory_bytes = UINT64_MAX,
				       .net_bytes_s = UINT64_MAX };
}

static void what_is_over_the_capacity_waits_for_the_next_windows(void **state)
{
	struct book_reading r = reading(1, "", 0);
	struct bed *t = *state;
	struct ledger_totals row;
	struct totals s;

	next_window(t, &r, 1);
	t->b.capacity = cores(1000);
	r.total = usage_of(61); /* more than a minute of a core, read late */
	assert_int_equal(next_window(t, &r, 1).unsaid, 1);
	assert_int_equal(said(t, &row).to_ms, t->to_ms - WINDOW_MS);
	assert_int_equal(next_window(t, &r, 1).unsaid, 0);
	s = said(t, &row);
	assert_int_equal(s.from_ms, t->to_ms - 2 * WINDOW_MS);
	assert_int_equal(s.to_ms, t->to_ms);
	assert_int_equal(s.root.sums.cpu_ns, usage_of(61).cpu_ns - usage_of(0).cpu_ns);
	assert_int_equal(row.window - row.first, 1);
}

static void a_window_that_a_clock_made_short_goes_with_the_next(void **state)
{
	struct book_reading r = reading(1, "", 1);
	struct bed *t = *state;
	struct ledger_totals row;

	next_window(t, &r, 1);
	t->b.capacity = cores(1000);
	r.total = usage_of(2);
	t->now_ms -= 3600000;
	assert_int_equal(window(t, &r, 1).unsaid, 1);
	t->now_ms = t->to_ms;
	assert_int_equal(next_window(t, &r, 1).unsaid, 0);
	assert_int_equal(said(t, &row).root.sums.cpu_ns, 1000000000);
	assert_int_equal(said(t, &row).from_ms, t->to_ms - WINDOW_MS - 1);
}

static void what_is_over_the_capacity_for_long_is_left_unsaid(void **state)
{
	struct book_reading r = reading(1, "", 1);
	struct bed *t = *state;
	struct ledger_totals row;
	uint64_t n = 1;

	next_window(t, &r, 1);
	t->b.capacity = cores(1000);
	for (size_t i = 1; i < 3 * BOOK_UNSAID_MAX; i++) {
		r.total = usage_of(n += 90);
		assert_int_equal(next_window(t, &r, 1).unsaid,
				 i < BOOK_UNSAID_MAX ? i : BOOK_UNSAID_MAX);
	}
	assert_int_equal(count(t, LEDGER_SIGNED), 1);
	while (next_window(t, &r, 1).unsaid)
		;
	assert_int_equal(said(t, &row).to_ms, t->to_ms);
	assert_int_equal(row.window - row.first, BOOK_UNSAID_MAX - 1);
	assert_true(said(t, &row).root.sums.cpu_ns <= BOOK_UNSAID_MAX * 60000000000);
}

static void each_bound_of_the_capacity_holds(void **state)
{
	struct book_reading r = reading(1, "", 0);
	struct bed *t = *state;
	uint64_t n = 0;

	next_window(t, &r, 1);
	for (int bound = 0; bound < 3; bound++) {
		t->b.capacity = cores(UINT32_MAX);
		if (bound == 0)
			t->b.capacity.cpu_millis = 1;
		else if (bound == 1)
			t->b.capacity.memory_bytes = 1;
		else
			t->b.capacity.net_bytes_s = 1;
		r.total = usage_of(++n);
		assert_true(next_window(t, &r, 1).unsaid > 0);
		t->b.capacity = cores(UINT32_MAX);
		r.total = usage_of(++n);
		assert_int_equal(next_window(t, &r, 1).unsaid, 0);
	}
	t->b.capacity = (struct book_capacity){ .bounds = true }; /* not known yet */
	assert_true(next_window(t, &r, 1).unsaid == 0); /* nothing was used, which is within any */
	r.total = usage_of(++n);
	assert_true(next_window(t, &r, 1).unsaid == 1);
}

/* ---- One story ---------------------------------------------------------------------------------- */

/* An old copy of the ledger speaks again of a time that it has forgotten. */
static void nothing_is_stated_twice_by_an_old_copy(void **state)
{
	cleanup(buf_fini) struct buf old = BUF_INIT(64 << 20);
	struct book_reading r = reading(1, "", 1);
	struct bed *t = *state;
	struct ledger_window last;
	struct ledger_totals row;
	struct totals before;

	next_window(t, &r, 1);
	ledger_close(&t->ledger);
	must(file_read(t->path, &old, &why));
	crash(t);
	r.total = usage_of(2);
	next_window(t, &r, 1);
	before = said(t, &row);
	ledger_close(&t->ledger);
	must(file_write_atomic(t->path, old.data, old.len, 0600, &why));
	crash(t);
	must(ledger_window_last(t->ledger, &last, &why));
	t->to_ms = last.to_ms;

	t->now_ms += 1000;
	r.total = usage_of(3);
	window(t, &r, 1); /* from the old copy's end: of a time that was spoken of */
	assert_int_equal(count(t, LEDGER_UNSIGNED), 1);
	assert_int_equal(said(t, &row).to_ms, before.from_ms);
	next_window(t, &r, 1);
	assert_int_equal(count(t, LEDGER_UNSIGNED), 1);
	assert_int_equal(said(t, &row).from_ms, t->to_ms - WINDOW_MS);
	assert_false(
		totals_conflict(&before, &(struct totals){ .from_ms = said(t, &row).from_ms }));
}

/* ---- Proofs ------------------------------------------------------------------------------------- */

static struct proofs_summary proven(struct bed *t, const char *label)
{
	cleanup(receipts_fini) struct receipts file = {};
	cleanup(proofs_fini) struct proofs p = {};
	struct proofs_summary s = {};
	struct ledger_lease row;

	must(ledger_lease_get(t->ledger, label, &row, &why));
	memcpy(file.provider, row.provider, sizeof(file.provider));
	memcpy(file.market, row.market, sizeof(file.market));
	must(ledger_receipt_list(t->ledger, label, 1, add_receipt, &file, &why));
	must(book_prove(t->ledger, &file, &p, &why));
	must(proofs_verify(&p, &file, &s, &why));
	return s;
}

static void every_receipt_is_proven_while_its_windows_are_kept(void **state)
{
	struct book_reading r[] = { reading(1, "shop", 1), reading(2, "farm", 1),
				    reading(3, "shop", 1), reading(4, "", 1) };
	struct proofs_summary s;
	struct bed *t = *state;
	uint64_t from_ms;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	open_lease(t, "farm", 1000000000);
	for (uint64_t n = 2; n < 6; n++) {
		for (size_t i = 0; i < ARRAY_LEN(r); i++)
			r[i].total = usage_of(n + i);
		next_window(t, r, n == 4 ? 1 : ARRAY_LEN(r)); /* in one of them farm is not there */
	}
	s = proven(t, "shop");
	assert_int_equal(s.proven, 4);
	assert_int_equal(s.unproven, 0);
	s = proven(t, "farm");
	assert_int_equal(s.proven, 3);
	assert_int_equal(s.statements, 3);

	/* a week later only the last window is there: the one before began a week ago */
	t->now_ms += 7 * 86400000ULL;
	r[0].total = usage_of(20);
	window(t, r, 1);
	r[0].total = usage_of(21);
	next_window(t, r, 1);
	from_ms = t->now_ms - 86400000;
	must(book_keep(&t->b, from_ms, &why));
	s = proven(t, "shop");
	assert_int_equal(s.unproven, 5);
	assert_int_equal(s.proven, 1);
	must(ledger_check(t->ledger, &why));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_BED(the_totals_are_of_all_pods_leased_or_not),
		ON_BED(leaves_are_made_anew_from_the_ledger),
		ON_BED(what_was_used_before_a_lease_stays_nobodys),
		ON_BED(what_is_over_the_capacity_waits_for_the_next_windows),
		ON_BED(a_window_that_a_clock_made_short_goes_with_the_next),
		ON_BED(what_is_over_the_capacity_for_long_is_left_unsaid),
		ON_BED(each_bound_of_the_capacity_holds),
		ON_BED(nothing_is_stated_twice_by_an_old_copy),
		ON_BED(every_receipt_is_proven_while_its_windows_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
