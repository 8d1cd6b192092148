/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Kubernetes' objects to the table of Services of this node (user/svc), with kube-proxy 1.36's
 * semantics (pkg/proxy: endpointslicecache.go, servicechangetracker.go, util/utils.go):
 *
 * - Left out: headless Services, ExternalName, those without a cluster IP, and those with the label
 *   service.kubernetes.io/service-proxy-name.
 * - A slice belongs to the Service of its namespace that its label kubernetes.io/service-name names.
 *   Slices with the label service.kubernetes.io/headless and those of addressType FQDN are left out.
 * - A slice's port joins the Service's port of the same name ("" the unnamed one) and protocol; port
 *   nil or 0 is none. The number is the slice's own.
 * - An endpoint is local when its nodeName is this node's.
 *
 * Beyond that: an endpoint at an address of a workload that is not ready is neither ready nor serving,
 * whatever its slice says.
 *
 * And what a destination is, for the byte classes: loopback, this node's addresses (configured, and
 * of its Node object) and its pods' LOCAL; other nodes and pods, the pod ranges of all nodes and the
 * configured cluster ranges CLUSTER; the ServiceCIDRs SERVICE. In the kernel the longest prefix wins;
 * of equal ones LOCAL, then SERVICE. A pod without nodeName is here when it names a cgroup of ours.
 * Cluster ranges, pod ranges and the addresses of pods that don't share a node's are marked as pods'.
 *
 * With dsr, the nodes that answer clients outside for their endpoints: those with a Node object, at the
 * first InternalIP of each family; this one rather at its configured addresses.
 *
 * What breaks a limit of user/svc (a Service, a port, an endpoint, an address range) is left out and
 * told; all else is in the table.
 *
 * Pure: the same set and node give the same table, selected, and tell the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/addr.h"

struct err;
struct kube_set;
struct svc_table;

/* Borrowed for the call. */
struct services_node {
	const char *name;
	const char *zone; /* NULL or "": that of the Node object, if there is one */
	const struct addr *addresses;
	size_t n_addresses;
	const struct cidr *cluster_cidrs;
	size_t n_cluster_cidrs;
	const struct addr *port_addresses; /* that answer node ports: nodeaddr_select() */
	size_t n_port_addresses;
	const struct addr *unready; /* workloads of Weir's own that are not, in order */
	size_t n_unready;
	bool maglev; /* datapath.algorithm */
	bool dsr; /* datapath.mode: dsr */
	bool off; /* datapath.mode: no Service is served here; addresses have their classes */
};

/* Tells, once for each "Service demo/web" and for "address ranges", that n of it are left out, and of
 * the first which and why. Borrowed for the call. */
typedef void services_left_out(void *arg, const char *title, size_t n, const struct err *first);

/* A table of one Service alone, without address ranges. -ENOENT: it is none that is served here; -E2BIG:
 * something of it is left out. Quietly: translating all tells. */
int services_translate_one(const struct kube_set *set, const struct services_node *node,
			   const char *ns, const char *name, struct svc_table **ret,
			   struct err *err);

/* Errors: -ENOMEM. */
int services_translate(const struct kube_set *set, const struct services_node *node,
		       services_left_out *left_out, void *arg, struct svc_table **ret,
		       struct err *err);
