/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup of a workload, in every hierarchy of the host: on a hybrid layout runc makes the same
 * path in each v1 hierarchy and in cgroup2; on pure cgroup2 there is one.
 *
 * I1. Each directory that cgroup_make() makes is marked (xattr trusted.weir.workload), parents as
 *     well. cgroup_remove() removes the path and then its parents upwards as long as they carry the
 *     mark and are empty: never what somebody else made, and shared parents go with the last user.
 *     The marks live in the kernel, so a restart of the agent forgets nothing.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct err;

/* path: "/weir/pods/a". -EBUSY when a process is in there already. */
int cgroup_make(const char *path, struct err *err);
int cgroup_remove(const char *path, struct err *err);
/* 0 when pid is in path in cgroup2; else -EXDEV, and the error names where it is. */
int cgroup_check(const char *path, pid_t pid, struct err *err);
/* How many of its processes were killed for want of memory; 0 where nobody counts. */
int cgroup_oom_kills(const char *path, uint64_t *ret, struct err *err);
