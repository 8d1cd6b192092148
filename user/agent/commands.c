/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket can ask for. */
#include "agent/commands.h"

#include <errno.h>

#include "agent/agent_int.h"
#include "agent/ctl.h"
#include "agent/settling.h"
#include "agent/source.h"
#include "core/cleanup.h"
#include "core/json.h"

int arg_text(const struct json *args, const char *name, const char **ret, struct err *err)
{
	const char *text = json_str(args, name, NULL);

	if (!text || !text[0])
		return err_set(err, -EINVAL, "%s: missing", name);
	*ret = text;
	return 0;
}

int arg_u64(const struct json *args, const char *name, uint64_t max, uint64_t *ret, struct err *err)
{
	uint64_t v = *ret;
	int r = json_u64(args, name, &v);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || v > max)
		return err_set(err, -EINVAL, "%s: want a whole number up to %" PRIu64, name, max);
	*ret = v;
	return 0;
}

/* ---- The agent itself ----------------------------------------------------------------------- */

static void cmd_status(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	(void)args;
	ctl_reply_ok(reply, answers_status(ctx));
}

static void cmd_reload(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	struct agent *a = ctx;

	(void)args;
	source_reload(a->source);
	ctl_reply_ok(reply, NULL);
}

static void cmd_stop(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	(void)args;
	ctl_reply_ok(reply, NULL);
	agent_stop(ctx);
}

/* ---- Leases: each begins with a closed window, so that times and amounts meet --------------- */

static int prices_of(const struct json *args, struct prices *ret, struct err *err)
{
	const struct json *j = json_get(args, "prices");
	static const struct {
		const char *name;
		int class;
	} traffic[] = {
		{ "gibExternal", USAGE_EXTERNAL },
		{ "gibCluster", USAGE_CLUSTER },
		{ "gibLocal", USAGE_LOCAL },
	};
	struct prices p = {};
	int r;

	r = arg_u64(j, "coreSecond", UINT64_MAX, &p.core_s, err);
	if (!r)
		r = arg_u64(j, "gibSecond", UINT64_MAX, &p.gib_s, err);
	for (size_t i = 0; !r && i < ARRAY_LEN(traffic); i++) {
		r = arg_u64(j, traffic[i].name, UINT64_MAX, &p.tx_gib[traffic[i].class], err);
		p.rx_gib[traffic[i].class] = p.tx_gib[traffic[i].class];
	}
	if (!r)
		r = arg_u64(args, "rateCap", UINT64_MAX, &p.cap_s, err);
	if (!r)
		*ret = p;
	return r;
}

static int then_open(struct book *b, uint64_t at_ms, const struct json *args, struct json **ret,
		     struct err *err)
{
	struct book_lease l = {};
	int r = arg_text(args, "label", &l.label, err);

	if (!r)
		r = arg_text(args, "tenant", &l.tenant, err);
	if (!r)
		r = arg_u64(args, "deposit", UINT64_MAX, &l.deposit, err);
	if (!r)
		r = prices_of(args, &l.prices, err);
	return r < 0 ? r : book_lease_open(b, &l, at_ms, ret, err);
}

static int then_top_up(struct book *b, uint64_t at_ms, const struct json *args, struct json **ret,
		       struct err *err)
{
	const char *label = NULL;
	uint64_t amount = 0;
	int r = arg_text(args, "label", &label, err);

	(void)at_ms;
	if (!r)
		r = arg_u64(args, "amount", UINT64_MAX, &amount, err);
	return r < 0 ? r : book_lease_top_up(b, label, amount, ret, err);
}

static int then_close(struct book *b, uint64_t at_ms, const struct json *args, struct json **ret,
		      struct err *err)
{
	const char *label = NULL;
	int r = arg_text(args, "label", &label, err);

	return r < 0 ? r : book_lease_close(b, label, at_ms, ret, err);
}

/* Where the tenant's money is says who may do this to a lease. */
static void change_local(struct agent *a, measure_then then, const struct json *args,
			 struct ctl_reply *reply)
{
	struct err err = {};

	if (!a->settling) {
		measure_window(a, then, args, reply);
		return;
	}
	err_set(&err, -EPERM,
		"lease: chain.kind is sui, where the tenant does this; 'weir lease open LABEL "
		"--object ID' takes over a lease that was opened there");
	ctl_reply_error(reply, &err);
}

static void cmd_lease_open(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	struct agent *a = ctx;
	struct err err = {};

	if (!json_get(args, "object")) {
		change_local(a, then_open, args, reply);
	} else if (a->settling) {
		settling_adopt(a, args, reply);
	} else {
		err_set(&err, -EINVAL, "lease: --object needs chain.kind sui");
		ctl_reply_error(reply, &err);
	}
}

static void cmd_lease_top_up(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	change_local(ctx, then_top_up, args, reply);
}

static void cmd_lease_close(void *ctx, const struct json *args, struct ctl_reply *reply)
{
	change_local(ctx, then_close, args, reply);
}

/* ---- The table ------------------------------------------------------------------------------ */

static const struct ctl_handler handlers[] = {
	{ "agent.status", cmd_status },
	{ "agent.reload", cmd_reload },
	{ "agent.stop", cmd_stop },
	{ "lease.open", cmd_lease_open },
	{ "lease.top-up", cmd_lease_top_up },
	{ "lease.close", cmd_lease_close },
	{ "settlement.retry", settling_retry },
	{ "receipt.accept", settling_accept },
	{ "workload.run", cmd_workload_run },
	{ "workload.stop", cmd_workload_stop },
	{ "workload.remove", cmd_workload_remove },
};

int commands_open(struct agent *a, struct err *err)
{
	const struct ctl_options opt = {
		.loop = &a->loop,
		.run_dir = a->cfg->paths.run,
		.handlers = handlers,
		.n_handlers = ARRAY_LEN(handlers),
		.ctx = a,
	};

	return ctl_start(&opt, &a->ctl, err);
}
