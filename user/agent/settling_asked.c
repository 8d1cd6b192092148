/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask of settling: another try, taking a co-signature, and taking over a lease from the chain. */
#include <errno.h>
#include <inttypes.h>

#include "agent/ctl.h"
#include "agent/settle_cosign.h"
#include "agent/settle_lease.h"
#include "agent/settle_said.h"
#include "agent/settling_int.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/json.h"

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
	struct asked *q = a->settling ? calloc(1, sizeof(*q)) : NULL;
	struct err err = {};

	if (!a->settling)
		err_set(&err, -EINVAL,
			"chain.kind is local: the ledger settles itself; what failed is paid with "
			"the lease's next receipt, and needs no co-signature");
	else if (!q)
		err_errno(&err, -ENOMEM, "settling");
	if (!q) {
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
static void answer_done(struct work_job *job)
{
	struct asked *q = container_of(job, struct asked, job);

	if (q->r < 0)
		ctl_reply_error(q->reply, &q->err);
	else
		ctl_reply_ok(q->reply, q->result);
	if (q->r == 0)
		settling_begin(q->settling);
	json_free(&q->args);
	free(q);
}

void settling_retry(void *agent, const struct json *args, struct ctl_reply *reply)
{
	asked_add(agent, retry_run, answer_done, args, reply);
}

static void accept_run(struct work_job *job)
{
	struct asked *q = container_of(job, struct asked, job);
	const char *text = json_str(q->args, "cosignature", "");
	struct settle_cosigned accepted = {};
	struct cosign c = {};

	q->r = cosign_parse(text, strlen(text), &c, &q->err);
	if (q->r == 0)
		q->r = settle_accept(&q->settling->settle, &c, &accepted, &q->err);
	if (q->r < 0)
		return;
	q->result = json_new_object();
	json_set_str(q->result, "lease", accepted.lease);
	json_set_u64(q->result, "seq", accepted.seq);
	json_set_u64_text(q->result, "total_due", c.fields.total_due);
}

void settling_accept(void *agent, const struct json *args, struct ctl_reply *reply)
{
	asked_add(agent, accept_run, answer_done, args, reply);
}

/* ---- Taking over a lease -------------------------------------------------------------------- */

int settling_check_key(struct settling *s, struct err *err)
{
	cleanup(sui_object_fini) struct sui_object provider = {};
	int r = settling_get_object(s, s->settle.provider.id, &provider, err);

	if (r == 0)
		r = settle_check_key(provider.json, key_public(s->agent->key), err);
	return r < 0 ? err_wrap(err, "chain.provider") : 0;
}

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
	q->r = settling_check_key(q->settling, &q->err);
	if (q->r == 0)
		q->r = settling_get_object(q->settling, id, &object, &q->err);
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
