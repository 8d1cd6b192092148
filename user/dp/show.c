/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the kernel: reasons, programs, maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp_int.h"

static const struct {
	const char *name, *help;
} reasons[] = {
#define X(id, n, h) [WEIR_REASON_##id] = { n, h },
	WEIR_REASONS(X)
#undef X
};
_Static_assert(ARRAY_LEN(reasons) == WEIR_REASON_MAX_, "a reason without a name");

static const char *const classes[] = {
	[WEIR_CLASS_EXTERNAL] = "external",
	[WEIR_CLASS_CLUSTER] = "cluster",
	[WEIR_CLASS_LOCAL] = "local",
	[WEIR_CLASS_SERVICE] = "service",
};
_Static_assert(ARRAY_LEN(classes) == WEIR_CLASS_MAX_, "a class without a name");

const char *dp_reason_name(enum weir_reason r)
{
	return r < WEIR_REASON_MAX_ ? reasons[r].name : "unknown";
}

const char *dp_reason_help(enum weir_reason r)
{
	return r < WEIR_REASON_MAX_ ? reasons[r].help : "";
}

const char *dp_class_name(enum weir_class c)
{
	return c < WEIR_CLASS_MAX_ ? classes[c] : "unknown";
}

static int reason_read(struct dp *dp, enum weir_reason why, uint64_t *cpus, struct err *err)
{
	uint32_t key = why;
	int r = bpf_map_lookup_elem(dp->map[DP_REASON], &key, cpus);

	return r < 0 ? err_errno(err, r, "reading weir_reason") : 0;
}

int dp_reasons(struct dp *dp, uint64_t ret[WEIR_REASON_MAX_], struct err *err)
{
	cleanup(free_ptr) uint64_t *cpus = calloc(dp->ctl->ncpu, sizeof(*cpus));
	uint64_t sums[WEIR_REASON_MAX_] = {};

	if (!cpus)
		return err_errno(err, -ENOMEM, "reading weir_reason");
	for (uint32_t i = 0; i < WEIR_REASON_MAX_; i++) {
		int r = reason_read(dp, i, cpus, err);

		if (r < 0)
			return r;
		for (uint32_t cpu = 0; cpu < dp->ctl->ncpu; cpu++)
			sums[i] += cpus[cpu];
	}
	memcpy(ret, sums, sizeof(sums));
	return 0;
}

int dp_reason_add(struct dp *dp, enum weir_reason why, uint64_t n, struct err *err)
{
	cleanup(free_ptr) uint64_t *cpus = calloc(dp->ctl->ncpu, sizeof(*cpus));
	uint32_t key = why;
	int r = cpus ? reason_read(dp, why, cpus, err) :
		       err_errno(err, -ENOMEM, "writing weir_reason");

	if (r < 0)
		return r;
	cpus[0] += n;
	r = bpf_map_update_elem(dp->map[DP_REASON], &key, cpus, BPF_EXIST);
	return r < 0 ? err_errno(err, r, "writing weir_reason") : 0;
}

static int program_info(uint32_t id, struct dp_program *ret)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	cleanup(close_fd) int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	ret->id = info.id;
	ret->verified_insns = info.verified_insns;
	ret->xlated_bytes = info.xlated_prog_len;
	ret->run_count = info.run_cnt;
	ret->run_ns = info.run_time_ns;
	return 0;
}

/* 1: told; 0: there is no such link. */
static int attached_program(const struct dp *dp, const struct dp_attach *a, struct dp_program *ret,
			    struct err *err)
{
	struct bpf_link_info link = {};
	uint32_t len = sizeof(link);
	cleanup(close_fd) int fd = -1;
	char path[DP_PATH_MAX];
	int r = dp_pin_path(dp, "links", a->prog, path, err);

	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || bpf_link_get_info_by_fd(fd, &link, &len) < 0)
		return err_errno(err, -errno, "%s", path);
	r = program_info(link.prog_id, ret);
	if (r < 0)
		return err_errno(err, r, "%s", path);
	ret->link_id = link.id;
	snprintf(ret->name, sizeof(ret->name), "%s", a->prog);
	snprintf(ret->attach, sizeof(ret->attach), "%s", a->what);
	return 1;
}

/* As attached_program(). At home, in the node's network namespace, devices have names. */
static int device_program(const struct dp_stand *stand, bool at_home, struct dp_program *ret,
			  struct err *err)
{
	char name[IF_NAMESIZE];
	int r = program_info(stand->prog_id, ret);

	if (r == -ENOENT)
		return 0; /* replaced meanwhile */
	if (r < 0)
		return err_errno(err, r, "%s of device %u", dp_side_prog(stand->side),
				 stand->ifindex);
	ret->ifindex = stand->ifindex;
	ret->link_id = stand->link_id;
	snprintf(ret->name, sizeof(ret->name), "%s", dp_side_prog(stand->side));
	snprintf(ret->attach, sizeof(ret->attach), "%s %s", stand->link_id ? "tcx" : "filter",
		 dp_side_what(stand->side));
	if (at_home && if_indextoname(stand->ifindex, name))
		snprintf(ret->device, sizeof(ret->device), "%s", name);
	return 1;
}

int dp_programs(struct dp *dp, struct dp_program **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct dp_program *out = NULL;
	cleanup(free_ptr) struct dp_stand *stands = NULL;
	size_t n = 0, n_stands = 0;
	bool at_home = false;
	uint64_t here;
	int r = dp_netns_cookie(&here, err);

	if (!r) {
		at_home = here == dp->ctl->host_netns;
		r = dp_stands(dp, at_home, &stands, &n_stands, err);
	}
	if (r < 0)
		return r;
	out = calloc(dp_attach_n + n_stands, sizeof(*out));
	if (!out)
		return err_errno(err, -ENOMEM, "reading programs");
	for (size_t i = 0; r >= 0 && i < dp_attach_n; i++, n += r > 0)
		r = attached_program(dp, &dp_attach[i], &out[n], err);
	for (size_t i = 0; r >= 0 && i < n_stands; i++, n += r > 0)
		r = device_program(&stands[i], at_home, &out[n], err);
	if (r < 0)
		return r;
	*ret = take_ptr(out);
	*ret_n = n;
	return 0;
}

static const char *type_name(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
		return "hash";
	case BPF_MAP_TYPE_ARRAY:
		return "array";
	case BPF_MAP_TYPE_PERCPU_HASH:
		return "percpu_hash";
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return "percpu_array";
	case BPF_MAP_TYPE_LRU_HASH:
		return "lru_hash";
	case BPF_MAP_TYPE_LPM_TRIE:
		return "lpm_trie";
	case BPF_MAP_TYPE_SK_STORAGE:
		return "sk_storage";
	default:
		return "other";
	}
}

/* Arrays are always full and a socket's storage has no keys to list. */
static uint32_t map_entries(int fd, const struct bpf_map_info *info)
{
	uint8_t key[64], *at = NULL;
	uint32_t n = 0;

	if (info->type == BPF_MAP_TYPE_ARRAY || info->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	    info->type == BPF_MAP_TYPE_SK_STORAGE || info->key_size > sizeof(key))
		return UINT32_MAX;
	while (n < info->max_entries && !bpf_map_get_next_key(fd, at, key)) {
		at = key;
		n++;
	}
	return n;
}

int dp_maps(struct dp *dp, struct dp_map **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct dp_map *out = calloc(DP_TABLE_MAX_, sizeof(*out));

	if (!out)
		return err_errno(err, -ENOMEM, "reading maps");
	for (size_t i = 0; i < DP_TABLE_MAX_; i++) {
		struct bpf_map_info info = {};
		uint32_t len = sizeof(info);

		if (bpf_map_get_info_by_fd(dp->map[i], &info, &len) < 0)
			return err_errno(err, -errno, "%s", dp_table_name[i]);
		snprintf(out[i].name, sizeof(out[i].name), "%s", dp_table_name[i]);
		snprintf(out[i].type, sizeof(out[i].type), "%s", type_name(info.type));
		out[i].id = info.id;
		out[i].max_entries = info.max_entries;
		out[i].entries = map_entries(dp->map[i], &info);
	}
	*ret = take_ptr(out);
	*ret_n = DP_TABLE_MAX_;
	return 0;
}
