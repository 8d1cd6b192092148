/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books against a model of them: random usage, windows, leases, steps of the clock and crashes,
 * from fixed seeds. Whatever happens, nothing is lost or booked twice.
 */
#include "unit/agent/books.h"
#include "unit/core/random.h"

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
		ON_BED(nothing_is_lost_or_doubled_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
