/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "k8s/api.h"
#include "k8s/informer.h"
#include "k8s/kubeconfig.h"
#include "k8s/servers.h"
#include "k8s/set.h"

#define QUIET_MS 20000
#define ANSWER_MS 10000
#define LOOK_MS 1000 /* between two looks whether all is well again */

/* What kube-proxy leaves out by its selectors, as labels; what it leaves out by type is left out later. */
#define PROXIED                                                                      \
	"labelSelector=%21service.kubernetes.io%2Fheadless%2C%21service.kubernetes." \
	"io%2Fservice-proxy-name"

enum part { SERVICES, SLICES, NODE, PODS, CIDRS, PART_MAX_ };

/* One kind: what is asked, and the request under way. */
struct mirror_part {
	struct kube_mirror *mirror;
	struct kube_resource resource;
	struct kube_informer *informer;
	struct kube_call *call;
};

struct kube_mirror {
	struct kube_mirror_options opt;
	struct kube_set *set;
	struct mirror_part parts[PART_MAX_];
	char *own_node, *own_pods; /* selectors; NULL: all */
	struct kube_touched touched;
	bool told; /* all of it, once */
	bool away;
	bool reached; /* a server answered, in this turn */
	struct err why, last_why; /* the first failure since all was in step, and the newest */

	struct kube_call *question; /* to a server that is quiet */
	uint64_t heard_ms; /* from whom it doesn't matter: one server is asked at a time */
};

static uint64_t monotonic_ms(void)
{
	return clock_boot_ns() / 1000000;
}

static uint64_t now(const struct kube_mirror *m)
{
	return m->opt.now_ms();
}

/* ---- Requests --------------------------------------------------------------------------------- */

static void on_changed(void *arg, const struct kube_object *was, const struct kube_object *is)
{
	struct mirror_part *p = arg;

	kube_touched_add(&p->mirror->touched, was, is);
}

static void on_malformed(void *arg, const struct err *err)
{
	const struct mirror_part *p = arg;

	p->mirror->opt.ops->malformed(p->mirror->opt.arg, err);
}

static const struct kube_informer_ops informer_ops = {
	.changed = on_changed,
	.malformed = on_malformed,
};

static int on_head(void *arg, unsigned int status)
{
	struct mirror_part *p = arg;

	p->mirror->heard_ms = now(p->mirror);
	kube_informer_head(p->informer, status, p->mirror->heard_ms);
	p->mirror->reached = true;
	return 0;
}

static int on_body(void *arg, const void *data, size_t len)
{
	struct mirror_part *p = arg;

	p->mirror->heard_ms = now(p->mirror);
	return kube_informer_feed(p->informer, data, len, p->mirror->heard_ms);
}

static void note_failure(struct kube_mirror *m, const struct mirror_part *p, const struct err *why)
{
	const struct err *own = kube_informer_error(p->informer);

	if (!kube_informer_failures(p->informer))
		return;
	m->last_why = own->code ? *own : *why;
	if (!m->why.code)
		m->why = m->last_why;
}

static void end(struct mirror_part *p, int code, unsigned int status, uint32_t retry_after_s,
		const struct err *why)
{
	const struct kube_informer_end how = { code, status, retry_after_s };

	kube_informer_end(p->informer, &how, now(p->mirror));
	if (code < 0)
		note_failure(p->mirror, p, why);
}

static void on_done(void *arg, const struct kube_reply *reply)
{
	struct mirror_part *p = arg;

	p->call = NULL;
	end(p, reply->code, reply->status, reply->retry_after_s, reply->err);
}

static void begin(struct mirror_part *p)
{
	cleanup(buf_fini) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	struct kube_request req = {
		.total_ms = UINT32_MAX,
		.max_body = SIZE_MAX,
		.head = on_head,
		.body = on_body,
		.done = on_done,
		.arg = p,
	};
	struct err err = {};
	int r = kube_informer_begin(p->informer, now(p->mirror), &path);

	if (r < 0) {
		err_errno(&err, r, "%s", p->resource.path);
	} else {
		req.path = path.data;
		r = kube_api_call(p->mirror->opt.api, &req, &p->call, &err);
	}
	if (r < 0)
		end(p, r, 0, 0, &err);
}

static void give_up(struct mirror_part *p)
{
	struct err err = {};

	kube_api_cancel(&p->call);
	err_set(&err, -ETIMEDOUT, "%s: no answer in time", p->resource.path);
	end(p, -ETIMEDOUT, kube_informer_answered(p->informer) ? 200 : 0, 0, &err);
}

/* ---- A server that says nothing --------------------------------------------------------------- */

static void on_version(void *arg, const struct kube_reply *reply)
{
	struct kube_mirror *m = arg;

	m->question = NULL;
	m->heard_ms = now(m);
	if (reply->status == 0)
		kube_api_lost(m->opt.api, reply->server);
}

/* Everybody may read /version, and it costs the server nothing. */
static void ask_if_quiet(struct kube_mirror *m)
{
	const struct kube_request req = {
		.path = "/version", .total_ms = ANSWER_MS, .done = on_version, .arg = m
	};

	if (m->question || now(m) < m->heard_ms + QUIET_MS)
		return;
	m->heard_ms = now(m);
	kube_api_call(m->opt.api, &req, &m->question, NULL);
}

/* ---- Where the servers are --------------------------------------------------------------------- */

static uint16_t port_of(const struct kube_slice *slice)
{
	for (size_t i = 0; i < slice->n_ports; i++)
		if (!strcmp(slice->ports[i].name, "https"))
			return slice->ports[i].port;
	return slice->n_ports ? slice->ports[0].port : 0;
}

struct urls {
	char text[KUBE_SERVERS_MAX][ADDR_TEXT_MAX + 32];
	const char *at[KUBE_SERVERS_MAX];
	size_t n;
};

static void add_urls(struct urls *u, const struct kube_slice *slice)
{
	uint16_t port = port_of(slice);

	for (size_t i = 0; port && i < slice->n_endpoints && u->n < KUBE_SERVERS_MAX; i++) {
		const struct addr *addr = &slice->endpoints[i].addr;
		bool v4 = addr_is_v4(addr);
		char host[ADDR_TEXT_MAX];

		if (!slice->endpoints[i].ready)
			continue;
		snprintf(u->text[u->n], sizeof(u->text[0]), "https://%s%s%s:%u", v4 ? "" : "[",
			 addr_format(addr, host), v4 ? "" : "]", port);
		u->at[u->n] = u->text[u->n];
		u->n++;
	}
}

static void learn_servers(struct kube_mirror *m)
{
	const struct kube_object *service =
		kube_set_find(m->set, KUBE_SERVICE, "default", "kubernetes");
	const struct kube_object *const *slices;
	struct urls urls = {};
	size_t n;

	slices = kube_set_slices_of(m->set, "default", "kubernetes", &n);
	for (size_t i = 0; i < n; i++)
		add_urls(&urls, &slices[i]->slice);
	kube_api_learn(m->opt.api, urls.at, urls.n, NULL);
	for (size_t i = 0; service && i < service->service.n_cluster_ips; i++)
		kube_api_shun(m->opt.api, &service->service.cluster_ips[i]);
}

static bool touches_servers(const struct kube_touched *t)
{
	bool touches = t->more;

	for (size_t i = 0; !touches && i < t->n; i++)
		touches = !strcmp(t->v[i].namespace, "default") &&
			  !strcmp(t->v[i].name, "kubernetes");
	return touches;
}

/* ---- Turns ------------------------------------------------------------------------------------- */

bool kube_mirror_synced(const struct kube_mirror *m)
{
	bool synced = true;

	for (int i = 0; i < PART_MAX_; i++)
		synced = synced && kube_informer_synced(m->parts[i].informer);
	return synced;
}

static void tell_changes(struct kube_mirror *m)
{
	struct kube_touched touched = m->touched;
	bool first = !m->told;

	if (!kube_mirror_synced(m) || (!first && !kube_touched_any(&touched)))
		return;
	m->touched = (struct kube_touched){};
	m->told = true;
	if (first || touches_servers(&touched))
		learn_servers(m);
	m->opt.ops->changed(m->opt.arg, m->set, first ? NULL : &touched);
}

/* Away when a second attempt has failed as well; in the beginning, the first. */
static void tell_state(struct kube_mirror *m)
{
	unsigned int most = 0, enough = m->told ? 2 : 1;
	bool in_step = true, was = m->away;

	for (int i = 0; i < PART_MAX_; i++) {
		const struct kube_informer *inf = m->parts[i].informer;
		unsigned int failures = kube_informer_failures(inf);

		most = failures > most ? failures : most;
		in_step = in_step && kube_informer_in_step(inf, now(m));
	}
	m->away = m->away ? !in_step : most >= enough && !in_step;
	if (m->away != was)
		m->opt.ops->state(m->opt.arg, m->away ? &m->why : NULL);
	if (in_step)
		m->why = (struct err){};
}

/* Where one was answered, the others need not wait. */
static void hurry_unreached(struct kube_mirror *m)
{
	for (int i = 0; m->reached && i < PART_MAX_; i++)
		if (kube_informer_unreached(m->parts[i].informer))
			kube_informer_hurry(m->parts[i].informer, now(m));
	m->reached = false;
}

void kube_mirror_turn(struct kube_mirror *m)
{
	hurry_unreached(m);
	for (int i = 0; i < PART_MAX_; i++) {
		struct mirror_part *p = &m->parts[i];

		if (kube_informer_is_open(p->informer) && kube_informer_due(p->informer) <= now(m))
			give_up(p);
		if (!kube_informer_is_open(p->informer) && kube_informer_due(p->informer) <= now(m))
			begin(p);
	}
	ask_if_quiet(m);
	tell_state(m);
	tell_changes(m);
}

uint64_t kube_mirror_due(const struct kube_mirror *m)
{
	uint64_t t = now(m), look = t + LOOK_MS, at = m->heard_ms + QUIET_MS;

	if (m->away && look < at)
		at = look;
	for (int i = 0; i < PART_MAX_; i++) {
		uint64_t due = kube_informer_due(m->parts[i].informer);

		at = due < at ? due : at;
	}
	return at > t ? at - t : 0;
}

const struct err *kube_mirror_why(const struct kube_mirror *m)
{
	return m->away ? &m->last_why : NULL;
}

const struct kube_set *kube_mirror_set(const struct kube_mirror *m)
{
	return m->set;
}

void kube_mirror_hurry(struct kube_mirror *m)
{
	for (int i = 0; i < PART_MAX_; i++)
		kube_informer_hurry(m->parts[i].informer, now(m));
}

/* ---- Making ------------------------------------------------------------------------------------ */

static int selector(const char *field, const char *value, char **ret)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(KUBE_PATH_MAX / 2);

	buf_printf(&text, "fieldSelector=%s%%3D", field);
	int r = kube_path_escape(&text, value);
	if (r == 0)
		r = buf_error(&text);
	if (r == 0 && !(*ret = buf_take(&text)))
		r = -ENOMEM;
	return r;
}

static int parts_new(struct kube_mirror *m)
{
	const struct kube_resource resources[] = {
		[SERVICES] = { KUBE_SERVICE, "/api/v1/services", PROXIED, false },
		[SLICES] = { KUBE_SLICE, "/apis/discovery.k8s.io/v1/endpointslices", PROXIED,
			     false },
		[NODE] = { KUBE_NODE, "/api/v1/nodes", m->opt.all_nodes ? NULL : m->own_node,
			   false },
		[PODS] = { KUBE_POD, "/api/v1/pods", m->own_pods, false },
		/* from Kubernetes 1.33 on */
		[CIDRS] = { KUBE_CIDR, "/apis/networking.k8s.io/v1/servicecidrs", NULL, true },
	};
	int r = 0;

	_Static_assert(ARRAY_LEN(resources) == PART_MAX_, "one for each");
	for (int i = 0; r == 0 && i < PART_MAX_; i++) {
		struct mirror_part *p = &m->parts[i];

		p->mirror = m;
		p->resource = resources[i];
		r = kube_informer_new(&p->resource, m->set, &informer_ops, p, &p->informer);
	}
	return r;
}

int kube_mirror_new(const struct kube_mirror_options *opt, struct kube_mirror **ret,
		    struct err *err)
{
	cleanup(kube_mirror_free) struct kube_mirror *m = calloc(1, sizeof(*m));
	int r = m ? 0 : -ENOMEM;

	if (r == 0) {
		m->opt = *opt;
		m->opt.node = NULL;
		m->opt.now_ms = opt->now_ms ? opt->now_ms : monotonic_ms;
		m->heard_ms = now(m);
		r = kube_set_new(&m->set);
	}
	if (r == 0)
		r = opt->all_nodes ? 0 : selector("metadata.name", opt->node, &m->own_node);
	if (r == 0)
		r = selector("spec.nodeName", opt->node, &m->own_pods);
	if (r == 0)
		r = parts_new(m);
	if (r < 0)
		return err_errno(err, r, "objects of the API server");
	*ret = take_ptr(m);
	return 0;
}

void kube_mirror_free(struct kube_mirror **mirror)
{
	struct kube_mirror *m = take_ptr(*mirror);

	if (!m)
		return;
	kube_api_cancel(&m->question);
	for (int i = 0; i < PART_MAX_; i++) {
		kube_api_cancel(&m->parts[i].call);
		kube_informer_free(&m->parts[i].informer);
	}
	kube_set_free(&m->set);
	free(m->own_node);
	free(m->own_pods);
	free(m);
}
