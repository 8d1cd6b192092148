/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/view.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "svc/svc.h"

/* A tree remembers what it lacks (core/json.h): json_print() is where a failure comes out. */

static struct json *addrs_view(const struct addr *list, size_t n)
{
	struct json *arr = json_new_array();

	for (size_t i = 0; arr && i < n; i++) {
		char text[ADDR_TEXT_MAX];

		json_add_str(arr, addr_format(&list[i], text));
	}
	return arr;
}

static struct json *ranges_view(const struct cidr *list, size_t n)
{
	struct json *arr = json_new_array();

	for (size_t i = 0; arr && i < n; i++) {
		char text[CIDR_TEXT_MAX];

		json_add_str(arr, cidr_format(&list[i], text));
	}
	return arr;
}

static struct json *pending_view(const struct svc_service *s)
{
	struct json *arr = json_new_array();
	const char *names[SVC_PENDING_MAX];
	size_t n = svc_pending(s, names);

	for (size_t i = 0; arr && i < n; i++)
		json_add_str(arr, names[i]);
	return arr;
}

static struct json *endpoint_view(const struct svc_endpoint *e)
{
	struct json *o = json_new_object();
	char text[ADDR_TEXT_MAX];

	if (!o)
		return NULL;
	json_set_str(o, "address", addr_format(&e->addr, text));
	json_set_u64(o, "port", e->port);
	json_set_str(o, "state", svc_endpoint_state(e));
	json_set_bool(o, "chosen", e->chosen);
	json_set_bool(o, "chosenExternal", e->chosen_external);
	json_set_bool(o, "chosenOutside", e->chosen_outside);
	json_set_bool(o, "local", e->local);
	json_set_str(o, "node", e->node);
	json_set_str(o, "pod", e->pod);
	json_set_bool(o, "ready", e->ready);
	json_set_bool(o, "serving", e->serving);
	json_set_bool(o, "terminating", e->terminating);
	json_set_str(o, "nodeHint", svc_hint_name(e->node_hint));
	json_set_str(o, "zoneHint", svc_hint_name(e->zone_hint));
	return o;
}

static struct json *endpoints_view(const struct svc_port *p, bool v4)
{
	struct json *arr = json_new_array();

	for (size_t i = 0; arr && i < p->n_endpoints; i++)
		if (addr_is_v4(&p->endpoints[i].addr) == v4)
			json_add(arr, endpoint_view(&p->endpoints[i]));
	return arr;
}

static struct json *frontends_view(const struct svc_port *p, size_t vip)
{
	struct json *arr = json_new_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; arr && i < p->n_frontends; i++) {
		const struct svc_frontend *f = &p->frontends[i];
		struct json *o = f->vip == vip ? json_new_object() : NULL;

		if (f->vip != vip)
			continue;
		if (o) {
			json_set_str(o, "kind", svc_kind_name(f->kind));
			json_set_str(o, "address", addr_format(&f->addr, text));
			json_set_u64(o, "port", f->port);
			json_set_str(o, "result", svc_result_name(f->result));
			json_set_str(o, "outside", svc_result_name(f->outside));
		}
		json_add(arr, o);
	}
	return arr;
}

static struct json *port_view(const struct svc_service *s, const struct svc_port *p, size_t v)
{
	const struct addr *vip = &s->cluster_ips[v];
	struct json *o = json_new_object();
	char text[ADDR_TEXT_MAX];

	if (!o)
		return NULL;
	json_set_str(o, "name", p->name);
	json_set_str(o, "protocol", svc_proto_name(p->proto));
	json_set_u64(o, "port", p->port);
	json_set_u64(o, "nodePort", p->node_port);
	json_set_str(o, "vip", addr_format(vip, text));
	json_set_str(o, "result", svc_result_name(p->result[v]));
	json_set(o, "external", frontends_view(p, v));
	json_set(o, "backends", endpoints_view(p, addr_is_v4(vip)));
	return o;
}

static struct json *ports_view(const struct svc_service *s)
{
	struct json *arr = json_new_array();

	for (size_t i = 0; arr && i < s->n_ports; i++)
		for (size_t v = 0; v < s->n_cluster_ips; v++)
			json_add(arr, port_view(s, s->ports[i], v));
	return arr;
}

int svc_view_service(const struct svc_service *s, struct json **ret)
{
	struct json *o = json_new_object();

	if (!o)
		return -ENOMEM;
	json_set_str(o, "namespace", s->ns);
	json_set_str(o, "name", s->name);
	json_set_str(o, "type", svc_type_name(s->type));
	json_set_str(o, "uid", s->uid);
	json_set(o, "clusterIPs", addrs_view(s->cluster_ips, s->n_cluster_ips));
	json_set(o, "ports", ports_view(s));
	json_set_str(o, "sessionAffinity", s->affinity ? "ClientIP" : "None");
	json_set_u64(o, "sessionAffinityTimeoutSeconds", s->affinity_timeout_s);
	json_set_str(o, "internalTrafficPolicy", s->internal_local ? "Local" : "Cluster");
	json_set_str(o, "externalTrafficPolicy", s->external_local ? "Local" : "Cluster");
	json_set_u64(o, "healthCheckNodePort", s->health_check_node_port);
	json_set(o, "externalIPs", addrs_view(s->external_ips, s->n_external_ips));
	json_set(o, "loadBalancerIPs", addrs_view(s->ingress_ips, s->n_ingress_ips));
	json_set(o, "loadBalancerSourceRanges", ranges_view(s->source_ranges, s->n_source_ranges));
	json_set(o, "pending", pending_view(s));
	*ret = o;
	return 0;
}

int svc_view(const struct svc_table *t, struct json **ret)
{
	cleanup(json_free) struct json *arr = json_new_array();

	if (!arr)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_services; i++) {
		struct json *o;
		int r = svc_view_service(t->services[i], &o);

		if (!r)
			r = json_add(arr, o);
		if (r)
			return r;
	}
	*ret = take_ptr(arr);
	return 0;
}
