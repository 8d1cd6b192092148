/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/pod.h"

#include <ctype.h>
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "ledger/columns.h"
#include "ledger/db.h"
#include "ledger/ledger.h"

#define SELECT_POD                                                                                 \
	"SELECT p.id, p.boot, p.cgroup_id, i.namespace, i.name, i.uid, i.lease, p.first_seen_ms, " \
	"p.closed, " USAGE_OF_P " FROM pods p JOIN identities i ON i.id = p.identity "

bool label_valid(const char *label)
{
	size_t len = strnlen(label, LEDGER_LABEL_MAX);

	if (len == 0 || len == LEDGER_LABEL_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)label[i];
		bool inner = i > 0 && i < len - 1;

		if (!(c < 128 && isalnum(c)) && !(inner && strchr("-_.", c)))
			return false;
	}
	return true;
}

static int pod_get(struct stmt *s, struct ledger_pod *ret, struct err *err)
{
	struct ledger_pod p = {};
	int r;

	p.id = get_u64(s);
	get_text(s, p.boot, sizeof(p.boot));
	p.cgroup_id = get_bits(s);
	get_text(s, p.namespace, sizeof(p.namespace));
	get_text(s, p.name, sizeof(p.name));
	get_text(s, p.uid, sizeof(p.uid));
	get_text(s, p.lease, sizeof(p.lease));
	p.first_seen_ms = get_u64(s);
	p.closed = get_u64(s) != 0;
	get_usage(s, &p.last);
	r = stmt_end(s, err);
	if (r == 0)
		*ret = p;
	return r;
}

/* 1: found, 0: not there */
static int pod_look(struct ledger *l, const char *boot, uint64_t cgroup_id, struct ledger_pod *ret,
		    struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l, SELECT_POD "WHERE p.boot = :boot AND p.cgroup_id = :cgroup_id", &s,
			  err);

	if (r < 0)
		return r;
	put_text(&s, boot, LEDGER_BOOT_MAX);
	put_bits(&s, cgroup_id);
	r = stmt_next(&s, err);
	if (r <= 0)
		return r;
	r = pod_get(&s, ret, err);
	return r < 0 ? r : 1;
}

int ledger_pod_find(struct ledger *l, const char *boot, uint64_t cgroup_id, struct ledger_pod *ret,
		    struct err *err)
{
	int r = pod_look(l, boot, cgroup_id, ret, err);

	if (r == 0)
		return err_set(err, -ENOENT, "%s: no pod with cgroup id %" PRIu64 " in boot %s",
			       db_path(l), cgroup_id, boot);
	return r < 0 ? r : 0;
}

int ledger_pod_list(struct ledger *l, const char *boot, unsigned int flags,
		    int (*fn)(const struct ledger_pod *pod, void *arg), void *arg, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	struct ledger_pod pod;
	int r = stmt_open(l,
			  SELECT_POD
			  "WHERE (:boot IS NULL OR p.boot = :boot) AND p.closed <= :closed"
			  " ORDER BY p.id",
			  &s, err);

	if (r < 0)
		return r;
	put_text(&s, boot, LEDGER_BOOT_MAX);
	put_u64(&s, !(flags & LEDGER_PODS_OPEN));
	while ((r = stmt_next(&s, err)) > 0) {
		r = pod_get(&s, &pod, err);
		if (r == 0)
			r = fn(&pod, arg);
		if (r != 0)
			return r;
	}
	return r;
}

/* The row of these names and this lease, made if it is new. */
static int identity_put(struct ledger *l, const struct ledger_pod *p, uint64_t *ret_id,
			struct err *err)
{
	static const char *const sql[] = {
		"INSERT OR IGNORE INTO identities (namespace, name, uid, lease)"
		" VALUES (:namespace, :name, :uid, :lease)",
		"SELECT id FROM identities WHERE namespace = :namespace AND name = :name"
		" AND uid = :uid AND lease = :lease",
	};

	for (size_t i = 0; i < ARRAY_LEN(sql); i++) {
		cleanup(stmt_done) struct stmt s = {};
		int r = stmt_open(l, sql[i], &s, err);

		if (r < 0)
			return r;
		put_text(&s, p->namespace, sizeof(p->namespace));
		put_text(&s, p->name, sizeof(p->name));
		put_text(&s, p->uid, sizeof(p->uid));
		put_text(&s, p->lease, sizeof(p->lease));
		r = stmt_next(&s, err);
		if (r < 0)
			return r;
		if (r > 0)
			*ret_id = get_u64(&s);
	}
	return 0;
}

static int pod_insert(struct ledger *l, const struct ledger_pod *p, uint64_t identity,
		      uint64_t *ret_id, struct err *err)
{
	static const struct usage nothing;
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "INSERT INTO pods (boot, cgroup_id, identity, closed, first_seen_ms,"
			  " " USAGE_NAMES ") VALUES (:boot, :cgroup_id, :identity, :closed,"
			  " :first_seen_ms, " USAGE_PARAMS ") RETURNING id",
			  &s, err);

	if (r < 0)
		return r;
	put_text(&s, p->boot, sizeof(p->boot));
	put_bits(&s, p->cgroup_id);
	put_u64(&s, identity);
	put_u64(&s, p->closed);
	put_u64(&s, p->first_seen_ms);
	put_usage(&s, &nothing);
	r = stmt_next(&s, err);
	if (r < 0)
		return r;
	*ret_id = get_u64(&s);
	return stmt_end(&s, err);
}

static int labels_insert(struct ledger *l, uint64_t id, const struct ledger_pod *p, struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l, "INSERT INTO pod_labels (pod, labels) VALUES (:pod, :labels)", &s,
			  err);

	if (r < 0)
		return r;
	put_u64(&s, id);
	put_text(&s, p->labels, sizeof(p->labels));
	return stmt_run(&s, err);
}

static int pod_change(struct ledger *l, uint64_t id, const struct ledger_pod *p, uint64_t identity,
		      struct err *err)
{
	cleanup(stmt_done) struct stmt s = {};
	int r = stmt_open(l,
			  "UPDATE pods SET identity = :identity, closed = :closed WHERE id = :id",
			  &s, err);

	if (r < 0)
		return r;
	put_u64(&s, identity);
	put_u64(&s, p->closed);
	put_u64(&s, id);
	return stmt_run(&s, err);
}

static bool pod_same(const struct ledger_pod *a, const struct ledger_pod *b)
{
	return a->closed == b->closed && strcmp(a->namespace, b->namespace) == 0 &&
	       strcmp(a->name, b->name) == 0 && strcmp(a->uid, b->uid) == 0 &&
	       strcmp(a->lease, b->lease) == 0;
}

static int pod_put(struct ledger_tx *tx, const struct ledger_pod *p, uint64_t *ret_id,
		   struct err *err)
{
	struct ledger_pod old;
	uint64_t id = 0, identity = 0;
	int found, r = tx_check(tx, err);

	if (r < 0)
		return r;
	if (!p->boot[0] || (p->lease[0] && !label_valid(p->lease)))
		return err_set(err, -EINVAL, "pod %s/%s: %s", p->namespace, p->name,
			       p->boot[0] ? "the lease is not a label value" : "no boot id");
	found = r = pod_look(tx->ledger, p->boot, p->cgroup_id, &old, err);
	if (r < 0)
		return r;
	if (found && old.closed && !pod_same(&old, p))
		return err_set(err, -EPERM, "pod %s/%s (%" PRIu64 ") is closed", old.namespace,
			       old.name, old.id);
	r = identity_put(tx->ledger, p, &identity, err);
	if (r == 0 && !found) {
		r = pod_insert(tx->ledger, p, identity, &id, err);
		if (r == 0 && p->labels[0])
			r = labels_insert(tx->ledger, id, p, err);
	} else if (r == 0 && !pod_same(&old, p))
		r = pod_change(tx->ledger, old.id, p, identity, err);
	if (r == 0)
		*ret_id = found ? old.id : id;
	return r;
}

int ledger_pod_put(struct ledger_tx *tx, const struct ledger_pod *pod, uint64_t *ret_id,
		   struct err *err)
{
	return tx_result(tx, pod_put(tx, pod, ret_id, err));
}
