/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `kubernetes` source: the objects of an API server (k8s/mirror.h), on the loop.
 *
 * Starting reads the configuration and asks; it does not wait. The set is there, and the receiver is
 * called for the first time, when all of it is known, however long that takes. What can't be read of
 * the objects, and that the API server is away or back, goes to the log from here.
 *
 * Where API servers are is remembered in STATE/api-servers.json, written on the queue, so that a start
 * finds one when the configured ones are gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/source.h"

struct json;
struct kube_api;
struct uv_loop_s;
struct work;

struct source_api_options {
	struct uv_loop_s *loop;
	struct work *queue; /* for what syncs to disk */
	const char *kubeconfig; /* "": a pod's own */
	const char *const *servers;
	size_t n_servers;
	const char *node;
	bool all_nodes; /* addresses and pod ranges of all other nodes matter as well */
	const char *state_dir;
	const struct source_ops *ops; /* failed is not used */
	void *arg;
};

/* What opt points to is borrowed for the call, but loop, queue and ops for the life of the source. */
int source_api_start(const struct source_api_options *opt, struct source **ret, struct err *err);

/* For requests of one's own; NULL: the source is none of these. Open ones end with -ECANCELED when the
 * source stops. */
struct kube_api *source_api(const struct source *s);
/* Puts what there is to say into a status: the server in use, and since when it is away. */
void source_api_status(const struct source *s, struct json *to);
