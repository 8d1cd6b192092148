/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger FILE PODS DAYS KEPT: a ledger as an agent leaves it after so many days, the last KEPT of them in windows
 * of a minute, those before in one window a day (which leaves the same rows in `days` as a day of minutes that went).
 * Then what is asked of it: a month by namespace, by pod, and a day window by window.
 *
 * Prints one JSON object: times in ns, sizes in bytes.
 */
#include <sys/stat.h>

#include "bench/tool.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/ledger.h"
#include "ledger/pod.h"
#include "ledger/usage.h"

#define MINUTE 60000ULL
#define DAY (1440 * MINUTE)
#define FIRST (19700 * DAY) /* a midnight in 2023 */
#define NAMESPACES 20
#define ASKED 20 /* times */

static struct err err;

static void ok(int r)
{
	errno = -r;
	must(r >= 0, err.text);
}

/* Cumulative after n minutes; another rate for each pod. */
static struct usage reading(uint64_t pod, uint64_t n)
{
	struct usage u = { .cpu_ns = n * (10000000 + pod * 7919),
			   .memory_byte_ns = (unsigned __int128)n * 60000000000 * (20000000 + pod),
			   .memory_peak_bytes = 30000000 + pod };

	for (size_t c = 0; c < USAGE_CLASS_MAX_; c++) {
		u.rx.wire[c] = (struct usage_count){ n * (1500 + pod) * (c + 1), n * (c + 1) };
		u.tx.wire[c] = (struct usage_count){ n * (9000 + pod) * (c + 1), n * 2 * (c + 1) };
	}
	u.rx.raw = (struct usage_count){ n * 8000, n * 6 };
	u.tx.raw = (struct usage_count){ n * 50000, n * 12 };
	return u;
}

static void window(struct ledger *l, uint64_t pods, uint64_t from_ms, uint64_t to_ms)
{
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	uint64_t id;

	ok(ledger_begin(l, &tx, &err));
	ok(ledger_window_append(&tx, from_ms, to_ms, &id, &err));
	for (uint64_t i = 0; i < pods; i++) {
		struct ledger_pod pod = { .boot = "01234567-89ab-cdef-0123-456789abcdef",
					  .cgroup_id = 1000 + i };
		struct usage u = reading(i, (to_ms - FIRST) / MINUTE);

		snprintf(pod.namespace, sizeof(pod.namespace), "team-%02u",
			 (unsigned int)(i % NAMESPACES));
		snprintf(pod.name, sizeof(pod.name), "app-%04u", (unsigned int)i);
		snprintf(pod.uid, sizeof(pod.uid), "00000000-0000-0000-0000-%012u",
			 (unsigned int)i);
		ok(ledger_pod_put(&tx, &pod, &id, &err));
		ok(ledger_usage_record(&tx, id, &u, NULL, &err));
	}
	ok(ledger_commit(&tx, &err));
}

static int count(const struct ledger_usage_row *row, void *arg)
{
	(void)row;
	++*(uint64_t *)arg;
	return 0;
}

/* The fastest of some, and how many rows came. */
static void ask(struct ledger *l, const char *name, struct ledger_query q)
{
	uint64_t best = UINT64_MAX, rows = 0;

	for (int i = 0; i < ASKED; i++) {
		uint64_t began = clock_ns(CLOCK_MONOTONIC), took;

		rows = 0;
		ok(ledger_usage_query(l, &q, count, &rows, &err));
		took = clock_ns(CLOCK_MONOTONIC) - began;
		best = took < best ? took : best;
	}
	printf("\"%s\":%" PRIu64 ",\"%s_rows\":%" PRIu64 ",", name, best, name, rows);
}

/* Closed, so that the log is in the file, and opened again. */
static uint64_t written(const char *path, struct ledger **l)
{
	struct stat st;

	ledger_close(l);
	must(stat(path, &st) == 0, path);
	ok(ledger_open(path, l, &err));
	return (uint64_t)st.st_size;
}

int main(int argc, char **argv)
{
	cleanup(ledger_close) struct ledger *l = NULL;
	uint64_t pods, days, kept, at = FIRST, sizes[2], began, end;

	must(argc == 5, "ledger FILE PODS DAYS KEPT");
	pods = number(argv[2], 100000);
	days = number(argv[3], 100000);
	kept = number(argv[4], 100000);
	ok(ledger_open(argv[1], &l, &err));
	for (; at < FIRST + (days - kept) * DAY; at += DAY)
		window(l, pods, at, at + DAY);
	sizes[0] = written(argv[1], &l);
	began = clock_ns(CLOCK_MONOTONIC);
	end = FIRST + days * DAY;
	for (; at < end; at += MINUTE)
		window(l, pods, at, at + MINUTE);
	began = clock_ns(CLOCK_MONOTONIC) - began;
	sizes[1] = written(argv[1], &l);
	printf("{\"window\":%" PRIu64 ",\"days_bytes\":%" PRIu64 ",\"all_bytes\":%" PRIu64 ",",
	       kept ? began / (kept * 1440) : 0, sizes[0], sizes[1]);
	ask(l, "month_by_namespace",
	    (struct ledger_query){ .from_ms = end - 30 * DAY, .by = LEDGER_BY_NAMESPACE });
	ask(l, "month_by_pod",
	    (struct ledger_query){ .from_ms = end - 30 * DAY, .by = LEDGER_BY_POD });
	ask(l, "year_by_namespace", (struct ledger_query){ .by = LEDGER_BY_NAMESPACE });
	ask(l, "twelve_hours_by_pod",
	    (struct ledger_query){ .from_ms = end - DAY / 2, .by = LEDGER_BY_POD });
	printf("\"pods\":%" PRIu64 ",\"days\":%" PRIu64 ",\"kept\":%" PRIu64 "}\n", pods, days,
	       kept);
	return 0;
}
