/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package as a Pod with a Service in front of it, written for server-side apply: who applies the
 * same spec again changes nothing. Pure.
 *
 * The Pod passes the Pod Security Standard "restricted": no root, no privilege to gain, no capability,
 * the runtime's seccomp profile; and beyond that a read-only root, no service account token. That
 * standard has no hostPath, so the code comes as a PersistentVolume of the node's folder and a claim on
 * it, which are made for each other and read-only. The Pod is bound to its node by name, so no
 * scheduler moves it.
 *
 * R1. All names are spec.name (the volume's also has the namespace), so all four are found again
 *     without being remembered.
 * R2. Each has the labels app.kubernetes.io/managed-by: weir, weir.dev/workload and weir.dev/lease.
 * R3. Nothing that the environment says is expanded: $(X) stays what it is.
 *
 * Errors: -EINVAL names what the API server would refuse; -ENOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct json;

#define KUBE_RUN_MANAGER "weir" /* field manager, and who manages it */
#define KUBE_RUN_UID 65534
#define KUBE_RUN_TMP "64Mi"
#define KUBE_RUN_ENV_MAX 64
#define KUBE_RUN_ENV_BYTES 4096 /* each */

enum kube_run_object {
	KUBE_RUN_VOLUME,
	KUBE_RUN_CLAIM,
	KUBE_RUN_SERVICE,
	KUBE_RUN_POD,
	KUBE_RUN_OBJECT_MAX_
};

/* All borrowed. */
struct kube_run {
	const char *namespace, *name; /* DNS labels */
	const char *lease; /* a label's value, not empty */
	const char *package; /* what the code is, for people: "sha512-..." */
	const char *node; /* its name */
	const char *image; /* has node on its PATH */
	const char *code; /* the unpacked package on the node, absolute */
	const char *entry; /* the file in it to start: "lib/server.js" */
	uint16_t port; /* what it listens on, and the Service's */
	bool probed; /* ready when its port is */
	const char *probe_path; /* what HTTP must answer well; NULL: a connection is enough */
	const char *const *env; /* "K=V", closed by NULL; may be NULL */
	uint32_t cpu_millis; /* 0: no limit */
	uint64_t memory_bytes; /* 0: no limit */
};

int kube_run_check(const struct kube_run *spec, struct err *err);
/* The object; the caller frees it. */
int kube_run_json(const struct kube_run *spec, enum kube_run_object what, struct json **ret,
		  struct err *err);
/* Where it is: "/api/v1/namespaces/weir-workloads/pods/shop". */
int kube_run_path(const char *namespace, const char *name, enum kube_run_object what,
		  struct buf *out);
const char *kube_run_kind(enum kube_run_object what); /* "Pod" */
