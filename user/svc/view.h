/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of Services as JSON: one rendering for `weir service show -j` and for the saved table,
 * which lets the command line answer while the agent is dead.
 *
 *	{"namespace": "default", "name": "web", "type": "ClusterIP", "uid": "...",
 *	 "ports": [{"name": "http", "protocol": "TCP", "port": 80, "nodePort": 0, "vip": "10.96.0.10",
 *	            "result": "serving",
 *	            "external": [{"kind": "externalIP", "address": "203.0.113.7", "port": 80,
 *	                          "result": "serving", "outside": "dropped"}],
 *	            "backends": [{"address": "10.1.0.5", "port": 8080, "state": "ready",
 *	                          "chosen": true, "chosenExternal": true, "chosenOutside": false,
 *	                          "local": false, "node": "a", "pod": "web-1",
 *	                          "ready": true, "serving": true, "terminating": false,
 *	                          "nodeHint": "none", "zoneHint": "none"}]}],
 *	 "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
 *	 "externalTrafficPolicy": "Cluster", ..., "pending": ["externalTraffic"]}
 *
 * `ports` has one entry for each port and cluster IP, so that one entry has one result; backends are
 * those of the entry's family, and `external` the other addresses of that family at which the port is
 * served: `result` is for pods and this node, `outside` for clients outside the cluster, and what they
 * get is `chosenExternal` and `chosenOutside`. The file is
 * {"version": 3, "algorithm": "random", "classes": [...], "nodes": [...], "services": [...]}, with all the table has:
 * loading it gives the same table, choices included, not chosen anew. One table has one text.
 */
#pragma once

#include <stddef.h>

struct err;
struct json;
struct svc_service;
struct svc_table;

#define SVC_SAVED_NAME "services.json" /* in the state directory */
#define SVC_SAVED_VERSION 3
#define SVC_SAVED_MAX (256u << 20) /* bytes */

int svc_view_service(const struct svc_service *s, struct json **ret);
int svc_view(const struct svc_table *t, struct json **ret); /* an array of them */

/* Atomic: the old file or the new one. t must be selected (-EINVAL). */
int svc_save(const struct svc_table *t, const char *path, struct err *err);
/* -ENOENT when nothing was ever saved, -EBADMSG when it is not a saved table. */
int svc_load(const char *path, struct svc_table **ret, struct err *err);
int svc_load_text(const char *text, size_t len, const char *name, struct svc_table **ret,
		  struct err *err);
