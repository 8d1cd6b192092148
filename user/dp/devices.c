/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that see packets, and those that count them, on devices that come and go: tcx links, pinned like all others; on
 * kernels without tcx (before Linux 6.6) filters of a clsact qdisc, which need no pin.
 *
 * Whose a filter is says the name of its program, which every build gives to its own.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/parse.h"
#include "dp/dp_int.h"

#define FILTER_HANDLE 1
#define FILTER_PRIORITY 49152 /* behind what others have put there on purpose */

/* Who counts comes first: others may redirect or drop. */
static const struct side {
	const char *prog, *what;
	enum bpf_attach_type tcx;
	enum bpf_tc_attach_point clsact;
	unsigned int duty;
	uint32_t tcx_flags, priority;
} sides[] = {
	[DP_SIDE_IN] = { "weir_tc_in", "ingress", BPF_TCX_INGRESS, BPF_TC_INGRESS, DP_DIRECT, 0,
			 FILTER_PRIORITY },
	[DP_SIDE_OUT] = { "weir_tc_out", "egress", BPF_TCX_EGRESS, BPF_TC_EGRESS, DP_DIRECT, 0,
			  FILTER_PRIORITY },
	[DP_SIDE_VETH_IN] = { "weir_veth_in", "ingress", BPF_TCX_INGRESS, BPF_TC_INGRESS, DP_COUNT,
			      BPF_F_BEFORE, FILTER_PRIORITY - 1 },
	[DP_SIDE_VETH_OUT] = { "weir_veth_out", "egress", BPF_TCX_EGRESS, BPF_TC_EGRESS, DP_COUNT,
			       BPF_F_BEFORE, FILTER_PRIORITY - 1 },
};
_Static_assert(ARRAY_LEN(sides) == DP_SIDE_MAX_, "a program for each side");

const char *dp_side_prog(enum dp_side side)
{
	return sides[side].prog;
}

const char *dp_side_what(enum dp_side side)
{
	return sides[side].what;
}

/* Asked of the loopback device, which is always there; nothing need be attached to it. */
static bool has_tcx(void)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);

	return !bpf_prog_query_opts(1, BPF_TCX_INGRESS, &opts);
}

int dp_sides_open(struct dp *dp, struct err *err)
{
	char path[DP_PATH_MAX];

	dp->no_tcx = !has_tcx();
	for (enum dp_side side = 0; side < DP_SIDE_MAX_; side++) {
		int r = dp_pin_path(dp, "progs", sides[side].prog, path, err);

		if (r < 0)
			return r;
		if (dp->side[side] < 0)
			dp->side[side] = bpf_obj_get(path);
		if (dp->side[side] < 0)
			return err_errno(err, -errno, "%s", path);
	}
	return 0;
}

/* ---- tcx ------------------------------------------------------------------------------------- */

static int link_path(const struct dp *dp, enum dp_side side, uint32_t ifindex,
		     char ret[DP_PATH_MAX], struct err *err)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%u", sides[side].prog, ifindex);
	return dp_pin_path(dp, "links", name, ret, err);
}

/* The side and device of a link's name; false: another kind of link. */
static bool link_name(const char *name, enum dp_side *ret_side, uint32_t *ret_ifindex)
{
	for (enum dp_side side = 0; side < DP_SIDE_MAX_; side++) {
		size_t len = strlen(sides[side].prog);

		if (strncmp(name, sides[side].prog, len) || name[len] != '-' ||
		    parse_u32(name + len + 1, 1, INT32_MAX, ret_ifindex) < 0)
			continue;
		*ret_side = side;
		return true;
	}
	return false;
}

static uint32_t prog_id(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return bpf_prog_get_info_by_fd(fd, &info, &len) < 0 ? 0 : info.id;
}

/* A pinned link gets our program; false: it is not on this device any more, or there is none. */
static bool link_adopt(int fd, uint32_t ifindex, int prog_fd)
{
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_link_get_info_by_fd(fd, &info, &len) < 0 ||
	    info.type != BPF_LINK_TYPE_TCX || info.tcx.ifindex != ifindex)
		return false;
	return info.prog_id == prog_id(prog_fd) || !bpf_link_update(fd, prog_fd, NULL);
}

static int tcx_attach(struct dp *dp, enum dp_side side, uint32_t ifindex, struct err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = sides[side].tcx_flags);
	cleanup(close_fd) int fd = -1;
	char path[DP_PATH_MAX];
	int r = link_path(dp, side, ifindex, path, err);

	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (link_adopt(fd, ifindex, dp->side[side]))
		return 0;
	close_fd(&fd);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, -errno, "%s", path);
	fd = bpf_link_create(dp->side[side], (int)ifindex, sides[side].tcx, &opts);
	if (fd < 0 || bpf_obj_pin(fd, path) < 0)
		return err_errno(err, -errno, "%s of device %u", sides[side].what, ifindex);
	return 0;
}

/* ---- clsact ---------------------------------------------------------------------------------- */

/* The program of our filter on the device; 0: there is none. */
static uint32_t clsact_prog(const struct bpf_tc_hook *hook, enum dp_side side)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = sides[side].priority);

	return bpf_tc_query(hook, &opts) < 0 ? 0 : opts.prog_id;
}

static bool is_ours(uint32_t prog, enum dp_side side)
{
	cleanup(close_fd) int fd = bpf_prog_get_fd_by_id(prog);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &len) &&
	       !strcmp(info.name, sides[side].prog);
}

static int clsact_attach(struct dp *dp, enum dp_side side, uint32_t ifindex, struct err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = sides[side].clsact);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = sides[side].priority,
		    .prog_fd = dp->side[side], .flags = BPF_TC_F_REPLACE);
	uint32_t id = clsact_prog(&hook, side);
	int r;

	if (id && id == prog_id(dp->side[side]))
		return 0;
	if (id && !is_ours(id, side))
		return err_set(err, -EEXIST,
			       "%s of device %u: its filter of handle %d, priority %u is another "
			       "program's; Weir needs that place: see tc filter show",
			       sides[side].what, ifindex, FILTER_HANDLE, sides[side].priority);
	r = bpf_tc_hook_create(&hook);
	if (!r || r == -EEXIST)
		r = bpf_tc_attach(&hook, &opts);
	return r < 0 ? err_errno(err, r, "%s of device %u", sides[side].what, ifindex) : 0;
}

/* The program of the filter on the device if it is ours; 0: there is none. */
static uint32_t filter_prog(enum dp_side side, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = sides[side].clsact);
	uint32_t id = clsact_prog(&hook, side);

	return id && is_ours(id, side) ? id : 0;
}

/* Takes away a filter of ours; what is not ours, and the qdisc, which others may use, stays. */
static void clsact_detach(enum dp_side side, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = sides[side].clsact);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = sides[side].priority);

	if (filter_prog(side, ifindex))
		bpf_tc_detach(&hook, &opts);
}

/* ---- Devices --------------------------------------------------------------------------------- */

static int attach(struct dp *dp, enum dp_side side, uint32_t ifindex, struct err *err)
{
	return dp->no_tcx ? clsact_attach(dp, side, ifindex, err) :
			    tcx_attach(dp, side, ifindex, err);
}

static bool device_has(const struct dp_device *devices, size_t n, uint32_t ifindex,
		       unsigned int duty)
{
	for (size_t i = 0; i < n; i++)
		if (devices[i].ifindex == ifindex)
			return devices[i].duties & duty;
	return false;
}

/* Ends a link at once: the kernel frees one some time after its last pin went. */
static int link_end(const char *path, struct err *err)
{
	cleanup(close_fd) int fd = bpf_obj_get(path);

	if (fd >= 0)
		bpf_link_detach(fd); /* of a device that is gone there is nothing to end */
	return unlink(path) < 0 ? err_errno(err, -errno, "%s", path) : 0;
}

static int links_dir(const struct dp *dp, DIR **ret, struct err *err)
{
	char path[DP_PATH_MAX];
	int r = dp_pin_path(dp, "links", "", path, err);
	DIR *dir;

	if (r < 0)
		return r;
	dir = opendir(path);
	if (!dir)
		return err_errno(err, -errno, "%s", path);
	*ret = dir;
	return 0;
}

/* Ends the links of devices that are not wanted, or not there, any more. */
static int links_prune(const struct dp *dp, const struct dp_device *want, size_t n, struct err *err)
{
	cleanup(close_dir) DIR *dir = NULL;
	char path[DP_PATH_MAX];
	struct dirent *e;
	int r = links_dir(dp, &dir, err);

	if (r < 0)
		return r;
	while ((e = readdir(dir))) {
		enum dp_side side;
		uint32_t ifindex;

		if (!link_name(e->d_name, &side, &ifindex) ||
		    device_has(want, n, ifindex, sides[side].duty))
			continue;
		r = link_path(dp, side, ifindex, path, err);
		if (!r)
			r = link_end(path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void filters_prune(const struct dp *dp, uint32_t ifindex, unsigned int duty)
{
	for (enum dp_side side = 0; dp->no_tcx && side < DP_SIDE_MAX_; side++)
		if (sides[side].duty == duty)
			clsact_detach(side, ifindex);
}

/* Filters have no pins; that the programs once were on a device say weir_dev and weir_veth. */
static const struct {
	enum dp_table table;
	unsigned int duty;
} kept_in[] = { { DP_DEV, DP_DIRECT }, { DP_VETH, DP_COUNT } };

/* What was counted stays until the last bill of whose it is. */
static bool is_owed(const struct dp *dp, enum dp_table t, uint32_t ifindex)
{
	struct weir_veth veth;
	struct weir_pod pod;

	return t == DP_VETH && !dp_veth_read(dp, ifindex, &veth, NULL) && veth.pod &&
	       !bpf_map_lookup_elem(dp->map[DP_POD], &veth.pod, &pod);
}

static int table_prune(struct dp *dp, size_t which, const struct dp_device *want, size_t n,
		       struct err *err)
{
	enum dp_table t = kept_in[which].table;
	unsigned int duty = kept_in[which].duty;
	uint32_t key, kept, *from = NULL;

	while (!bpf_map_get_next_key(dp->map[t], from, &key)) {
		bool wanted = device_has(want, n, key, duty);

		if (!wanted)
			filters_prune(dp, key, duty);
		if (wanted || is_owed(dp, t, key)) {
			kept = key;
			from = &kept;
		} else if (bpf_map_delete_elem(dp->map[t], &key) < 0) {
			return err_errno(err, -errno, "writing %s", dp_table_name[t]);
		}
	}
	return 0;
}

static int device_put(struct dp *dp, const struct dp_device *device, struct err *err)
{
	int r = 0;

	if (device->duties & DP_DIRECT &&
	    bpf_map_update_elem(dp->map[DP_DEV], &device->ifindex, &device->addrs, BPF_ANY) < 0)
		return err_errno(err, -errno, "writing weir_dev");
	if (device->duties & DP_COUNT)
		r = dp_veth_begin(dp, device->ifindex, err);
	for (enum dp_side side = 0; !r && side < DP_SIDE_MAX_; side++)
		if (device->duties & sides[side].duty)
			r = attach(dp, side, device->ifindex, err);
	return r == -ENODEV ? 0 : r; /* it went meanwhile */
}

int dp_devices_sync(struct dp *dp, const struct dp_device *want, size_t n, struct err *err)
{
	struct err later = {};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_LEN(kept_in); i++)
		r = table_prune(dp, i, want, n, err);
	if (!r)
		r = links_prune(dp, want, n, err);
	for (size_t i = 0; i < n; i++) { /* all that can be: one device must not keep the others */
		int one = device_put(dp, &want[i], r ? &later : err);

		r = r ? r : one;
	}
	return r;
}

void dp_filters_end(struct dp *dp)
{
	for (size_t i = 0; dp->no_tcx && i < ARRAY_LEN(kept_in); i++) {
		uint32_t key, last, *from = NULL;

		for (; !bpf_map_get_next_key(dp->map[kept_in[i].table], from, &key); from = &last) {
			filters_prune(dp, key, kept_in[i].duty);
			last = key;
		}
	}
}

/* ---- What stands where ----------------------------------------------------------------------- */

struct stands {
	struct dp_stand *at;
	size_t n;
};

static void stands_fini(struct stands *s)
{
	free(s->at);
}

static int stand_add(struct stands *s, const struct dp_stand *stand, struct err *err)
{
	struct dp_stand *room = reallocarray(s->at, s->n + 1, sizeof(*room));

	if (!room)
		return err_errno(err, -ENOMEM, "reading devices");
	s->at = room;
	room[s->n++] = *stand;
	return 0;
}

static int stand_cmp(const void *left, const void *right)
{
	const struct dp_stand *a = left, *b = right;
	int r = (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);

	return r ? r : (a->side > b->side) - (a->side < b->side);
}

/* A link whose device is gone is still pinned, and stands nowhere. */
static int links_collect(const struct dp *dp, struct stands *s, struct err *err)
{
	cleanup(close_dir) DIR *dir = NULL;
	struct dirent *e;
	int r = links_dir(dp, &dir, err);

	while (!r && (e = readdir(dir))) {
		struct bpf_link_info info = {};
		uint32_t len = sizeof(info);
		cleanup(close_fd) int fd = -1;
		struct dp_stand stand = {};
		char path[DP_PATH_MAX];

		if (!link_name(e->d_name, &stand.side, &stand.ifindex))
			continue;
		r = link_path(dp, stand.side, stand.ifindex, path, err);
		if (r < 0)
			return r;
		fd = bpf_obj_get(path);
		if (fd < 0 && errno == ENOENT)
			continue; /* it went meanwhile */
		if (fd < 0 || bpf_link_get_info_by_fd(fd, &info, &len) < 0)
			return err_errno(err, -errno, "%s", path);
		stand.prog_id = info.prog_id;
		stand.link_id = info.id;
		if (info.type == BPF_LINK_TYPE_TCX && info.tcx.ifindex == stand.ifindex)
			r = stand_add(s, &stand, err);
	}
	return r;
}

static int filters_collect(const struct dp *dp, size_t which, struct stands *s, struct err *err)
{
	uint32_t key, last, *from = NULL;
	int r = 0;

	/* in steps, since a key that goes meanwhile makes the kernel begin again */
	for (int i = 0; !r && i < WEIR_MAX_VETHS; i++, from = &last) {
		if (bpf_map_get_next_key(dp->map[kept_in[which].table], from, &key) < 0)
			break;
		for (enum dp_side side = 0; !r && side < DP_SIDE_MAX_; side++) {
			struct dp_stand stand = { side, key, 0, 0 };

			if (sides[side].duty == kept_in[which].duty)
				stand.prog_id = filter_prog(side, key);
			if (stand.prog_id)
				r = stand_add(s, &stand, err);
		}
		last = key;
	}
	return r;
}

int dp_stands(const struct dp *dp, bool at_home, struct dp_stand **ret, size_t *ret_n,
	      struct err *err)
{
	cleanup(stands_fini) struct stands s = {};
	bool tcx = has_tcx();
	int r = tcx ? links_collect(dp, &s, err) : 0;

	for (size_t i = 0; !r && !tcx && at_home && i < ARRAY_LEN(kept_in); i++)
		r = filters_collect(dp, i, &s, err);
	if (r < 0)
		return r;
	if (s.n)
		qsort(s.at, s.n, sizeof(*s.at), stand_cmp);
	*ret = take_ptr(s.at);
	*ret_n = s.n;
	return 0;
}
