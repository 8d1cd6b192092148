/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "cli/flows.h"
#include "cli/members.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"
#include "dp/dp.h"
#include "svc/svc.h"
#include "svc/want.h"

#define SHOWN_MAX WEIR_MAX_CONNS /* some 400 MiB as JSON */

/* ---- Whose a frontend is --------------------------------------------------------------------- */

struct owner {
	uint32_t id; /* of the frontend */
	const struct svc_service *service; /* borrowed from the table */
};

struct owners {
	struct owner *at; /* in order of id */
	size_t n;
};

static int by_id(const void *a, const void *b)
{
	uint32_t x = ((const struct owner *)a)->id, y = ((const struct owner *)b)->id;

	return (x > y) - (x < y);
}

/* A flow knows the id of its frontend; the kernel what has that id now; the table whose that is. */
static int owners_find(struct dp *dp, const struct svc_table *table, struct owners *ret,
		       struct err *err)
{
	cleanup(free_ptr) struct dp_frontend *frontends = NULL;
	cleanup(svc_want_fini) struct svc_want want = {};
	size_t n;
	int rc = dp_frontends(dp, &frontends, &n, err);

	if (rc < 0)
		return rc;
	rc = svc_want_init(&want, table);
	if (rc < 0)
		return err_errno(err, rc, "finding the Services of flows");
	ret->at = calloc(n + 1, sizeof(*ret->at));
	if (!ret->at)
		return err_errno(err, -ENOMEM, "finding the Services of flows");
	for (size_t i = 0; i < n; i++) {
		const struct svc_want_frontend *f;
		struct weir_vip vip = frontends[i].vip;

		vip.scope = WEIR_SCOPE_ALL;
		f = bsearch(&vip, want.frontends, want.n_frontends, sizeof(*f), svc_vip_cmp);
		if (f)
			ret->at[ret->n++] = (struct owner){ frontends[i].svc.id, f->service };
	}
	qsort(ret->at, ret->n, sizeof(*ret->at), by_id);
	return 0;
}

static const struct svc_service *owner_of(const struct owners *o, uint32_t id)
{
	const struct owner key = { .id = id };
	const struct owner *at = o->n ? bsearch(&key, o->at, o->n, sizeof(*at), by_id) : NULL;

	return at ? at->service : NULL;
}

/* ---- Showing --------------------------------------------------------------------------------- */

struct flow_view {
	struct dp *dp;
	struct svc_table *table; /* NULL: there is none */
	struct owners owners;
	struct dp_backend *backends;
	size_t n_backends;
	const struct svc_service *only; /* NULL: all */
};

static void view_fini(struct flow_view *s)
{
	free(s->backends);
	free(s->owners.at);
	svc_table_free(&s->table);
	dp_close(&s->dp);
}

static struct json *flow_json(const struct flow_view *s, const struct flow *f)
{
	const struct svc_service *service = owner_of(&s->owners, f->svc);
	struct json *o = json_new_object();

	json_set_str(o, "path", f->cookie ? "socket" : "packet");
	member_protocol(o, "protocol", f->from.proto);
	member_endpoint(o, "client", &f->from.src, f->from.sport);
	member_address(o, "vip", &f->from.dst);
	json_set_u64(o, "vipPort", ntohs(f->from.dport));
	member_address(o, "backend", &f->to.dst);
	json_set_u64(o, "backendPort", ntohs(f->to.dport));
	if (flow_is_masked(f))
		member_endpoint(o, "source", &f->to.src, f->to.sport);
	else
		json_set_null(o, "source");
	if (f->away)
		member_address(o, "node", &f->node);
	else
		json_set_null(o, "node");
	member_name(o, "service", service ? service->ns : "", service ? service->name : "");
	json_set_str(o, "state", f->state);
	json_set_bool(o, "draining", flow_is_draining(f, s->backends, s->n_backends));
	json_set_u64(o, "ageSeconds", f->age_s);
	if (f->cookie)
		json_set_null(o, "idleSeconds");
	else
		json_set_u64(o, "idleSeconds", f->idle_s);
	member_number(o, "cgroup_id", f->cgroup);
	return o;
}

static int show_flows(const struct flow_view *s, struct json *list, struct err *err)
{
	cleanup(free_ptr) struct flow *flows = NULL;
	size_t n, shown = 0;
	int rc = flows_read(s->dp, clock_boot_ns(), &flows, &n, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (s->only && owner_of(&s->owners, flows[i].svc) != s->only)
			continue;
		if (shown++ == SHOWN_MAX)
			return err_set(err, -E2BIG, "over %d flows; name one Service: NS/NAME",
				       SHOWN_MAX);
		json_add(list, flow_json(s, &flows[i]));
	}
	return 0;
}

/* Without the table flows have no names; to look for one's it must be there. */
static int view_init(struct cli *cli, struct flow_view *s, struct err *err)
{
	const char *which;
	int rc = node_service_word(cli, &which, err);

	if (rc == 0)
		rc = node_dp(cli, &s->dp, err);
	if (rc == 0)
		rc = dp_backends(s->dp, &s->backends, &s->n_backends, err);
	if (rc < 0)
		return rc;
	rc = node_services(cli, &s->table, err);
	if (rc == -ENOENT && !which) {
		*err = (struct err){};
		return 0;
	}
	if (rc == 0 && which)
		rc = node_service(s->table, which, &s->only, err);
	return rc < 0 ? rc : owners_find(s->dp, s->table, &s->owners, err);
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(view_fini) struct flow_view s = {};
	cleanup(json_free) struct json *list = json_new_array();
	int rc = list ? view_init(cli, &s, err) : -ENOMEM;

	if (rc == 0)
		rc = show_flows(&s, list, err);
	if (rc == 0)
		*ret = take_ptr(list);
	return rc;
}

static const struct column columns[] = {
	{ "PATH", "path", FORM_TEXT },
	{ "PROTOCOL", "protocol", FORM_TEXT },
	{ "CLIENT", "client", FORM_TEXT },
	{ "VIP", "vip", FORM_TEXT },
	{ "PORT", "vipPort", FORM_NUMBER },
	{ "BACKEND", "backend", FORM_TEXT },
	{ "PORT", "backendPort", FORM_NUMBER },
	{ "SOURCE", "source", FORM_TEXT },
	{ "NODE", "node", FORM_TEXT },
	{ "SERVICE", "service", FORM_TEXT },
	{ "STATE", "state", FORM_TEXT },
	{ "DRAINING", "draining", FORM_TEXT },
	{ "AGE(s)", "ageSeconds", FORM_NUMBER },
	{ "IDLE(s)", "idleSeconds", FORM_NUMBER },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.args = "[NS/NAME]",
		.help = "connections that are sent to a backend now, of all Services or of one",
		.more = "A flow of path packet is one that the node translates on its way; source is "
			"what the backend takes for the client, where that is not the client itself; node is the one "
			"that its packets are sent on to and that answers (datapath.mode: dsr), where they "
			"are listed once more. One of "
			"path socket was translated once, when a process of this node dialled; its packets go "
			"to the backend by themselves, so nobody knows when it was last used. Draining is a "
			"flow whose backend serves no more. The Service is not told when its frontend is gone. "
			"Unconnected UDP sockets are not listed: each of their datagrams is sent anew. Sockets "
			"are found by the processes that hold them, as far as they are seen from here: ask from "
			"the node's PID namespace.",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_show,
	},
	{},
};

const struct cli_object cli_object_flow = {
	.name = "flow",
	.summary = "connections to Services, and where they go",
	.commands = commands,
};
