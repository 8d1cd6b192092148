/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health check ports of a table of Services, by which load balancers learn which nodes to send to,
 * with kube-proxy 1.36's semantics (pkg/proxy: healthcheck/service_health.go, endpointschangetracker.go):
 *
 * - Of each Service of type LoadBalancer with externalTrafficPolicy Local and a healthCheckNodePort.
 * - What counts are the addresses of ready endpoints on this node, each once, whatever the number of
 *   ports. One that terminates is not ready: the balancer leaves while it still serves.
 * - Of a dual-stack Service the family with more of them counts, as a pod has an address of each.
 *
 * Pure. In the order of the table.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct svc_table;

struct health_port {
	const char *ns, *name; /* the table's */
	uint16_t port;
	size_t endpoints;
};

/* free() the array. -ENOMEM. */
int health_ports(const struct svc_table *t, struct health_port **ret, size_t *ret_n);
