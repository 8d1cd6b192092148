/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where cgroups are mounted: on a pure layout one cgroup2, on a hybrid one a v1 hierarchy for each
 * controller beside it. Read from mountinfo (proc_pid_mountinfo(5)), never guessed; tests hand in a
 * file of that form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CGROUP_MOUNTINFO "/proc/self/mountinfo"

struct err;

/* Called for each cgroup mount; what it returns, if not 0, ends the walk and is returned. */
typedef int (*cgroup_mount_fn)(const char *mount, bool v2, void *arg, struct err *err);
int cgroup_mounts(const char *mountinfo, cgroup_mount_fn fn, void *arg, struct err *err);
/* The first cgroup2 mount; -ENOENT when there is none. */
int cgroup2_mount(const char *mountinfo, char *ret, size_t size, struct err *err);
