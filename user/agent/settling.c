/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settling.h"

#include <errno.h>
#include <inttypes.h>

#include "agent/agent_int.h"
#include "agent/ctl.h"
#include "agent/settle.h"
#include "agent/settle_lease.h"
#include "agent/work.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"

#define CA_MAX (1U << 20)
/* Short, for an agent that is told to stop has to wait for them; what is open then stays journaled. */
#define READ_MS 10000
#define WRITE_MS 25000

struct settling {
	struct agent *agent;
	struct work *queue; /* beside the books' */
	struct sui *sui; /* the queue's, as are the next three */
	struct key *key;
	struct settle settle;
	bool found; /* market and provider */
	uv_timer_t timer;
	struct work_job job;
	bool running;
	struct settle_result result; /* of the job that ran */
	struct err odd; /* that was told last */
	struct err err;
	int r;
};

/* ---- The chain, asked without holding the books --------------------------------------------- */

static int get_epoch(void *arg, struct sui_epoch *ret, struct err *err)
{
	struct settling *s = arg;
	int r;

	work_let_go(s->queue);
	r = settle_sui.epoch(s->sui, ret, err);
	work_take_back(s->queue);
	return r;
}

static int get_lease(void *arg, const uint8_t id[OBJECT_ID_LEN], struct settle_lease *ret,
		     struct err *err)
{
	struct settling *s = arg;
	int r;

	work_let_go(s->queue);
	r = settle_sui.lease(s->sui, id, ret, err);
	work_take_back(s->queue);
	return r;
}

static int simulate(void *arg, const void *tx, size_t len, struct sui_effects *ret,
		    struct json **ret_outputs, struct err *err)
{
	struct settling *s = arg;
	int r;

	work_let_go(s->queue);
	r = settle_sui.simulate(s->sui, tx, len, ret, ret_outputs, err);
	work_take_back(s->queue);
	return r;
}

static int execute(void *arg, const void *tx, size_t len, const uint8_t sig[SUI_SIG_LEN],
		   struct sui_effects *ret, struct err *err)
{
	struct settling *s = arg;
	int r;

	work_let_go(s->queue);
	r = settle_sui.execute(s->sui, tx, len, sig, ret, err);
	work_take_back(s->queue);
	return r;
}

static int find(void *arg, const uint8_t digest[HASH_LEN], struct sui_effects *ret,
		uint64_t *ret_epoch, struct err *err)
{
	struct settling *s = arg;
	int r;

	work_let_go(s->queue);
	r = settle_sui.find(s->sui, digest, ret, ret_epoch, err);
	work_take_back(s->queue);
	return r;
}

static const struct settle_chain chain = { get_epoch, get_lease, simulate, execute, find };

/* ---- Steps ---------------------------------------------------------------------------------- */

/* When a shared object was shared never changes: asked for once. */
static int find_object(struct settling *s, const char *key, struct settle_object *o,
		       struct err *err)
{
	cleanup(sui_object_fini) struct sui_object found = {};
	int r;

	work_let_go(s->queue);
	r = sui_get_object(s->sui, o->id, &found, err);
	work_take_back(s->queue);
	if (r == 0 && found.owner != SUI_SHARED)
		r = err_set(err, -EINVAL, "it is no shared object");
	if (r < 0)
		return err_wrap(err, "%s", key);
	o->initial_version = found.initial_version;
	return 0;
}

static void step_run(struct work_job *job)
{
	struct settling *s = container_of(job, struct settling, job);
	struct err why = {};
	int r = 0;

	s->err = (struct err){};
	s->result = (struct settle_result){};
	s->r = 0;
	if (!s->found)
		r = find_object(s, "chain.market", &s->settle.market, &why);
	if (!s->found && r == 0)
		r = find_object(s, "chain.provider", &s->settle.provider, &why);
	s->found = r == 0;
	if (!s->found)
		s->result = (struct settle_result){ .wait_ms = READ_MS, .why = why };
	else
		s->r = settle_step(&s->settle, clock_wall_ms(), &s->result, &s->err);
}

static void begin(struct settling *s)
{
	if (s->running || s->agent->stopping)
		return;
	s->running = true;
	uv_timer_stop(&s->timer);
	work_add(s->queue, &s->job);
}

static void on_timer(uv_timer_t *timer)
{
	begin(timer->data);
}

/* A lease that can't be read, or a server that says what can't be: once for each reason. */
static void tell_odd(struct settling *s)
{
	if (s->result.odd.code && strcmp(s->odd.text, s->result.odd.text) != 0)
		log_warn("settling", "a lease stays as it was", "why=%s",
			 log_quote(s->result.odd.text));
	if (s->result.looked)
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
	if (s->result.settled || s->result.failed)
		log_info("settling", "settled", "receipts=%zu failed=%zu", s->result.settled,
			 s->result.failed);
	if (s->r < 0) {
		log_error("settling", "the ledger fails", "error=%s", log_quote(s->err.text));
		wait_ms = READ_MS;
	} else if (s->result.why.code) {
		log_warn("settling", "waits", "ms=%" PRIu64 " why=%s", wait_ms,
			 log_quote(s->result.why.text));
	}
	tell_odd(s);
	if (s->agent->stopping)
		return;
	leases_end(s);
	if (s->r == 0 && s->result.more)
		begin(s);
	else if (wait_ms || s->result.look_ms)
		uv_timer_start(&s->timer, on_timer, sooner(wait_ms, s->result.look_ms), 0);
}

void settling_due(struct agent *a)
{
	if (a->settling)
		begin(a->settling); /* what rests has its own time: settle_step() */
}

/* ---- What is asked for ---------------------------------------------------------------------- */

/* Runs between two steps, with the books. */
struct asked {
	struct work_job job;
	struct settling *settling;
	struct json *args, *result;
	struct ctl_reply *reply;
	struct err err;
	int r;
};

static void asked_add(struct agent *a, void (*run)(struct work_job *),
		      void (*done)(struct work_job *), const struct json *args,
		      struct ctl_reply *reply)
{
	struct asked *q = calloc(1, sizeof(*q));
	struct err err = {};

	if (!q) {
		err_errno(&err, -ENOMEM, "settling");
		ctl_reply_error(reply, &err);
		return;
	}
	*q = (struct asked){ .job = { .run = run, .done = done },
			     .settling = a->settling,
			     .args = args ? json_dup(args) : NULL,
			     .reply = reply };
	work_add(a->settling->queue, &q->job);
}

static void retry_run(struct work_job *job)
{
	struct asked *q = container_of(job, struct asked, job);
	const char *lease = json_str(q->args, "lease", NULL);
	struct settle_again again = {};
	uint64_t seq = 0;

	if (lease && json_u64(q->args, "seq", &seq) == -EINVAL)
		q->r = err_set(&q->err, -EINVAL, "seq: want a whole number");
	if (q->r == 0)
		q->r = settle_again(q->settling->settle.ledger, lease, seq, clock_wall_ms(), &again,
				    &q->err);
	if (q->r < 0)
		return;
	q->settling->settle.rests_until_ms = 0;
	q->result = json_new_object();
	json_set_u64(q->result, "due", again.due);
	json_set_u64(q->result, "under_way", again.open);
}

/* What is due is tried now, also where a step waits for better times. */
static void retry_done(struct work_job *job)
{
	struct asked *q = container_of(job, struct asked, job);

	if (q->r < 0)
		ctl_reply_error(q->reply, &q->err);
	else
		ctl_reply_ok(q->reply, q->result);
	if (q->r == 0)
		begin(q->settling);
	json_free(&q->args);
	free(q);
}

void settling_retry(struct agent *a, const struct json *args, struct ctl_reply *reply)
{
	asked_add(a, retry_run, retry_done, args, reply);
}

/* ---- Taking over a lease -------------------------------------------------------------------- */

static void adopt_run(struct work_job *job)
{
	struct asked *q = container_of(job, struct asked, job);
	cleanup(sui_object_fini) struct sui_object object = {};
	const char *text = json_str(q->args, "object", "");
	uint8_t id[OBJECT_ID_LEN];

	if (address_parse(text, id) < 0) {
		q->r = err_set(&q->err, -EINVAL, "lease: '%.70s' is no id of an object", text);
		return;
	}
	work_let_go(q->settling->queue);
	q->r = sui_get_object(q->settling->sui, id, &object, &q->err);
	work_take_back(q->settling->queue);
	if (q->r < 0)
		return;
	json_set(q->args, "lease", take_ptr(object.json));
	json_set_u64(q->args, "version", object.ref.version);
	json_set_u64(q->args, "checkpoint", object.checkpoint);
}

static int check_view(const struct settle_view *view, const struct json *args, struct err *err)
{
	uint8_t market[OBJECT_ID_LEN], provider[OBJECT_ID_LEN];

	if (address_parse(json_str(args, "market", ""), market) < 0 ||
	    address_parse(json_str(args, "provider", ""), provider) < 0 ||
	    memcmp(market, view->lease.terms.market, sizeof(market)) != 0 ||
	    memcmp(provider, view->provider, sizeof(provider)) != 0)
		return err_set(err, -EINVAL,
			       "lease: is of another market or provider than chain.market and "
			       "chain.provider");
	if (view->lease.closing_ms)
		return err_set(err, -ESHUTDOWN, "lease: is closing already");
	/* this ledger would begin again at 1: two reports of one number cost the stake */
	if (view->lease.seq)
		return err_set(
			err, -EEXIST,
			"lease: the chain has reports up to %" PRIu64
			" that this ledger does not have; put the ledger back that made them",
			view->lease.seq);
	return 0;
}

static int then_adopt(struct book *b, uint64_t at_ms, const struct json *args, struct json **ret,
		      struct err *err)
{
	struct settle_view view;
	struct lease *l = &view.lease;
	int r = settle_read_lease(json_get(args, "lease"), &view, err);

	(void)at_ms;
	if (r == 0)
		r = check_view(&view, args, err);
	if (r < 0)
		return r;
	json_u64(args, "version", &l->chain.version);
	json_u64(args, "checkpoint", &l->chain.checkpoint);
	memcpy(l->terms.provider, key_public(b->key), sizeof(l->terms.provider));
	snprintf(l->terms.label, sizeof(l->terms.label), "%s", json_str(args, "label", ""));
	return book_lease_adopt(b, l, ret, err);
}

static void adopt_done(struct work_job *job)
{
	struct asked *q = container_of(job, struct asked, job);
	const struct config *cfg = q->settling->agent->cfg;

	json_set_str(q->args, "market", cfg->chain.market);
	json_set_str(q->args, "provider", cfg->chain.provider);
	if (q->r < 0)
		ctl_reply_error(q->reply, &q->err);
	else
		measure_window(q->settling->agent, then_adopt, q->args, q->reply);
	json_free(&q->args);
	free(q);
}

void settling_adopt(struct agent *a, const struct json *args, struct ctl_reply *reply)
{
	asked_add(a, adopt_run, adopt_done, args, reply);
}

/* ---- Start and end -------------------------------------------------------------------------- */

static int read_ids(const struct config *cfg, struct settle *s, struct err *err)
{
	const struct {
		const char *key, *text;
		uint8_t *to;
	} ids[] = {
		{ "chain.package", cfg->chain.package, s->package },
		{ "chain.market", cfg->chain.market, s->market.id },
		{ "chain.provider", cfg->chain.provider, s->provider.id },
	};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (address_parse(ids[i].text, ids[i].to) < 0)
			return err_set(err, -EINVAL,
				       "%s: '%.70s' is no id; want 0x and up to 64 hex digits",
				       ids[i].key, ids[i].text);
	return 0;
}

static int read_network(const char *name, uint8_t ret[HASH_LEN], struct err *err)
{
	static const struct {
		const char *name, *genesis;
	} known[] = {
		{ "mainnet", "4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S" },
		{ "testnet", "69WiPg3DAQiwdxfncX6wYQ2siKwAe6L9BZthQea3JNMD" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].name, name) == 0)
			name = known[i].genesis;
	if (digest_parse(name, ret) == 0)
		return 0;
	return err_set(err, -EINVAL,
		       "chain.network: '%.60s' is neither mainnet nor testnet nor a digest in "
		       "base58",
		       name);
}

static int connect_chain(struct settling *s, const struct config *cfg, struct err *err)
{
	cleanup(buf_fini) struct buf ca = BUF_INIT(CA_MAX);
	const char *urls[SUI_URLS_MAX + 1] = {};
	struct sui_config config = { .urls = urls, .read_ms = READ_MS, .write_ms = WRITE_MS };
	int r;

	if (cfg->chain.graphql.n > SUI_URLS_MAX)
		return err_set(err, -E2BIG, "chain.graphql: more than %d URLs", SUI_URLS_MAX);
	for (size_t i = 0; i < cfg->chain.graphql.n; i++)
		urls[i] = cfg->chain.graphql.v[i];
	memcpy(config.chain, s->settle.genesis, HASH_LEN);
	r = cfg->chain.ca_file[0] ? file_read(cfg->chain.ca_file, &ca, err) : 0;
	if (r < 0)
		return err_wrap(err, "chain.caFile");
	config.ca = ca.len ? ca.data : NULL;
	return sui_new(&config, &s->sui, err);
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
				     .look_every_ms = cfg->chain.follow_ms };
	r = work_new_beside(a->books, &s->queue);
	if (r < 0)
		return err_errno(err, r, "settling");
	r = read_ids(cfg, &s->settle, err);
	if (r == 0)
		r = read_network(cfg->chain.network, s->settle.genesis, err);
	if (r == 0)
		r = load_key(s, cfg, err);
	if (r == 0)
		r = connect_chain(s, cfg, err);
	if (r < 0)
		return r;
	s->settle.key = s->key;
	begin(s); /* what the last agent left open */
	return 0;
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
