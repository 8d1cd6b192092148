/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent says of itself: status, health, also to load balancers, metrics. From memory and
 * mapped tables alone. */
#include <errno.h>

#include "agent/agent_int.h"
#include "agent/health.h"
#include "agent/http.h"
#include "agent/metrics.h"
#include "agent/probes.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "core/log.h"
#include "meter/podtab.h"
#include "meter/reading.h"
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
	json_set_bool(j, "adopted", dp_adopted(a->dp));
	json_set_u64(j, "services", a->services ? a->services->n_services : 0);
	set_time(j, "synced", a->synced_ms);
	set_time(j, "sync_failed", a->sync_failed_ms);
	set_time(j, "window_to", a->last_window.to_ms);
	set_time(j, "window_failed", a->window_failed_ms);
	if (a->window_failed_ms)
		json_set_str(j, "window_error", a->window_error.text);
	return j;
}

/* ---- Health, in the form of kube-proxy's ---------------------------------------------------- */

static bool is_healthy(void *arg)
{
	const struct agent *a = arg;

	return a->synced_ms && !a->sync_failed_ms;
}

static unsigned int health(void *ctx, struct buf *body)
{
	struct agent *a = ctx;
	cleanup(json_free) struct json *j = json_new_object();
	bool healthy = is_healthy(a);

	set_time(j, "lastUpdated", a->synced_ms);
	set_time(j, "currentTime", clock_wall_ms());
	json_set_bool(j, "healthy", healthy);
	if (json_print(j, false, body) || buf_puts(body, "\n"))
		return 500;
	return healthy ? 200 : 503;
}

static const struct http_route health_routes[] = {
	{ "/healthz", "application/json", health, NULL },
	{ "/livez", "application/json", health, NULL },
};

static void probe_failed(void *arg, const struct err *err)
{
	(void)arg;
	log_error("health", "load balancers can't ask", "error=%s", log_quote(err->text));
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

/* ---- Metrics -------------------------------------------------------------------------------- */

enum { M_EVENTS, M_SERVICES, M_SYNCED, M_WINDOW, M_CPU, M_MEMORY, M_RX, M_TX, M_MAX_ };

static const char *const by_reason[] = { "reason", NULL };
static const char *const by_pod[] = { "namespace", "pod", NULL };
static const char *const by_class[] = { "namespace", "pod", "class", NULL };

static const struct metric table[] = {
	[M_EVENTS] = { "weir_datapath_events_total", METRIC_COUNTER,
		       "What the BPF programs did, by reason.", by_reason },
	[M_SERVICES] = { "weir_services", METRIC_GAUGE, "Services in the table.", NULL },
	[M_SYNCED] = { "weir_sync_timestamp_seconds", METRIC_GAUGE,
		       "When the kernel's tables were last brought up to date.", NULL },
	[M_WINDOW] = { "weir_window_end_timestamp_seconds", METRIC_GAUGE,
		       "End of the last window in the ledger.", NULL },
	[M_CPU] = { "weir_pod_cpu_seconds_total", METRIC_COUNTER, "CPU time of a pod.", by_pod },
	[M_MEMORY] = { "weir_pod_memory_working_set_bytes", METRIC_GAUGE,
		       "Memory of a pod less inactive file; missing where not measured.", by_pod },
	[M_RX] = { "weir_pod_receive_bytes_total", METRIC_COUNTER,
		   "Bytes a pod received, as on the wire, by class of the peer.", by_class },
	[M_TX] = { "weir_pod_transmit_bytes_total", METRIC_COUNTER,
		   "Bytes a pod sent, as on the wire, by class of the peer.", by_class },
};
_Static_assert(ARRAY_LEN(table) == M_MAX_, "a metric without a row");

static void put_events(struct metrics *m, struct agent *a)
{
	uint64_t reasons[WEIR_REASON_MAX_];

	metric_family(m, M_EVENTS);
	if (dp_reasons(a->dp, reasons, NULL) < 0)
		return;
	for (int i = 0; i < WEIR_REASON_MAX_; i++)
		metric_sample(m, METRIC_LABELS(dp_reason_name((enum weir_reason)i)), reasons[i]);
}

/* One family for all pods, since each family is written once. */
static void put_pods(struct metrics *m, struct agent *a, size_t family)
{
	const struct weir_sample *samples;
	uint64_t at;
	size_t n = dp_samples(a->dp, &samples, &at);

	metric_family(m, family);
	for (size_t i = 0; i < n; i++) {
		const struct weir_pod *s = &samples[i].pod;
		const struct meter_pod *pod;
		struct weir_net net;

		/* one that is dead may be billed and forgotten: no name for it any more */
		pod = s->state == WEIR_POD_LIVE ? podtab_match(a->pods, &samples[i]) : NULL;
		if (!pod)
			continue;
		if (family == M_CPU)
			metric_sample_scaled(m, METRIC_LABELS(pod->ns, pod->name), s->cpu_ns, 9);
		if (family == M_MEMORY && s->flags & WEIR_POD_HAS_MEM)
			metric_sample(m, METRIC_LABELS(pod->ns, pod->name),
				      s->mem_pages * (unsigned long)getpagesize());
		if (family < M_RX || dp_net(a->dp, samples[i].cgroup_id, &net, NULL) < 0)
			continue;
		for (int c = 0; c < WEIR_CLASSES_BILLED; c++)
			metric_sample(m,
				      METRIC_LABELS(pod->ns, pod->name,
						    dp_class_name((enum weir_class)c)),
				      (family == M_RX ? &net.rx : &net.tx)->wire[c].bytes);
	}
}

static unsigned int metrics(void *ctx, struct buf *body)
{
	struct agent *a = ctx;
	struct metrics m;

	metrics_begin(&m, body, table, ARRAY_LEN(table));
	put_events(&m, a);
	metric_family(&m, M_SERVICES);
	metric_sample(&m, NULL, a->services ? a->services->n_services : 0);
	metric_family(&m, M_SYNCED);
	metric_sample_scaled(&m, NULL, a->synced_ms, 3);
	metric_family(&m, M_WINDOW);
	metric_sample_scaled(&m, NULL, a->last_window.to_ms, 3);
	for (size_t family = M_CPU; family < M_MAX_; family++)
		put_pods(&m, a, family);
	return metrics_end(&m) ? 500 : 200;
}

static const struct http_route metrics_routes[] = {
	{ "/metrics", METRICS_CONTENT_TYPE, metrics, NULL },
	{ "/healthz", "application/json", health, NULL },
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
