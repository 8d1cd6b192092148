/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settling.h"

#include <errno.h>
#include <inttypes.h>

#include "agent/guard.h"
#include "agent/settle_said.h"
#include "agent/settling_int.h"
#include "agent/site.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/json.h"
#include "core/log.h"

/* Short, for an agent that is told to stop has to wait for them; what is open then stays journaled. */
#define READ_MS 10000
#define WRITE_MS 25000
#define CAPACITY_MS 600000 /* a capacity that falls may be noticed so late */

/* ---- The chain, asked without holding the books --------------------------------------------- */

/* A stop has to wait for the request that is under way, and for no other. */
int settling_ask(struct settling *s, struct err *err)
{
	bool ends = atomic_load(&s->ends);

	work_let_go(s->queue);
	return ends ? err_set(err, -ECANCELED, "the agent ends") : 0;
}

int settling_asked(struct settling *s, int r)
{
	work_take_back(s->queue);
	return r;
}

static int get_epoch(void *arg, struct sui_epoch *ret, struct err *err)
{
	struct settling *s = arg;
	int r = settling_ask(s, err);

	if (r == 0)
		r = settle_sui.epoch(s->sui, ret, err);
	return settling_asked(s, r);
}

static int get_lease(void *arg, const uint8_t id[OBJECT_ID_LEN], struct settle_lease *ret,
		     struct err *err)
{
	struct settling *s = arg;
	int r = settling_ask(s, err);

	if (r == 0)
		r = settle_sui.lease(s->sui, id, ret, err);
	return settling_asked(s, r);
}

static int simulate(void *arg, const void *tx, size_t len, struct sui_effects *ret,
		    struct json **ret_outputs, struct err *err)
{
	struct settling *s = arg;
	int r = settling_ask(s, err);

	if (r == 0)
		r = settle_sui.simulate(s->sui, tx, len, ret, ret_outputs, err);
	return settling_asked(s, r);
}

static int execute(void *arg, const void *tx, size_t len, const uint8_t sig[SUI_SIG_LEN],
		   struct sui_effects *ret, struct err *err)
{
	struct settling *s = arg;
	int r = settling_ask(s, err);

	if (r == 0)
		r = settle_sui.execute(s->sui, tx, len, sig, ret, err);
	return settling_asked(s, r);
}

static int find(void *arg, const uint8_t digest[HASH_LEN], struct sui_effects *ret,
		uint64_t *ret_epoch, struct err *err)
{
	struct settling *s = arg;
	int r = settling_ask(s, err);

	if (r == 0)
		r = settle_sui.find(s->sui, digest, ret, ret_epoch, err);
	return settling_asked(s, r);
}

static const struct settle_chain chain = { get_epoch, get_lease, simulate, execute, find };

/* ---- Steps ---------------------------------------------------------------------------------- */

int settling_get_object(struct settling *s, const uint8_t id[OBJECT_ID_LEN], struct sui_object *ret,
			struct err *err)
{
	int r = settling_ask(s, err);

	if (r == 0)
		r = sui_get_object(s->sui, id, ret, err);
	return settling_asked(s, r);
}

/* When a shared object was shared never changes: asked for once. */
static int find_object(struct settling *s, const char *key, struct settle_object *o,
		       struct err *err)
{
	cleanup(sui_object_fini) struct sui_object found = {};
	int r;

	r = settling_get_object(s, o->id, &found, err);
	if (r == 0 && found.owner != SUI_SHARED)
		r = err_set(err, -EINVAL, "it is no shared object");
	if (r < 0)
		return err_wrap(err, "%s", key);
	o->initial_version = found.initial_version;
	return 0;
}

static int get_last_report(void *arg, const uint8_t lease[OBJECT_ID_LEN], uint64_t *ret_seq,
			   uint8_t ret_hash[HASH_LEN], struct err *err)
{
	cleanup(sui_object_fini) struct sui_object object = {};
	int r = settling_get_object(arg, lease, &object, err);

	return r < 0 ? r : settle_last_report(object.json, ret_seq, ret_hash, err);
}

/* By which the node's totals are bounded (B8); what was read last holds while the chain is away. */
static void read_capacity(struct settling *s)
{
	cleanup(sui_object_fini) struct sui_object object = {};
	uint64_t now_ms = clock_wall_ms();
	struct book_capacity capacity;
	struct err err = {};

	if (now_ms - s->capacity_ms < CAPACITY_MS)
		return;
	if (settling_get_object(s, s->settle.provider.id, &object, &err) < 0 ||
	    settle_capacity(object.json, &capacity, &err) < 0) {
		log_debug("settling", "the capacity stays", "why=%s", log_quote(err.text));
		return;
	}
	s->agent->book.capacity = capacity;
	s->capacity_ms = now_ms;
}

/* What waits to be signed until the chain was asked; then a step. */
static int sign_and_settle(struct settling *s, struct err *err)
{
	struct book *book = &s->agent->book;
	struct err why = {};
	int r;

	read_capacity(s);
	r = book_ask(book, get_last_report, s, &why, err);

	if (r == 0)
		r = book_sign(book, &s->sign, err);
	if (r == 0)
		r = settle_step(&s->settle, clock_wall_ms(), &s->result, err);
	if (r == 0 && s->result.foreign) /* somebody else signs with the key */
		guard_ask_again(book->guard);
	if (r == 0 && s->result.looked && s->agent->offers)
		r = offers_find(s, &s->offers, err);
	if (r == 0 && why.code && !s->result.why.code) {
		s->result.why = why;
		s->result.wait_ms = s->result.wait_ms ?: READ_MS;
	}
	return r;
}

static void step_run(struct work_job *job)
{
	struct settling *s = container_of(job, struct settling, job);
	struct err why = {};
	int r = 0;

	s->err = (struct err){};
	s->result = (struct settle_result){};
	s->offers = (struct offers_found){};
	s->r = 0;
	if (!s->found)
		r = find_object(s, "chain.market", &s->settle.market, &why);
	if (!s->found && r == 0)
		r = find_object(s, "chain.provider", &s->settle.provider, &why);
	s->found = r == 0;
	if (!s->found)
		s->result = (struct settle_result){ .wait_ms = READ_MS, .why = why };
	else
		s->r = sign_and_settle(s, &s->err);
}

void settling_begin(struct settling *s)
{
	if (s->running || s->agent->stopping)
		return;
	s->running = true;
	uv_timer_stop(&s->timer);
	work_add(s->queue, &s->job);
}

static void on_timer(uv_timer_t *timer)
{
	settling_begin(timer->data);
}

/* A lease that can't be read, a server that says what can't be, a call that fails: once for each reason. */
static void tell_odd(struct settling *s)
{
	if (s->result.odd.code && strcmp(s->odd.text, s->result.odd.text) != 0)
		log_warn("settling", "a lease stays as it is", "why=%s",
			 log_quote(s->result.odd.text));
	if (s->result.looked || s->result.odd.code)
		s->odd = s->result.odd;
}

/* B3, as when the command line ends a lease; then its work ends, too. */
static void leases_end(struct settling *s)
{
	struct agent *a = s->agent;

	if (s->result.closing || s->result.ended)
		log_info("settling", s->result.ended ? "a lease has ended" : "a lease is to end",
			 "lease=%s", s->result.lease);
	if (s->result.closing && a->begun && !a->window_waits)
		measure_window(a, NULL, NULL, NULL);
	else if (s->result.ended)
		hosting_look(a);
}

static void tell_offers(struct settling *s)
{
	const struct offers_found *f = &s->offers;

	if (f->taken || f->refused)
		log_info("offers", "leases were opened", "taken=%zu refused=%zu why=%s", f->taken,
			 f->refused, log_quote(f->why.text));
	offers_start(s->agent);
}

/* 0: never. */
static uint64_t sooner(uint64_t a_ms, uint64_t b_ms)
{
	return !a_ms || (b_ms && b_ms < a_ms) ? b_ms : a_ms;
}

static void step_done(struct work_job *job)
{
	struct settling *s = container_of(job, struct settling, job);
	uint64_t wait_ms = s->result.wait_ms;

	s->running = false;
	measure_signed(s->agent, &s->sign);
	if (s->result.settled || s->result.failed)
		log_info("settling", "settled", "receipts=%zu failed=%zu", s->result.settled,
			 s->result.failed);
	if (s->agent->stopping)
		return;
	if (s->r < 0) {
		log_error("settling", "the ledger fails", "error=%s", log_quote(s->err.text));
		wait_ms = READ_MS;
	} else if (s->result.why.code) {
		log_warn("settling", "waits", "ms=%" PRIu64 " why=%s", wait_ms,
			 log_quote(s->result.why.text));
	}
	tell_odd(s);
	leases_end(s);
	tell_offers(s);
	if (s->r == 0 && s->result.more)
		settling_begin(s);
	else if (wait_ms || s->result.look_ms)
		uv_timer_start(&s->timer, on_timer, sooner(wait_ms, s->result.look_ms), 0);
}

void settling_due(struct agent *a)
{
	if (a->settling)
		settling_begin(a->settling); /* what rests has its own time: settle_step() */
}

/* ---- Start and end -------------------------------------------------------------------------- */

/* What an agent needs beyond what all who deal with the chain do. */
static int check_needs(const struct config *cfg, struct err *err)
{
	if (!cfg->chain.provider[0])
		return err_set(err, -EINVAL,
			       "chain.provider: is empty; an agent that settles on Sui needs it: "
			       "'weir provider register' makes one");
	if (!cfg->chain.key_file[0])
		return err_set(err, -EINVAL,
			       "chain.keyFile: is empty; an agent that settles on Sui needs a key "
			       "that pays for gas: 'weir key new FILE' makes one");
	return 0;
}

static int read_site(struct settling *s, const struct config *cfg, struct err *err)
{
	struct site site;
	int r = check_needs(cfg, err);

	if (r == 0)
		r = site_read(cfg, &site, err);
	if (r < 0)
		return r;
	memcpy(s->settle.genesis, site.genesis, HASH_LEN);
	memcpy(s->settle.package, site.package, OBJECT_ID_LEN);
	memcpy(s->settle.market.id, site.market, OBJECT_ID_LEN);
	memcpy(s->settle.provider.id, site.provider, OBJECT_ID_LEN);
	return site_connect(cfg, &site, READ_MS, WRITE_MS, &s->sui, err);
}

/* The hot key pays and nothing else; with the report key it would be worth more to a thief. */
static int load_key(struct settling *s, const struct config *cfg, struct err *err)
{
	int r = key_load(cfg->chain.key_file, &s->key, err);

	if (r < 0)
		return err_wrap(err, "chain.keyFile");
	if (!memcmp(key_public(s->key), key_public(s->agent->key), PUBKEY_LEN))
		return err_set(err, -EINVAL,
			       "chain.keyFile: is the key that signs receipts (key.file); make "
			       "another one with 'weir key new'");
	return 0;
}

int settling_open(struct agent *a, struct err *err)
{
	const struct config *cfg = a->cfg;
	struct settling *s;
	int r;

	if (cfg->chain.kind != CONFIG_CHAIN_SUI)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_errno(err, -ENOMEM, "settling");
	a->settling = s;
	s->agent = a;
	s->job = (struct work_job){ .run = step_run, .done = step_done };
	uv_timer_init(&a->loop, &s->timer);
	s->timer.data = s;
	s->settle = (struct settle){ .ledger = a->ledger,
				     .chain = &chain,
				     .arg = s,
				     .coin = cfg->chain.coin,
				     .gas_max = cfg->chain.gas_budget,
				     .fee_max = cfg->chain.fees_per_day,
				     .every_ms = cfg->chain.settle_ms,
				     .look_every_ms = cfg->chain.follow_ms };
	r = work_new_beside(a->books, &s->queue);
	if (r < 0)
		return err_errno(err, r, "settling");
	r = read_site(s, cfg, err);
	a->book.market = s->settle.market.id;
	a->book.provider = s->settle.provider.id;
	a->book.capacity.bounds = true; /* of what is not known yet */
	if (r == 0)
		r = load_key(s, cfg, err);
	if (r < 0)
		return r;
	s->settle.key = s->key;
	settling_begin(s); /* what the last agent left open */
	return 0;
}

void settling_stop(struct agent *a)
{
	if (a->settling)
		atomic_store(&a->settling->ends, true);
}

void settling_close(struct agent *a)
{
	struct settling *s = a->settling;

	if (!s)
		return;
	work_free(&s->queue);
	sui_free(&s->sui);
	key_free(&s->key);
	free_ptr(&a->settling);
}
