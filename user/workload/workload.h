/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads: npm packages that run on this node, each in a container of its own. STATE is
 * paths.state of the configuration:
 *
 *	STATE/packages/sha512-<hex>/		unpacked code, read-only, shared by workloads
 *	STATE/workloads/NAME/workload.json	the record, mode 0600
 *	STATE/workloads/NAME/bundle/		config.json and rootfs for runc
 *	STATE/workloads/NAME/log, log.old	what it prints; begins anew with each workload_run()
 *	STATE/workloads/NAME/status		what its init says of it (status.h)
 *	STATE/runc/				runc's state
 *
 * I1. The record is on disk before the action it speaks of. What the record calls created or
 *     running is what was last intended; what is true is asked of runc, so a restart needs no
 *     recovery: workload_list() adopts what still runs. A start is counted when it is intended: an
 *     agent that dies in between neither loses nor doubles it.
 * I2. A name is one workload at a time: running it again is -EEXIST unless it has ended.
 * I3. An action holds a lock (flock) on its STATE/workloads/NAME, between threads and processes.
 *
 * All calls block (disk, runc): for a thread pool. workload_list() and workload_get() only read and
 * may be used by any process of root's while another one acts.
 * Ownership: structs given back are the caller's; a spec is borrowed for the call.
 * Errors: -EINVAL a bad spec (nothing was changed), -EEXIST, -ENOENT no such workload.
 */
#pragma once

#include "core/crypto.h"
#include "workload/bundle.h"
#include "workload/package.h"

#include <stdint.h>
#include <sys/types.h>

#define WORKLOAD_NAME_MAX 64 /* a DNS label, 63 */
#define WORKLOAD_PATH_MAX 512
#define WORKLOAD_LEASE_MAX 129
#define WORKLOAD_HOST_MAX 64
#define WORKLOAD_SRI_MAX (sizeof("sha512-") - 1 + BASE64_LEN(SHA512_LEN))
#define WORKLOAD_REASON_MAX 512
#define WORKLOAD_READY_MAX 262 /* "http:" and a path of 256 */
#define WORKLOAD_EXIT_MAX 32
#define WORKLOAD_GRACE_MS 10000

enum workload_state {
	WORKLOAD_STATE_CREATED, /* on its way */
	WORKLOAD_STATE_RUNNING, /* shown as its health */
	WORKLOAD_STATE_WAITING, /* ended, and is run again at again_ms */
	WORKLOAD_STATE_STOPPED, /* ended by itself or by workload_stop() */
	WORKLOAD_STATE_FAILED, /* did not come up, or ended badly and is not run again; reason says why */
	WORKLOAD_STATE_MAX_
};

enum workload_health {
	WORKLOAD_HEALTH_STARTING, /* no probe has succeeded yet */
	WORKLOAD_HEALTH_READY,
	WORKLOAD_HEALTH_UNREADY, /* was ready, or is being stopped */
	WORKLOAD_HEALTH_MAX_
};

enum workload_restart {
	WORKLOAD_RESTART_NEVER,
	WORKLOAD_RESTART_ON_FAILURE, /* not after exit 0 */
	WORKLOAD_RESTART_ALWAYS,
	WORKLOAD_RESTART_MAX_
};

/* See restart.h. */
struct workload_backoff {
	uint64_t first_ms, most_ms;
	uint64_t well_ms; /* who ran that long is as new */
};
#define WORKLOAD_BACKOFF_MS 10000 /* first_ms of the kubelet's; the others are multiples of it */
#define WORKLOAD_BACKOFF(first_ms_) \
	{ .first_ms = (first_ms_), .most_ms = 30ull * (first_ms_), .well_ms = 60ull * (first_ms_) }

struct workload_spec {
	const char *name;
	uint8_t digest[SHA512_LEN]; /* of the package, as the store verified it */
	int blob_fd; /* its content; read when it is not unpacked yet */
	const char *cgroup; /* absolute below the cgroup2 mount: "/weir/pods/a" */
	const char *netns; /* "/run/netns/a"; NULL: a fresh one without a way out */
	const char *host; /* HOST; NULL: 0.0.0.0 */
	uint16_t port; /* PORT; not 0 */
	const char *const *env; /* "K=V", closed by NULL; may be NULL */
	const char *lease; /* NULL: none */
	const char *ready; /* "tcp", "http:/path", "none"; NULL: tcp */
	enum workload_restart restart;
	struct workload_limits limits;
};

struct workload {
	char name[WORKLOAD_NAME_MAX];
	char sri[WORKLOAD_SRI_MAX];
	char code[WORKLOAD_PATH_MAX]; /* STATE/packages/sha512-<hex> */
	struct package package; /* name "" until it is unpacked */
	char cgroup[WORKLOAD_PATH_MAX];
	char netns[WORKLOAD_PATH_MAX]; /* "": its own */
	char host[WORKLOAD_HOST_MAX];
	char lease[WORKLOAD_LEASE_MAX]; /* "": none */
	char reason[WORKLOAD_REASON_MAX]; /* of failed */
	char ready[WORKLOAD_READY_MAX]; /* how it is probed; "": by nobody */
	char last_exit[WORKLOAD_EXIT_MAX]; /* "exit 1", "signal 9", "out of memory"; "": never */
	struct json *env; /* array of "K=V"; may hold secrets, not for display */
	struct workload_limits limits;
	uint64_t started_ms; /* UTC, the last time; 0: never */
	uint64_t ended_ms; /* UTC, of last_exit */
	uint64_t again_ms; /* UTC; of waiting */
	uint32_t restarts; /* starts after the first */
	uint32_t soon; /* ends in a row, each soon after its start */
	enum workload_restart restart;
	enum workload_state state;
	enum workload_health health; /* while it runs; not in the record */
	pid_t pid; /* on the host; 0 unless running */
	uint16_t port;
};

struct workloads {
	struct workload **at; /* by name */
	size_t len;
};

void workload_free(struct workload **w);
void workloads_fini(struct workloads *ws);

/* Once when the agent starts: removes what a crash left half unpacked. */
int workload_sweep(const char *state, struct err *err);
/* Unpacks, writes the bundle, runs. On failure nothing runs, and the record says why. */
int workload_run(const char *state, const struct workload_spec *spec, struct workload **ret,
		 struct err *err);
/* For who runs it elsewhere: unpacks to STATE/packages, and says where that is and what it holds. */
int workload_unpack(const char *state, const uint8_t digest[SHA512_LEN], int blob_fd,
		    char ret_code[WORKLOAD_PATH_MAX], struct package *ret, struct err *err);
/* Does what is due for one: adopts it, sees how it ended, runs it again when its time has come. Something
 * is due again when its process ends, or restart_wait_ms() from now. -EWOULDBLOCK: somebody acts on it. */
int workload_tend(const char *state, const char *name, const struct workload_backoff *backoff,
		  struct workload **ret, struct err *err);
/* SIGTERM, SIGKILL after grace_ms; removes container and cgroup, keeps record and log. Stopping what
 * has ended only cleans up. */
int workload_stop(const char *state, const char *name, uint32_t grace_ms, struct err *err);
/* Forgets a workload that has ended, with its record and log; -EBUSY while it runs. */
int workload_remove(const char *state, const char *name, struct err *err);
int workload_get(const char *state, const char *name, struct workload **ret, struct err *err);
int workload_list(const char *state, struct workloads *ret, struct err *err);
/* Calls for each name that may be one's, in no order; what it returns, if not 0, ends this and is returned. */
typedef int workload_visit(void *arg, const char *name, struct err *err);
int workload_each(const char *state, workload_visit *visit, void *arg, struct err *err);
/* What is on disk alone, without asking runc. */
int workload_recorded(const char *state, const char *name, struct workload **ret, struct err *err);

/* "created", "starting", "ready", "unready", "waiting", "stopped", "failed". */
const char *workload_shown_state(enum workload_state state, enum workload_health health);
int workload_restart_parse(const char *text, enum workload_restart *ret, struct err *err);
/* For display: everything but env. The caller frees it; NULL without memory. */
struct json *workload_json(const struct workload *w);
