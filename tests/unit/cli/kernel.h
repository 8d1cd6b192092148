/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands read of the kernel: the real programs, attached to an empty cgroup of the test and
 * pinned on a bpffs in its own mount namespace. kernel_of() in each test makes it so, or skips.
 */
#pragma once

#include <sched.h>
#include <sys/mount.h>

#include "core/cgroup.h"
#include "svc/plan.h"
#include "svc/svc.h"
#include "svc/view.h"
#include "unit/cli/run.h"

struct kernel {
	struct run run; /* first: its teardown frees */
	char cgroup[256], pods[280], pod[300];
	struct svc_table *table;
};

static inline void kernel_must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%d %s", rc, err->text);
}

static inline const char *kernel_missing(char *mount_at, size_t size)
{
	struct err err = {};

	if (geteuid() != 0)
		return "needs root";
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "needs a kernel with BTF";
	if (cgroup2_mount("/proc/self/mountinfo", mount_at, size, &err) < 0)
		return "needs cgroup2";
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "needs a mount namespace";
	return NULL;
}

static inline void kernel_cgroups(struct kernel *k, const char *mount_at)
{
	snprintf(k->cgroup, sizeof(k->cgroup), "%.200s/weir-cli-%d", mount_at, getpid());
	snprintf(k->pods, sizeof(k->pods), "%s/pods", k->cgroup);
	snprintf(k->pod, sizeof(k->pod), "%s/web", k->pods);
	assert_int_equal(mkdir(k->cgroup, 0755), 0);
	assert_int_equal(mkdir(k->pods, 0755), 0);
	assert_int_equal(mkdir(k->pod, 0755), 0);
}

/* Service default/web with two ready backends, in the kernel and saved. */
static inline void kernel_serve(struct kernel *k, struct dp *dp)
{
	cleanup(svc_idle_free) struct svc_idle *idle = NULL;
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	struct svc_service web = { .ns = "default", .name = "web", .n_cluster_ips = 1 }, *s;
	struct svc_endpoint e = { .port = 8080, .ready = true, .serving = true };
	struct svc_port http = { .name = "http", .port = 80 }, *p;
	struct err err = {};
	char path[160];

	kernel_must(svc_table_new(&k->table), &err);
	kernel_must(addr_parse("10.96.0.10", &web.cluster_ips[0]), &err);
	kernel_must(svc_service_add(k->table, &web, &s, &err), &err);
	kernel_must(svc_port_add(k->table, s, &http, &p, &err), &err);
	kernel_must(addr_parse("10.1.0.5", &e.addr), &err);
	kernel_must(svc_endpoint_add(k->table, p, &e, &err), &err);
	kernel_must(addr_parse("10.1.0.6", &e.addr), &err);
	kernel_must(svc_endpoint_add(k->table, p, &e, &err), &err);
	svc_select(k->table);
	kernel_must(svc_idle_new(SVC_GRACE_MS, &idle), &err);
	kernel_must(svc_sync(dp, k->table, idle, 1, &plan, &err), &err);
	snprintf(path, sizeof(path), "%s/%s", k->run.state, SVC_SAVED_NAME);
	kernel_must(svc_save(k->table, path, &err), &err);
}

static inline int kernel_setup(void **state)
{
	struct run *run;
	struct kernel *k;

	if (run_setup((void **)&run) < 0)
		return -1;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -1;
	k->run = *run;
	free(run);
	*state = k;
	return 0;
}

static inline int kernel_attach(const struct kernel *k, struct dp **ret, struct err *err)
{
	const struct dp_options opt = {
		.bpffs = k->run.bpffs,
		.cgroup = k->cgroup,
		.meter_cgroup = k->pods,
	};

	return dp_open(&opt, ret, err);
}

/* The first call of each test: what may skip it. Leaves pins, as an agent that was killed. */
static inline struct kernel *kernel_of(void **state)
{
	char mount_at[200];
	cleanup(dp_close) struct dp *dp = NULL;
	const struct weir_sample *samples;
	struct kernel *k = *state;
	const char *why = kernel_missing(mount_at, sizeof(mount_at));
	const char *parents[] = { k->pods };
	struct err err = {};
	size_t n;

	if (why && getenv("WEIR_REQUIRE_KERNEL"))
		fail_msg("%s", why);
	if (why) {
		print_message("skipped: %s\n", why);
		skip();
	}
	kernel_cgroups(k, mount_at);
	/* on a folder of its own, since the configuration lies in run.dir */
	snprintf(k->run.bpffs, sizeof(k->run.bpffs), "%s/bpf", k->run.dir);
	assert_int_equal(mkdir(k->run.bpffs, 0700), 0);
	assert_int_equal(mount("bpf", k->run.bpffs, "bpf", 0, NULL), 0);
	kernel_must(kernel_attach(k, &dp, &err), &err);
	kernel_must(dp_parents_sync(dp, parents, 1, &err), &err);
	kernel_serve(k, dp);
	kernel_must(dp_walk(dp, &samples, &n, &err), &err);
	setenv("WEIR_PATHS_BPFFS", k->run.bpffs, 1);
	return k;
}

static inline int kernel_teardown(void **state)
{
	struct kernel *k = *state;

	if (k->cgroup[0]) {
		dp_detach(k->run.bpffs, NULL);
		umount2(k->run.bpffs, MNT_DETACH);
		rmdir(k->pod);
		rmdir(k->pods);
		rmdir(k->cgroup);
	}
	unsetenv("WEIR_PATHS_BPFFS");
	svc_table_free(&k->table);
	return run_teardown(state);
}

#define KERNEL_TEST(name) cmocka_unit_test_setup_teardown(name, kernel_setup, kernel_teardown)
