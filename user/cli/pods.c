/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/node.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp.h"
#include "ledger/ledger.h"
#include "meter/reading.h"

#define NS_PER_S 1000000000ULL

int pods_source_open(struct cli *cli, struct pods_source *ret, struct err *err)
{
	cleanup(pods_source_fini) struct pods_source s = {};
	int rc = node_dp(cli, &s.dp, err);

	if (rc < 0)
		return rc;
	rc = node_ledger(cli, &s.ledger, err);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	*err = (struct err){};
	rc = clock_boot_id(s.boot);
	if (rc < 0)
		return err_errno(err, rc, "/proc/sys/kernel/random/boot_id");
	*ret = s;
	s = (struct pods_source){};
	return 0;
}

void pods_source_fini(struct pods_source *s)
{
	dp_close(&s->dp);
	ledger_close(&s->ledger);
}

void pods_fini(struct pods *p)
{
	free(p->v);
	*p = (struct pods){};
}

/* A copy, since the agent's next walk writes over the mapping; again if one ended meanwhile. */
static int copy_samples(struct dp *dp, struct weir_sample **ret, size_t *ret_n, uint64_t *ret_at)
{
	for (int tries = 0;; tries++) {
		cleanup(free_ptr) struct weir_sample *copy = NULL;
		const struct weir_sample *samples;
		uint64_t before, after;
		size_t n = dp_samples(dp, &samples, &before);

		copy = calloc(n + 1, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, samples, n * sizeof(*copy));
		dp_samples(dp, &samples, &after);
		if (before != after && tries < 3)
			continue;
		*ret = take_ptr(copy);
		*ret_n = n;
		*ret_at = before;
		return 0;
	}
}

/* One order whenever the kernel is asked. */
static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct weir_sample *)a)->cgroup_id;
	uint64_t y = ((const struct weir_sample *)b)->cgroup_id;

	return (x > y) - (x < y);
}

static int read_row(const struct pods_source *s, const struct weir_sample *sample,
		    struct pods_row *ret, struct err *err)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct pods_row row = { .cgroup_id = sample->cgroup_id, .pod = sample->pod };
	struct weir_net net;
	int rc;

	if (s->ledger) {
		rc = ledger_pod_find(s->ledger, s->boot, sample->cgroup_id, &row.known, err);
		if (rc < 0 && rc != -ENOENT)
			return rc;
	}
	rc = dp_net(s->dp, sample->cgroup_id, &net, err);
	if (rc < 0)
		return rc;
	meter_reading(sample, &net, page, &row.use);
	row.has_memory = sample->pod.flags & WEIR_POD_HAS_MEM;
	row.memory_bytes = sample->pod.mem_pages * page;
	*ret = row;
	return 0;
}

int pods_read(const struct pods_source *s, struct pods *ret, struct err *err)
{
	cleanup(free_ptr) struct weir_sample *samples = NULL;
	cleanup(pods_fini) struct pods p = {};
	size_t n = 0;
	int rc = copy_samples(s->dp, &samples, &n, &p.walked_ns);

	if (rc < 0)
		return rc;
	p.read_ns = clock_boot_ns();
	p.v = calloc(n + 1, sizeof(*p.v));
	if (!p.v)
		return -ENOMEM;
	qsort(samples, n, sizeof(*samples), by_id);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (i == 0 || samples[i].cgroup_id != samples[i - 1].cgroup_id)
			rc = read_row(s, &samples[i], &p.v[p.n++], err);
	if (rc < 0)
		return rc;
	*err = (struct err){}; /* of pods that the ledger doesn't know yet */
	*ret = p;
	p = (struct pods){};
	return 0;
}

static struct pods_row *find(const struct pods *p, uint64_t cgroup_id)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (p->v[at].cgroup_id == cgroup_id)
			return &p->v[at];
		if (p->v[at].cgroup_id < cgroup_id)
			low = at + 1;
		else
			high = at;
	}
	return NULL;
}

/* A counter that fell began anew: nothing is known of between. */
static uint64_t per(uint64_t before, uint64_t now, uint64_t scale, uint64_t ns)
{
	return now < before ? 0 : (uint64_t)((unsigned __int128)(now - before) * scale / ns);
}

struct window_cpu {
	const struct pods *pods;
	const char *boot;
	uint64_t ns;
};

static int add_window(const struct ledger_usage_row *row, void *arg)
{
	const struct window_cpu *w = arg;
	struct pods_row *pod = find(w->pods, row->cgroup_id);

	if (!pod || strcmp(row->boot, w->boot) != 0)
		return 0;
	pod->has_cpu = true;
	pod->cpu_millis = per(0, row->usage.cpu_ns, 1000, w->ns);
	return 0;
}

int pods_window(const struct pods_source *s, struct pods *p, struct err *err)
{
	struct window_cpu w = { .pods = p, .boot = s->boot };
	struct ledger_query q = { .by = LEDGER_BY_WINDOW };
	struct ledger_window last;
	int rc;

	if (!s->ledger)
		return 0;
	rc = ledger_window_last(s->ledger, &last, err);
	if (rc == -ENOENT) {
		*err = (struct err){};
		return 0;
	}
	if (rc < 0)
		return rc;
	q.from_ms = last.from_ms;
	q.to_ms = last.to_ms;
	w.ns = (last.to_ms - last.from_ms) * 1000000;
	return ledger_usage_query(s->ledger, &q, add_window, &w, err);
}

static uint64_t wire_bytes(const struct usage_dir *d)
{
	uint64_t sum = 0;

	for (int c = 0; c < USAGE_CLASS_MAX_; c++)
		sum += d->wire[c].bytes;
	return sum;
}

struct pods_rate pods_rate(const struct pods *before, const struct pods *now, size_t i)
{
	const struct pods_row *is = &now->v[i], *was = find(before, is->cgroup_id);
	struct pods_rate r = {};

	if (!was)
		return r;
	if (now->walked_ns > before->walked_ns) {
		r.has_cpu = true;
		r.cpu_millis = per(was->use.cpu_ns, is->use.cpu_ns, 1000,
				   now->walked_ns - before->walked_ns);
	}
	if (now->read_ns > before->read_ns) {
		uint64_t ns = now->read_ns - before->read_ns;

		r.has_bytes = true;
		r.rx_s = per(wire_bytes(&was->use.rx), wire_bytes(&is->use.rx), NS_PER_S, ns);
		r.tx_s = per(wire_bytes(&was->use.tx), wire_bytes(&is->use.tx), NS_PER_S, ns);
	}
	return r;
}
