/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of settling on Sui share: leases in a ledger, a model of the chain that goes wrong as it is told, and
 * steps until nothing is left to do. */
#pragma once

#include "agent/settle.h"

#include "ledger/intent.h"
#include "unit/agent/chain_model.h"

#define FEE_MAX 1000000000ULL
#define STEPS_MAX 400

struct town {
	struct bed *bed;
	struct model *model;
	struct key *payer;
	struct settle s;
	uint64_t now_ms;
	uint64_t grace_ms, deposit; /* of leases that are opened from now on; 0: plenty */
};

static inline void settle_on(struct town *t)
{
	t->s.ledger = t->bed->b.ledger = t->bed->ledger;
	t->s.key = t->payer;
	t->s.chain = &model_chain;
	t->s.arg = t->model;
	t->s.coin = "0x2::sui::SUI";
	t->s.gas_max = t->s.fee_max = FEE_MAX;
	t->s.market.id[0] = 1;
	t->s.provider.id[0] = 2;
	t->s.package[0] = 3;
}

static inline int town_setup(void **state)
{
	struct town *t = calloc(1, sizeof(*t));
	void *bed = NULL;

	if (!t || setup(&bed) < 0)
		return -1;
	t->bed = bed;
	t->model = mmap(NULL, sizeof(*t->model), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (t->model == MAP_FAILED)
		return -1;
	t->model->epoch = 100;
	t->model->checkpoint = 5000;
	memcpy(t->model->pub, key_public(t->bed->key), PUBKEY_LEN);
	t->payer = key_of(9);
	t->now_ms = STARTED_MS;
	settle_on(t);
	*state = t;
	return 0;
}

static inline int town_teardown(void **state)
{
	struct town *t = *state;
	void *bed = t->bed;

	munmap(t->model, sizeof(*t->model));
	key_free(&t->payer);
	free(t);
	return teardown(&bed);
}

static inline void reopen(struct town *t)
{
	must(ledger_open(t->bed->path, &t->bed->ledger, &why));
	settle_on(t);
}

#define IN_TOWN(name) cmocka_unit_test_setup_teardown(name, town_setup, town_teardown)

static inline const char *label(size_t i)
{
	static char text[32];

	snprintf(text, sizeof(text), "shop-%02zu", i);
	return text;
}

static inline void open_for_long(struct town *t, const char *name)
{
	struct book_lease l = lease_named(name, t->deposit ?: 1000000000000);
	cleanup(json_free) struct json *view = NULL;

	l.grace_ms = t->grace_ms;
	must(book_lease_open(&t->bed->b, &l, t->bed->to_ms, &view, &why));
}

/* n leases, on chain as well, with `windows` receipts each. */
static inline void populate(struct town *t, size_t n, size_t windows)
{
	struct book_reading readings[MODEL_LEASES];

	next_window(t->bed, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		struct ledger_lease row;

		open_for_long(t, label(i));
		must(ledger_lease_get(t->bed->ledger, label(i), &row, &why));
		memcpy(t->model->leases[i].id, row.id, OBJECT_ID_LEN);
		t->model->leases[i].at = account(t->bed, label(i));
		t->model->leases[i].at.chain.version = 900;
		t->model->leases[i].old = t->model->leases[i].at;
	}
	t->model->nleases = n;
	for (size_t w = 0; w < windows; w++) {
		for (size_t i = 0; i < n; i++)
			readings[i] = reading(i + 1, label(i), 10 * (w + 1) + i);
		next_window(t->bed, readings, n);
	}
}

static inline struct settle_result step(struct town *t)
{
	struct settle_result r = {};

	/* the chain's clock has seen the end of the last window */
	if (t->now_ms < t->bed->now_ms + SETTLE_LAG_MS)
		t->now_ms = t->bed->now_ms + SETTLE_LAG_MS;
	must(settle_step(&t->s, t->now_ms, &r, &why));
	t->now_ms += r.more ? 0 : r.wait_ms;
	return r;
}

/* Until nothing is left to do; what it waits for passes with time. */
static inline size_t run(struct town *t)
{
	size_t settled = 0;

	for (int i = 0; i < STEPS_MAX; i++) {
		struct settle_result r = step(t);

		settled += r.settled;
		if (!r.more && !r.wait_ms)
			return settled;
	}
	fail_msg("no end after %d steps", STEPS_MAX);
	return 0;
}

static inline enum ledger_settle state_of(struct town *t, size_t lease, uint64_t seq)
{
	struct ledger_settlement s;

	must(ledger_settlement_get(t->bed->ledger, label(lease), seq, &s, &why));
	return s.state;
}

/* Every receipt is settled, each lease's newest was taken by the chain, and what it pays is the
 * ledger's total. */
static inline void assert_settled(struct town *t, uint64_t seq)
{
	struct ledger_intent open = {};

	for (size_t i = 0; i < t->model->nleases; i++) {
		struct ledger_lease row;

		for (uint64_t s = 1; s <= seq; s++)
			assert_int_equal(state_of(t, i, s), LEDGER_SETTLE_FINAL);
		must(ledger_lease_get(t->bed->ledger, label(i), &row, &why));
		assert_int_equal(t->model->leases[i].seq, seq);
		assert_int_equal(t->model->leases[i].paid, row.last_total_due);
	}
	assert_int_equal(ledger_intent_open(t->bed->ledger, &open, NULL), -ENOENT);
	must(ledger_check(t->bed->ledger, &why));
}

static inline void fault(struct town *t, enum model_call call, int code, bool done,
			 unsigned int times)
{
	t->model->faults[call] = (struct model_fault){ code, done, times };
}

/* A child lives from the file and is killed at the n-th entry to or exit from the chain; then the next
 * one may go on. */
static inline bool killed_at(struct town *t, unsigned int n, void (*live)(struct town *t))
{
	int status;
	pid_t pid;

	ledger_close(&t->bed->ledger);
	t->model->kill_at = t->model->events + n;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (ledger_open(t->bed->path, &t->bed->ledger, NULL) < 0)
			_exit(2);
		settle_on(t);
		live(t);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	t->model->kill_at = 0;
	reopen(t);
	return WIFSIGNALED(status);
}
