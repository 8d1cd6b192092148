/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that measure: parents, pods, bytes, samples; and the walk. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "dp/dp_int.h"

#define SAMPLES_FIRST 256 /* mapped at least */

/* From 6.16 on css_rstat_flush flushes CPU time only; reading memory.stat flushes the memory part of the
 * whole subtree, where the walk can't (before 7.0). Without such a file there is no memory to read. */
static void mem_flush(const struct dp *dp)
{
	cleanup(close_fd) int fd = -1;
	char path[DP_PATH_MAX + 16], text[256];

	if (dp->ctl->flush != WEIR_FLUSH_CSS ||
	    path_format(path, sizeof(path), "%s/memory.stat", dp->meter_cgroup))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text)) < 0)
		return; /* an old reading is still a reading */
}

int dp_samples_map(struct dp *dp, size_t n, struct err *err)
{
	size_t want = dp->n_samples ? dp->n_samples : SAMPLES_FIRST;
	void *at = NULL;
	int r;

	while (want < n && want < WEIR_MAX_PODS)
		want *= 2;
	if (want == dp->n_samples)
		return 0;
	r = dp_table_map(dp, DP_SAMPLE, want * sizeof(*dp->samples), false, &at, err);
	if (r < 0)
		return r;
	if (dp->samples)
		munmap(dp->samples, dp->n_samples * sizeof(*dp->samples));
	dp->samples = at;
	dp->n_samples = want;
	return 0;
}

size_t dp_samples(const struct dp *dp, const struct weir_sample **ret, uint64_t *ret_at)
{
	uint32_t n = __atomic_load_n(&dp->ctl->walk_count, __ATOMIC_ACQUIRE);

	*ret = dp->samples;
	*ret_at = dp->ctl->walk_at;
	return n < dp->n_samples ? n : dp->n_samples;
}

#define FILEID_KERNFS 0xfe /* the kernel's, for it a cgroup's id is its handle */

/* By its id alone; true only when the kernel says that there is none. */
static bool cgroup_is_gone(int cgroupfs, uint64_t id)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + sizeof(id)];
	} h = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	cleanup(close_fd) int fd = -1;

	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(cgroupfs, &h.handle, O_PATH | O_CLOEXEC);
	return fd < 0 && errno == ESTALE;
}

static void pod_missed(const struct dp *dp, uint64_t id)
{
	struct weir_pod pod;

	/* nobody else writes to it any more */
	if (bpf_map_lookup_elem(dp->map[DP_POD], &id, &pod) < 0 || pod.state != WEIR_POD_LIVE)
		return;
	pod.state = WEIR_POD_MISSED;
	bpf_map_update_elem(dp->map[DP_POD], &id, &pod, BPF_EXIST);
}

/* Pods that went while no program was attached (a detach, another ABI) would live for ever. */
static void missed_mark(const struct dp *dp, const struct weir_sample *samples, size_t n)
{
	cleanup(close_fd) int fd = -1;

	for (size_t i = 0; i < n; i++) {
		if (samples[i].pod.state != WEIR_POD_LIVE ||
		    samples[i].pod.seen == dp->ctl->walk_from)
			continue;
		if (fd < 0)
			fd = open(dp->meter_cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && cgroup_is_gone(fd, samples[i].cgroup_id))
			pod_missed(dp, samples[i].cgroup_id);
	}
}

int dp_walk(struct dp *dp, const struct weir_sample **ret, size_t *ret_n, struct err *err)
{
	cleanup(close_fd) int fd = -1;
	uint64_t at;
	char none[64];
	ssize_t n;
	int r;

	mem_flush(dp);
	fd = bpf_iter_create(dp->walk);
	if (fd < 0)
		return err_errno(err, -errno, "starting the cgroup walk");
	do
		n = read(fd, none, sizeof(none));
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_errno(err, -errno, "walking the cgroups");
	r = dp_samples_map(dp, dp->ctl->walk_count, err);
	if (r < 0)
		return r;
	*ret_n = dp_samples(dp, ret, &at);
	missed_mark(dp, *ret, *ret_n);
	return 0;
}

static bool parent_wanted(uint64_t id, const uint64_t *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (want[i] == id)
			return true;
	return false;
}

/* A parent stays as long as a pod beneath it was not read for the last time, whoever wants it. */
static bool parent_used(const struct dp *dp, uint64_t id)
{
	const struct weir_sample *samples;
	uint64_t at;
	size_t n = dp_samples(dp, &samples, &at);

	for (size_t i = 0; i < n; i++)
		if (samples[i].pod.parent == id && samples[i].pod.state < WEIR_POD_RELEASED)
			return true;
	return false;
}

/* Parents that are no longer wanted go; 1: some did. */
static int parents_prune(struct dp *dp, const uint64_t *want, size_t n, struct err *err)
{
	uint64_t key, *at = NULL, gone[WEIR_MAX_PARENTS];
	size_t gone_n = 0;

	while (gone_n < WEIR_MAX_PARENTS && !bpf_map_get_next_key(dp->map[DP_PARENT], at, &key)) {
		if (!parent_wanted(key, want, n) && !parent_used(dp, key))
			gone[gone_n++] = key;
		at = &key;
	}
	for (size_t i = 0; i < gone_n; i++)
		if (bpf_map_delete_elem(dp->map[DP_PARENT], &gone[i]) < 0 && errno != ENOENT)
			return err_errno(err, -errno, "writing weir_parent");
	return gone_n > 0;
}

int dp_parents_sync(struct dp *dp, const char *const *paths, size_t n, struct err *err)
{
	const struct weir_sample *samples;
	uint64_t want[WEIR_MAX_PARENTS];
	const uint32_t one = 1;
	size_t want_n = 0;
	int changed;

	for (size_t i = 0; i < n; i++) {
		struct stat st;

		if (stat(paths[i], &st) < 0 || parent_wanted(st.st_ino, want, want_n))
			continue;
		if (want_n == WEIR_MAX_PARENTS)
			return err_set(err, -E2BIG,
				       "%s: more than %d folders hold pods; put pods beneath fewer",
				       paths[i], WEIR_MAX_PARENTS);
		want[want_n++] = st.st_ino;
	}
	changed = parents_prune(dp, want, want_n, err);
	if (changed < 0)
		return changed;
	for (size_t i = 0; i < want_n; i++) {
		int r = bpf_map_update_elem(dp->map[DP_PARENT], &want[i], &one, BPF_NOEXIST);

		if (r < 0 && r != -EEXIST)
			return err_errno(err, r, "writing weir_parent");
		changed |= !r;
	}
	if (!changed)
		return 0;
	dp->ctl->parents_new = 1;
	return dp_walk(dp, &samples, &want_n, err);
}

static void dir_add(struct weir_dir *sum, const struct weir_dir *d)
{
	for (size_t c = 0; c < WEIR_CLASSES_BILLED; c++) {
		sum->wire[c].bytes += d->wire[c].bytes;
		sum->wire[c].packets += d->wire[c].packets;
	}
	sum->raw.bytes += d->raw.bytes;
	sum->raw.packets += d->raw.packets;
}

int dp_net(struct dp *dp, uint64_t cgroup_id, struct weir_net *ret, struct err *err)
{
	cleanup(free_ptr) struct weir_net *cpus = calloc(dp->ctl->ncpu, sizeof(*cpus));
	struct weir_net sum = {};
	int r;

	if (!cpus)
		return err_errno(err, -ENOMEM, "reading weir_net");
	r = bpf_map_lookup_elem(dp->map[DP_NET], &cgroup_id, cpus);
	if (r < 0 && r != -ENOENT)
		return err_errno(err, r, "reading weir_net");
	for (uint32_t i = 0; !r && i < dp->ctl->ncpu; i++) {
		dir_add(&sum.rx, &cpus[i].rx);
		dir_add(&sum.tx, &cpus[i].tx);
	}
	*ret = sum;
	return 0;
}

int dp_pod_forget(struct dp *dp, uint64_t cgroup_id, struct err *err)
{
	static const enum dp_table tables[] = { DP_NET, DP_POD };

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		int r = bpf_map_delete_elem(dp->map[tables[i]], &cgroup_id);

		if (r < 0 && r != -ENOENT)
			return err_errno(err, r, "writing %s", dp_table_name[tables[i]]);
	}
	return 0;
}

bool dp_memory_measured(const char *meter_cgroup, char *ret_why, size_t size)
{
	char path[DP_PATH_MAX], text[512] = "";
	cleanup(close_file) FILE *f = NULL;

	snprintf(ret_why, size, "the memory controller is not on cgroup2 here");
	if (path_format(path, sizeof(path), "%s/cgroup.controllers", meter_cgroup))
		return false;
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		return false;
	text[strcspn(text, "\n")] = '\0';
	for (char *at = text, *word; (word = strsep(&at, " "));)
		if (!strcmp(word, "memory"))
			return true;
	return false;
}
