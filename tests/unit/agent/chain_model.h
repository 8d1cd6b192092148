/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain for tests of settling, in memory that outlives a killed process: leases that take signed
 * reports, transactions that happen once, and a script of what goes wrong. Reads and writes are the
 * package's (chain/move): a report of a higher number is taken, the same or an older one skipped.
 */
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/settle.h"
#include "chain/report.h"
#include "chain/tx.h"
#include "core/bcs.h"
#include "core/json.h"
#include "unit/agent/books.h"

#define MODEL_LEASES 64
#define MODEL_TXS 128
#define MODEL_REPORTS 64
#define MODEL_GAS 1000000 /* MIST of any transaction */

enum model_call { ON_EPOCH, ON_LEASE, ON_SIMULATE, ON_EXECUTE, ON_FIND, MODEL_CALL_MAX_ };

struct model_lease {
	uint8_t id[OBJECT_ID_LEN];
	struct lease
		at; /* but what follows from seq and paid; its version is the test's to raise */
	struct lease old; /* what a server that lags says */
	uint64_t seq, paid;
	uint8_t hashes[MODEL_REPORTS][HASH_LEN]; /* of its reports, by number */
	unsigned int taken; /* reports, ever */
	bool poison; /* a batch with it aborts when executed */
	uint8_t tenant_key[PUBKEY_LEN]; /* zeros: none */
	unsigned int cosigned; /* reports, ever */
};

struct model_tx {
	uint8_t digest[HASH_LEN];
	bool success;
	uint64_t checkpoint;
};

/* What the next call of a kind does instead: code is returned; with `done` the work is done. */
struct model_fault {
	int code;
	bool done;
	unsigned int times;
};

struct model {
	struct model_lease leases[MODEL_LEASES];
	size_t nleases;
	struct model_tx txs[MODEL_TXS];
	size_t ntxs;
	uint64_t epoch, checkpoint;
	uint64_t release_ms; /* when what is claimed now is released; 0: at once */
	struct model_fault faults[MODEL_CALL_MAX_];
	bool stale; /* reads don't show what was executed, and say so by their checkpoint */
	bool blind; /* find knows nothing, as a server that prunes */
	unsigned int calls[MODEL_CALL_MAX_];
	unsigned int events, kill_at; /* dies at the kill_at-th entry or exit of a call; 0: never */
	unsigned int called; /* settle and finish, that happened */
	unsigned int sent; /* different transactions that were sent */
	size_t sent_len; /* bytes of the last one */
	uint8_t pub[PUBKEY_LEN]; /* signs reports */
	struct model_tx sent_txs[MODEL_TXS];
};

static inline void model_event(struct model *m)
{
	if (++m->events == m->kill_at)
		kill(getpid(), SIGKILL);
}

/* True when the call is over with *ret_code. */
static inline bool model_fault(struct model *m, enum model_call call, int *ret_code,
			       struct err *err)
{
	struct model_fault *f = &m->faults[call];

	if (!f->times || f->done)
		return false;
	f->times--;
	*ret_code = err_set(err, f->code, "scripted");
	return true;
}

static inline int model_leave(struct model *m, enum model_call call, struct err *err)
{
	struct model_fault *f = &m->faults[call];

	model_event(m);
	if (!f->times || !f->done)
		return 0;
	f->times--;
	return err_set(err, f->code, "scripted");
}

static inline bool model_enter(struct model *m, enum model_call call, int *ret_code,
			       struct err *err)
{
	m->calls[call]++;
	model_event(m);
	return model_fault(m, call, ret_code, err);
}

static inline struct model_lease *model_find(struct model *m, const uint8_t id[OBJECT_ID_LEN])
{
	for (size_t i = 0; i < m->nleases; i++)
		if (!memcmp(m->leases[i].id, id, OBJECT_ID_LEN))
			return &m->leases[i];
	return NULL;
}

static inline int model_epoch(void *arg, struct sui_epoch *ret, struct err *err)
{
	struct model *m = arg;
	int code;

	if (model_enter(m, ON_EPOCH, &code, err))
		return code;
	*ret = (struct sui_epoch){ .epoch = m->epoch, .gas_price = 1000, .protocol = 138 };
	return model_leave(m, ON_EPOCH, err);
}

/* As lease.move has it where no challenge is asked for. */
static inline struct lease model_view(const struct model_lease *l)
{
	struct lease v = l->at;
	uint64_t owed;

	v.seq = l->seq;
	v.total_due = l->paid;
	owed = v.total_due - v.chain.waiting - v.chain.struck;
	v.paid = owed < v.deposited ? owed : v.deposited;
	if (v.state != LEASE_CLOSED)
		v.state = v.closing_ms ? LEASE_CLOSING : lease_state_live(&v);
	else
		v.refunded = v.deposited - v.paid;
	return v;
}

static inline int model_get_lease(void *arg, const uint8_t id[OBJECT_ID_LEN],
				  struct settle_lease *ret, struct err *err)
{
	struct model *m = arg;
	struct model_lease *l = model_find(m, id);
	int code;

	if (model_enter(m, ON_LEASE, &code, err))
		return code;
	if (!l)
		return err_set(err, -ENOENT, "no such lease");
	*ret = (struct settle_lease){ .initial_version = 5,
				      .lease = m->stale ? l->old : model_view(l) };
	ret->lease.chain.checkpoint = m->stale ? 0 : m->checkpoint;
	memcpy(ret->tenant_key, l->tenant_key, PUBKEY_LEN);
	ret->has_tenant_key = l->tenant_key[0] != 0;
	memcpy(ret->hash, l->hashes[ret->lease.seq % MODEL_REPORTS], HASH_LEN);
	return model_leave(m, ON_LEASE, err);
}

/* What anybody may call; with `run` it happens. */
static inline bool model_called(struct model *m, struct model_lease *l, const struct tx_command *c,
				bool run)
{
	assert_int_equal(c->nargs, 4);
	if (c->function.len == 6 && !memcmp(c->function.at, "finish", 6)) {
		if (!l->at.closing_ms || l->at.state == LEASE_CLOSED)
			return false;
		if (run)
			l->at.state = LEASE_CLOSED;
	} else {
		assert_memory_equal(c->function.at, "settle", 6);
	}
	if (run) {
		l->at.chain.waiting = l->at.chain.nclaims = 0;
		memset(l->at.chain.claims, 0, sizeof(l->at.chain.claims));
		l->at.chain.version++;
		m->called++;
	}
	return true;
}

static inline bool model_submits(const struct tx_command *c)
{
	return c->nargs > 4; /* what anybody may call has no report */
}

struct model_report {
	struct model_lease *lease;
	struct report report;
	bool cosigned, valid; /* by the tenant too; by the right key */
};

/* What command i hands in. */
static inline struct model_report model_read(struct model *m, const struct tx *tx, size_t i)
{
	const struct tx_command *c = &tx->commands[i];
	const struct tx_input *in = tx->inputs;
	struct model_report r = { .lease = model_find(m, in[c->args[2].index].shared.id),
				  .cosigned = c->nargs == 7 };
	const struct tx_bytes *bytes = &in[c->args[3].index].pure;
	const struct tx_bytes *sig = &in[c->args[4].index].pure;
	const struct tx_bytes *cosig = &in[c->args[5].index].pure;
	const char *name = r.cosigned ? "submit_cosigned" : "try_submit";

	assert_true(c->nargs == 6 || c->nargs == 7);
	assert_int_equal(c->function.len, strlen(name));
	assert_memory_equal(c->function.at, name, strlen(name));
	assert_non_null(r.lease);
	/* pure values are byte vectors: the count of 144 takes two bytes, that of 64 one */
	assert_int_equal(bytes->len, 2 + REPORT_LEN);
	assert_int_equal(sig->len, 1 + SIG_LEN);
	assert_int_equal(
		report_verify(bytes->at + 2, REPORT_LEN, sig->at + 1, m->pub, &r.report, NULL), 0);
	assert_memory_equal(r.report.lease, r.lease->id, OBJECT_ID_LEN);
	if (r.cosigned) {
		assert_int_equal(cosig->len, 1 + SIG_LEN);
		r.valid = report_cosigned(bytes->at + 2, cosig->at + 1, r.lease->tenant_key);
	}
	return r;
}

/* Command i, which does not abort: does it do something? Changes nothing unless `run`. */
static inline bool model_submit(struct model *m, const struct tx *tx, size_t i, bool run)
{
	const struct tx_command *c = &tx->commands[i];
	struct model_report r;
	struct model_lease *l = model_find(m, tx->inputs[c->args[2].index].shared.id);
	uint8_t bytes[REPORT_LEN];
	bool newer;

	assert_int_equal(c->kind, TX_MOVE_CALL);
	if (!model_submits(c))
		return model_called(m, l, c, run);
	r = model_read(m, tx, i);
	newer = r.report.seq > l->seq;
	if (!run || (!newer && !r.cosigned))
		return newer;
	if (m->release_ms && r.report.total_due > l->paid) {
		l->at.chain.waiting += r.report.total_due - l->paid;
		l->at.chain.nclaims = 1; /* as if there were room for one alone */
		l->at.chain.claims[0] = (struct lease_claim){ r.report.total_due, m->release_ms };
	}
	if (r.cosigned)
		l->at.chain.waiting = l->at.chain.nclaims = 0;
	if (r.cosigned)
		memset(l->at.chain.claims, 0, sizeof(l->at.chain.claims));
	l->seq = r.report.seq;
	report_encode(&r.report, bytes);
	report_hash(bytes, l->hashes[l->seq % MODEL_REPORTS]);
	l->paid = r.report.total_due;
	l->taken += newer;
	l->cosigned += r.cosigned;
	l->at.last_to_ms = r.report.to_ms;
	l->at.chain.version++;
	return newer;
}

/* Where a co-signed report aborts another one is skipped. */
static inline bool model_aborts(struct model *m, const struct tx *tx)
{
	for (size_t i = 0; i < tx->ncommands; i++) {
		struct model_report r = {};

		if (model_submits(&tx->commands[i]))
			r = model_read(m, tx, i);
		if (r.cosigned && (!r.valid || r.report.seq < r.lease->seq))
			return true;
	}
	return false;
}

static inline bool model_poisoned(struct model *m, const struct tx *tx)
{
	for (size_t i = 0; i < tx->ncommands; i++)
		if (model_find(m, tx->inputs[tx->commands[i].args[2].index].shared.id)->poison)
			return true;
	return false;
}

static inline int model_simulate(void *arg, const void *data, size_t len, struct sui_effects *ret,
				 struct json **ret_outputs, struct err *err)
{
	struct json *outputs = json_new_array();
	struct model *m = arg;
	struct tx tx = {};
	int code;

	if (model_enter(m, ON_SIMULATE, &code, err)) {
		json_free(&outputs);
		return code;
	}
	assert_int_equal(tx_decode(data, len, &tx, NULL), 0);
	for (size_t i = 0; i < tx.ncommands; i++) {
		struct json *value = json_new_object(), *result = json_new_object();
		struct json *list = json_new_array(), *output = json_new_object();

		json_set_str(value, "bcs", model_submit(m, &tx, i, false) ? "AQ==" : "AA==");
		json_set(result, "value", value);
		json_add(list, result);
		json_set(output, "returnValues", list);
		json_add(outputs, output);
	}
	*ret = (struct sui_effects){ .success = !model_aborts(m, &tx),
				     .gas.computation = MODEL_GAS };
	*ret_outputs = outputs;
	tx_fini(&tx);
	return model_leave(m, ON_SIMULATE, err);
}

static inline struct model_tx *model_known(struct model_tx *txs, size_t n,
					   const uint8_t digest[HASH_LEN])
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(txs[i].digest, digest, HASH_LEN))
			return &txs[i];
	return NULL;
}

static inline struct sui_effects model_effects(const struct model_tx *t)
{
	struct sui_effects e = { .success = t->success,
				 .gas.computation = MODEL_GAS,
				 .checkpoint = t->checkpoint };

	if (!t->success)
		snprintf(e.error, sizeof(e.error), "poison");
	return e;
}

static inline int model_run(struct model *m, const void *data, size_t len,
			    const uint8_t digest[HASH_LEN], struct err *err)
{
	struct model_tx *t = &m->txs[m->ntxs];
	struct tx tx = {};

	assert_int_equal(tx_decode(data, len, &tx, NULL), 0);
	if (tx.expiration.min_epoch.value > m->epoch || tx.expiration.max_epoch.value < m->epoch) {
		tx_fini(&tx);
		return err_set(err, -EINVAL, "expired");
	}
	assert_true(m->ntxs < MODEL_TXS);
	memcpy(t->digest, digest, HASH_LEN);
	t->success = !model_poisoned(m, &tx) && !model_aborts(m, &tx);
	t->checkpoint = ++m->checkpoint;
	for (size_t i = 0; t->success && i < tx.ncommands; i++)
		model_submit(m, &tx, i, true);
	m->ntxs++;
	tx_fini(&tx);
	return 0;
}

static inline int model_execute(void *arg, const void *data, size_t len,
				const uint8_t sig[SUI_SIG_LEN], struct sui_effects *ret,
				struct err *err)
{
	struct model *m = arg;
	uint8_t digest[HASH_LEN];
	int code;

	tx_digest(data, len, digest);
	assert_int_equal(sui_verify(INTENT_TRANSACTION, data, len, sig, SUI_SIG_LEN, NULL), 0);
	m->sent_len = len;
	if (!model_known(m->sent_txs, m->sent, digest))
		memcpy(m->sent_txs[m->sent++].digest, digest, HASH_LEN);
	if (model_enter(m, ON_EXECUTE, &code, err))
		return code;
	if (!model_known(m->txs, m->ntxs, digest)) {
		code = model_run(m, data, len, digest, err);
		if (code < 0)
			return code;
	}
	*ret = model_effects(model_known(m->txs, m->ntxs, digest));
	ret->checkpoint = 0; /* a server answers before there is one */
	return model_leave(m, ON_EXECUTE, err);
}

static inline int model_find_tx(void *arg, const uint8_t digest[HASH_LEN], struct sui_effects *ret,
				uint64_t *ret_epoch, struct err *err)
{
	struct model *m = arg;
	struct model_tx *t = model_known(m->txs, m->ntxs, digest);
	int code;

	if (model_enter(m, ON_FIND, &code, err))
		return code;
	*ret_epoch = m->stale ? 0 : m->epoch;
	if (!t || m->stale || m->blind)
		return err_set(err, -ENOENT, "not known");
	*ret = model_effects(t);
	return model_leave(m, ON_FIND, err);
}

static const struct settle_chain model_chain = {
	.epoch = model_epoch,
	.lease = model_get_lease,
	.simulate = model_simulate,
	.execute = model_execute,
	.find = model_find_tx,
};
