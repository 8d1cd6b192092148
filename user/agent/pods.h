/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Kubernetes' Pods to the pods that the meter names: those of this node, with the lease that
 * their label weir.dev/lease names and the place of their cgroup. Pure.
 */
#pragma once

#include <stddef.h>

#include "meter/podtab.h"

struct kube_object;
struct kube_set;

/* Borrowed for the call. skipped() is told of a pod that can't be metered as it asks. */
struct pods_node {
	const char *name;
	const char *cgroup; /* paths.cgroup */
	const char *meter_cgroup; /* what the meter covers */
	const char *const *labels; /* names of those that usage carries */
	size_t n_labels;
	void (*skipped)(void *arg, const struct kube_object *pod, const char *why);
	void *arg;
};

/* free() the array. -ENOMEM. */
int pods_translate(const struct kube_set *set, const struct pods_node *node, struct meter_pod **ret,
		   size_t *ret_n);
