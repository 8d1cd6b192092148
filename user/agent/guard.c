/* SPDX-License-Identifier: Apache-2.0 */
/* The file, BCS: domain 16 | key 32 | totals: to_ms u64, hash 32 | list of (lease 32 | seq u64 | hash 32),
 * by lease. */
#include "agent/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

#define LEASES_MAX (1U << 19)
#define FILE_MAX (64U << 20)

static const char domain[16] = "WEIR-SIGNED-V1"; /* with two NULs */

struct known {
	struct guard_entry entry;
	bool asked;
};

struct guard {
	char path[PATH_MAX];
	int lock; /* the key file, open */
	uint8_t key[PUBKEY_LEN];
	struct known *at; /* by lease */
	size_t n, cap;
	struct guard_totals totals;
	bool changed; /* since it was on disk */
};

/* ---- What is known -------------------------------------------------------------------------- */

/* Where the lease is, or belongs. */
static size_t place_of(const struct guard *g, const uint8_t *lease)
{
	size_t low = 0, high = g->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(g->at[mid].entry.lease, lease, OBJECT_ID_LEN) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct known *find(const struct guard *g, const uint8_t *lease)
{
	size_t at = place_of(g, lease);

	if (at < g->n && memcmp(g->at[at].entry.lease, lease, OBJECT_ID_LEN) == 0)
		return &g->at[at];
	return NULL;
}

static struct known *find_or_add(struct guard *g, const uint8_t *lease)
{
	struct known *k = find(g, lease);
	size_t at = place_of(g, lease);

	if (k)
		return k;
	if (g->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 16;
		struct known *more = reallocarray(g->at, cap, sizeof(*more));

		if (!more)
			return NULL;
		g->at = more;
		g->cap = cap;
	}
	memmove(&g->at[at + 1], &g->at[at], (g->n - at) * sizeof(*g->at));
	g->at[at] = (struct known){};
	memcpy(g->at[at].entry.lease, lease, OBJECT_ID_LEN);
	g->n++;
	return &g->at[at];
}

bool guard_find(const struct guard *g, const uint8_t lease[OBJECT_ID_LEN], struct guard_entry *ret)
{
	const struct known *k = find(g, lease);

	*ret = (struct guard_entry){};
	memcpy(ret->lease, lease, OBJECT_ID_LEN);
	if (!k || !k->entry.seq)
		return false;
	*ret = k->entry;
	return true;
}

int guard_note(struct guard *g, const struct guard_entry *e)
{
	struct known *k = find_or_add(g, e->lease);

	if (!k)
		return -ENOMEM;
	if (e->seq > k->entry.seq) {
		k->entry = *e;
		g->changed = true;
	}
	return 0;
}

struct guard_totals guard_totals(const struct guard *g)
{
	return g->totals;
}

void guard_note_totals(struct guard *g, const struct guard_totals *t)
{
	if (t->to_ms > g->totals.to_ms) {
		g->totals = *t;
		g->changed = true;
	}
}

bool guard_asked(const struct guard *g, const uint8_t lease[OBJECT_ID_LEN])
{
	const struct known *k = find(g, lease);

	return k && k->asked;
}

int guard_set_asked(struct guard *g, const uint8_t lease[OBJECT_ID_LEN], bool asked)
{
	struct known *k = find_or_add(g, lease);

	if (!k)
		return -ENOMEM;
	k->asked = asked;
	return 0;
}

void guard_ask_again(struct guard *g)
{
	for (size_t i = 0; i < g->n; i++)
		g->at[i].asked = false;
}

/* ---- On disk -------------------------------------------------------------------------------- */

int guard_sync(struct guard *g, struct err *err)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(FILE_MAX);
	uint32_t n = 0;
	int r;

	if (!g->changed)
		return 0;
	bcs_put_fixed(&out, domain, sizeof(domain));
	bcs_put_fixed(&out, g->key, sizeof(g->key));
	bcs_put_u64(&out, g->totals.to_ms);
	bcs_put_fixed(&out, g->totals.hash, HASH_LEN);
	for (size_t i = 0; i < g->n; i++)
		n += g->at[i].entry.seq != 0;
	bcs_put_uleb(&out, n);
	for (size_t i = 0; i < g->n; i++) {
		const struct guard_entry *e = &g->at[i].entry;

		if (!e->seq)
			continue;
		bcs_put_fixed(&out, e->lease, OBJECT_ID_LEN);
		bcs_put_u64(&out, e->seq);
		bcs_put_fixed(&out, e->hash, HASH_LEN);
	}
	r = buf_error(&out);
	if (r < 0)
		return err_errno(err, r, "%s", g->path);
	r = file_write_atomic(g->path, out.data, out.len, 0600, err);
	if (r < 0)
		return err_wrap(err, "what is signed can't be noted, so nothing is");
	g->changed = false;
	return 0;
}

static int decode_entry(struct bcs *in, struct guard *g)
{
	struct guard_entry e = {};

	bcs_copy_fixed(in, e.lease, OBJECT_ID_LEN);
	e.seq = bcs_get_u64(in);
	bcs_copy_fixed(in, e.hash, HASH_LEN);
	if (in->error || !e.seq || guard_find(g, e.lease, &(struct guard_entry){}))
		return -EBADMSG;
	return guard_note(g, &e);
}

static int decode(struct guard *g, const struct buf *text, bool *ret_foreign)
{
	uint8_t magic[sizeof(domain)] = {}, key[PUBKEY_LEN] = {};
	struct bcs in;
	uint32_t n;
	int r = 0;

	bcs_init(&in, text->data, text->len);
	bcs_copy_fixed(&in, magic, sizeof(magic));
	bcs_copy_fixed(&in, key, sizeof(key));
	g->totals.to_ms = bcs_get_u64(&in);
	bcs_copy_fixed(&in, g->totals.hash, HASH_LEN);
	n = bcs_get_uleb(&in, LEASES_MAX);
	for (uint32_t i = 0; r == 0 && i < n; i++)
		r = decode_entry(&in, g);
	if (r == 0)
		r = bcs_end(&in);
	if (r == 0 && memcmp(magic, domain, sizeof(domain)) != 0)
		r = -EBADMSG;
	*ret_foreign = r == 0 && memcmp(key, g->key, sizeof(key)) != 0;
	return r;
}

static int load(struct guard *g, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(FILE_MAX);
	struct err why = {};
	bool foreign = false;
	int r = file_read(g->path, &text, &why);

	g->changed = r == -ENOENT; /* made now, to see that it can be */
	if (r == -ENOENT)
		return guard_sync(g, err);
	if (r == 0)
		r = decode(g, &text, &foreign);
	if (r == -EBADMSG || foreign)
		return err_set(err, -EBADMSG,
			       "%s: %s; it says what the key has signed, and without it a second "
			       "content could be: put back the one that belongs to the key",
			       g->path, foreign ? "another key's" : "damaged");
	g->changed = false;
	return r < 0 ? err_set(err, r, "%s", why.text[0] ? why.text : g->path) : 0;
}

static int lock(struct guard *g, const char *key_file, struct err *err)
{
	g->lock = open(key_file, O_RDONLY | O_CLOEXEC);
	if (g->lock < 0)
		return err_errno(err, -errno, "%s", key_file);
	if (flock(g->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_errno(err, -errno, "%s: flock", key_file);
	return err_set(err, -EBUSY,
		       "key.file: another agent signs with %s; a key is one node's: make another "
		       "one with 'weir key new'",
		       key_file);
}

int guard_open(const char *key_file, const struct key *key, struct guard **ret, struct err *err)
{
	cleanup(guard_close) struct guard *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return err_errno(err, -ENOMEM, "%s", key_file);
	g->lock = -1;
	memcpy(g->key, key_public(key), PUBKEY_LEN);
	if (path_format(g->path, sizeof(g->path), "%s.signed", key_file) < 0)
		return err_set(err, -ENAMETOOLONG, "key.file: %s: too long", key_file);
	r = lock(g, key_file, err);
	if (r == 0)
		r = load(g, err);
	if (r < 0)
		return r;
	*ret = take_ptr(g);
	return 0;
}

void guard_close(struct guard **g)
{
	if (!*g)
		return;
	if ((*g)->lock >= 0)
		close((*g)->lock);
	free((*g)->at);
	free_ptr(g);
}
