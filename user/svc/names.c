/* SPDX-License-Identifier: Apache-2.0 */
/* The words that people and JSON see, and what of a Service is not applied. */
#include "core/cleanup.h"
#include "svc/svc.h"

static const char *const type_names[] = {
	[SVC_CLUSTER_IP] = "ClusterIP",
	[SVC_NODE_PORT] = "NodePort",
	[SVC_LOAD_BALANCER] = "LoadBalancer",
};
_Static_assert(ARRAY_LEN(type_names) == SVC_TYPE_MAX_, "a name for each type");

static const char *const proto_names[] = {
	[SVC_TCP] = "TCP",
	[SVC_UDP] = "UDP",
	[SVC_SCTP] = "SCTP",
};
_Static_assert(ARRAY_LEN(proto_names) == SVC_PROTO_MAX_, "a name for each protocol");

static const char *const result_names[] = {
	[SVC_NOT_SERVED] = "not-served", [SVC_SERVING] = "serving",   [SVC_REFUSED] = "refused",
	[SVC_DROPPED] = "dropped",	 [SVC_CONFLICT] = "conflict",
};
_Static_assert(ARRAY_LEN(result_names) == SVC_RESULT_MAX_, "a name for each result");

static const char *const kind_names[] = {
	[SVC_EXTERNAL_IP] = "externalIP",
	[SVC_INGRESS] = "loadBalancer",
	[SVC_NODE] = "nodePort",
};
_Static_assert(ARRAY_LEN(kind_names) == SVC_KIND_MAX_, "a name for each kind");

static const char *const hint_names[] = {
	[SVC_HINT_NONE] = "none",
	[SVC_HINT_OTHER] = "other",
	[SVC_HINT_HERE] = "here",
};
_Static_assert(ARRAY_LEN(hint_names) == SVC_HINT_MAX_, "a name for each hint");

const char *svc_type_name(enum svc_type v)
{
	return v < SVC_TYPE_MAX_ ? type_names[v] : "?";
}

const char *svc_proto_name(enum svc_proto v)
{
	return v < SVC_PROTO_MAX_ ? proto_names[v] : "?";
}

const char *svc_result_name(enum svc_result v)
{
	return v < SVC_RESULT_MAX_ ? result_names[v] : "?";
}

const char *svc_kind_name(enum svc_kind v)
{
	return v < SVC_KIND_MAX_ ? kind_names[v] : "?";
}

const char *svc_hint_name(enum svc_hint v)
{
	return v < SVC_HINT_MAX_ ? hint_names[v] : "?";
}

const char *svc_endpoint_state(const struct svc_endpoint *e)
{
	if (e->ready)
		return "ready";
	if (!e->terminating)
		return "not-ready";
	return e->serving ? "serving-terminating" : "terminating";
}

size_t svc_pending(const struct svc_service *s, const char *ret[SVC_PENDING_MAX])
{
	bool conflict = false;
	size_t n = 0;

	for (size_t i = 0; i < s->n_ports; i++) {
		for (size_t v = 0; v < s->n_cluster_ips; v++)
			conflict |= s->ports[i]->result[v] == SVC_CONFLICT;
		for (size_t k = 0; k < s->ports[i]->n_frontends; k++)
			conflict |= s->ports[i]->frontends[k].result == SVC_CONFLICT;
	}
	if (conflict)
		ret[n++] = "conflict";
	return n;
}
