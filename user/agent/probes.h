/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers the probes of load balancers: an HTTP server for each health check port (agent/health.h) at
 * each of the given addresses, in the words of kube-proxy 1.36. Any path: 200 while there are endpoints
 * and the proxy is healthy, else 503; the number of endpoints stands in the body and in the header
 * X-Load-Balancing-Endpoint-Weight.
 *
 * Level-triggered: probes_sync() says which there should be; what has to go is closed, then what is new
 * is opened, and the others are not touched.
 *
 * I1. A port that can't be listened on is told, once for each reason, and tried again every second; all
 *     others are served.
 * I2. At most PROBES_MAX servers, or as many as half of the file descriptors that the process may have
 *     (RLIMIT_NOFILE, when they are made) suffice for; the first ones in order. How many are left out is
 *     told. Probes come from outside: they must not take the descriptors that all else needs.
 *
 * Threading: the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PROBES_MAX 1024
#define PROBES_CONNECTIONS 16 /* of one server */

struct addr;
struct err;
struct health_port;
struct probes;
struct uv_loop_s;

struct probes_ops {
	bool (*healthy)(void *arg); /* for each answer: does the proxy do its work? */
	/* Borrowed for the call. Of a Service; ns and name NULL: of several. */
	void (*failed)(void *arg, const char *ns, const char *name, const struct err *err);
};

/* ops is borrowed for the life of the probes. -ENOMEM. */
int probes_new(struct uv_loop_s *loop, const struct probes_ops *ops, void *arg,
	       struct probes **ret);
/* The address :: stands for all addresses of both families. -ENOMEM: some of it may be done. */
int probes_sync(struct probes *ps, const struct health_port *ports, size_t n,
		const struct addr *addrs, size_t n_addrs);
/* Closes all; the memory goes once the loop has run the closing. NULL: nothing. */
void probes_stop(struct probes **ps);
