/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pod a cgroup is: joins what the source knows (namespace, name, UID, lease, where the cgroup
 * is) with what the walk found (cgroup id, parent, name).
 *
 * A pod is found by place: the id of the folder it lies in and its own folder's name, both of which
 * the kernel noted at its birth. So a pod that is long gone when its manifest is read is still
 * found, and ids are never guessed from paths that may have been made anew.
 *
 * Places of a pod: the one its annotation names, or those where a kubelet would put it, for both
 * cgroup drivers and all QoS classes (meter/kubelet.h).
 *
 * P1. What was joined once stays joined, until podtab_forget(): a pod whose manifest is gone keeps
 *     its name for its last bill.
 * P2. The folder of a pod that was joined stays among the parents as long, since the kernel counts
 *     only what is beneath a parent. (Of a recalled pod the folder is known if it is a kubelet's.)
 * Ownership: the table owns its texts. Threading: one thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

#define METER_PATH_MAX 1280
#define METER_LABELS 16
#define METER_LABELS_MAX 2048

struct err;
struct podtab;

/* {.ns = "default", .name = "web-0", .cgroup = "/sys/fs/cgroup/pods/web-0", .lease = "shop"} */
struct meter_pod {
	char ns[64], name[254], uid[65], lease[64];
	char kubelet_uid[65]; /* what its cgroup is named by, of a static pod; "": uid */
	char labels[METER_LABELS_MAX]; /* a JSON object of those that are asked for; "": none */
	char cgroup[METER_PATH_MAX]; /* absolute; "": where a kubelet puts it */
};

/* root: the cgroup mount; kubepods: below it, as meter.podCgroup has it; "": "kubepods". */
int podtab_new(const char *root, const char *kubepods, struct podtab **ret);
void podtab_free(struct podtab **t);

/* The pods that are there now, all of them; copied. Errors leave the table as it was. */
int podtab_set(struct podtab *t, const struct meter_pod *pods, size_t n, struct err *err);
/* The folders pods lie in, for dp_parents_sync(); borrowed until the next podtab_set(). */
size_t podtab_parents(const struct podtab *t, const char *const **ret);
/* Looks the parents up again; cheap, call it before matching. */
void podtab_resolve(struct podtab *t);
/* The pod of a sample, or NULL: nobody named it yet. Borrowed until the next call of any kind. */
const struct meter_pod *podtab_match(struct podtab *t, const struct weir_sample *s);
/* For a cgroup that is gone and billed. */
void podtab_forget(struct podtab *t, uint64_t cgroup_id);
/* Makes a join known that was made before a restart. */
int podtab_recall(struct podtab *t, uint64_t cgroup_id, const struct meter_pod *pod);
