/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent says of itself: status, and health, also to load balancers. From memory alone. */
#include <errno.h>

#include "agent/agent_int.h"
#include "agent/health.h"
#include "agent/http.h"
#include "agent/metrics.h"
#include "agent/notices.h"
#include "agent/probes.h"
#include "agent/source_api.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "core/log.h"
#include "k8s/notice.h"
#include "k8s/set.h"
#include "svc/svc.h"

static void set_time(struct json *j, const char *key, uint64_t ms)
{
	char text[TIME_TEXT_MAX];

	if (ms)
		json_set_str(j, key, time_format(ms, text));
	else
		json_set_null(j, key);
}

struct json *answers_status(struct agent *a)
{
	struct json *j = json_new_object();

	json_set_str(j, "node", a->cfg->node.name);
	json_set_u64(j, "pid", (uint64_t)getpid());
	set_time(j, "started", a->started_ms);
	json_set_bool(j, "ready", a->begun);
	json_set_bool(j, "adopted", a->dp && dp_adopted(a->dp));
	source_api_status(a->source, j);
	json_set_u64(j, "services", a->services ? a->services->n_services : 0);
	set_time(j, "synced", a->rounds.synced_ms);
	set_time(j, "sync_failed", a->rounds.failed_ms);
	set_time(j, "window_to", a->last_window.to_ms);
	set_time(j, "window_failed", a->window_failed_ms);
	if (a->window_failed_ms)
		json_set_str(j, "window_error", a->window_error.text);
	json_set_u64(j, "windows_unsaid", a->last_window.unsaid);
	json_set_u64(j, "leases_held", a->last_signed.held);
	if (a->last_signed.why.code)
		json_set_str(j, "held_error", a->last_signed.why.text);
	return j;
}

/* ---- Health, as kube-proxy 1.36 tells it ----------------------------------------------------- */

static bool is_healthy(void *arg)
{
	const struct agent *a = arg;

	return rounds_fresh(&a->rounds, clock_boot_ns());
}

/* A node that goes gets no new connections: load balancers ask /healthz. Where objects come from files
 * there need be no Node at all. */
static bool is_eligible(const struct agent *a)
{
	const struct kube_object *node =
		kube_set_find(source_set(a->source), KUBE_NODE, "", a->cfg->node.name);

	return node ? node->node.eligible : a->cfg->source.kind == CONFIG_SOURCE_FILES;
}

/* Both families are in one table, and so in one state. */
static struct json *health_of_families(const struct agent *a, bool healthy)
{
	struct json *all = json_new_object();

	for (int f = 0; f < ROUNDS_FAMILY_MAX_; f++) {
		struct json *one = json_new_object();

		set_time(one, "lastUpdated", a->rounds.synced_ms ?: a->rounds.started_ms);
		json_set_bool(one, "healthy", healthy);
		json_set(all, rounds_family_name((enum rounds_family)f), one);
	}
	return all;
}

/* lastUpdated is now while all is well: scripts that knew kube-proxy before 1.29 compare it with the
 * clock. */
static unsigned int tell_health(struct agent *a, const bool *eligible,
				uint64_t codes[ANSWERED_MAX_], struct buf *body)
{
	cleanup(json_free) struct json *j = json_new_object();
	uint64_t now = clock_wall_ms();
	bool healthy = is_healthy(a), ok = healthy && (!eligible || *eligible);

	set_time(j, "lastUpdated", ok ? now : a->rounds.synced_ms ?: a->rounds.started_ms);
	set_time(j, "currentTime", now);
	if (eligible)
		json_set_bool(j, "nodeEligible", *eligible);
	json_set_bool(j, "healthy", healthy);
	json_set(j, "status", health_of_families(a, healthy));
	if (json_print(j, false, body))
		return 500;
	codes[ok ? ANSWERED_200 : ANSWERED_503]++;
	return ok ? 200 : 503;
}

static unsigned int healthz(void *ctx, struct buf *body)
{
	struct agent *a = ctx;
	bool eligible = is_eligible(a);

	return tell_health(a, &eligible, a->healthz_answers, body);
}

static unsigned int livez(void *ctx, struct buf *body)
{
	struct agent *a = ctx;

	return tell_health(a, NULL, a->livez_answers, body);
}

static const struct http_header no_sniffing[] = { { "X-Content-Type-Options", "nosniff" }, {} };

static const struct http_route health_routes[] = {
	{ "/healthz", "application/json", healthz, no_sniffing },
	{ "/livez", "application/json", livez, no_sniffing },
};

/* kube-proxy has the same Event. */
static void probe_failed(void *arg, const char *ns, const char *name, const struct err *err)
{
	struct agent *a = arg;
	const struct kube_object *service =
		ns ? kube_set_find(source_set(a->source), KUBE_SERVICE, ns, name) : NULL;

	log_error("health", "load balancers can't ask", "error=%s", log_quote(err->text));
	if (service)
		notices_tell(a->notices,
			     &(struct kube_notice){ .kind = "Service",
						    .namespace = ns,
						    .name = name,
						    .uid = service->meta.uid,
						    .reason = "FailedToStartServiceHealthcheck",
						    .message = err->text,
						    .warning = true });
}

static const struct probes_ops probes_ops = { .healthy = is_healthy, .failed = probe_failed };

void answers_changed(struct agent *a)
{
	static const struct addr any = {};
	bool all = a->cfg->datapath.node_port_addresses.n == 0;
	cleanup(free_ptr) struct health_port *ports = NULL;
	size_t n = 0;
	int r = health_ports(a->services, &ports, &n);

	if (r == 0)
		r = probes_sync(a->probes, ports, n, all ? &any : a->services->node_addrs,
				all ? 1 : a->services->n_node_addrs);
	if (r < 0)
		log_error("health", "health check ports kept as they were", "error=%s",
			  strerror(-r));
}

/* ---- Serving -------------------------------------------------------------------------------- */

/* What kube-proxy has beside its metrics. */
static unsigned int ping(void *ctx, struct buf *body)
{
	(void)ctx;
	buf_puts(body, "ok");
	return 200;
}

static unsigned int proxy_mode(void *ctx, struct buf *body)
{
	(void)ctx;
	buf_puts(body, "weir");
	return 200;
}

static const struct http_route metrics_routes[] = {
	{ "/metrics", METRICS_CONTENT_TYPE, scrape, NULL },
	{ "/healthz", "text/plain; charset=utf-8", ping, no_sniffing },
	{ "/proxyMode", "text/plain; charset=utf-8", proxy_mode, no_sniffing },
};

static int serve(struct agent *a, const struct option_listen *listen, const char *key,
		 const struct http_route *routes, size_t n, struct http_server **ret,
		 struct err *err)
{
	const struct http_options opt = {
		.loop = &a->loop,
		.listen = listen,
		.key = key,
		.routes = routes,
		.n_routes = n,
		.ctx = a,
	};

	return listen->on ? http_server_start(&opt, ret, err) : 0;
}

int answers_open(struct agent *a, struct err *err)
{
	int r = probes_new(&a->loop, &probes_ops, a, &a->probes);

	if (r < 0)
		return err_errno(err, r, "health check ports");
	r = serve(a, &a->cfg->listen.healthz, "listen.healthz", health_routes,
		  ARRAY_LEN(health_routes), &a->health, err);
	return r < 0 ? r :
		       serve(a, &a->cfg->listen.metrics, "listen.metrics", metrics_routes,
			     ARRAY_LEN(metrics_routes), &a->metrics, err);
}

void answers_close(struct agent *a)
{
	probes_stop(&a->probes);
	http_server_stop(&a->health);
	http_server_stop(&a->metrics);
}
