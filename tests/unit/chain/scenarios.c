/* SPDX-License-Identifier: Apache-2.0 */
/* tests/vectors/scenarios.json, which says what it is, on chain/lease.h: chain.kind local. */
#include <errno.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "unit/chain/lease.h"

#define TABLE "tests/vectors/scenarios.json"
#define TABLE_MAX (1 << 20)
#define GRACE_MS 50000

/* Where a test fails: scenario, step and what. */
#define broken(w, format, ...) fail_msg("%s, step %zu: " format, (w)->name, (w)->step, __VA_ARGS__)

struct world {
	const struct json *table;
	const char *name;
	size_t step;
	struct key *provider, *other;
	struct lease lease;
	struct json *want; /* all that is true of the lease now */
	size_t taken, refused;
};

static uint64_t number(const struct json *o, const char *name, uint64_t fallback)
{
	uint64_t n = fallback;
	int r = json_u64(o, name, &n);

	assert_true(r == 0 || r == -ENOENT);
	return n;
}

static bool is_here(const struct json *o)
{
	return strcmp(json_str(o, "on", "local"), "local") == 0;
}

static void merge(struct json *into, const struct json *more)
{
	json_foreach(m, more)
		json_set(into, json_key(m), json_dup(m));
}

/* ---- Steps ---------------------------------------------------------------------------------- */

static int report(struct world *w, const struct json *step, uint64_t now_ms, struct err *err)
{
	struct report r = report_of(1, number(step, "due", 0));
	uint64_t payout;

	r.seq = number(step, "seq", 0);
	r.from_ms = T0 + 1000 * number(step, "from", 0);
	r.to_ms = T0 + 1000 * number(step, "to", 0);
	r.lease[1] = json_get(step, "lease") ? 1 : 0;
	r.market[1] = json_get(step, "market") ? 1 : 0;
	return submit_at(&w->lease, &r, json_get(step, "key") ? w->other : w->provider, now_ms,
			 &payout, err);
}

static int top_up(struct world *w, const struct json *step, uint64_t now_ms, struct err *err)
{
	uint64_t payout;

	(void)now_ms;
	return lease_top_up(&w->lease, number(step, "amount", 0), &payout, err);
}

static int end(struct world *w, const struct json *step, uint64_t now_ms, struct err *err)
{
	(void)step;
	(void)err;
	lease_close(&w->lease, now_ms);
	return 0;
}

static int take(struct world *w, const struct json *step, struct err *err)
{
	static const struct {
		const char *name;
		int (*fn)(struct world *w, const struct json *step, uint64_t now_ms,
			  struct err *err);
	} acts[] = {
		{ "report", report },
		{ "top_up", top_up },
		{ "close", end },
		{ "finish", end },
	};
	const char *act = json_str(step, "do", "");

	for (size_t i = 0; i < ARRAY_LEN(acts); i++)
		if (strcmp(acts[i].name, act) == 0)
			return acts[i].fn(w, step, T0 + 1000 * number(step, "at", 0), err);
	broken(w, "there is no '%s' here", act);
	return 0;
}

/* The reason that the step gives for this back end; NULL: it is taken. */
static const char *refusal(const struct json *step)
{
	const struct json *why = json_get(step, "refused");

	return json_type(why) == JSON_OBJECT ? json_str(why, "local", NULL) : json_text(why, NULL);
}

static void check_refused(struct world *w, const char *reason, int r, const struct err *err)
{
	const struct json *how = json_get(json_get(w->table, "refusals"), reason);
	const char *code = json_str(how, "local", NULL);

	w->refused++;
	if (!code) {
		broken(w, "'%s' is no refusal of this back end", reason);
		return;
	}
	if (strcmp(r < 0 ? strerrorname_np(-r) : "", code) != 0)
		broken(w, "%s: %s, want %s", reason, r < 0 ? strerrorname_np(-r) : "taken", code);
	if (!strstr(err->text, json_str(how, "says", "?")))
		broken(w, "%s: says \"%s\"", reason, err->text);
}

static void check_lease(struct world *w)
{
	const struct lease *l = &w->lease;
	uint64_t deposited = number(w->want, "deposited", 0), paid = number(w->want, "paid", 0);
	const struct {
		const char *name;
		uint64_t is, want;
	} sums[] = {
		{ "deposited", l->deposited, deposited },
		{ "paid", l->paid, paid },
		{ "refunded", l->refunded, number(w->want, "refunded", 0) },
		{ "escrow", lease_escrow(l), deposited - paid - number(w->want, "refunded", 0) },
		{ "due", l->total_due, number(w->want, "due", 0) },
		{ "seq", l->seq, number(w->want, "seq", 0) },
		{ "waiting", 0, number(w->want, "waiting", 0) },
		{ "struck", 0, number(w->want, "struck", 0) },
	};

	for (size_t i = 0; i < ARRAY_LEN(sums); i++)
		if (sums[i].is != sums[i].want)
			broken(w, "%s: %" PRIu64 ", want %" PRIu64, sums[i].name, sums[i].is,
			       sums[i].want);
	if (strcmp(lease_state_name(l->state), json_str(w->want, "state", "")) != 0)
		broken(w, "state: %s, want %s", lease_state_name(l->state),
		       json_str(w->want, "state", ""));
	assert_int_equal(lease_check(l, NULL), 0);
}

static void do_step(struct world *w, const struct json *step)
{
	const char *reason = refusal(step);
	struct err err = {};
	int r = take(w, step, &err);

	if (reason)
		check_refused(w, reason, r, &err);
	else if (r < 0)
		broken(w, "%s", err.text);
	else
		w->taken++;
	merge(w->want, json_get(step, "then"));
	merge(w->want, json_get(step, "local"));
	check_lease(w);
}

static void play(struct world *w, const struct json *scenario)
{
	w->name = json_str(scenario, "name", "?");
	w->lease = open_lease(w->provider, number(scenario, "deposit", 1000));
	w->lease.terms.prices.cap_s = number(scenario, "cap_s", 10);
	w->lease.terms.grace_ms = GRACE_MS;
	w->want = json_dup(json_get(w->table, "start"));
	json_set_u64(w->want, "deposited", w->lease.deposited);
	w->step = 0;
	json_foreach(step, json_get(scenario, "steps")) {
		w->step++;
		if (is_here(step))
			do_step(w, step);
	}
	json_free(&w->want);
}

static void a_lease_of_the_ledger_does_what_the_table_says(void **state)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(TABLE_MAX);
	cleanup(json_free) struct json *table = NULL;
	struct world w = { .provider = sample_key(1), .other = sample_key(2) };
	struct err err = {};

	(void)state;
	if (file_read(TABLE, &text, &err) < 0 ||
	    json_parse(text.data, text.len, TABLE_MAX, TABLE, &table, &err) < 0)
		fail_msg("%s", err.text);
	w.table = table;
	json_foreach(scenario, json_get(table, "scenarios")) {
		if (is_here(scenario))
			play(&w, scenario);
	}
	assert_true(w.taken > 40 && w.refused > 20);
	key_free(&w.provider);
	key_free(&w.other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lease_of_the_ledger_does_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
