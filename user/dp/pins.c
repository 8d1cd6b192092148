/* SPDX-License-Identifier: Apache-2.0 */
#include "dp/dp_int.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

const char *const dp_table_name[] = {
	[DP_SVC] = "weir_svc",		 [DP_SLOT] = "weir_slot",     [DP_RING] = "weir_ring",
	[DP_BACKEND] = "weir_backend",	 [DP_FLOW] = "weir_flow",     [DP_REV] = "weir_rev",
	[DP_AFFINITY] = "weir_affinity", [DP_CLASS] = "weir_class",   [DP_RANGE] = "weir_range",
	[DP_CONN] = "weir_conn",	 [DP_FRAG] = "weir_frag",     [DP_DEV] = "weir_dev",
	[DP_HOME] = "weir_home",	 [DP_PEER] = "weir_peer",     [DP_POD] = "weir_pod",
	[DP_PARENT] = "weir_parent",	 [DP_NET] = "weir_net",	      [DP_VETH] = "weir_veth",
	[DP_GONE] = "weir_gone",	 [DP_SAMPLE] = "weir_sample", [DP_CTL] = "weir_ctl",
	[DP_REASON] = "weir_reason",	 [DP_CPU] = "weir_cpu",
};
_Static_assert(ARRAY_LEN(dp_table_name) == DP_TABLE_MAX_, "a table without a name");

int dp_pin_path(const struct dp *dp, const char *kind, const char *name, char ret[DP_PATH_MAX],
		struct err *err)
{
	if (path_format(ret, DP_PATH_MAX, "%s/%s%s%s", dp->pins, kind, name[0] ? "/" : "", name))
		return err_set(err, -ENAMETOOLONG, "%s: path too long; mount bpffs higher up",
			       dp->pins);
	return 0;
}

int dp_pins_init(struct dp *dp, const char *bpffs, struct err *err)
{
	struct statfs fs;

	if (statfs(bpffs, &fs) < 0)
		return err_errno(err, -errno, "%s", bpffs);
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC)
		return err_set(
			err, -EINVAL,
			"%s is not a bpf file system; mount one there with: mount -t bpf bpf %s",
			bpffs, bpffs);
	if (path_format(dp->pins, sizeof(dp->pins), "%s/weir/v%d", bpffs, WEIR_ABI))
		return err_set(err, -ENAMETOOLONG, "%s: path too long; mount bpffs higher up",
			       bpffs);
	return 0;
}

/* The kernel refuses to map what was opened to read (it takes such a mapping for a private one);
 * a reader maps these without PROT_WRITE instead. */
static bool is_mapped(enum dp_table t)
{
	return t == DP_SLOT || t == DP_RING || t == DP_BACKEND || t == DP_SAMPLE || t == DP_CTL;
}

static int maps_open(struct dp *dp, struct err *err)
{
	char path[DP_PATH_MAX];

	for (size_t i = 0; i < DP_TABLE_MAX_; i++) {
		LIBBPF_OPTS(bpf_obj_get_opts, opts,
			    .file_flags = dp->read_only && !is_mapped(i) ? BPF_F_RDONLY : 0);
		int r = dp_pin_path(dp, "maps", dp_table_name[i], path, err);

		if (r < 0)
			return r;
		if (dp->map[i] >= 0)
			continue;
		dp->map[i] = bpf_obj_get_opts(path, &opts);
		if (dp->map[i] >= 0)
			continue;
		r = -errno;
		if (r == -ENOENT)
			return err_set(
				err, r,
				"%s: no datapath is pinned there; start the agent with: weir agent run",
				dp->pins);
		return err_errno(err, r, "%s", path);
	}
	return 0;
}

int dp_table_map(struct dp *dp, enum dp_table t, size_t len, bool writable, void **ret,
		 struct err *err)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0);
	void *at = mmap(NULL, len, prot, MAP_SHARED, dp->map[t], 0);

	if (at == MAP_FAILED)
		return err_errno(err, -errno, "mapping %s", dp_table_name[t]);
	*ret = at;
	return 0;
}

static int maps_mmap(struct dp *dp, struct err *err)
{
	const struct {
		enum dp_table t;
		size_t len;
		bool writable;
		void **at;
	} want[] = {
		{ DP_SLOT, sizeof(*dp->slots) * WEIR_MAX_SLOTS, true, (void **)&dp->slots },
		{ DP_BACKEND, sizeof(*dp->backends) * WEIR_MAX_BACKENDS, true,
		  (void **)&dp->backends },
		{ DP_CTL, sizeof(*dp->ctl), true, (void **)&dp->ctl },
	};

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		int r;

		if (*want[i].at)
			continue;
		r = dp_table_map(dp, want[i].t, want[i].len, want[i].writable && !dp->read_only,
				 want[i].at, err);
		if (r < 0)
			return r;
	}
	return dp_samples_map(dp, dp->read_only ? WEIR_MAX_PODS : dp->ctl->walk_count, err);
}

int dp_tables_open(struct dp *dp, struct err *err)
{
	int r = maps_open(dp, err);

	return r < 0 ? r : maps_mmap(dp, err);
}

/* ---- What is pinned -------------------------------------------------------------------------- */

struct pins {
	struct dp_pin *list;
	size_t n;
};

static void pins_free(struct pins *pins)
{
	free(pins->list);
}

static int pin_add(struct pins *pins, const char *kind, const char *folder, const char *name)
{
	struct dp_pin *grown = reallocarray(pins->list, pins->n + 1, sizeof(*grown)), *p;
	int r;

	if (!grown)
		return -ENOMEM;
	pins->list = grown;
	p = &grown[pins->n];
	p->kind = kind;
	r = path_format(p->path, sizeof(p->path), "%s/%s", folder, name);
	pins->n += !r;
	return r;
}

static int pins_of(struct pins *pins, const char *kind, const char *folder)
{
	cleanup(close_dir) DIR *dir = opendir(folder);
	struct dirent *e;
	int r = dir || errno == ENOENT ? 0 : -errno;

	while (!r && dir && (e = readdir(dir))) {
		if (e->d_name[0] != '.')
			r = pin_add(pins, kind, folder, e->d_name);
	}
	return r;
}

/* Those of one ABI. */
static int pins_of_version(struct pins *pins, const char *root, const char *version)
{
	static const char *const kinds[] = { "link", "map", "prog" };
	char folder[DP_PATH_MAX];
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_LEN(kinds); i++) {
		r = path_format(folder, sizeof(folder), "%s/%s/%ss", root, version, kinds[i]);
		if (!r)
			r = pins_of(pins, kinds[i], folder);
	}
	return r;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct dp_pin *)a)->path, ((const struct dp_pin *)b)->path);
}

int dp_pins(const char *bpffs, struct dp_pin **ret, size_t *ret_n, struct err *err)
{
	cleanup(pins_free) struct pins pins = {};
	cleanup(close_dir) DIR *dir = NULL;
	struct dp dp = {};
	struct dirent *e;
	int r = dp_pins_init(&dp, bpffs, err);

	if (r < 0)
		return r;
	*strrchr(dp.pins, '/') = '\0';
	dir = opendir(dp.pins);
	if (!dir && errno != ENOENT)
		r = -errno;
	while (!r && dir && (e = readdir(dir))) {
		if (e->d_name[0] != '.')
			r = pins_of_version(&pins, dp.pins, e->d_name);
	}
	if (r < 0)
		return err_errno(err, r, "listing the pins below %s", dp.pins);
	if (pins.n)
		qsort(pins.list, pins.n, sizeof(*pins.list), by_path);
	*ret = take_ptr(pins.list);
	*ret_n = pins.n;
	return 0;
}
