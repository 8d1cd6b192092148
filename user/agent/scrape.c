/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics: ours, and those of kube-proxy 1.36 that mean something without its rules, so that its
 * dashboards and alerts go on. From memory and mapped tables alone. */
#include "agent/agent_int.h"
#include "agent/metrics.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "meter/podtab.h"
#include "meter/reading.h"
#include "svc/svc.h"

enum {
	M_EVENTS,
	M_SERVICES,
	M_SYNCED,
	M_WINDOW,
	M_CPU,
	M_MEMORY,
	M_RX,
	M_TX,
	C_RX,
	C_TX,
	K_SYNC,
	K_LAST_QUEUED,
	K_LAST,
	K_PROGRAMMING,
	K_SLICES_PENDING,
	K_SLICES,
	K_SERVICES_PENDING,
	K_SERVICES,
	K_NO_LOCAL,
	K_HEALTHZ,
	K_LIVEZ,
	M_MAX_
};

static const char *const by_family[] = { "ip_family", NULL };
static const char *const by_policy[] = { "ip_family", "traffic_policy", NULL };
static const char *const by_code[] = { "code", NULL };
static const char *const by_reason[] = { "reason", NULL };
static const char *const by_pod[] = { "namespace", "pod", NULL };
static const char *const by_class[] = { "namespace", "pod", "class", NULL };

static const char *const by_way[] = { "pod_name",  "namespace",	  "internet",
				      "same_zone", "same_region", NULL };

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
	[C_RX] = { "kubecost_pod_network_ingress_bytes_total", METRIC_COUNTER,
		   "Bytes a pod received, for OpenCost.", by_way },
	[C_TX] = { "kubecost_pod_network_egress_bytes_total", METRIC_COUNTER,
		   "Bytes a pod sent, for OpenCost.", by_way },
	[K_SYNC] = { "kubeproxy_sync_proxy_rules_duration_seconds", METRIC_HISTOGRAM,
		     "[ALPHA] SyncProxyRules latency in seconds", by_family },
	[K_LAST_QUEUED] = { "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
			    METRIC_GAUGE, "[ALPHA] The last time a sync of proxy rules was queued",
			    by_family },
	[K_LAST] = { "kubeproxy_sync_proxy_rules_last_timestamp_seconds", METRIC_GAUGE,
		     "[ALPHA] The last time proxy rules were successfully synced", by_family },
	[K_PROGRAMMING] = { "kubeproxy_network_programming_duration_seconds", METRIC_HISTOGRAM,
			    "[ALPHA] In Cluster Network Programming Latency in seconds",
			    by_family },
	[K_SLICES_PENDING] = { "kubeproxy_sync_proxy_rules_endpoint_changes_pending", METRIC_GAUGE,
			       "[ALPHA] Pending proxy rules Endpoint changes", NULL },
	[K_SLICES] = { "kubeproxy_sync_proxy_rules_endpoint_changes_total", METRIC_COUNTER,
		       "[ALPHA] Cumulative proxy rules Endpoint changes", NULL },
	[K_SERVICES_PENDING] = { "kubeproxy_sync_proxy_rules_service_changes_pending", METRIC_GAUGE,
				 "[ALPHA] Pending proxy rules Service changes", NULL },
	[K_SERVICES] = { "kubeproxy_sync_proxy_rules_service_changes_total", METRIC_COUNTER,
			 "[ALPHA] Cumulative proxy rules Service changes", NULL },
	[K_NO_LOCAL] = { "kubeproxy_sync_proxy_rules_no_local_endpoints_total", METRIC_GAUGE,
			 "[ALPHA] Number of services with a Local traffic policy and no endpoints",
			 by_policy },
	[K_HEALTHZ] = { "kubeproxy_proxy_healthz_total", METRIC_COUNTER,
			"[ALPHA] Cumulative proxy healthz HTTP status", by_code },
	[K_LIVEZ] = { "kubeproxy_proxy_livez_total", METRIC_COUNTER,
		      "[ALPHA] Cumulative proxy livez HTTP status", by_code },
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

static void put_dir(struct metrics *m, const struct meter_pod *pod, const struct weir_dir *dir)
{
	for (int c = 0; c < WEIR_CLASSES_BILLED; c++)
		metric_sample(m,
			      METRIC_LABELS(pod->ns, pod->name, dp_class_name((enum weir_class)c)),
			      dir->wire[c].bytes);
}

/* In OpenCost's words. Nothing tells the zone of a peer in the cluster: it is taken for the pod's own, so that
 * nobody pays for a crossing that was not seen. */
static void put_way(struct metrics *m, const struct meter_pod *pod, const struct weir_dir *dir)
{
	uint64_t inside = dir->wire[WEIR_CLASS_LOCAL].bytes + dir->wire[WEIR_CLASS_CLUSTER].bytes;

	metric_sample(m, METRIC_LABELS(pod->name, pod->ns, "true", "false", "false"),
		      dir->wire[WEIR_CLASS_EXTERNAL].bytes);
	metric_sample(m, METRIC_LABELS(pod->name, pod->ns, "false", "true", "true"), inside);
}

/* One family for all pods, since each family is written once. */
static void put_pods(struct metrics *m, struct agent *a, size_t family)
{
	bool received = family == M_RX || family == C_RX;
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
		(family < C_RX ? put_dir : put_way)(m, pod, received ? &net.rx : &net.tx);
	}
}

/* ---- Those of kube-proxy -------------------------------------------------------------------- */

#define FAMILY(f) METRIC_LABELS(rounds_family_name((enum rounds_family)(f)))

/* One round is of both families: each tells of it, as each of kube-proxy's two proxiers does. */
static void put_rounds(struct metrics *m, const struct rounds *r)
{
	metric_family(m, K_SYNC);
	for (int f = 0; f < ROUNDS_FAMILY_MAX_; f++)
		metric_histogram(m, FAMILY(f), &r->took);
	metric_family(m, K_LAST_QUEUED);
	for (int f = 0; f < ROUNDS_FAMILY_MAX_; f++)
		metric_sample_scaled(m, FAMILY(f), r->queued_ms, 3);
	metric_family(m, K_LAST);
	for (int f = 0; f < ROUNDS_FAMILY_MAX_; f++)
		metric_sample_scaled(m, FAMILY(f), r->synced_ms, 3);
	metric_family(m, K_PROGRAMMING);
	for (int f = 0; f < ROUNDS_FAMILY_MAX_; f++)
		metric_histogram(m, FAMILY(f), &r->programming[f]);
}

static void put_number(struct metrics *m, size_t family, uint64_t n)
{
	metric_family(m, family);
	metric_sample(m, NULL, n);
}

static bool is_dropped_outside(const struct svc_port *p, size_t vip)
{
	for (size_t i = 0; i < p->n_frontends; i++)
		if (p->frontends[i].vip == vip && p->frontends[i].outside == SVC_DROPPED)
			return true;
	return false;
}

/* Ports of Services, as kube-proxy counts them, whatever its help says. */
static void count_no_local(const struct svc_table *t, uint64_t ret[ROUNDS_FAMILY_MAX_][2])
{
	for (size_t i = 0; t && i < t->n_services; i++) {
		const struct svc_service *s = t->services[i];

		for (size_t j = 0; j < s->n_ports * s->n_cluster_ips; j++) {
			const struct svc_port *p = s->ports[j / s->n_cluster_ips];
			size_t vip = j % s->n_cluster_ips;
			int f = addr_is_v4(&s->cluster_ips[vip]) ? ROUNDS_V4 : ROUNDS_V6;

			ret[f][0] += p->result[vip] == SVC_DROPPED;
			ret[f][1] += is_dropped_outside(p, vip);
		}
	}
}

static void put_no_local(struct metrics *m, const struct svc_table *t)
{
	static const char *const policies[] = { "internal", "external" };
	uint64_t n[ROUNDS_FAMILY_MAX_][2] = {};

	count_no_local(t, n);
	metric_family(m, K_NO_LOCAL);
	for (int f = 0; f < ROUNDS_FAMILY_MAX_; f++)
		for (size_t i = 0; i < ARRAY_LEN(policies); i++)
			metric_sample(m,
				      METRIC_LABELS(rounds_family_name((enum rounds_family)f),
						    policies[i]),
				      n[f][i]);
}

static void put_codes(struct metrics *m, size_t family, const uint64_t codes[ANSWERED_MAX_])
{
	metric_family(m, family);
	metric_sample(m, METRIC_LABELS("200"), codes[ANSWERED_200]);
	metric_sample(m, METRIC_LABELS("503"), codes[ANSWERED_503]);
}

static void put_kube_proxy(struct metrics *m, const struct agent *a)
{
	put_rounds(m, &a->rounds);
	put_number(m, K_SLICES_PENDING, a->rounds.slices.pending);
	put_number(m, K_SLICES, a->rounds.slices.total);
	put_number(m, K_SERVICES_PENDING, a->rounds.services.pending);
	put_number(m, K_SERVICES, a->rounds.services.total);
	put_no_local(m, a->services);
	put_codes(m, K_HEALTHZ, a->healthz_answers);
	put_codes(m, K_LIVEZ, a->livez_answers);
}

/* ---- All ------------------------------------------------------------------------------------ */

unsigned int scrape(void *ctx, struct buf *body)
{
	struct agent *a = ctx;
	struct metrics m;

	metrics_begin(&m, body, table, ARRAY_LEN(table));
	put_events(&m, a);
	put_number(&m, M_SERVICES, a->services ? a->services->n_services : 0);
	metric_family(&m, M_SYNCED);
	metric_sample_scaled(&m, NULL, a->rounds.synced_ms, 3);
	metric_family(&m, M_WINDOW);
	metric_sample_scaled(&m, NULL, a->last_window.to_ms, 3);
	for (size_t family = M_CPU; family <= (a->cfg->listen.opencost ? C_TX : M_TX); family++)
		put_pods(&m, a, family);
	put_kube_proxy(&m, a);
	return metrics_end(&m) ? 500 : 200;
}
