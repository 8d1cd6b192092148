/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the work of leases that were taken over: one at a time, from queue to queue. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_int.h"
#include "agent/book_int.h"
#include "agent/offers.h"
#include "agent/run_record.h"
#include "agent/runs.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "ledger/ledger.h"
#include "walrus/pull.h"
#include "walrus/store.h"
#include "workload/workload.h"

#define PORT 8080
#define FETCH_MS 120000 /* a stop of the agent waits for it */
#define REST_MS 60000 /* until what failed is tried again */

struct offers {
	struct agent *agent;
	struct work *queue; /* fetching: beside the others', which it would hold up */
	struct work_job job;
	bool busy;
	uint64_t rests_until_ms;
	bool failed; /* one of them, since the first */
	char after[LEDGER_LABEL_MAX]; /* the last one that was tried; "": the first is next */
	/* the one that is under way */
	char label[LEDGER_LABEL_MAX], text[OFFER_WORK_MAX];
	uint8_t digest[SHA512_LEN];
	struct run_record *record;
	struct err err;
	int r;
	struct told {
		char label[LEDGER_LABEL_MAX];
		struct err why;
	} *told; /* what each that failed was told of last */
	size_t ntold;
};

static void go_on(struct offers *o, struct work *queue, void (*run)(struct work_job *),
		  void (*done)(struct work_job *))
{
	o->job = (struct work_job){ .run = run, .done = done };
	work_add(queue, &o->job);
}

/* Over, one way or the other: the next. */
static void next(struct offers *o)
{
	run_record_free(&o->record); /* not taken over: the agent ends, and it is on disk */
	memcpy(o->after, o->label, sizeof(o->after));
	o->busy = false;
	offers_start(o->agent);
}

/* What was told of it last; NULL: there is no memory. */
static struct told *told_of(struct offers *o)
{
	struct told *more;

	for (size_t i = 0; i < o->ntold; i++)
		if (strcmp(o->told[i].label, o->label) == 0)
			return &o->told[i];
	more = reallocarray(o->told, o->ntold + 1, sizeof(*more));
	if (!more)
		return NULL;
	o->told = more;
	more[o->ntold] = (struct told){};
	memcpy(more[o->ntold].label, o->label, sizeof(o->label));
	return &more[o->ntold++];
}

static void fails(struct offers *o)
{
	struct told *told = told_of(o);

	if (!told || strcmp(told->why.text, o->err.text) != 0)
		log_warn("offers", "a lease's work does not start; tried again", "lease=%s why=%s",
			 o->label, log_quote(o->err.text));
	if (told)
		told->why = o->err;
	o->failed = true;
	next(o);
}

/* ---- Started -------------------------------------------------------------------------------- */

static void note_run(struct work_job *job)
{
	struct offers *o = container_of(job, struct offers, job);
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	char key[OFFER_KEY_SIZE];

	offer_key(o->label, key);
	o->r = ledger_begin(o->agent->ledger, &tx, &o->err);
	if (o->r == 0)
		o->r = ledger_meta_set(&tx, key, OFFER_STARTED, &o->err);
	if (o->r == 0)
		o->r = ledger_commit(&tx, &o->err);
}

static void note_done(struct work_job *job)
{
	struct offers *o = container_of(job, struct offers, job);

	if (o->r < 0) {
		fails(o);
		return;
	}
	log_info("offers", "a lease's work starts", "lease=%s", o->label);
	next(o);
}

/* ---- Made ----------------------------------------------------------------------------------- */

static int make(struct offers *o, const struct offer_work *w, struct err *err)
{
	struct workload_spec spec = {
		.name = o->label,
		.lease = o->label,
		.port = PORT,
		.restart = WORKLOAD_RESTART_ALWAYS,
	};
	struct agent *a = o->agent;
	char code[WORKLOAD_PATH_MAX];
	cleanup(close_fd) int fd = -1;
	struct package package;
	struct sri want = { .len = 1 };
	struct blob blob;
	int r;

	memcpy(want.digest[0], o->digest, SHA512_LEN);
	memcpy(spec.digest, o->digest, SHA512_LEN);
	spec.limits.cpu_millis = (uint32_t)w->cpu_millis;
	spec.limits.memory_bytes = w->memory_bytes;
	r = store_get(a->store, &want, &blob, &fd, err);
	if (r == 0)
		r = workload_unpack(a->cfg->paths.state, o->digest, fd, code, &package, err);
	if (r == 0 && w->entry[0] && strcmp(w->entry, package.entry) != 0)
		r = err_set(err, -EPERM, "the lease names the entry '%.64s', the package has '%s'",
			    w->entry, package.entry);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = err_errno(err, -errno, "the package");
	spec.blob_fd = fd;
	if (r == 0)
		r = hosting_make(a, &spec, &o->record, err);
	return r == -EEXIST ? 0 : r;
}

static void make_run(struct work_job *job)
{
	struct offers *o = container_of(job, struct offers, job);
	cleanup(json_free) struct json *json = NULL;
	struct offer_work w;

	o->r = json_parse(o->text, strlen(o->text), sizeof(o->text), o->label, &json, &o->err);
	if (o->r == 0)
		o->r = offer_read(json, &w, &o->err);
	if (o->r == 0)
		o->r = make(o, &w, &o->err);
}

static void make_done(struct work_job *job)
{
	struct offers *o = container_of(job, struct offers, job);

	if (o->r == 0 && o->record && o->agent->runs)
		o->r = runs_add(o->agent->runs, take_ptr(o->record), &o->err);
	if (o->r < 0)
		fails(o);
	else
		go_on(o, o->agent->books, note_run, note_done);
}

/* ---- Fetched -------------------------------------------------------------------------------- */

static int fetch(struct offers *o, const struct offer_work *w, struct err *err)
{
	const struct config *cfg = o->agent->cfg;
	cleanup(aggregators_fini) struct aggregators from = {};
	cleanup(store_free) struct store *store = NULL;
	struct pull pull = { .blob_id = w->blob_id,
			     .sri = w->sri.len ? &w->sri : NULL,
			     .limits = PULL_LIMITS_DEFAULT };
	struct pull_result result = {};
	int r = aggregators_init(&from, (const char *const *)cfg->walrus.aggregators.v,
				 cfg->walrus.aggregators.n, err);

	pull.limits.max_bytes = cfg->walrus.max_blob_bytes;
	pull.limits.total_ms = FETCH_MS;
	if (r == 0)
		r = store_open(cfg->paths.state, cfg->walrus.max_blob_bytes, &store, err);
	if (r == 0)
		r = pull_blob(store, &from, &pull, &result, err);
	if (r == 0)
		memcpy(o->digest, result.digest, sizeof(o->digest));
	return r;
}

static void fetch_run(struct work_job *job)
{
	struct offers *o = container_of(job, struct offers, job);
	cleanup(json_free) struct json *json = NULL;
	struct offer_work w;

	o->r = json_parse(o->text, strlen(o->text), sizeof(o->text), o->label, &json, &o->err);
	if (o->r == 0)
		o->r = offer_read(json, &w, &o->err);
	if (o->r == 0)
		o->r = fetch(o, &w, &o->err);
}

static void fetch_done(struct work_job *job)
{
	struct offers *o = container_of(job, struct offers, job);

	if (o->r < 0)
		fails(o);
	else if (o->agent->stopping)
		next(o);
	else
		go_on(o, o->agent->hands, make_run, make_done);
}

/* ---- Which one ------------------------------------------------------------------------------ */

/* Is its work noted, and did not start? */
static bool waits(struct offers *o, const struct ledger_lease *row)
{
	char key[OFFER_KEY_SIZE];
	struct lease lease;

	offer_key(row->label, key);
	return strcmp(row->label, o->after) > 0 && book_account(row, &lease, NULL) == 0 &&
	       !lease.closing_ms &&
	       ledger_meta_get(o->agent->ledger, key, o->text, sizeof(o->text), NULL) == 0 &&
	       strcmp(o->text, OFFER_STARTED) != 0;
}

static void pick_run(struct work_job *job)
{
	struct offers *o = container_of(job, struct offers, job);
	cleanup(book_leases_fini) struct book_leases leases = {};

	o->r = book_leases(o->agent->ledger, &leases, &o->err);
	o->label[0] = '\0';
	for (size_t i = 0; o->r == 0 && !o->label[0] && i < leases.n; i++)
		if (waits(o, &leases.row[i]))
			memcpy(o->label, leases.row[i].label, sizeof(o->label));
}

static void pick_done(struct work_job *job)
{
	struct offers *o = container_of(job, struct offers, job);

	if (o->label[0] && !o->agent->stopping) {
		go_on(o, o->queue, fetch_run, fetch_done);
		return;
	}
	o->busy = false;
	o->after[0] = '\0';
	if (o->failed)
		o->rests_until_ms = clock_boot_ns() / 1000000 + REST_MS;
	o->failed = false;
}

void offers_start(struct agent *a)
{
	struct offers *o = a->offers;

	if (!o || o->busy || a->stopping || !a->runs ||
	    clock_boot_ns() / 1000000 < o->rests_until_ms)
		return;
	o->busy = true;
	o->err = (struct err){};
	go_on(o, a->books, pick_run, pick_done);
}

int offers_open(struct agent *a, struct err *err)
{
	int r;

	if (!a->cfg->offers.tenants.n)
		return 0;
	a->offers = calloc(1, sizeof(*a->offers));
	if (!a->offers)
		return err_errno(err, -ENOMEM, "offers");
	a->offers->agent = a;
	r = work_new(&a->loop, &a->offers->queue);
	return r < 0 ? err_errno(err, r, "offers") : 0;
}

void offers_close(struct agent *a)
{
	if (!a->offers)
		return;
	run_record_free(&a->offers->record);
	free(a->offers->told);
	work_free(&a->offers->queue);
	free_ptr(&a->offers);
}
