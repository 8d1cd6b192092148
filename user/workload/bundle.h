/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI bundle of a workload: DIR/config.json for runc, and DIR/rootfs with empty mount points.
 *
 * What the package gets: node and its libraries from the host's /usr (read-only), its code at /app
 * (read-only), 64 MiB of /tmp, /proc, a /dev of six devices, own pid, mount, uts, ipc, cgroup and
 * network namespaces, uid and gid 65534. What it does not get: a capability (all five sets are
 * empty), new privileges, a system call outside the list in seccomp.c, a writable root, the host's
 * /etc, a resolver, a shell in between.
 *
 * PORT, HOST, NODE_ENV=production, HOME, TMPDIR and PATH are set; extra variables may not name them
 * again. Process 1 is our init (inside/init.c), which starts node, and counts as one of its processes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BUNDLE_UID 65534
#define BUNDLE_INIT "init" /* in its root */
#define BUNDLE_TMP_BYTES (64ull << 20)
#define BUNDLE_ENV_MAX 64
#define BUNDLE_ENV_BYTES 4096 /* each */

struct err;
struct json;

/* 0: no limit of its own. */
struct workload_limits {
	uint64_t memory_bytes;
	uint32_t cpu_millis; /* 1000 is one CPU */
	uint32_t pids;
};

struct bundle_spec { /* all borrowed */
	const char *dir;
	const char *code; /* the unpacked package */
	const char *entry; /* below code */
	const char *hostname;
	const char *cgroup; /* absolute, below the cgroup mounts */
	const char *netns; /* path of a network namespace; NULL: a fresh one without a way out */
	const char *host; /* what HOST says */
	const char *ready; /* how it is probed: inside/inside.h */
	uint16_t port;
	const char *const *env; /* "K=V", closed by NULL; may be NULL */
	struct workload_limits limits;
};

/* Links into /usr where /usr is merged, else folders of the host that are mounted too. Closed by NULL. */
extern const char *const bundle_system_dirs[];

/* The real path of node, which must be below /usr since that is what the container sees. */
int bundle_find_node(char *ret, size_t size, struct err *err);
/* -EINVAL for an environment that is over a limit, malformed or names a variable of ours. */
int bundle_check_env(const char *const *env, struct err *err);
/* config.json as a tree; the caller frees it. */
int bundle_config(const struct bundle_spec *spec, const char *node, struct json **ret,
		  struct err *err);
int bundle_write(const struct bundle_spec *spec, struct err *err);
