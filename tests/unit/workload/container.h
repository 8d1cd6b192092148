/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that run containers: a state folder and cgroups of the test's own, and what is left of them. */
#pragma once

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cgroup.h"
#include "core/child.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/file.h"
#include "unit/workload/tarball.h"
#include "unit/workload/tree.h"
#include "workload/workload.h"

#define MOUNTS_MAX (1u << 20)

struct fixture {
	char state[64];
	char top[64]; /* "/weir-test-XXXXXX" */
	char cgroup[96]; /* TOP/pods/app */
};

static inline void skip_or_fail(const char *why)
{
	if (getenv("WEIR_REQUIRE_KERNEL"))
		fail_msg("WEIR_REQUIRE_KERNEL is set, but %s", why);
	print_message("skipped: %s\n", why);
	skip();
}

static inline void need_kernel(void)
{
	char path[PATH_MAX];

	if (geteuid() != 0)
		skip_or_fail("it needs root");
	if (program_find("runc", path, sizeof(path)) < 0)
		skip_or_fail("runc is not installed");
	if (bundle_find_node(path, sizeof(path), NULL) < 0)
		skip_or_fail("node is not installed below /usr");
	if (cgroup2_mount(CGROUP_MOUNTINFO, path, sizeof(path), NULL) < 0)
		skip_or_fail("cgroup2 is not mounted");
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(crypto_init(), 0);
	snprintf(f->state, sizeof(f->state), "/tmp/weir-test-XXXXXX");
	assert_non_null(mkdtemp(f->state));
	/* mkdtemp() made the name unique; the cgroups take it over */
	snprintf(f->top, sizeof(f->top), "%s", strrchr(f->state, '/'));
	snprintf(f->cgroup, sizeof(f->cgroup), "%s/pods/app", f->top);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	workload_stop(f->state, "app", 0, NULL); /* what a failed test left running */
	tree_remove(f->state);
	free(f);
	return 0;
}

static inline struct workload_spec make_spec(const struct fixture *f, int tarball)
{
	struct workload_spec spec = {
		.name = "app",
		.blob_fd = tarball,
		.cgroup = f->cgroup,
		.port = 8080,
		.lease = "lease-1",
		.limits = { .memory_bytes = 256 << 20, .cpu_millis = 1000, .pids = 64 },
	};

	memset(spec.digest, 0x5a, sizeof(spec.digest));
	return spec;
}

static inline int make_package(const char *code)
{
	const struct tar_item items[] = {
		{ .path = "package/package.json",
		  .text = "{\"name\":\"report\",\"version\":\"1.0.0\",\"main\":\"main.js\"}" },
		{ .path = "package/main.js", .text = code },
	};

	return tar_make(items, ARRAY_LEN(items));
}

/* Directories named like the test, in any hierarchy of /sys/fs/cgroup. */
static inline size_t count_cgroups(const struct fixture *f)
{
	cleanup(close_dir) DIR *dir = opendir("/sys/fs/cgroup");
	char path[PATH_MAX];
	size_t n = 0;

	assert_non_null(dir);
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s", f->top);
	n += access(path, F_OK) == 0;
	for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s", d->d_name, f->top);
		n += access(path, F_OK) == 0;
	}
	return n;
}

static inline void assert_nothing_left(const struct fixture *f)
{
	cleanup(buf_fini) struct buf mounts = BUF_INIT(MOUNTS_MAX);
	char path[128];

	assert_int_equal(count_cgroups(f), 0);
	assert_int_equal(file_read("/proc/self/mountinfo", &mounts, NULL), 0);
	assert_null(strstr(mounts.data, f->state));
	snprintf(path, sizeof(path), "%s/runc/app", f->state);
	assert_int_equal(access(path, F_OK), -1);
}
