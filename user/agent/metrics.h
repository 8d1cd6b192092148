/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus text exposition, format 0.0.4, from one table of metrics.
 *
 * I1. Each family is written at most once, its samples directly behind its HELP and TYPE lines.
 * I2. Names: weir_ in front, lower case, a base unit (seconds, bytes), _total at the end of
 *     counters and of nothing else. metrics_check() holds a table to it. Names with kubeproxy_ in
 *     front are kube-proxy's, those with kubecost_ what OpenCost reads: what they are made of was
 *     not ours to choose, and is not judged.
 * I3. Amounts are integers; a fraction is written by integer arithmetic (nanoseconds as seconds
 *     with nine digits), so no count is rounded here.
 * I4. A histogram is written as the format has it: each class counts what the classes before it do,
 *     the last is +Inf and equals the count.
 *
 * The writer's error is sticky: a row of calls is checked once with metrics_end(). -EINVAL is a
 * mistake in the calling code (a family twice, a sample outside a family, wrong labels).
 * Label values may hold anything; what is not UTF-8 becomes '?', since one bad byte would cost the
 * whole scrape. Source: prometheus.io/docs/instrumenting/exposition_formats.
 *
 *	metrics_begin(&m, body, table, ARRAY_LEN(table));
 *	metric_family(&m, METRIC_POD_CPU);
 *	for each pod
 *		metric_sample_scaled(&m, METRIC_LABELS(pod->ns, pod->name), pod->cpu_ns, 9);
 *	r = metrics_end(&m);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_MAX 64 /* families of a table */

struct buf;
struct err;
struct histogram;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_TYPE_MAX_ };

struct metric {
	const char *name;
	enum metric_type type;
	const char *help;
	const char *const *labels; /* names, then NULL; NULL: none */
};

struct metrics {
	struct buf *out;
	const struct metric *table, *family;
	size_t n;
	uint64_t written; /* a bit for each family */
	int error;
};

/* Values in the order of the family's labels; for a family without labels pass NULL. */
#define METRIC_LABELS(...) ((const char *const[]){ __VA_ARGS__, NULL })

int metrics_check(const struct metric *table, size_t n, struct err *err);

void metrics_begin(struct metrics *m, struct buf *out, const struct metric *table, size_t n);
void metric_family(struct metrics *m, size_t index);
void metric_sample(struct metrics *m, const char *const *values, unsigned __int128 v);
/* v * 10^-digits, 1 <= digits <= 18: (1500000000, 9) is 1.500000000 */
void metric_sample_scaled(struct metrics *m, const char *const *values, unsigned __int128 v,
			  unsigned int digits);
/* Of a family of type METRIC_HISTOGRAM, in seconds; it has no sample of another kind. */
void metric_histogram(struct metrics *m, const char *const *values, const struct histogram *h);
int metrics_end(const struct metrics *m); /* 0, -EINVAL, -E2BIG, -ENOMEM */
