/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of what happens to pods and to those who measure them: lives.c, upgrade.c, memory.c. */
#pragma once

#include <bpf/bpf.h>
#include <sys/mman.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/err.h"

static inline int pin_open(const struct bed *b, const char *kind, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/weir/v%d/%s/%s", b->dir, WEIR_ABI, kind, name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

static inline void ctl_change(const struct bed *b,
			      void (*change)(struct weir_ctl *ctl, uint32_t to), uint32_t to)
{
	cleanup(close_fd) int fd = pin_open(b, "maps", "weir_ctl");
	struct weir_ctl *ctl = mmap(NULL, sizeof(*ctl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(ctl != MAP_FAILED);
	change(ctl, to);
	munmap(ctl, sizeof(*ctl));
}

static inline void set_settle(struct weir_ctl *ctl, uint32_t to)
{
	ctl->settle_ms = to;
}

static inline void set_build(struct weir_ctl *ctl, uint32_t to)
{
	ctl->build[0] ^= (uint8_t)to;
}

static inline void reopen(struct bed *b, const struct dp_restore *restore, size_t n)
{
	char pods[300];
	const char *parents[1] = { pods };
	struct dp_options opt = bed_options(b, pods);
	struct err err = {};

	opt.restore = restore;
	opt.n_restore = n;
	dp_close(&b->dp);
	if (dp_open(&opt, &b->dp, &err) < 0 || dp_parents_sync(b->dp, parents, 1, &err) < 0)
		fail_msg("%s", err.text);
}

static inline uint64_t pod_make(struct bed *b, const char *name, char path[300])
{
	bed_pod_make(b, name, path);
	return bed_pod_id(path);
}

/* Its last amount; then it is forgotten. */
static inline uint64_t pod_end(struct bed *b, const char *path, uint64_t id)
{
	uint64_t ns;

	bed_pod_remove(path);
	ns = bed_released(b, id)->cpu_ns;
	assert_int_equal(dp_pod_forget(b->dp, id, NULL), 0);
	return ns;
}

static inline enum weir_pod_state state_of(struct bed *b, uint64_t id)
{
	const struct weir_pod *pod = bed_sample(b, id);

	assert_non_null(pod);
	return (enum weir_pod_state)pod->state;
}

/* Walks until it is so, for five seconds. */
static inline void becomes(struct bed *b, uint64_t id, enum weir_pod_state want)
{
	for (int i = 0; i < 500; i++, usleep(10000))
		if (state_of(b, id) == want)
			return;
	fail_msg("state %d, not %d", state_of(b, id), want);
}
