/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directing: objects -> table of Services -> kernel. Level-triggered: every round compares the whole
 * table with the whole kernel state, so a failed round is made good by the next.
 */
#include <errno.h>
#include <malloc.h>

/* The default, HASH_JEN, falls through case labels in a way clang warns of. */
#define HASH_FUNCTION(key, len, hash) HASH_SAX(key, len, hash)
#include <uthash.h>

#include "agent/agent_int.h"
#include "agent/links.h"
#include "agent/nodeaddr.h"
#include "agent/services.h"
#include "agent/source.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/log.h"
#include "k8s/set.h"
#include "svc/plan.h"
#include "svc/svc.h"
#include "svc/view.h"

#define RETRY_MS 1000

/* A whole round costs what all Services cost. Where that is more than QUICK_MS, changes of endpoints are
 * made at once for their Service alone, and a whole round follows after some times what one takes: a
 * change that comes while one runs has to wait for it, which must be rare where they are long. */
#define QUICK_MS 1
#define REST 10
#define LONG_MS 50
#define REST_LONG 200
#define REST_MIN_MS 20

/* ---- Telling what is not served ------------------------------------------------------------- */

/* What was told of a subject; told again only when it changes. */
struct direct_told {
	UT_hash_handle hh;
	bool there; /* in the objects at hand */
	char *text;
	char key[];
};

static void forget(struct agent *a, struct direct_told *t)
{
	HASH_DEL(a->told, t);
	free(t->text);
	free(t);
}

/* Begins a round: what is not is_news()'s subject until forget_others() is forgotten. */
static void doubt_all(struct agent *a)
{
	for (struct direct_told *t = a->told; t; t = t->hh.next)
		t->there = false;
}

static void forget_others(struct agent *a)
{
	struct direct_told *t, *next;

	HASH_ITER(hh, a->told, t, next) {
		if (!t->there)
			forget(a, t);
	}
}

static struct direct_told *subject(struct agent *a, const char *key)
{
	size_t len = strlen(key);
	struct direct_told *t = NULL;

	HASH_FIND(hh, a->told, key, len, t);
	if (t)
		return t;
	t = calloc(1, sizeof(*t) + len + 1);
	if (!t)
		return NULL;
	memcpy(t->key, key, len);
	HASH_ADD_KEYPTR(hh, a->told, t->key, len, t);
	return t;
}

/* Without memory everything is news. */
static bool is_news(struct agent *a, const char *key, const char *text)
{
	struct direct_told *t = subject(a, key);

	if (!t)
		return true;
	t->there = true;
	if (t->text && !strcmp(t->text, text))
		return false;
	free(t->text);
	t->text = strdup(text);
	return true;
}

static void on_left_out(void *arg, const char *title, size_t n, const struct err *first)
{
	/* a title has a blank or two, so it is no warn_pending()'s key */
	if (is_news(arg, title, first->text))
		log_warn("direct", "left out, so that all else can be served",
			 "of=%s items=%zu first=%s", log_quote(title), n, log_quote(first->text));
}

static void warn_addresses(struct agent *a)
{
	static const char text[] =
		"datapath.nodePortAddresses selects none of the addresses that this node has";

	if (!a->n_port_addrs && is_news(a, "node ports", text))
		log_warn("direct", "no node port is served", "why=%s", log_quote(text));
}

static void warn_pending(struct agent *a, const struct svc_service *s)
{
	char key[2 * (SVC_MAX_TEXT + 1)], text[160] = "";
	const char *fields[SVC_PENDING_MAX];
	size_t n = svc_pending(s, fields);

	for (size_t i = 0, at = 0; i < n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? "," : "",
				       fields[i]);
	snprintf(key, sizeof(key), "%s/%s", s->ns, s->name);
	if (n && is_news(a, key, text))
		log_warn("direct", "fields of a Service that are not applied yet",
			 "service=%s fields=%s", key, text);
}

/* ---- Saving for the command line ------------------------------------------------------------ */

/* On the books' queue, since it syncs to disk. The table is only read, here and there, and is freed
 * by who lets go of it last. One at a time: what changed meanwhile is saved by the next. */
struct direct_save {
	struct work_job job;
	struct agent *agent;
	struct svc_table *table;
	struct err err;
};

static void save(struct agent *a);

static void save_run(struct work_job *job)
{
	struct direct_save *s = container_of(job, struct direct_save, job);
	char path[METER_PATH_MAX];

	if (path_format(path, sizeof(path), "%s/%s", s->agent->cfg->paths.state, SVC_SAVED_NAME))
		err_set(&s->err, -ENAMETOOLONG, "paths.state: too long");
	else
		svc_save(s->table, path, &s->err);
	malloc_trim(0); /* the tree that was printed is many times the table */
}

static void save_done(struct work_job *job)
{
	struct direct_save *s = container_of(job, struct direct_save, job);
	struct agent *a = s->agent;

	if (s->err.code)
		log_error("direct", "the table could not be saved for the command line", "error=%s",
			  log_quote(s->err.text));
	a->saving = NULL;
	if (s->table != a->services) {
		svc_table_free(&s->table);
		save(a);
	}
	free(s);
}

static void save(struct agent *a)
{
	struct direct_save *s;

	if (a->saving)
		return;
	s = calloc(1, sizeof(*s));
	if (!s) {
		log_error("direct", "the table could not be saved for the command line",
			  "error=memory");
		return;
	}
	*s = (struct direct_save){ .job = { .run = save_run, .done = save_done },
				   .agent = a,
				   .table = a->services };
	a->saving = a->services;
	work_add(a->books, &s->job);
}

/* ---- Syncing -------------------------------------------------------------------------------- */

static void sync_now(struct agent *a, uint64_t began_ns);
static void round_make(struct agent *a, const struct kube_set *set);

/* Without it all rounds are whole. */
static void quick_renew(struct agent *a)
{
	uint64_t now_ms = clock_boot_ns() / 1000000;
	struct err err = {};

	if (a->round_ms >= QUICK_MS && !a->rounds.failed_ms &&
	    svc_quick_new(a->dp, a->idle, now_ms, &a->quick, &err) < 0)
		log_warn("direct", "changes wait for whole rounds", "error=%s",
			 log_quote(err.text));
}

/* After quick changes the table at hand is not what the objects say. */
static void on_replan(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	if (uv_is_active((uv_handle_t *)&a->whole)) {
		round_make(a, source_set(a->source));
	} else {
		sync_now(a, clock_boot_ns());
		quick_renew(a);
	}
}

static void on_whole(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	round_make(a, source_set(a->source));
}

static void ended(struct agent *a, uint64_t began_ns, const struct kube_touched *touched)
{
	const struct rounds_now now = rounds_clock();

	rounds_ended(&a->rounds, began_ns, true, &now);
	rounds_measure(&a->rounds, source_set(a->source), touched, &now);
}

static void failed(struct agent *a, uint64_t began_ns)
{
	const struct rounds_now now = rounds_clock();

	rounds_ended(&a->rounds, began_ns, false, &now);
}

static void sync_now(struct agent *a, uint64_t began_ns)
{
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	uint64_t now = clock_boot_ns() / 1000000;
	struct err err = {};

	uv_timer_stop(&a->replan);
	svc_quick_free(&a->quick);
	if (svc_sync(a->dp, a->services, a->idle, now, &plan, &err) < 0) {
		failed(a, began_ns);
		log_error("direct", "the kernel's tables could not be brought up to date",
			  "error=%s", log_quote(err.text));
		uv_timer_start(&a->replan, on_replan, RETRY_MS, 0);
		return;
	}
	ends_after(a, plan);
	ended(a, began_ns, NULL);
	if (plan->full.code)
		log_error("direct", "a table is full", "error=%s", log_quote(plan->full.text));
	if (plan->n_ops)
		log_info("direct", "synced", "services=%zu operations=%zu", a->services->n_services,
			 plan->n_ops);
	if (plan->next_ms)
		uv_timer_start(&a->replan, on_replan, plan->next_ms > now ? plan->next_ms - now : 1,
			       0);
}

static int choose_addresses(const struct agent *a, const struct kube_set *set, struct addr **ret,
			    size_t *ret_n)
{
	const struct config *cfg = a->cfg;
	const struct kube_object *self = kube_set_find(set, KUBE_NODE, "", cfg->node.name);
	const struct nodeaddr_want want = {
		.places = &cfg->datapath.node_port_addresses,
		.own = &cfg->node.addresses,
		.self = self ? &self->node : NULL,
	};
	size_t n_links;
	const struct link_info *links = links_list(a->links, &n_links);

	return nodeaddr_select(&want, links, n_links, ret, ret_n);
}

static struct services_node node_of(const struct agent *a, const struct addr *port_addrs,
				    size_t n_port_addrs)
{
	const struct config *cfg = a->cfg;

	return (struct services_node){
		.name = cfg->node.name,
		.zone = cfg->node.zone,
		.addresses = cfg->node.addresses.v,
		.n_addresses = cfg->node.addresses.n,
		.cluster_cidrs = cfg->meter.cluster_cidrs.v,
		.n_cluster_cidrs = cfg->meter.cluster_cidrs.n,
		.port_addresses = port_addrs,
		.n_port_addresses = n_port_addrs,
		.unready = a->unready,
		.n_unready = a->n_unready,
		.maglev = cfg->datapath.algorithm == CONFIG_ALGORITHM_MAGLEV,
		.dsr = cfg->datapath.mode == CONFIG_MODE_DSR,
		.off = cfg->datapath.mode == CONFIG_MODE_OFF,
	};
}

static int translate(struct agent *a, const struct kube_set *set, const struct addr *port_addrs,
		     size_t n_port_addrs, struct svc_table **ret, struct err *err)
{
	const struct services_node node = node_of(a, port_addrs, n_port_addrs);

	doubt_all(a);
	return services_translate(set, &node, on_left_out, a, ret, err);
}

static void round_make(struct agent *a, const struct kube_set *set)
{
	cleanup(free_ptr) struct addr *addrs = NULL;
	struct svc_table *next = NULL;
	uint64_t began_ns = clock_boot_ns();
	struct err err = {};
	size_t n_addrs = 0;
	int r = choose_addresses(a, set, &addrs, &n_addrs);

	if (r == 0)
		r = keeper_unready(a, set);
	uv_timer_stop(&a->whole);

	r = r < 0 ? err_errno(&err, r, "addresses of node ports") :
		    translate(a, set, addrs, n_addrs, &next, &err);
	if (r < 0) {
		failed(a, began_ns);
		log_error("direct", "objects kept as they were", "error=%s", log_quote(err.text));
		return;
	}
	free(a->port_addrs);
	a->port_addrs = take_ptr(addrs);
	a->n_port_addrs = n_addrs;
	if (a->saving != a->services)
		svc_table_free(&a->services);
	a->services = next;
	warn_addresses(a);
	for (size_t i = 0; i < next->n_services; i++)
		warn_pending(a, next->services[i]);
	forget_others(a);
	sync_now(a, began_ns);
	a->round_ms = (clock_boot_ns() - began_ns) / 1000000;
	quick_renew(a);
	save(a);
	answers_changed(a);
}

static bool has_udp(const struct svc_table *t)
{
	for (size_t i = 0; i < t->n_services; i++)
		for (size_t j = 0; j < t->services[i]->n_ports; j++)
			if (t->services[i]->ports[j]->proto == SVC_UDP)
				return true;
	return false;
}

/* False: it needs a whole round. *ret_udp: one of the Services has a port of UDP. */
static bool quick_change(struct agent *a, const struct kube_set *set,
			 const struct kube_touched *touched, bool *ret_udp)
{
	const struct services_node node = node_of(a, a->port_addrs, a->n_port_addrs);
	uint64_t began_ns = clock_boot_ns();
	int r = a->quick && !touched->more ? keeper_unready(a, set) : -EAGAIN;

	for (size_t i = 0; r == 0 && i < touched->n; i++) {
		cleanup(svc_table_free) struct svc_table *one = NULL;

		r = services_translate_one(set, &node, touched->v[i].namespace, touched->v[i].name,
					   &one, NULL);
		if (r == 0) {
			*ret_udp |= has_udp(one);
			r = svc_quick_change(a->quick, a->services, one, NULL);
		}
	}
	if (r == 0)
		ended(a, began_ns, touched);
	return r == 0;
}

/* Not later than what is planned already. */
static void whole_within(struct agent *a, uint64_t rests)
{
	uint64_t ms = a->round_ms * rests > REST_MIN_MS ? a->round_ms * rests : REST_MIN_MS;

	if (!uv_is_active((uv_handle_t *)&a->whole) || uv_timer_get_due_in(&a->whole) > ms)
		uv_timer_start(&a->whole, on_whole, ms, 0);
}

void direct_changed(struct agent *a, const struct kube_set *set, const struct kube_touched *touched)
{
	const struct rounds_now now = rounds_clock();
	bool soon = a->round_ms < LONG_MS;

	rounds_queued(&a->rounds, set, touched, &now);
	if (!touched || touched->more || (touched->n && !quick_change(a, set, touched, &soon)))
		round_make(a, set);
	else /* what class an address is of can't wait long, nor a socket of UDP to be ended */
		whole_within(a, soon || touched->addrs ? REST : REST_LONG);
}

/* Links of pods come and go all the time: only what node ports are served at is worth a round. */
void direct_links_changed(struct agent *a)
{
	static const struct kube_touched others = { .more = true }; /* no Service's object */
	const struct kube_set *set = source_set(a->source);
	cleanup(free_ptr) struct addr *addrs = NULL;
	size_t n = 0;

	if (choose_addresses(a, set, &addrs, &n) < 0 || n != a->n_port_addrs ||
	    memcmp(addrs, a->port_addrs, n * sizeof(*addrs)) != 0)
		direct_changed(a, set, &others);
}

int direct_open(struct agent *a, struct err *err)
{
	const struct rounds_now now = rounds_clock();
	int r = svc_idle_new(SVC_GRACE_MS, &a->idle);

	if (r < 0)
		return err_errno(err, r, "starting to direct");
	rounds_init(&a->rounds, &now);
	uv_timer_init(&a->loop, &a->replan);
	uv_timer_init(&a->loop, &a->whole);
	a->replan.data = a;
	a->whole.data = a;
	return 0;
}

void direct_close(struct agent *a)
{
	doubt_all(a);
	forget_others(a);
	svc_table_free(&a->services);
	svc_quick_free(&a->quick);
	svc_idle_free(&a->idle);
	rounds_fini(&a->rounds);
	free(a->port_addrs);
}
