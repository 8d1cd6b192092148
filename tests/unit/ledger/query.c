/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ledger/fixture.h"

struct rows {
	struct ledger_usage_row row[16];
	size_t n;
};

static int collect(const struct ledger_usage_row *row, void *arg)
{
	struct rows *rows = arg;

	assert_true(rows->n < ARRAY_LEN(rows->row));
	rows->row[rows->n++] = *row;
	return 0;
}

static struct rows ask(struct fixture *f, struct ledger_query q)
{
	struct rows rows = {};

	must(ledger_usage_query(f->l, &q, collect, &rows, &why));
	return rows;
}

/* Three windows of 10 ms; pods shop/web (gold), shop/db (no lease), lab/web (gold). Readings are
 * reading(1..3) in turn, so a delta is reading(1) or 1000 in each counter. */
static int populated(void **state)
{
	const struct ledger_pod pods[] = {
		pod_make(UINT64_MAX, "shop", "web", "gold"),
		pod_make(8, "shop", "db", ""),
		pod_make(9, "lab", "web", "gold"),
	};
	struct fixture *f;
	int r = fixture_setup(state);

	if (r < 0)
		return r;
	f = *state;
	for (uint64_t w = 0; w < 3; w++) {
		cleanup(ledger_rollback) struct ledger_tx tx = {};
		struct usage u = reading(w + 1);
		uint64_t id;

		must(ledger_begin(f->l, &tx, &why));
		must(ledger_window_append(&tx, w * 10, w * 10 + 10, &id, &why));
		for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
			must(ledger_pod_put(&tx, &pods[i], &id, &why));
			must(ledger_usage_record(&tx, id, &u, NULL, &why));
		}
		must(ledger_commit(&tx, &why));
	}
	return 0;
}

static void by_window_gives_each_row_in_order(void **state)
{
	static const char *const names[] = { "lab/web", "shop/db", "shop/web" };
	struct usage first = reading(1);
	struct rows rows = ask(*state, (struct ledger_query){});

	assert_int_equal(rows.n, 9);
	for (size_t i = 0; i < rows.n; i++) {
		const struct ledger_usage_row *r = &rows.row[i];
		char name[32];

		snprintf(name, sizeof(name), "%.15s/%.15s", r->namespace, r->name);
		assert_string_equal(name, names[i % 3]);
		assert_int_equal(r->window, i / 3 + 1);
		assert_int_equal(r->from_ms, i / 3 * 10);
		assert_int_equal(r->to_ms, i / 3 * 10 + 10);
		assert_string_equal(r->boot, BOOT);
		assert_int_equal(r->parts, 1);
		if (i < 3)
			assert_usage(&r->usage, &first);
		else
			assert_int_equal(r->usage.cpu_ns, 1000);
	}
	assert_true(rows.row[2].cgroup_id == UINT64_MAX);
	assert_string_equal(rows.row[2].uid, "uid-web");
	assert_string_equal(rows.row[2].lease, "gold");
}

static void by_pod_sums_to_the_reading(void **state)
{
	struct usage last = reading(3);
	struct rows rows = ask(*state, (struct ledger_query){ .by = LEDGER_BY_POD });

	assert_int_equal(rows.n, 3);
	assert_string_equal(rows.row[0].namespace, "lab");
	assert_string_equal(rows.row[1].name, "db");
	for (size_t i = 0; i < rows.n; i++) {
		assert_usage(&rows.row[i].usage, &last);
		assert_int_equal(rows.row[i].from_ms, 0);
		assert_int_equal(rows.row[i].to_ms, 30);
		assert_int_equal(rows.row[i].parts, 3);
		assert_int_equal(rows.row[i].window, 0);
		assert_int_not_equal(rows.row[i].pod, 0);
	}
}

static void by_namespace_and_by_lease_name_only_their_key(void **state)
{
	struct rows rows = ask(*state, (struct ledger_query){ .by = LEDGER_BY_NAMESPACE });

	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.row[0].namespace, "lab");
	assert_int_equal(rows.row[0].usage.cpu_ns, 3001);
	assert_string_equal(rows.row[1].namespace, "shop");
	assert_int_equal(rows.row[1].usage.cpu_ns, 6002);
	assert_true(rows.row[1].usage.memory_byte_ns == 2 * reading(3).memory_byte_ns);
	assert_string_equal(rows.row[1].name, "");
	assert_string_equal(rows.row[1].lease, "");
	assert_int_equal(rows.row[1].pod, 0);

	rows = ask(*state, (struct ledger_query){ .by = LEDGER_BY_LEASE });
	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.row[0].lease, "");
	assert_int_equal(rows.row[0].usage.cpu_ns, 3001);
	assert_string_equal(rows.row[1].lease, "gold");
	assert_int_equal(rows.row[1].usage.cpu_ns, 6002);
	assert_string_equal(rows.row[1].namespace, "");
}

static void filters_choose(void **state)
{
	struct rows rows = ask(*state, (struct ledger_query){ .namespace = "shop", .name = "web" });

	assert_int_equal(rows.n, 3);
	assert_string_equal(rows.row[0].namespace, "shop");
	rows = ask(*state, (struct ledger_query){ .name = "web", .by = LEDGER_BY_POD });
	assert_int_equal(rows.n, 2);
	rows = ask(*state, (struct ledger_query){ .lease = "", .by = LEDGER_BY_POD });
	assert_int_equal(rows.n, 1);
	assert_string_equal(rows.row[0].name, "db");
	rows = ask(*state, (struct ledger_query){ .lease = "gold", .by = LEDGER_BY_POD });
	assert_int_equal(rows.n, 2);
	rows = ask(*state, (struct ledger_query){ .namespace = "none" });
	assert_int_equal(rows.n, 0);
}

static void adjacent_ranges_add_up(void **state)
{
	uint64_t cpu = 0;

	for (uint64_t from = 0; from < 33; from += 7) { /* straddles the windows */
		struct rows rows = ask(*state, (struct ledger_query){ .from_ms = from,
								      .to_ms = from + 7,
								      .by = LEDGER_BY_LEASE });

		for (size_t i = 0; i < rows.n; i++)
			cpu += rows.row[i].usage.cpu_ns;
	}
	assert_int_equal(cpu, 9003);
}

static void a_past_range_is_the_same_for_ever(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(8, "shop", "renamed", "silver");
	struct usage u = reading(4);

	for (enum ledger_by by = 0; by < LEDGER_BY_MAX_; by++) {
		const struct ledger_query q = { .to_ms = 30, .by = by };
		struct rows before = ask(f, q), after;
		uint64_t from = 30 + 10 * by;

		window_with(f, from, from + 10, &pod, &u);
		fixture_reopen(f);
		after = ask(f, q);
		assert_int_equal(after.n, before.n);
		for (size_t i = 0; i < after.n; i++) {
			assert_string_equal(after.row[i].name, before.row[i].name);
			assert_string_equal(after.row[i].lease, before.row[i].lease);
			assert_int_equal(after.row[i].to_ms, before.row[i].to_ms);
			assert_usage(&after.row[i].usage, &before.row[i].usage);
		}
	}
}

static void a_pod_that_changed_its_lease_has_a_row_for_each(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(8, "shop", "db", "silver");
	struct usage u = reading(4);
	struct rows rows;

	window_with(f, 30, 40, &pod, &u);
	rows = ask(f, (struct ledger_query){ .name = "db", .by = LEDGER_BY_POD });
	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.row[0].lease, "");
	assert_int_equal(rows.row[0].usage.cpu_ns, 3001);
	assert_string_equal(rows.row[1].lease, "silver");
	assert_int_equal(rows.row[1].usage.cpu_ns, 1000);
}

/* What a closed window answered once, it answers for ever: later labels change nothing. */
static void a_pod_keeps_the_labels_it_was_first_billed_with(void **state)
{
	static const char *const labels[] = { "{\"app\":\"shop\"}", "{\"app\":\"other\"}", "" };
	struct fixture *f = *state;
	struct rows rows;

	for (uint64_t w = 0; w < ARRAY_LEN(labels); w++) {
		cleanup(ledger_rollback) struct ledger_tx tx = {};
		struct ledger_pod named = pod_make(5, "shop", "web", "gold"),
				  late = pod_make(6, "shop", "db", "gold");
		struct usage u = reading(w + 1);
		uint64_t id;

		snprintf(named.labels, sizeof(named.labels), "%s", labels[w]);
		if (w > 0) /* was billed without any */
			snprintf(late.labels, sizeof(late.labels), "%s", labels[0]);
		must(ledger_begin(f->l, &tx, &why));
		must(ledger_window_append(&tx, w * 10, w * 10 + 10, &id, &why));
		must(ledger_pod_put(&tx, &named, &id, &why));
		must(ledger_usage_record(&tx, id, &u, NULL, &why));
		must(ledger_pod_put(&tx, &late, &id, &why));
		must(ledger_usage_record(&tx, id, &u, NULL, &why));
		must(ledger_commit(&tx, &why));
	}
	rows = ask(f, (struct ledger_query){ .by = LEDGER_BY_WINDOW });
	assert_int_equal(rows.n, 6);
	for (size_t i = 0; i < rows.n; i++)
		assert_string_equal(rows.row[i].labels, i % 2 ? labels[0] : "");
	rows = ask(f, (struct ledger_query){ .by = LEDGER_BY_POD });
	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.row[1].labels, labels[0]);
	rows = ask(f, (struct ledger_query){ .by = LEDGER_BY_LEASE });
	assert_int_equal(rows.n, 1);
	assert_string_equal(rows.row[0].labels, "");
}

static void sums_say_how_much_memory_they_do_not_know(void **state)
{
	struct fixture *f = *state;
	struct ledger_pod pod = pod_make(10, "blind", "pod", "");
	struct usage u = { .cpu_ns = 1, .memory_unmeasured = 1 };
	struct rows rows;

	window_with(f, 30, 40, &pod, &u);
	rows = ask(f, (struct ledger_query){ .by = LEDGER_BY_LEASE, .lease = "" });
	assert_int_equal(rows.row[0].parts, 4);
	assert_int_equal(rows.row[0].usage.memory_unmeasured, 1);
	assert_false(usage_memory_unknown(&rows.row[0].usage));
	rows = ask(f, (struct ledger_query){ .by = LEDGER_BY_NAMESPACE, .namespace = "blind" });
	assert_int_equal(rows.row[0].usage.memory_unmeasured, 1);
	assert_true(usage_memory_unknown(&rows.row[0].usage));
}

static void a_sum_over_64_bits_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct rows rows = {};
	struct err err = {};
	struct usage u = { .cpu_ns = INT64_MAX };

	for (uint64_t i = 0; i < 3; i++) {
		struct ledger_pod pod = pod_make(100 + i, "huge", "pod", "");

		window_with(f, 30 + i, 31 + i, &pod, &u);
	}
	assert_int_equal(ledger_usage_query(f->l,
					    &(struct ledger_query){ .namespace = "huge",
								    .by = LEDGER_BY_NAMESPACE },
					    collect, &rows, &err),
			 -EOVERFLOW);
	assert_int_equal(rows.n, 0);
}

static int stop(const struct ledger_usage_row *row, void *arg)
{
	collect(row, arg);
	return -EINTR;
}

static void a_callback_can_stop_and_bad_queries_are_refused(void **state)
{
	struct fixture *f = *state;
	char label[LEDGER_LABEL_MAX + 1];
	struct rows rows = {};

	for (enum ledger_by by = 0; by < LEDGER_BY_MAX_; by++) {
		rows.n = 0;
		assert_int_equal(ledger_usage_query(f->l, &(struct ledger_query){ .by = by }, stop,
						    &rows, NULL),
				 -EINTR);
		assert_int_equal(rows.n, 1);
	}
	assert_int_equal(ledger_usage_query(f->l, &(struct ledger_query){ .by = LEDGER_BY_MAX_ },
					    collect, &rows, NULL),
			 -EINVAL);
	memset(label, 'x', sizeof(label));
	label[LEDGER_LABEL_MAX] = '\0';
	assert_int_equal(ledger_usage_query(f->l, &(struct ledger_query){ .lease = label }, collect,
					    &rows, NULL),
			 -E2BIG);
}

#define POPULATED(name) cmocka_unit_test_setup_teardown(name, populated, fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		POPULATED(by_window_gives_each_row_in_order),
		POPULATED(by_pod_sums_to_the_reading),
		POPULATED(by_namespace_and_by_lease_name_only_their_key),
		POPULATED(filters_choose),
		POPULATED(adjacent_ranges_add_up),
		POPULATED(a_past_range_is_the_same_for_ever),
		POPULATED(a_pod_that_changed_its_lease_has_a_row_for_each),
		ON_LEDGER(a_pod_keeps_the_labels_it_was_first_billed_with),
		POPULATED(sums_say_how_much_memory_they_do_not_know),
		POPULATED(a_sum_over_64_bits_is_an_error),
		POPULATED(a_callback_can_stop_and_bad_queries_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
