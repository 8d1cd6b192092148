/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle CHAIN CA-FILE TIMEOUT-MS DIR PACKAGE MARKET PROVIDER WINDOWS LOOKS LEASES URL...: what the
 * agent does with leases on chain, without a kernel. LEASES (ids, with commas between) are adopted where
 * the ledger in DIR does not have them, and get WINDOWS receipts each; then all that is due is settled,
 * and the leases are looked at LOOKS times more; a lease that is told to end closes another window.
 * What it waits for passes at once. Prints "LEASE SEQ STATE" of each receipt, and of each lease
 * "= LEASE STATE deposited paid refunded waiting struck seq confirmations".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/book.h"
#include "agent/guard.h"
#include "agent/settle.h"
#include "agent/settle_lease.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/settlement.h"
#include "ledger/usage.h"

#define STEPS_MAX 500
#define LEASES_MAX 64
#define START_MS 1795000000000ULL
#define WINDOW_MS 60000ULL
#define LOOK_MS 10000

enum {
	ARG_CHAIN = 1,
	ARG_CA,
	ARG_TIMEOUT,
	ARG_DIR,
	ARG_PACKAGE,
	ARG_MARKET,
	ARG_PROVIDER,
	ARG_WINDOWS,
	ARG_LOOKS,
	ARG_LEASES,
	ARG_URLS
};

struct town {
	struct book book;
	struct settle settle;
	struct sui *sui;
	struct ledger *ledger;
	struct key *reports, *gas;
	uint64_t windows, looks;
	uint64_t now_ms;
	char *leases[LEASES_MAX]; /* their ids as text */
	size_t n;
};

static struct key *key_of(uint8_t filler)
{
	uint8_t seed[KEY_SEED_LEN];
	struct key *key = NULL;

	memset(seed, filler, sizeof(seed));
	if (key_from_seed(seed, &key) < 0)
		abort();
	return key;
}

static int find_object(struct town *t, const char *text, struct settle_object *ret, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object object = {};
	int r = address_parse(text, ret->id);

	if (r == 0)
		r = sui_get_object(t->sui, ret->id, &object, err);
	ret->initial_version = object.initial_version;
	return r;
}

/* Ends each id where its comma is. */
static void split_leases(struct town *t, char *list)
{
	for (char *comma; list && t->n < LEASES_MAX; list = comma) {
		comma = strchr(list, ',');
		if (comma)
			*comma++ = '\0';
		t->leases[t->n++] = list;
	}
}

/* The reports' key is in a file for it, as the agent's is. */
static int guard_of(struct town *t, const char *dir, struct err *err)
{
	char path[4096];
	int r = path_format(path, sizeof(path), "%s/provider.key", dir);

	if (r == 0)
		r = key_save(t->reports, path, err);
	if (r == 0 || r == -EEXIST)
		r = guard_open(path, t->reports, &t->book.guard, err);
	return r;
}

static int open_town(struct town *t, char **argv, struct err *err)
{
	cleanup(buf_fini) struct buf ca = BUF_INIT(1 << 16);
	struct sui_config config = { .urls = (const char *const *)argv + ARG_URLS };
	char path[4096];
	int r = digest_parse(argv[ARG_CHAIN], config.chain);

	if (r == 0)
		r = parse_u32(argv[ARG_TIMEOUT], 1, 100000, &config.read_ms);
	if (r == 0)
		r = parse_u64(argv[ARG_WINDOWS], 0, 1000, &t->windows);
	if (r == 0)
		r = parse_u64(argv[ARG_LOOKS], 0, 1000, &t->looks);
	if (r == 0)
		r = file_read(argv[ARG_CA], &ca, err);
	config.write_ms = config.read_ms;
	config.ca = ca.data;
	if (r == 0)
		r = sui_new(&config, &t->sui, err);
	if (r == 0)
		r = path_format(path, sizeof(path), "%s/ledger.db", argv[ARG_DIR]);
	if (r == 0)
		r = ledger_open(path, &t->ledger, err);
	split_leases(t, argv[ARG_LEASES]);
	t->reports = key_of(3);
	t->gas = key_of(1);
	t->book = (struct book){ .ledger = t->ledger,
				 .key = t->reports,
				 .node = "node-a",
				 .boot = "01234567-89ab-cdef-0123-456789abcdef",
				 .started_ms = START_MS };
	if (r == 0)
		r = guard_of(t, argv[ARG_DIR], err);
	t->settle = (struct settle){ .ledger = t->ledger,
				     .key = t->gas,
				     .chain = &settle_sui,
				     .arg = t->sui,
				     .coin = "0x2::sui::SUI",
				     .gas_max = 50000000,
				     .fee_max = 1000000000,
				     .look_every_ms = t->looks ? LOOK_MS : 0 };
	memcpy(t->settle.genesis, config.chain, HASH_LEN);
	return r;
}

/* The label of a lease: its id's end, which is a text that a pod may have. */
static const char *label_of(const char *id)
{
	return id + strlen(id) - 8;
}

static int adopt(struct town *t, const char *id, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object object = {};
	cleanup(json_free) struct json *answer = NULL;
	struct settle_view view;
	uint8_t bytes[OBJECT_ID_LEN];
	int r = address_parse(id, bytes);

	if (r == 0)
		r = sui_get_object(t->sui, bytes, &object, err);
	if (r == 0)
		r = settle_read_lease(object.json, &view, err);
	if (r < 0)
		return r;
	memcpy(view.lease.terms.provider, key_public(t->reports), PUBKEY_LEN);
	snprintf(view.lease.terms.label, sizeof(view.lease.terms.label), "%s", label_of(id));
	view.lease.chain.version = object.ref.version;
	view.lease.chain.checkpoint = object.checkpoint;
	r = book_lease_adopt(&t->book, &view.lease, &answer, err);
	return r == -EEXIST ? 0 : r;
}

/* A pod of each lease uses some of everything. */
static int make_windows(struct town *t, struct err *err)
{
	struct book_reading readings[LEASES_MAX] = {};
	struct book_signed sign;
	struct book_window window;
	struct ledger_window last = { .to_ms = START_MS };
	int r = ledger_window_last(t->ledger, &last, NULL);

	if (r == -ENOENT)
		r = 0;
	/* those that a run before made are there */
	for (uint64_t w = (last.to_ms - START_MS) / WINDOW_MS + 1; r == 0 && w <= t->windows; w++) {
		for (size_t i = 0; i < t->n; i++) {
			struct book_reading *at = &readings[i];

			at->cgroup_id = i + 1;
			at->total.cpu_ns = w * (i + 1) * 1000000000ULL;
			snprintf(at->pod.ns, sizeof(at->pod.ns), "default");
			snprintf(at->pod.name, sizeof(at->pod.name), "pod-%zu", i);
			snprintf(at->pod.lease, sizeof(at->pod.lease), "%s",
				 label_of(t->leases[i]));
		}
		r = book_window(&t->book, START_MS + w * WINDOW_MS, readings, t->n, &window, err);
	}
	return r < 0 ? r : book_sign(&t->book, &sign, err);
}

static int another_window(struct town *t, struct err *err)
{
	t->windows++;
	if (t->now_ms < START_MS + (t->windows + 1) * WINDOW_MS)
		t->now_ms = START_MS + (t->windows + 1) * WINDOW_MS;
	return make_windows(t, err);
}

static int one_step(struct town *t, struct settle_result *ret, struct err *err)
{
	int r = settle_step(&t->settle, t->now_ms, ret, err);

	if (r == 0 && ret->why.code)
		fprintf(stderr, "waits: %s\n", ret->why.text);
	if (r == 0 && ret->odd.code)
		fprintf(stderr, "odd: %s\n", ret->odd.text);
	if (r == 0 && ret->closing)
		r = another_window(t, err);
	ret->more |= ret->closing;
	return r;
}

static int settle_all(struct town *t, struct err *err)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		struct settle_result result = {};
		int r = one_step(t, &result, err);

		if (r < 0)
			return r;
		if (!result.more && !result.wait_ms)
			return 0;
		t->now_ms += result.wait_ms;
	}
	return err_set(err, -ETIME, "not settled after %d steps", STEPS_MAX);
}

/* 1: it was told to end, and its last receipt is not there: whoever learnt of it was killed. */
static int lacks_its_end(const struct ledger_lease *row, void *arg)
{
	struct lease l;
	int r = lease_decode(row->account, row->account_len, &l, arg);

	return r < 0 ? r : l.closing_ms && row->last_to_ms < l.closing_ms;
}

/* Windows go on by themselves; here only where that is needed. */
static int look_on(struct town *t, struct err *err)
{
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < t->looks; i++) {
		t->now_ms += LOOK_MS;
		r = ledger_lease_list(t->ledger, lacks_its_end, err, err);
		if (r == 1)
			r = another_window(t, err);
		if (r == 0)
			r = settle_all(t, err);
	}
	return r;
}

static int show_lease(const struct ledger_lease *row, void *arg)
{
	struct lease l;
	int r = lease_decode(row->account, row->account_len, &l, arg);

	if (r < 0)
		return r;
	printf("= %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	       " %" PRIu64 "\n",
	       row->label, lease_state_name(l.state), l.deposited, l.paid, l.refunded,
	       l.chain.waiting, l.chain.struck, l.seq, l.chain.confirmations);
	return 0;
}

static int show(const struct ledger_settlement *s, void *arg)
{
	(void)arg;
	printf("%s %" PRIu64 " %s\n", s->lease, s->seq, ledger_settle_name(s->state));
	return 0;
}

static int run(struct town *t, char **argv, struct err *err)
{
	int r = open_town(t, argv, err);

	if (r == 0)
		r = address_parse(argv[ARG_PACKAGE], t->settle.package);
	if (r == 0)
		r = find_object(t, argv[ARG_MARKET], &t->settle.market, err);
	if (r == 0)
		r = find_object(t, argv[ARG_PROVIDER], &t->settle.provider, err);
	for (size_t i = 0; r == 0 && i < t->n; i++)
		r = adopt(t, t->leases[i], err);
	if (r == 0)
		r = make_windows(t, err);
	/* all windows are over */
	t->now_ms = START_MS + (t->windows + 1) * WINDOW_MS;
	if (r == 0)
		r = settle_all(t, err);
	if (r == 0)
		r = look_on(t, err);
	if (r == 0)
		r = ledger_settlement_list(t->ledger, NULL, LEDGER_SETTLE_ANY, show, NULL, err);
	return r < 0 ? r : ledger_lease_list(t->ledger, show_lease, err, err);
}

int main(int argc, char **argv)
{
	struct town t = {};
	struct err err = {};
	int r;

	if (argc <= ARG_URLS || crypto_init() < 0)
		return 2;
	r = run(&t, argv, &err);
	if (r < 0)
		fprintf(stderr, "settle: %s (%s)\n", err.text, strerrorname_np(-r));
	ledger_close(&t.ledger);
	guard_close(&t.book.guard);
	sui_free(&t.sui);
	key_free(&t.reports);
	key_free(&t.gas);
	return r < 0;
}
