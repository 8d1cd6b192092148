/* SPDX-License-Identifier: Apache-2.0 */
#include "core/usage.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/bcs.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/field.h"
#include "core/json.h"

/* What the kernel sends and gets without a socket: RST, last ACKs, ICMP errors, ARP, neighbours. */
#define INTERFACE_SLACK (64U << 10)
#define INTERFACE_SHARE 16

#define COUNTER(name_, member) { .name = (name_), .at = offsetof(struct usage, member) }
#define DIR(dir)                                                                     \
	COUNTER(#dir "_bytes_external", dir.wire[USAGE_EXTERNAL].bytes),             \
		COUNTER(#dir "_packets_external", dir.wire[USAGE_EXTERNAL].packets), \
		COUNTER(#dir "_bytes_cluster", dir.wire[USAGE_CLUSTER].bytes),       \
		COUNTER(#dir "_packets_cluster", dir.wire[USAGE_CLUSTER].packets),   \
		COUNTER(#dir "_bytes_local", dir.wire[USAGE_LOCAL].bytes),           \
		COUNTER(#dir "_packets_local", dir.wire[USAGE_LOCAL].packets),       \
		COUNTER(#dir "_bytes_raw", dir.raw.bytes),                           \
		COUNTER(#dir "_packets_raw", dir.raw.packets)

/* Every 64-bit amount that is added up, in the order of the encoding. */
static const struct {
	const char *name;
	size_t at;
} counters[] = {
	COUNTER("memory_unmeasured", memory_unmeasured),
	COUNTER("cpu_ns", cpu_ns),
	DIR(rx),
	DIR(tx),
};

/* A field that is in the struct but not in the table would be neither added nor signed. */
static_assert(sizeof(counters) / sizeof(counters[0]) * 8 ==
		      offsetof(struct usage, tx) + sizeof(struct usage_dir) -
			      offsetof(struct usage, memory_unmeasured),
	      "counters[] lists every counter of struct usage");

static uint64_t *counter(struct usage *u, size_t i)
{
	return (uint64_t *)((char *)u + counters[i].at);
}

static uint64_t counter_of(const struct usage *u, size_t i)
{
	return *(const uint64_t *)((const char *)u + counters[i].at);
}

int usage_add(struct usage *total, const struct usage *part)
{
	struct usage sum = *total;

	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		if (__builtin_add_overflow(counter_of(total, i), counter_of(part, i),
					   counter(&sum, i)))
			return -EOVERFLOW;
	}
	if (__builtin_add_overflow(total->memory_byte_ns, part->memory_byte_ns,
				   &sum.memory_byte_ns))
		return -EOVERFLOW;
	if (part->memory_peak_bytes > sum.memory_peak_bytes)
		sum.memory_peak_bytes = part->memory_peak_bytes;
	*total = sum;
	return 0;
}

int usage_sub(const struct usage *now, const struct usage *before, struct usage *ret)
{
	struct usage r = {};

	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		if (counters[i].at == offsetof(struct usage, memory_unmeasured))
			continue;
		if (__builtin_sub_overflow(counter_of(now, i), counter_of(before, i),
					   counter(&r, i)))
			return -ERANGE;
	}
	r.memory_unmeasured = now->memory_unmeasured;
	if (!r.memory_unmeasured) {
		r.memory_peak_bytes = now->memory_peak_bytes;
		if (__builtin_sub_overflow(now->memory_byte_ns, before->memory_byte_ns,
					   &r.memory_byte_ns))
			return -ERANGE;
	}
	*ret = r;
	return 0;
}

const char *usage_diff(const struct usage *a, const struct usage *b)
{
	if (a->memory_byte_ns != b->memory_byte_ns)
		return "memory_byte_ns";
	if (a->memory_peak_bytes != b->memory_peak_bytes)
		return "memory_peak_bytes";
	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		if (counter_of(a, i) != counter_of(b, i))
			return counters[i].name;
	}
	return NULL;
}

bool usage_memory_unknown(const struct usage *u)
{
	return u->memory_unmeasured && !u->memory_byte_ns && !u->memory_peak_bytes;
}

static bool dir_differs(const struct usage_dir *d, uint64_t seen)
{
	unsigned __int128 wire = 0, low, high, apart;

	for (int c = 0; c < USAGE_CLASS_MAX_; c++)
		wire += d->wire[c].bytes;
	low = wire < d->raw.bytes ? wire : d->raw.bytes;
	high = wire < d->raw.bytes ? d->raw.bytes : wire;
	apart = seen < low ? low - seen : seen > high ? seen - high : 0;
	return apart > INTERFACE_SLACK && apart > high / INTERFACE_SHARE;
}

bool usage_interface_differs(const struct usage *u, const struct usage_interface *i)
{
	return dir_differs(&u->rx, i->rx.bytes) || dir_differs(&u->tx, i->tx.bytes);
}

void usage_encode(const struct usage *u, struct buf *out)
{
	bcs_put_u128(out, u->memory_byte_ns);
	bcs_put_u64(out, u->memory_peak_bytes);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		bcs_put_u64(out, counter_of(u, i));
}

void usage_decode(struct bcs *in, struct usage *ret)
{
	struct usage u = {};

	u.memory_byte_ns = bcs_get_u128(in);
	u.memory_peak_bytes = bcs_get_u64(in);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		*counter(&u, i) = bcs_get_u64(in);
	*ret = u;
}

void usage_to_json(const struct usage *u, struct json *obj)
{
	if (usage_memory_unknown(u)) {
		json_set_null(obj, "memory_byte_ns");
		json_set_null(obj, "memory_peak_bytes");
	} else {
		json_set_u128(obj, "memory_byte_ns", u->memory_byte_ns);
		json_set_u64_text(obj, "memory_peak_bytes", u->memory_peak_bytes);
	}
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		json_set_u64_text(obj, counters[i].name, counter_of(u, i));
}

static bool is_null(const struct json *obj, const char *key)
{
	const struct json *value = json_get(obj, key);

	return value && json_type(value) == JSON_NULL;
}

int usage_from_json(const struct json *obj, struct usage *ret, struct err *err)
{
	struct usage u = {};
	int r;

	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		r = field_u64(obj, counters[i].name, counter(&u, i), err);
		if (r < 0)
			return r;
	}
	if (is_null(obj, "memory_byte_ns") && is_null(obj, "memory_peak_bytes")) {
		if (!u.memory_unmeasured)
			return err_set(err, -EBADMSG,
				       "memory_byte_ns: null, but memory_unmeasured is 0");
		*ret = u;
		return 0;
	}
	r = field_u128(obj, "memory_byte_ns", &u.memory_byte_ns, err);
	if (r < 0)
		return r;
	r = field_u64(obj, "memory_peak_bytes", &u.memory_peak_bytes, err);
	if (r < 0)
		return r;
	*ret = u;
	return 0;
}
