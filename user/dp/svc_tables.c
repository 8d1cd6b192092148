/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that direct: frontends, backends, slots, classes. */
#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp_int.h"

/* All keys and values of a hash or trie into one array of {key, value} records. */
struct dump {
	size_t key_len, value_at, record_len, max;
};

#define DUMP_CHUNK 4096 /* elements that one call reads; no bucket has so many */

/* The kernel gives keys and values apart. */
struct dump_chunk {
	uint8_t *keys, *values;
	uint8_t at[32], next[32]; /* where the kernel goes on: a key, or less */
	bool begun;
};

static void chunk_fini(struct dump_chunk *c)
{
	free(c->keys);
	free(c->values);
}

static int dump_grow(uint8_t **records, size_t n, size_t *cap, size_t record_len)
{
	size_t want = *cap ? 2 * *cap : DUMP_CHUNK;
	uint8_t *wider;

	if (n <= *cap)
		return 0;
	wider = reallocarray(*records, want > n ? want : n, record_len);
	if (!wider)
		return -ENOMEM;
	*records = wider;
	*cap = want > n ? want : n;
	return 0;
}

/* The next elements; *ret_n may be 0. 1: there are more; 0: these were the last. */
static int chunk_read(struct dp *dp, enum dp_table t, struct dump_chunk *c, uint32_t *ret_n)
{
	uint32_t n = DUMP_CHUNK;
	int r = bpf_map_lookup_batch(dp->map[t], c->begun ? c->at : NULL, c->next, c->keys,
				     c->values, &n, NULL);

	if (r < 0 && r != -ENOENT)
		return r;
	memcpy(c->at, c->next, sizeof(c->at));
	c->begun = true;
	*ret_n = n;
	return !r;
}

static int table_dump(struct dp *dp, enum dp_table t, const struct dump *d, void **ret,
		      size_t *ret_n, struct err *err)
{
	size_t value_len = d->record_len - d->value_at, n = 0, cap = 0;
	cleanup(chunk_fini) struct dump_chunk c = { .keys = malloc(DUMP_CHUNK * d->key_len),
						    .values = malloc(DUMP_CHUNK * value_len) };
	cleanup(free_ptr) uint8_t *records = NULL;
	int r = c.keys && c.values ? 1 : -ENOMEM;

	assert(d->key_len <= sizeof(c.at));
	while (r > 0 && n < d->max) {
		uint32_t got = 0;

		r = chunk_read(dp, t, &c, &got);
		if (r < 0 || dump_grow(&records, n + got + 1, &cap, d->record_len))
			return err_errno(err, r < 0 ? r : -ENOMEM, "reading %s", dp_table_name[t]);
		for (uint32_t i = 0; i < got; i++, n++) {
			uint8_t *rec = records + n * d->record_len;

			memset(rec, 0, d->record_len);
			memcpy(rec, c.keys + i * d->key_len, d->key_len);
			memcpy(rec + d->value_at, c.values + i * value_len, value_len);
		}
	}
	if (r < 0)
		return err_errno(err, r, "reading %s", dp_table_name[t]);
	*ret = take_ptr(records);
	*ret_n = n;
	return 0;
}

int dp_frontends(struct dp *dp, struct dp_frontend **ret, size_t *ret_n, struct err *err)
{
	const struct dump d = { sizeof(struct weir_vip), offsetof(struct dp_frontend, svc),
				sizeof(struct dp_frontend), WEIR_MAX_FRONTENDS };

	return table_dump(dp, DP_SVC, &d, (void **)ret, ret_n, err);
}

int dp_classes(struct dp *dp, struct dp_class **ret, size_t *ret_n, struct err *err)
{
	const struct dump d = { sizeof(struct weir_prefix), offsetof(struct dp_class, class),
				sizeof(struct dp_class), WEIR_MAX_CLASSES };

	return table_dump(dp, DP_CLASS, &d, (void **)ret, ret_n, err);
}

int dp_homes(struct dp *dp, struct dp_home **ret, size_t *ret_n, struct err *err)
{
	const struct dump d = { sizeof(struct weir_addr), offsetof(struct dp_home, node),
				sizeof(struct dp_home), WEIR_MAX_HOMES };

	return table_dump(dp, DP_HOME, &d, (void **)ret, ret_n, err);
}

int dp_ranges(struct dp *dp, struct weir_range **ret, size_t *ret_n, struct err *err)
{
	/* the value says nothing; it lies behind the key and is cut off below */
	struct range_record {
		struct weir_range range;
		uint32_t one;
	};
	const struct dump d = { sizeof(struct weir_range), offsetof(struct range_record, one),
				sizeof(struct range_record), WEIR_MAX_RANGES };
	cleanup(free_ptr) struct range_record *records = NULL;
	struct weir_range *out;
	size_t n;
	int r = table_dump(dp, DP_RANGE, &d, (void **)&records, &n, err);

	if (r < 0)
		return r;
	out = calloc(n + 1, sizeof(*out));
	if (!out)
		return err_errno(err, -ENOMEM, "reading weir_range");
	for (size_t i = 0; i < n; i++)
		out[i] = records[i].range;
	*ret = out;
	*ret_n = n;
	return 0;
}

int dp_backends(struct dp *dp, struct dp_backend **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct dp_backend *out = NULL;
	size_t n = 0;

	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS; id++)
		n += dp->backends[id].proto != 0;
	out = calloc(n ? n : 1, sizeof(*out));
	if (!out)
		return err_errno(err, -ENOMEM, "reading backends");
	*ret_n = 0;
	for (uint32_t id = 0; id < WEIR_MAX_BACKENDS && *ret_n < n; id++)
		if (dp->backends[id].proto)
			out[(*ret_n)++] = (struct dp_backend){ id, dp->backends[id] };
	*ret = take_ptr(out);
	return 0;
}

const struct weir_slot *dp_slots(const struct dp *dp)
{
	return dp->slots;
}

int dp_ring_open(struct dp *dp, struct err *err)
{
	size_t len = sizeof(*dp->ring) * WEIR_MAX_RING;

	return dp->ring ? 0 :
			  dp_table_map(dp, DP_RING, len, !dp->read_only, (void **)&dp->ring, err);
}

const struct weir_ring *dp_ring(const struct dp *dp)
{
	return dp->ring;
}

static int table_put(struct dp *dp, enum dp_table t, const void *key, const void *value,
		     struct err *err)
{
	int r = bpf_map_update_elem(dp->map[t], key, value, BPF_ANY);

	if (r == -E2BIG || r == -ENOSPC)
		return err_set(err, -ENOSPC, "%s is full", dp_table_name[t]);
	return r < 0 ? err_errno(err, r, "writing %s", dp_table_name[t]) : 0;
}

static int table_del(struct dp *dp, enum dp_table t, const void *key, struct err *err)
{
	int r = bpf_map_delete_elem(dp->map[t], key);

	return r < 0 && r != -ENOENT ? err_errno(err, r, "writing %s", dp_table_name[t]) : 0;
}

int dp_frontend_put(struct dp *dp, const struct weir_vip *vip, const struct weir_svc *svc,
		    struct err *err)
{
	return table_put(dp, DP_SVC, vip, svc, err);
}

int dp_frontend_del(struct dp *dp, const struct weir_vip *vip, struct err *err)
{
	return table_del(dp, DP_SVC, vip, err);
}

int dp_class_put(struct dp *dp, const struct dp_class *c, struct err *err)
{
	return table_put(dp, DP_CLASS, &c->prefix, &c->class, err);
}

int dp_class_del(struct dp *dp, const struct weir_prefix *prefix, struct err *err)
{
	return table_del(dp, DP_CLASS, prefix, err);
}

int dp_range_put(struct dp *dp, const struct weir_range *range, struct err *err)
{
	const uint32_t one = 1;

	return table_put(dp, DP_RANGE, range, &one, err);
}

int dp_range_del(struct dp *dp, const struct weir_range *range, struct err *err)
{
	return table_del(dp, DP_RANGE, range, err);
}

int dp_home_put(struct dp *dp, const struct dp_home *home, struct err *err)
{
	return table_put(dp, DP_HOME, &home->backend, &home->node, err);
}

int dp_home_del(struct dp *dp, const struct weir_addr *backend, struct err *err)
{
	return table_del(dp, DP_HOME, backend, err);
}

void dp_epoch_next(struct dp *dp)
{
	__atomic_fetch_add(&dp->ctl->epoch, 1, __ATOMIC_RELEASE);
}

void dp_snat_ports(struct dp *dp, uint16_t low, uint16_t high)
{
	dp->ctl->snat_low = low;
	dp->ctl->snat_high = high;
}

static struct weir_backend *backend_at(struct dp *dp, uint32_t id, struct err *err)
{
	if (id < WEIR_MAX_BACKENDS)
		return &dp->backends[id];
	err_set(err, -ENOSPC, "backend %u: the table holds %d", id, WEIR_MAX_BACKENDS);
	return NULL;
}

/* proto is stored last and cleared first: a reader that sees it sees the rest (bpf/lib/lb.h). */
int dp_backend_put(struct dp *dp, uint32_t id, const struct weir_backend *be, struct err *err)
{
	struct weir_backend *at = backend_at(dp, id, err);

	if (!at)
		return -ENOSPC;
	__atomic_store_n(&at->proto, 0, __ATOMIC_RELEASE);
	at->addr = be->addr;
	at->port = be->port;
	at->gone = be->gone;
	__atomic_store_n(&at->proto, be->proto, __ATOMIC_RELEASE);
	return 0;
}

int dp_backend_del(struct dp *dp, uint32_t id, struct err *err)
{
	struct weir_backend *at = backend_at(dp, id, err);

	if (!at)
		return -ENOSPC;
	__atomic_store_n(&at->proto, 0, __ATOMIC_RELEASE);
	return 0;
}

int dp_backend_gone(struct dp *dp, uint32_t id, bool gone, struct err *err)
{
	struct weir_backend *at = backend_at(dp, id, err);

	if (!at)
		return -ENOSPC;
	__atomic_store_n(&at->gone, gone, __ATOMIC_RELEASE);
	return 0;
}

static uint64_t raw64(const void *value)
{
	uint64_t raw;

	memcpy(&raw, value, sizeof(raw));
	return raw;
}

void dp_slot_put(struct dp *dp, uint32_t index, struct weir_slot slot)
{
	__atomic_store_n((uint64_t *)(void *)&dp->slots[index], raw64(&slot), __ATOMIC_RELEASE);
}

void dp_ring_put(struct dp *dp, uint32_t index, struct weir_ring ring)
{
	__atomic_store_n((uint64_t *)(void *)&dp->ring[index], raw64(&ring), __ATOMIC_RELEASE);
}
