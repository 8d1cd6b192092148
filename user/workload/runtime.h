/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers through runc. ROOT is runc's own state folder; ID the container's name.
 *
 * runtime_create() leaves a container whose process waits before exec, so that its cgroup can be
 * checked before a single line of the package has run; runtime_start() lets it go. The process
 * belongs to nobody: it outlives us. Every call is bounded in time.
 *
 * runc needs "/" to be a mount point: in a plain chroot runtime_create() gives -ENOTSUP and says what
 * to do.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct err;

enum runtime_status {
	RUNTIME_STATUS_ABSENT,
	RUNTIME_STATUS_CREATED,
	RUNTIME_STATUS_RUNNING,
	RUNTIME_STATUS_STOPPED,
};

struct runtime_state {
	enum runtime_status status;
	pid_t pid; /* on the host; 0 unless created or running */
};

/* Descriptors of the container. */
struct runtime_files {
	int log; /* standard output and error */
	int handed[2]; /* 3 and 4 */
};

int runtime_create(const char *root, const char *id, const char *bundle,
		   const struct runtime_files *files, struct err *err);
int runtime_start(const char *root, const char *id, struct err *err);
int runtime_state(const char *root, const char *id, struct runtime_state *ret, struct err *err);
/* SIGTERM, SIGKILL after grace_ms, then the container is deleted. An absent one is fine. */
int runtime_stop(const char *root, const char *id, uint32_t grace_ms, struct err *err);
