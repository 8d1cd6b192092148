/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a kubelet puts the cgroups of its pods. `pods` is the cgroup of all of them, as meter.podCgroup
 * says it: "kubepods", or "kubelet/kubepods" where the kubelet has a --cgroup-root; or as systemd says
 * it, "kubelet.slice/kubelet-kubepods.slice". UID is the pod's; of a static pod it is the hash of its file.
 *
 *	driver cgroupfs:	kubepods[/burstable|/besteffort]/podUID
 *	driver systemd:		kubepods.slice[/kubepods-QOS.slice]/kubepods[-QOS]-podUID.slice
 *
 * systemd reads '-' as a level of its own, so a '-' within a part becomes '_'. Guaranteed pods are
 * the ones without a folder of their class.
 *
 * Pure. -ENAMETOOLONG.
 */
#pragma once

#include <stddef.h>

#define KUBELET_PODS "kubepods" /* a kubelet's own name for it */
#define KUBELET_PLACES 6 /* two drivers, three classes */
#define KUBELET_NAME_MAX 256

/* "kubelet/kubepods" -> "kubelet.slice/kubelet-kubepods.slice"; what ends in .slice stays as it is. */
int kubelet_slice(const char *pods, char *ret, size_t size);
/* The i-th place: the folder, below the cgroup mount, and the pod's own name in it. */
int kubelet_place(const char *pods, const char *uid, size_t i, char *ret_parent, size_t size,
		  char ret_name[KUBELET_NAME_MAX]);
