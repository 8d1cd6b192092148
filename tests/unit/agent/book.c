/* SPDX-License-Identifier: Apache-2.0 */
/* The books over a real ledger in a folder of its own; readings are made by hand. */
#include "agent/book.h"

#include "chain/lease.h"
#include "chain/receipt.h"
#include "core/buf.h"
#include "core/crypto.h"
#include "core/file.h"
#include "core/json.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/pod.h"
#include "ledger/receipt.h"
#include "ledger/settlement.h"
#include "unit/core/random.h"
#include "unit/core/test.h"

#define STARTED_MS 1795000000000ULL
#define WINDOW_MS 60000ULL
#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define CORE_S 1000000ULL /* MIST */
#define GIB_S 20000ULL
#define GIB_TX 500000ULL

/* Shows the error's text when a call that must succeed fails. */
static struct err why;
#define must(call)                                                      \
	do {                                                            \
		int must_r = (call);                                    \
		if (must_r < 0)                                         \
			fail_msg("%s: %d %s", #call, must_r, why.text); \
	} while (0)

struct bed {
	char dir[64], path[96];
	struct ledger *ledger;
	struct key *key;
	struct book b;
	uint64_t now_ms, to_ms; /* of the last window */
};

static struct key *key_of(uint8_t filler)
{
	uint8_t seed[KEY_SEED_LEN];
	struct key *k = NULL;

	memset(seed, filler, sizeof(seed));
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(key_from_seed(seed, &k), 0);
	return k;
}

static int setup(void **state)
{
	struct bed *t = calloc(1, sizeof(*t));

	*state = t;
	snprintf(t->dir, sizeof(t->dir), "/tmp/weir-book-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	snprintf(t->path, sizeof(t->path), "%s/ledger.db", t->dir);
	t->key = key_of(7);
	t->now_ms = t->to_ms = STARTED_MS;
	must(ledger_open(t->path, &t->ledger, &why));
	t->b = (struct book){ .ledger = t->ledger,
			      .key = t->key,
			      .node = "node-a",
			      .boot = BOOT,
			      .started_ms = STARTED_MS };
	return 0;
}

static int teardown(void **state)
{
	struct bed *t = *state;

	ledger_close(&t->ledger);
	key_free(&t->key);
	dir_remove(t->dir, NULL);
	free(t);
	return 0;
}

#define ON_BED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* What is left after a SIGKILL: the file. */
static void crash(struct bed *t)
{
	ledger_close(&t->ledger);
	must(ledger_open(t->path, &t->ledger, &why));
	t->b.ledger = t->ledger;
	t->b.started_ms = t->now_ms;
}

/* Every counter differs from every other and grows with n. */
static struct usage usage_of(uint64_t n)
{
	struct usage u = { .cpu_ns = n * 1000000000 + 1,
			   .memory_peak_bytes = n << 20,
			   .memory_byte_ns = (unsigned __int128)n << 62 };

	for (unsigned int c = 0; c < USAGE_CLASS_MAX_; c++) {
		u.rx.wire[c] = (struct usage_count){ n * 100 + c, n + c };
		u.tx.wire[c] = (struct usage_count){ n * (1 << 20) + c, n * 2 + c };
	}
	u.rx.raw = (struct usage_count){ n * 300, n * 3 };
	u.tx.raw = (struct usage_count){ n * 400, n * 4 };
	return u;
}

static struct book_reading reading(uint64_t cgroup_id, const char *lease, uint64_t n)
{
	struct book_reading r = { .cgroup_id = cgroup_id,
				  .pod = { .ns = "default", .uid = "11111111-2222" },
				  .total = usage_of(n) };

	snprintf(r.pod.name, sizeof(r.pod.name), "pod-%" PRIu64, cgroup_id);
	snprintf(r.pod.lease, sizeof(r.pod.lease), "%s", lease);
	return r;
}

static struct book_reading last_reading(uint64_t cgroup_id, const char *lease, uint64_t n)
{
	struct book_reading r = reading(cgroup_id, lease, n);

	r.final = true;
	return r;
}

/* The window up to now; holds what is true of all of them. */
static struct book_window window(struct bed *t, struct book_reading *readings, size_t n)
{
	struct book_window w = {};

	must(book_window(&t->b, t->now_ms, readings, n, &w, &why));
	assert_int_equal(w.from_ms, t->to_ms);
	assert_true(w.to_ms > w.from_ms);
	if (t->now_ms > w.from_ms)
		assert_int_equal(w.to_ms, t->now_ms);
	t->to_ms = w.to_ms;
	return w;
}

static struct book_window next_window(struct bed *t, struct book_reading *readings, size_t n)
{
	t->now_ms += WINDOW_MS;
	return window(t, readings, n);
}

static size_t settle(struct bed *t)
{
	size_t n = 99;

	must(book_settle(&t->b, t->to_ms, &n, &why));
	return n;
}

static struct book_lease lease_named(const char *label, uint64_t deposit)
{
	return (struct book_lease){
		.label = label,
		.tenant = "ada",
		.deposit = deposit,
		.prices = { .core_s = CORE_S,
			    .gib_s = GIB_S,
			    .tx_gib = { GIB_TX, GIB_TX, GIB_TX } },
	};
}

static void open_lease(struct bed *t, const char *label, uint64_t deposit)
{
	const struct book_lease l = lease_named(label, deposit);
	cleanup(json_free) struct json *view = NULL;

	must(book_lease_open(&t->b, &l, t->to_ms, &view, &why));
	assert_string_equal(json_str(view, "lease", ""), label);
	assert_string_equal(json_str(view, "state", ""), "open");
}

static struct lease account(struct bed *t, const char *label)
{
	struct ledger_lease row;
	struct lease l;

	must(ledger_lease_get(t->ledger, label, &row, &why));
	must(lease_decode(row.account, row.account_len, &l, &why));
	assert_int_equal(row.deposited, l.deposited);
	assert_int_equal(row.paid, l.paid);
	assert_int_equal(row.refunded, l.refunded);
	assert_string_equal(row.state, lease_state_name(l.state));
	return l;
}

static uint64_t seq_of(struct bed *t, const char *label)
{
	struct ledger_lease row;

	must(ledger_lease_get(t->ledger, label, &row, &why));
	return row.seq;
}

/* ---- Looking ---------------------------------------------------------------------------------- */

static int add_usage(const struct ledger_usage_row *row, void *arg)
{
	return usage_add(arg, &row->usage);
}

/* All that was booked of these; cgroup ids are in the names. */
static struct usage booked(struct bed *t, const char *name, const char *lease)
{
	const struct ledger_query q = { .name = name, .lease = lease };
	struct usage sum = {};

	must(ledger_usage_query(t->ledger, &q, add_usage, &sum, &why));
	return sum;
}

static void assert_usage(struct usage is, struct usage want)
{
	const char *differs = usage_diff(&is, &want);

	if (differs)
		fail_msg("%s differs", differs);
}

static void assert_booked(struct bed *t, const struct book_reading *r)
{
	assert_usage(booked(t, r->pod.name, NULL), r->total);
}

static int add_receipt(const struct ledger_receipt *r, void *arg)
{
	struct receipt *to;

	must(receipts_add(arg, &to));
	memcpy(to->report, r->report, REPORT_LEN);
	memcpy(to->sig, r->signature, SIG_LEN);
	must(record_decode(r->record, r->record_len, &to->record, &why));
	return 0;
}

/* The file that `weir receipt export` makes of the lease, verified from its bytes alone. */
static struct receipts_summary verified(struct bed *t, const char *label)
{
	cleanup(receipts_fini) struct receipts file = {};
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	struct receipts_summary s;
	struct ledger_lease row;

	must(ledger_lease_get(t->ledger, label, &row, &why));
	memcpy(file.provider, row.provider, sizeof(file.provider));
	memcpy(file.market, row.market, sizeof(file.market));
	must(ledger_receipt_list(t->ledger, label, 1, add_receipt, &file, &why));
	must(receipts_render(&file, &text, &why));
	must(receipts_verify(text.data, text.len, key_public(t->key), &s, &why));
	assert_int_equal(s.first_seq, 1);
	assert_int_equal(s.count, row.seq);
	assert_int_equal(s.last_seq, row.seq);
	assert_int_equal(s.from_ms, row.opened_ms);
	assert_int_equal(s.to_ms, row.last_to_ms);
	assert_int_equal(s.total_due, row.last_total_due);
	assert_usage(s.totals, row.total);
	assert_string_equal(s.label, label);
	return s;
}

/* ---- Windows ---------------------------------------------------------------------------------- */

static void the_first_window_begins_with_the_agent(void **state)
{
	struct bed *t = *state;
	struct book_window w = next_window(t, NULL, 0);

	assert_int_equal(w.from_ms, STARTED_MS);
	assert_int_equal(w.to_ms, STARTED_MS + WINDOW_MS);
	assert_int_equal(w.pods, 0);
	assert_int_equal(w.receipts, 0);
}

/* B1: the time between two lives of the agent belongs to the next window. */
static void a_restart_goes_on_where_the_last_window_ended(void **state)
{
	struct bed *t = *state;

	next_window(t, NULL, 0);
	t->now_ms += 10 * WINDOW_MS;
	crash(t);
	next_window(t, NULL, 0);
	must(ledger_check(t->ledger, &why));
}

static void two_windows_in_one_millisecond_are_two(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "", 5);

	next_window(t, &r, 1);
	r.total = usage_of(6);
	assert_int_equal(window(t, &r, 1).to_ms, t->now_ms + 1);
	assert_booked(t, &r);
	must(ledger_check(t->ledger, &why));
}

static void a_clock_that_steps_back_makes_short_windows_and_no_gap(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 1);

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	for (uint64_t n = 1; n < 10; n++) {
		t->now_ms += n == 4 ? (uint64_t)-3600000 : WINDOW_MS;
		r.total = usage_of(n);
		window(t, &r, 1);
	}
	assert_booked(t, &r);
	assert_int_equal(settle(t), 9);
	assert_int_equal(verified(t, "shop").count, 9);
	must(ledger_check(t->ledger, &why));
}

static void deltas_sum_to_the_last_reading(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "", 3), reading(2, "", 4) };

	assert_int_equal(next_window(t, r, 2).pods, 2);
	next_window(t, r, 2); /* nothing was used */
	r[0].total = usage_of(8);
	next_window(t, r, 1); /* one is not seen */
	r[0].total = usage_of(80);
	r[1].total = usage_of(9);
	crash(t);
	next_window(t, r, 2);
	assert_booked(t, &r[0]);
	assert_booked(t, &r[1]);
}

static void memory_that_is_unknown_is_booked_as_unknown(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 3);
	struct usage sum;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	r.total.memory_byte_ns = r.total.memory_peak_bytes = 0;
	r.total.memory_unmeasured = 1;
	next_window(t, &r, 1);
	next_window(t, &r, 1);
	sum = booked(t, NULL, NULL);
	assert_true(usage_memory_unknown(&sum));
	assert_int_equal(sum.memory_unmeasured, 2);
	assert_usage(verified(t, "shop").totals, sum);
}

static void a_final_pod_is_booked_once_and_never_again(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "", 3), last_reading(2, "", 4) };
	const struct book_reading want = r[1];

	next_window(t, r, 2);
	assert_false(r[0].booked);
	assert_true(r[1].booked);
	assert_booked(t, &want);

	/* the kernel was not told: the same reading again, and after a restart */
	for (int i = 0; i < 2; i++) {
		r[1] = want;
		assert_int_equal(next_window(t, r, 2).pods, 1);
		assert_true(r[1].booked);
		crash(t);
	}
	assert_booked(t, &want);
}

static int count_recalled(void *arg, uint64_t cgroup_id, const struct meter_pod *p,
			  const struct usage *last)
{
	assert_int_equal(cgroup_id, 1);
	assert_string_equal(p->ns, "default");
	assert_string_equal(p->name, "pod-1");
	assert_string_equal(p->lease, "shop");
	assert_string_equal(p->uid, "11111111-2222");
	assert_usage(*last, usage_of(3));
	++*(int *)arg;
	return 0;
}

static int refuse(void *arg, uint64_t cgroup_id, const struct meter_pod *p,
		  const struct usage *last)
{
	(void)arg;
	(void)cgroup_id;
	(void)p;
	(void)last;
	return -ENOMEM;
}

static void recall_tells_the_open_pods_of_this_boot(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "shop", 3), last_reading(2, "shop", 4) };
	int n = 0;

	next_window(t, r, 2);
	crash(t);
	must(book_recall(&t->b, count_recalled, &n, &why));
	assert_int_equal(n, 1);
	assert_int_equal(book_recall(&t->b, refuse, NULL, &why), -ENOMEM);
	memset(t->b.boot, 'b', BOOT_ID_LEN - 1);
	must(book_recall(&t->b, count_recalled, &n, &why));
	assert_int_equal(n, 1);
}

/* Ids of two boots are not related. */
static void the_same_id_in_another_boot_is_another_pod(void **state)
{
	struct bed *t = *state;
	struct book_reading r = last_reading(1, "", 9);

	next_window(t, &r, 1);
	t->b.boot[0] = 'f';
	r = reading(1, "", 2);
	assert_int_equal(next_window(t, &r, 1).pods, 1);
	assert_int_equal(booked(t, "pod-1", NULL).cpu_ns, usage_of(9).cpu_ns + usage_of(2).cpu_ns);
}

/* B1 */
static void a_counter_that_falls_is_refused_and_nothing_changes(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "shop", 3), last_reading(2, "shop", 4) };
	struct book_window untouched = { .from_ms = 77 };
	struct ledger_window before, after;
	struct usage sum;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	next_window(t, r, 1);
	must(ledger_window_last(t->ledger, &before, &why));
	sum = booked(t, NULL, NULL);

	r[0].total.tx.raw.packets--;
	t->now_ms += WINDOW_MS;
	assert_int_equal(book_window(&t->b, t->now_ms, r, 2, &untouched, &why), -ERANGE);
	assert_non_null(strstr(why.text, "default/pod-1"));
	assert_int_equal(untouched.from_ms, 77);
	assert_false(r[1].booked);
	must(ledger_window_last(t->ledger, &after, &why));
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(seq_of(t, "shop"), 1);
	assert_usage(booked(t, NULL, NULL), sum);

	r[0] = reading(1, "shop", 5); /* and the next one has it all */
	window(t, r, 2);
	assert_booked(t, &r[0]);
	assert_booked(t, &r[1]);
}

static void a_window_holds_as_many_pods_as_a_record(void **state)
{
	cleanup(free_ptr) struct book_reading *r = calloc(BOOK_PODS_MAX + 1, sizeof(*r));
	struct book_window w = {};
	struct bed *t = *state;

	for (uint64_t i = 0; i <= BOOK_PODS_MAX; i++)
		r[i] = last_reading(i + 1, "shop", 1);
	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	assert_int_equal(book_window(&t->b, t->now_ms, r, BOOK_PODS_MAX + 1, &w, &why), -E2BIG);
	assert_int_equal(w.to_ms, 0);
	assert_int_equal(next_window(t, r, BOOK_PODS_MAX).pods, BOOK_PODS_MAX);
	assert_int_equal(window(t, r + BOOK_PODS_MAX, 1).receipts, 1);
	assert_int_equal(verified(t, "shop").totals.cpu_ns,
			 (BOOK_PODS_MAX + 1) * usage_of(1).cpu_ns);
}

/* ---- Receipts --------------------------------------------------------------------------------- */

/* B2 */
static void a_receipt_is_only_made_for_pods_and_covers_the_time_without(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 3), other = reading(2, "", 1);
	uint64_t opened;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	opened = t->to_ms;
	assert_int_equal(next_window(t, &other, 1).receipts, 0);
	assert_int_equal(next_window(t, &r, 1).receipts, 1);
	assert_int_equal(verified(t, "shop").from_ms, opened);
	assert_int_equal(next_window(t, NULL, 0).receipts, 0);
	crash(t);
	assert_int_equal(next_window(t, NULL, 0).receipts, 0);
	r.total = usage_of(4);
	assert_int_equal(next_window(t, &r, 1).receipts, 1);
	assert_int_equal(verified(t, "shop").count, 2);
	assert_int_equal(verified(t, "shop").to_ms, t->to_ms);
}

/* B3 */
static void a_lease_opened_in_the_middle_pays_only_from_there(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 10);
	const struct usage before = usage_of(15);
	struct usage late;

	next_window(t, &r, 1);
	t->now_ms += WINDOW_MS / 3;
	r.total = before;
	window(t, &r, 1);
	open_lease(t, "shop", 1000000000);
	r.total = usage_of(25);
	next_window(t, &r, 1);
	assert_int_equal(usage_sub(&r.total, &before, &late), 0);
	assert_usage(verified(t, "shop").totals, late);
	assert_booked(t, &r);
	assert_int_equal(settle(t), 1);
	assert_int_equal(account(t, "shop").paid, verified(t, "shop").total_due);
}

/* Prices are those of the lease, each total rounded down once. */
static void what_is_due_is_the_price_of_the_totals(void **state)
{
	struct bed *t = *state;
	struct book_reading r = reading(1, "shop", 0);

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	r.total = (struct usage){ .cpu_ns = 2500000000,
				  .memory_byte_ns = (unsigned __int128)3000000000 << 30,
				  .tx.wire[USAGE_LOCAL].bytes = 3ULL << 29 };
	next_window(t, &r, 1);
	assert_int_equal(verified(t, "shop").total_due,
			 CORE_S * 5 / 2 + GIB_S * 3 + GIB_TX * 3 / 2);
}

static void each_lease_bills_its_own_pods(void **state)
{
	struct bed *t = *state;
	struct book_reading r[] = { reading(1, "a", 3), reading(2, "b", 40), reading(3, "a", 500),
				    reading(4, "nobody", 6000), reading(5, "", 70000) };

	next_window(t, NULL, 0);
	open_lease(t, "a", 1000000000);
	open_lease(t, "b", 1000000000);
	assert_int_equal(next_window(t, r, ARRAY_LEN(r)).receipts, 2);
	assert_usage(verified(t, "a").totals, booked(t, NULL, "a"));
	assert_usage(verified(t, "b").totals, r[1].total);
	assert_int_equal(settle(t), 2);
}

/* B5 */
static void a_lease_beyond_all_amounts_stops_no_other(void **state)
{
	struct bed *t = *state;
	struct book_lease dear = lease_named("dear", 5);
	struct book_reading r[] = { reading(1, "dear", 30), reading(2, "shop", 3) };
	cleanup(json_free) struct json *view = NULL;
	struct book_window w;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	dear.prices.core_s = UINT64_MAX;
	must(book_lease_open(&t->b, &dear, t->to_ms, &view, &why));
	for (int i = 0; i < 2; i++) {
		w = next_window(t, r, 2);
		assert_int_equal(w.pods, 2);
		assert_int_equal(w.receipts, 1);
		assert_int_equal(w.unbilled, 1);
		assert_non_null(strstr(w.why.text, "lease dear"));
	}
	assert_int_equal(seq_of(t, "dear"), 0);
	assert_int_equal(verified(t, "shop").count, 2);
	assert_booked(t, &r[0]);
}

/* 2^63 - 1 is the largest that the ledger holds, though a report could say more. */
static void a_due_of_more_than_the_ledger_holds_stops_no_other(void **state)
{
	struct bed *t = *state;
	struct book_lease dear = lease_named("dear", 5);
	struct book_reading r = reading(1, "dear", 3);
	cleanup(json_free) struct json *view = NULL;

	next_window(t, NULL, 0);
	dear.prices.core_s = 1ULL << 62;
	must(book_lease_open(&t->b, &dear, t->to_ms, &view, &why));
	assert_int_equal(next_window(t, &r, 1).unbilled, 1);
	assert_booked(t, &r);
}

/* ---- Leases and money ------------------------------------------------------------------------- */

static void a_label_is_opened_once(void **state)
{
	const struct book_lease l = lease_named("shop", 9);
	struct json *untouched = NULL;
	struct bed *t = *state;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000);
	assert_int_equal(book_lease_open(&t->b, &l, t->to_ms, &untouched, &why), -EEXIST);
	assert_null(untouched);
	assert_int_equal(account(t, "shop").deposited, 1000);
}

static void terms_that_mean_nothing_are_refused(void **state)
{
	static const struct {
		const char *label, *tenant;
	} bad[] = {
		{ "", "ada" },
		{ "-shop", "ada" },
		{ "shop/1", "ada" },
		{ "0123456789012345678901234567890123456789012345678901234567890123", "ada" },
		{ "shop", "0x" },
		{ "shop", "0x12" },
		{ "shop", "0xABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD" },
	};
	struct json *untouched = NULL;
	struct bed *t = *state;
	struct ledger_lease row;

	next_window(t, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct book_lease l = lease_named(bad[i].label, 9);

		l.tenant = bad[i].tenant;
		assert_int_equal(book_lease_open(&t->b, &l, t->to_ms, &untouched, &why), -EINVAL);
		assert_null(untouched);
	}
	assert_int_equal(ledger_lease_get(t->ledger, "shop", &row, NULL), -ENOENT);
}

static void ids_follow_from_key_and_label(void **state)
{
	const struct book_lease l = lease_named("shop", 9);
	cleanup(json_free) struct json *first = NULL, *same = NULL, *other = NULL;
	struct bed *t = *state;
	struct key *key = key_of(8);

	must(book_lease_open(&t->b, &l, t->to_ms, &first, &why));
	for (int i = 0; i < 2; i++) {
		ledger_close(&t->ledger);
		dir_remove(t->dir, NULL);
		must(ledger_open(t->path, &t->ledger, &why));
		t->b.ledger = t->ledger;
		t->b.key = i ? key : t->key;
		must(book_lease_open(&t->b, &l, t->to_ms, i ? &other : &same, &why));
	}
	assert_string_equal(json_str(first, "id", "1"), json_str(same, "id", "2"));
	assert_string_not_equal(json_str(first, "id", "1"), json_str(other, "id", "1"));
	key_free(&key);
}

static void a_top_up_after_exhaustion_pays_the_rest(void **state)
{
	cleanup(json_free) struct json *view = NULL;
	struct book_reading r = reading(1, "shop", 10);
	struct bed *t = *state;
	uint64_t due;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000);
	next_window(t, &r, 1);
	assert_int_equal(settle(t), 1);
	due = verified(t, "shop").total_due;
	assert_true(due > 3000);
	assert_int_equal(account(t, "shop").state, LEASE_EXHAUSTED);
	assert_int_equal(account(t, "shop").paid, 1000);

	must(book_lease_top_up(&t->b, "shop", 1500, &view, &why));
	assert_int_equal(account(t, "shop").paid, 2500);
	assert_string_equal(json_str(view, "state", ""), "exhausted");
	json_free(&view);
	crash(t);
	must(book_lease_top_up(&t->b, "shop", due, &view, &why));
	assert_int_equal(account(t, "shop").paid, due);
	assert_int_equal(account(t, "shop").state, LEASE_OPEN);
	assert_int_equal(account(t, "shop").deposited - due, 2500);
	assert_int_equal(settle(t), 0);
}

static void a_top_up_that_is_wrong_changes_nothing(void **state)
{
	struct json *untouched = NULL;
	struct bed *t = *state;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000);
	assert_int_equal(book_lease_top_up(&t->b, "none", 5, &untouched, &why), -ENOENT);
	assert_int_equal(book_lease_top_up(&t->b, "shop", 0, &untouched, &why), -EINVAL);
	assert_int_equal(book_lease_top_up(&t->b, "shop", UINT64_MAX, &untouched, &why),
			 -EOVERFLOW);
	assert_int_equal(book_lease_top_up(&t->b, "shop", INT64_MAX, &untouched, &why), -EOVERFLOW);
	assert_null(untouched);
	assert_int_equal(account(t, "shop").deposited, 1000);
}

static void closing_pays_what_is_due_and_refunds_the_rest(void **state)
{
	cleanup(json_free) struct json *view = NULL, *again = NULL;
	struct book_reading r = reading(1, "shop", 10);
	struct bed *t = *state;
	struct usage billed;
	struct lease l;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	t->now_ms += 777;
	window(t, &r, 1);
	settle(t);
	must(book_lease_close(&t->b, "shop", t->to_ms, &view, &why));
	l = account(t, "shop");
	assert_int_equal(l.state, LEASE_CLOSED);
	assert_int_equal(l.paid, verified(t, "shop").total_due);
	assert_int_equal(l.refunded, 1000000000 - l.paid);
	assert_string_equal(json_str(view, "state", ""), "closed");

	/* the pod goes on; nobody pays for it */
	billed = verified(t, "shop").totals;
	r.total = usage_of(30);
	assert_int_equal(next_window(t, &r, 1).receipts, 0);
	assert_usage(verified(t, "shop").totals, billed);
	assert_booked(t, &r);
	must(book_lease_close(&t->b, "shop", t->to_ms, &again, &why));
	assert_int_equal(account(t, "shop").refunded, l.refunded);
}

static void closing_a_lease_that_is_not_there_is_said(void **state)
{
	struct json *untouched = NULL;
	struct bed *t = *state;

	assert_int_equal(book_lease_close(&t->b, "none", t->to_ms, &untouched, &why), -ENOENT);
	assert_non_null(strstr(why.text, "none"));
	assert_null(untouched);
}

/* B4: a window books; only settling pays. */
static void money_moves_when_it_is_settled(void **state)
{
	struct book_reading r = reading(1, "shop", 10);
	struct ledger_settlement s;
	struct bed *t = *state;

	next_window(t, NULL, 0);
	open_lease(t, "shop", 1000000000);
	next_window(t, &r, 1);
	assert_int_equal(account(t, "shop").paid, 0);
	must(ledger_settlement_get(t->ledger, "shop", 1, &s, &why));
	assert_int_equal(s.state, LEDGER_SETTLE_DUE);
	assert_int_equal(s.amount, verified(t, "shop").total_due);
	crash(t);
	assert_int_equal(settle(t), 1);
	assert_int_equal(account(t, "shop").paid, s.amount);
	crash(t);
	assert_int_equal(settle(t), 0);
	assert_int_equal(account(t, "shop").paid, s.amount);
	must(ledger_settlement_get(t->ledger, "shop", 1, &s, &why));
	assert_int_equal(s.state, LEDGER_SETTLE_FINAL);
	assert_int_equal(s.attempts, 1);
}

static void what_a_lease_refuses_has_failed_and_the_others_go_on(void **state)
{
	struct book_reading r[] = { reading(1, "a", 10), reading(2, "b", 20) };
	struct ledger_settlement s;
	struct bed *t = *state;
	struct key *other = key_of(9);

	next_window(t, NULL, 0);
	open_lease(t, "a", 1000000000);
	next_window(t, NULL, 0);
	t->b.key = other;
	open_lease(t, "b", 1000000000);
	next_window(t, r, 2); /* both signed with b's key */
	assert_int_equal(settle(t), 1);
	must(ledger_settlement_get(t->ledger, "a", 1, &s, &why));
	assert_int_equal(s.state, LEDGER_SETTLE_FAILED);
	assert_non_null(strstr(s.error, "report refused"));
	assert_int_equal(account(t, "a").paid, 0);
	assert_true(account(t, "b").paid > 0);
	key_free(&other);
}

/* ---- What is checked at the start ------------------------------------------------------------- */

static void another_key_than_the_leases_is_refused(void **state)
{
	struct bed *t = *state;
	struct key *other = key_of(9);

	must(book_check(&t->b, &why));
	open_lease(t, "shop", 9);
	must(book_check(&t->b, &why));
	t->b.key = other;
	assert_int_equal(book_check(&t->b, &why), -EKEYREJECTED);
	assert_non_null(strstr(why.text, "shop"));
	key_free(&other);
}

static void a_node_name_that_no_receipt_can_hold_is_refused(void **state)
{
	static const char *const bad[] = { "", "a\"b", "a\\b",
					   "n\xc3\xb6"
					   "de",
					   "a\nb" };
	struct bed *t = *state;
	char text[300];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		t->b.node = bad[i];
		assert_int_equal(book_check(&t->b, &why), -EINVAL);
	}
	memset(text, 'x', sizeof(text));
	text[254] = '\0';
	t->b.node = text;
	assert_int_equal(book_check(&t->b, &why), -EINVAL);
	text[253] = '\0';
	must(book_check(&t->b, &why));
}

/* ---- Everything at random --------------------------------------------------------------------- */

enum { LEASES = 3, PODS = 10, STEPS = 300 };
static const char *const labels[LEASES] = { "a", "b", "c" };

struct model_pod {
	struct book_reading now;
	struct usage last; /* as booked */
};

struct model {
	struct bed *t;
	struct random random;
	struct model_pod pods[PODS];
	bool open[LEASES];
	uint64_t deposited[LEASES], next_id;
	struct usage billed[LEASES], all; /* all: of pods that ended */
};

static void model_born(struct model *m, struct model_pod *p)
{
	uint64_t of = random_next(&m->random) % (LEASES + 1);

	*p = (struct model_pod){ .now = reading(m->next_id++, of < LEASES ? labels[of] : "", 0) };
	p->now.total = (struct usage){ .memory_unmeasured = random_next(&m->random) % 4 == 0 };
}

static void model_grow(struct model *m, struct model_pod *p)
{
	struct usage *u = &p->now.total;
	unsigned int class = random_next(&m->random) % USAGE_CLASS_MAX_;

	if (p->now.final)
		return;
	u->cpu_ns += random_number(&m->random) >> 24;
	u->rx.wire[class].bytes += random_number(&m->random) >> 24;
	u->tx.wire[class].bytes += random_number(&m->random) >> 24;
	u->tx.raw.packets += random_number(&m->random) >> 40;
	if (!u->memory_unmeasured) {
		u->memory_byte_ns += (unsigned __int128)random_number(&m->random) << 10;
		u->memory_peak_bytes += random_number(&m->random) >> 40;
	}
	p->now.final = random_next(&m->random) % 8 == 0;
}

static void model_bill(struct model *m, struct model_pod *p)
{
	struct usage delta;

	assert_int_equal(usage_sub(&p->now.total, &p->last, &delta), 0);
	assert_int_equal(usage_add(&p->last, &delta), 0);
	for (int i = 0; i < LEASES; i++)
		if (m->open[i] && !strcmp(p->now.pod.lease, labels[i]))
			assert_int_equal(usage_add(&m->billed[i], &delta), 0);
}

/* Some of the pods are seen, as some have no manifest yet. */
static void model_window(struct model *m)
{
	struct book_reading readings[PODS];
	size_t of[PODS], n = 0;

	for (size_t i = 0; i < PODS; i++)
		if (random_next(&m->random) % 4) {
			of[n] = i;
			readings[n++] = m->pods[i].now;
		}
	window(m->t, readings, n);
	for (size_t i = 0; i < n; i++) {
		struct model_pod *p = &m->pods[of[i]];

		assert_int_equal(readings[i].booked, p->now.final);
		if (!p->now.booked) /* else it is seen again */
			model_bill(m, p);
		p->now.booked = readings[i].booked;
		if (readings[i].booked && random_next(&m->random) % 2) {
			assert_int_equal(usage_add(&m->all, &p->last), 0);
			model_born(m, p);
		}
	}
}

static void model_lease(struct model *m, int i)
{
	cleanup(json_free) struct json *view = NULL;
	uint64_t amount = 1 + (random_number(&m->random) >> 34);

	m->deposited[i] += amount;
	if (m->open[i]) {
		must(book_lease_top_up(&m->t->b, labels[i], amount, &view, &why));
		return;
	}
	model_window(m);
	open_lease(m->t, labels[i], amount);
	m->open[i] = true;
}

static void model_step(struct model *m)
{
	uint64_t what = random_next(&m->random) % 16;

	if (what < 6)
		model_grow(m, &m->pods[random_next(&m->random) % PODS]);
	else if (what < 10)
		model_window(m);
	else if (what == 10)
		m->t->now_ms -= random_next(&m->random) % 100000;
	else if (what < 13)
		m->t->now_ms += random_next(&m->random) % 100000;
	else if (what == 13)
		settle(m->t);
	else if (what == 14)
		crash(m->t);
	else if (random_next(&m->random) % 4 == 0)
		model_lease(m, (int)(random_next(&m->random) % LEASES));
}

static int sum_amount(const struct ledger_settlement *s, void *arg)
{
	*(uint64_t *)arg += s->amount;
	assert_int_equal(s->state, LEDGER_SETTLE_FINAL);
	return 0;
}

static void model_check_lease(struct model *m, int i)
{
	struct receipts_summary s = verified(m->t, labels[i]);
	struct lease l = account(m->t, labels[i]);
	uint64_t amounts = 0;

	must(ledger_settlement_list(m->t->ledger, labels[i], LEDGER_SETTLE_ANY, sum_amount,
				    &amounts, &why));
	assert_usage(s.totals, m->billed[i]);
	assert_int_equal(amounts, s.total_due);
	assert_int_equal(l.total_due, s.total_due);
	assert_int_equal(l.deposited, m->deposited[i]);
	assert_int_equal(l.paid, s.total_due < l.deposited ? s.total_due : l.deposited);
}

static void nothing_is_lost_or_doubled_whatever_happens(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct model m = { .t = *state, .random = { seed }, .next_id = 1 };
		struct usage sum;

		for (int i = 0; i < PODS; i++)
			model_born(&m, &m.pods[i]);
		for (int i = 0; i < STEPS; i++)
			model_step(&m);
		for (int i = 0; i < LEASES; i++) {
			if (!m.open[i])
				model_lease(&m, i);
			model_grow(&m, &m.pods[i]);
		}
		model_window(&m);
		settle(m.t);
		for (int i = 0; i < LEASES; i++)
			if (seq_of(m.t, labels[i]))
				model_check_lease(&m, i);
		for (int i = 0; i < PODS; i++)
			assert_int_equal(usage_add(&m.all, &m.pods[i].last), 0);
		sum = booked(m.t, NULL, NULL);
		m.all.memory_unmeasured = sum.memory_unmeasured; /* counts windows */
		assert_usage(sum, m.all);
		must(ledger_check(m.t->ledger, &why));
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BED(the_first_window_begins_with_the_agent),
		ON_BED(a_restart_goes_on_where_the_last_window_ended),
		ON_BED(two_windows_in_one_millisecond_are_two),
		ON_BED(a_clock_that_steps_back_makes_short_windows_and_no_gap),
		ON_BED(deltas_sum_to_the_last_reading),
		ON_BED(memory_that_is_unknown_is_booked_as_unknown),
		ON_BED(a_final_pod_is_booked_once_and_never_again),
		ON_BED(recall_tells_the_open_pods_of_this_boot),
		ON_BED(the_same_id_in_another_boot_is_another_pod),
		ON_BED(a_counter_that_falls_is_refused_and_nothing_changes),
		ON_BED(a_window_holds_as_many_pods_as_a_record),
		ON_BED(a_receipt_is_only_made_for_pods_and_covers_the_time_without),
		ON_BED(a_lease_opened_in_the_middle_pays_only_from_there),
		ON_BED(what_is_due_is_the_price_of_the_totals),
		ON_BED(each_lease_bills_its_own_pods),
		ON_BED(a_lease_beyond_all_amounts_stops_no_other),
		ON_BED(a_due_of_more_than_the_ledger_holds_stops_no_other),
		ON_BED(a_label_is_opened_once),
		ON_BED(terms_that_mean_nothing_are_refused),
		ON_BED(ids_follow_from_key_and_label),
		ON_BED(a_top_up_after_exhaustion_pays_the_rest),
		ON_BED(a_top_up_that_is_wrong_changes_nothing),
		ON_BED(closing_pays_what_is_due_and_refunds_the_rest),
		ON_BED(closing_a_lease_that_is_not_there_is_said),
		ON_BED(money_moves_when_it_is_settled),
		ON_BED(what_a_lease_refuses_has_failed_and_the_others_go_on),
		ON_BED(another_key_than_the_leases_is_refused),
		ON_BED(a_node_name_that_no_receipt_can_hold_is_refused),
		ON_BED(nothing_is_lost_or_doubled_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
