/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes objects: Service, EndpointSlice, Node, Pod and ServiceCIDR, reduced to the fields Weir
 * acts on and checked.
 *
 * kube_object_decode() reads one object out of a JSON tree. Fields it does not know are ignored, as
 * every API client must; null and a missing field are one and the same; defaults that the API
 * server would fill in are filled in, so a manifest and the API server's answer give equal objects.
 * A kind it does not know is -ENOTSUP.
 *
 * I1. An object is never changed after it was decoded. That is why it can be shared by counting:
 *     kube_object_ref() adds an owner, kube_object_free() drops one. One thread at a time.
 * I2. Every string is NUL-terminated and never NULL unless its comment says so; a list of length 0
 *     may be NULL. Strings and lists live as long as the object.
 * I3. Names and namespaces hold only lower-case letters, digits, '-' and '.'.
 * I4. Every string and list has a limit (KUBE_MAX_*), checked before it is copied.
 *
 * Errors name kind, object, field, and what to do: "Service demo/web: spec.ports[1].port: 99999 is
 * out of range; use 1 to 65535". -EINVAL a bad field, -E2BIG over a limit, -ENOTSUP another kind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

struct err;
struct json;

/* The API's own limits where it has small ones. */
#define KUBE_MAX_NAME 253
#define KUBE_MAX_LABEL 63
#define KUBE_MAX_UID 63
#define KUBE_MAX_VERSION 31
#define KUBE_MAX_LEASE \
	127 /* more than a label of a live cluster may hold: files may name any lease */
#define KUBE_MAX_PATH 1023
#define KUBE_MAX_PORTS 1024
#define KUBE_MAX_ENDPOINTS 1000
#define KUBE_MAX_HINTS 64
#define KUBE_MAX_ADDRS 256
#define KUBE_MAX_TAINTS 1024
#define KUBE_MAX_POD_LABELS 128 /* more are left out */
#define KUBE_MAX_LABEL_KEY 317 /* a DNS subdomain, a slash, a name */

enum kube_kind { KUBE_SERVICE, KUBE_SLICE, KUBE_NODE, KUBE_POD, KUBE_CIDR, KUBE_KIND_MAX_ };

struct kube_meta {
	const char *namespace; /* at most KUBE_MAX_LABEL; "" for Node and ServiceCIDR */
	const char *name; /* at most KUBE_MAX_NAME */
	const char *uid; /* at most KUBE_MAX_UID; "" in a manifest that was never applied */
	const char *resource_version; /* opaque; at most KUBE_MAX_VERSION; "" likewise */
	bool deleting; /* has a deletionTimestamp */
};

enum kube_service_type {
	KUBE_SERVICE_CLUSTER_IP,
	KUBE_SERVICE_NODE_PORT,
	KUBE_SERVICE_LOAD_BALANCER,
	KUBE_SERVICE_EXTERNAL_NAME,
	KUBE_SERVICE_TYPE_MAX_,
};

struct kube_service_port {
	const char *name; /* "" for the unnamed one */
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	uint16_t port, node_port; /* node_port 0: none */
};

/* {.type = KUBE_SERVICE_CLUSTER_IP, .cluster_ips = {::ffff:10.96.0.10}, .n_cluster_ips = 1} */
struct kube_service {
	enum kube_service_type type;
	bool headless; /* clusterIP: None */
	bool other_proxy; /* label service.kubernetes.io/service-proxy-name, whatever its value */
	bool publish_not_ready; /* already in the slices' conditions; shown, not acted on */
	bool internal_local, external_local; /* traffic policy is Local */
	uint32_t affinity_s; /* ClientIP: 1 to 86400; 0: none */
	uint16_t health_check_node_port; /* 0: none */
	struct addr cluster_ips[2]; /* at most one of a family */
	size_t n_cluster_ips; /* 0: headless, ExternalName, or not yet allocated */
	struct addr *external_ips;
	size_t n_external_ips;
	struct addr *ingress_ips; /* status.loadBalancer, those of ipMode VIP */
	size_t n_ingress_ips;
	struct cidr *source_ranges; /* loadBalancerSourceRanges, both families */
	size_t n_source_ranges;
	const struct kube_service_port *ports;
	size_t n_ports;
};

enum kube_address_type { KUBE_ADDRESS_IPV4, KUBE_ADDRESS_IPV6, KUBE_ADDRESS_FQDN };

struct kube_slice_port {
	const char *name; /* "" for the unnamed one: the API server turns nil into it */
	uint8_t proto;
	uint16_t port; /* 0: nil */
};

struct kube_endpoint {
	struct addr addr; /* addresses[0]; Kubernetes gives the others no meaning */
	bool ready, serving, terminating; /* nil became true, true, false */
	const char *node_name, *pod; /* "": none */
	const char *const *zone_hints;
	size_t n_zone_hints;
	const char *const *node_hints;
	size_t n_node_hints;
};

struct kube_slice {
	const char *service; /* label kubernetes.io/service-name; "" none */
	bool headless; /* label service.kubernetes.io/headless, whatever its value */
	uint64_t trigger_ms; /* annotation last-change-trigger-time, UTC; 0: none, or no time */
	enum kube_address_type type; /* FQDN: endpoints are not read */
	const struct kube_slice_port *ports;
	size_t n_ports;
	const struct kube_endpoint *endpoints;
	size_t n_endpoints;
};

struct kube_node {
	struct addr *internal_ips, *external_ips;
	size_t n_internal_ips, n_external_ips;
	const char *zone; /* label topology.kubernetes.io/zone; "" none */
	struct cidr *pod_cidrs;
	size_t n_pod_cidrs;
	bool eligible; /* for new connections of load balancers: stays, as far as is known */
};

enum kube_pod_phase {
	KUBE_POD_PENDING,
	KUBE_POD_RUNNING,
	KUBE_POD_SUCCEEDED,
	KUBE_POD_FAILED,
	KUBE_POD_UNKNOWN,
	KUBE_POD_PHASE_MAX_,
};

struct kube_label {
	const char *key, *value;
};

struct kube_pod {
	struct addr *ips;
	size_t n_ips;
	bool host_network; /* its addresses are the node's */
	enum kube_pod_phase phase;
	const char *node_name; /* "": not scheduled */
	const struct kube_label *labels; /* those that the API would take */
	size_t n_labels;
	const char *lease; /* label weir.dev/lease; "" none */
	/* annotation kubernetes.io/config.mirror: it shows a static pod, whose UID on the node this is */
	const char *mirror_of; /* "": none */
	const char *cgroup; /* annotation weir.dev/cgroup, below the cgroup mount; "" none */
};

/* A ServiceCIDR. */
struct kube_cidr {
	struct cidr *cidrs;
	size_t n_cidrs;
};

/* One block of memory: what comes behind the member of its kind are its strings and lists. */
struct kube_object {
	enum kube_kind kind;
	unsigned int refs;
	struct kube_meta meta;
	union {
		struct kube_service service;
		struct kube_slice slice;
		struct kube_node node;
		struct kube_pod pod;
		struct kube_cidr cidr;
	};
};

const char *kube_kind_name(enum kube_kind kind); /* "EndpointSlice" */

/* "Service demo/web", "Node node1". ret has KUBE_TITLE_MAX bytes. Returns ret. */
#define KUBE_TITLE_MAX 352
char *kube_object_title(const struct kube_object *obj, char *ret);

/*
 * Decodes one object. Items of a list carry no kind: `kind` is what to take them for, or
 * KUBE_KIND_MAX_ when the object must say. On failure, and if at is not NULL, *at is the node of j
 * that the error is nearest to, for a line number.
 */
int kube_object_decode(const struct json *j, enum kube_kind kind, struct kube_object **ret,
		       const struct json **at, struct err *err);
/* Two objects of one kind and name say the same; their resourceVersion may differ. */
bool kube_object_same(const struct kube_object *a, const struct kube_object *b);
/* Two Pods (NULL: none) have the same addresses in the same place, as far as others care. */
bool kube_pod_same_place(const struct kube_object *a, const struct kube_object *b);
struct kube_object *kube_object_ref(struct kube_object *obj);
void kube_object_free(struct kube_object **obj);
