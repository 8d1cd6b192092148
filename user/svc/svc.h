/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of Services as this node should serve them: what Kubernetes says, free of its JSON, and
 * after svc_select() what follows from it. One translator (user/agent) fills a new table at each
 * change; nothing is ever edited in place, so the table is a value:
 *
 *	svc_table_new(&t);
 *	svc_service_add(t, &(struct svc_service){ .ns = "default", .name = "web",
 *		.type = SVC_CLUSTER_IP, .cluster_ips = { vip }, .n_cluster_ips = 1 }, &s, &err);
 *	svc_port_add(t, s, &(struct svc_port){ .name = "http", .proto = SVC_TCP, .port = 80 }, &p, &err);
 *	svc_endpoint_add(t, p, &(struct svc_endpoint){ .addr = a, .port = 8080, .ready = true,
 *		.serving = true, .local = true, .node = "node-a", .pod = "web-1" }, &err);
 *	svc_select(t);
 *
 * Which Services belong in it (not headless, not ExternalName, no service-proxy-name label) is the
 * translator's to know. Endpoints hang on a port, all slices and both families in one list, because
 * a named target port may be another number in each slice; a cluster IP uses those of its family.
 *
 * Ownership: the table owns all it holds; every text and array handed in is copied, a NULL text
 * becomes "". Pointers given out live until svc_table_free().
 * I1. No two Services have the same namespace and name (-EEXIST).
 * I2. Numbers are in host order; address and port of what can be dialled are never zero (-EINVAL).
 * I3. After svc_select(): Services are in order of namespace and name, ports in the order added,
 *     endpoints of a port in order of address and port and without repetition.
 * Limits (-E2BIG): see SVC_MAX_*. Errors name what was added; -EINVAL for a number out of range.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "core/addr.h"

#define SVC_MAX_SERVICES 65536
#define SVC_MAX_PORTS 1024 /* of one Service */
#define SVC_MAX_ENDPOINTS 65536 /* of one port */
#define SVC_MAX_LIST 256 /* external addresses, ingress addresses, source ranges */
#define SVC_MAX_FRONTENDS (3 * SVC_MAX_LIST) /* of one port */
#define SVC_MAX_TEXT 253 /* a DNS subdomain, the longest name Kubernetes has */
#define SVC_MAX_CLUSTER_IPS 2
#define SVC_MAX_NODES 16384

struct err;

/* Does a list of hints (hints.forNodes, hints.forZones) name this node or its zone? */
enum svc_hint { SVC_HINT_NONE, SVC_HINT_OTHER, SVC_HINT_HERE, SVC_HINT_MAX_ };
/* NONE for an empty list. An unknown own name ("" or NULL) is never HERE. */
enum svc_hint svc_hint(const char *const *names, size_t n, const char *own);

struct svc_endpoint {
	struct addr addr;
	uint16_t port;
	bool ready; /* conditions as kube-proxy reads them: ready and serving nil are true, */
	bool serving; /* independent of each other; terminating nil is false */
	bool terminating;
	bool local; /* nodeName is this node's; without a nodeName false */
	enum svc_hint node_hint, zone_hint;
	const char *node, *pod; /* nodeName; name of a targetRef of kind Pod */

	/* By svc_select(): gets new connections of its family's cluster IP; of all other addresses, from
	 * pods and this node; of those addresses, from clients outside the cluster. */
	bool chosen, chosen_external, chosen_outside;
};

enum svc_proto { SVC_TCP, SVC_UDP, SVC_SCTP, SVC_PROTO_MAX_ };

/* What a dial to one address and port meets. */
enum svc_result {
	SVC_NOT_SERVED, /* not selected yet, or out of reach of such clients */
	SVC_SERVING, /* the chosen endpoints of the family */
	SVC_REFUSED, /* no usable endpoint anywhere: connection refused */
	SVC_DROPPED, /* usable endpoints, but none here and the policy is Local */
	SVC_CONFLICT, /* the same address, port and protocol belongs to a Service before this one */
	SVC_RESULT_MAX_
};

/* What else than its cluster IPs a Service answers at. */
enum svc_kind { SVC_EXTERNAL_IP, SVC_INGRESS, SVC_NODE, SVC_KIND_MAX_ };

/* Made by svc_select(). Internal to the table: one frontend for each such address of a family that
 * the Service has a cluster IP of, as kube-proxy does. */
struct svc_frontend {
	enum svc_kind kind;
	struct addr addr;
	uint16_t port;
	size_t vip; /* place of the first cluster IP of its family */
	enum svc_result result; /* what pods and this node meet */
	enum svc_result outside; /* what clients outside the cluster meet */
};

struct svc_port {
	const char *name; /* "" for the unnamed port */
	enum svc_proto proto;
	uint16_t port, node_port; /* node_port 0: none */
	struct svc_endpoint *endpoints;
	size_t n_endpoints;

	/* By svc_select(). */
	enum svc_result result[SVC_MAX_CLUSTER_IPS]; /* beside cluster_ips[] */
	struct svc_frontend *frontends; /* in order of kind, then as given */
	size_t n_frontends;
};

enum svc_type { SVC_CLUSTER_IP, SVC_NODE_PORT, SVC_LOAD_BALANCER, SVC_TYPE_MAX_ };

struct svc_service {
	const char *ns, *name, *uid;
	enum svc_type type;
	struct addr cluster_ips[SVC_MAX_CLUSTER_IPS]; /* in the order of spec.clusterIPs */
	size_t n_cluster_ips; /* at least 1 */
	bool internal_local; /* internalTrafficPolicy: Local */
	bool external_local; /* externalTrafficPolicy: Local */
	bool affinity; /* sessionAffinity: ClientIP */
	uint32_t affinity_timeout_s;
	struct addr *external_ips;
	size_t n_external_ips;
	struct addr *ingress_ips; /* those with ipMode VIP or none: Proxy asks nothing of a node */
	size_t n_ingress_ips;
	uint16_t health_check_node_port; /* 0: none */
	struct cidr *source_ranges; /* of the ingress addresses; none of a family: everybody */
	size_t n_source_ranges;

	struct svc_port **ports;
	size_t n_ports;
};

struct svc_class {
	struct cidr prefix;
	enum weir_class class;
	bool pod; /* of pods: as clients of Services they keep their address */
};

/* A node that answers clients outside by itself, this one too; all zero: no address of the family. */
struct svc_node {
	const char *name;
	struct addr v4, v6;
};

struct svc_text; /* one text of the table; svc.c */
struct svc_block; /* of many, likewise */

struct svc_table {
	struct svc_service **services;
	size_t n_services;
	struct svc_class *classes; /* in order of prefix, then of length */
	size_t n_classes;
	struct addr *node_addrs; /* that node ports are served at; not saved */
	size_t n_node_addrs;
	struct svc_node
		*nodes; /* in order of name; none: clients are masked (datapath.mode: snat) */
	size_t n_nodes;
	bool maglev; /* packets choose backends by Maglev's table; else at random, as sockets do */
	bool selected; /* svc_select() has run since the last addition */

	struct svc_text *texts;
	struct svc_block *blocks;
};

int svc_table_new(struct svc_table **ret);
void svc_table_free(struct svc_table **t);

/* spec lends all but the ports, which are added one by one: spec's must be empty. */
int svc_service_add(struct svc_table *t, const struct svc_service *spec, struct svc_service **ret,
		    struct err *err);
/* spec's endpoints must be empty. */
int svc_port_add(struct svc_table *t, struct svc_service *s, const struct svc_port *spec,
		 struct svc_port **ret, struct err *err);
int svc_endpoint_add(struct svc_table *t, struct svc_port *p, const struct svc_endpoint *spec,
		     struct err *err);
/* What an address is (ServiceCIDRs, pod and node addresses). A prefix added again stays what it
 * is. A cluster IP outside all prefixes of class SERVICE is added by the planner itself. */
int svc_class_add(struct svc_table *t, const struct cidr *prefix, enum weir_class class, bool pod,
		  struct err *err);

/* An address of this node that node ports are served at; 127.0.0.1 then is for its own processes
 * only, since each pod has one of its own. Added again: nothing. */
int svc_node_addr_add(struct svc_table *t, const struct addr *a, struct err *err);

/* The nodes whose endpoints clients outside reach unmasked. NULL: no address of that family. Added again:
 * nothing. */
int svc_node_add(struct svc_table *t, const char *name, const struct addr *v4,
		 const struct addr *v6, struct err *err);

/*
 * Chooses endpoints for every cluster IP as kube-proxy 1.36 does (pkg/proxy/topology.go):
 * - internalTrafficPolicy Cluster: the ready ones. If every ready one has node hints and one names
 *   this node, only those that name it; else the same with zone hints; else all. One without hints
 *   switches the kind off. When none is ready: all that serve while terminating, hints ignored.
 * - Local: the local ready ones, else the local ones that serve while terminating. When there is no
 *   such endpoint here but one elsewhere: dropped.
 * - None anywhere: refused.
 * All other addresses (externalIPs, load balancer, node ports): pods and processes of this node get the
 * endpoints of policy Cluster under each externalTrafficPolicy, clients outside the cluster those of the
 * policy it names. None of them reaches the node port at 127.0.0.1: not served.
 * Of endpoints with the same address and port, one is kept: the one that is not terminating, then
 * the ready, then the serving one.
 * Of Services that claim the same address, port and protocol, the first in order has it; a cluster IP
 * comes before any other claim, so that nobody takes it by naming it.
 * Idempotent; call it before the table is used. -ENOMEM.
 */
int svc_select(struct svc_table *t);

/* For svc_select() and svc_load(): adds to what a port answers at. -ENOMEM. */
int svc_frontend_add(struct svc_port *p, const struct svc_frontend *spec);

#define SVC_PENDING_MAX 1
/* Names what of a Service is known but not applied ("conflict"; static texts) into ret; returns how
 * many. */
size_t svc_pending(const struct svc_service *s, const char *ret[SVC_PENDING_MAX]);

const char *svc_type_name(enum svc_type v); /* "ClusterIP" */
const char *svc_proto_name(enum svc_proto v); /* "TCP" */
const char *svc_result_name(enum svc_result v); /* "serving" */
const char *svc_kind_name(enum svc_kind v); /* "externalIP" */
const char *svc_hint_name(enum svc_hint v); /* "none", "other", "here" */
/* "ready", "serving-terminating", "terminating" or "not-ready" */
const char *svc_endpoint_state(const struct svc_endpoint *e);
