/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing the programs into the kernel, or finding that they are there.
 *
 * Pins below BPFFS/weir/v<ABI>: maps/NAME, links/PROGRAM. The control map carries the hash of the
 * object whose programs are pinned; it is written last, so a half-done load is never adopted, and
 * the next one goes on from it.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/file.h"
#include "dp/dp_int.h"
#include "weir.skel.h"

#define SETTLE_MS 60000 /* a task that has ended may be in its last moments for so long */

const struct dp_attach dp_attach[] = {
	{ "weir_connect4", "cgroup connect4", DP_HOOK_CGROUP },
	{ "weir_connect6", "cgroup connect6", DP_HOOK_CGROUP },
	{ "weir_sendmsg4", "cgroup sendmsg4", DP_HOOK_CGROUP },
	{ "weir_sendmsg6", "cgroup sendmsg6", DP_HOOK_CGROUP },
	{ "weir_recvmsg4", "cgroup recvmsg4", DP_HOOK_CGROUP },
	{ "weir_recvmsg6", "cgroup recvmsg6", DP_HOOK_CGROUP },
	{ "weir_getpeer4", "cgroup getpeername4", DP_HOOK_CGROUP },
	{ "weir_getpeer6", "cgroup getpeername6", DP_HOOK_CGROUP },
	{ "weir_post_bind4", "cgroup post_bind4", DP_HOOK_CGROUP },
	{ "weir_post_bind6", "cgroup post_bind6", DP_HOOK_CGROUP },
	{ "weir_egress", "cgroup egress", DP_HOOK_METER_CGROUP },
	{ "weir_ingress", "cgroup ingress", DP_HOOK_METER_CGROUP },
	{ "weir_mkdir", "cgroup_mkdir", DP_HOOK_TRACE },
	{ "weir_rmdir", "cgroup_rmdir", DP_HOOK_TRACE },
	{ "weir_release", "cgroup_release", DP_HOOK_TRACE },
	{ "weir_walk", "iter cgroup", DP_HOOK_ITER },
	{ "weir_ends", "iter udp", DP_HOOK_ITER_ALL },
	{ "weir_socks", "iter task_file", DP_HOOK_ITER_ALL },
};
const size_t dp_attach_n = ARRAY_LEN(dp_attach);

/* libbpf says on its log why a load failed; its last warning goes into our error. */
static char libbpf_said[256];

__attribute__((format(printf, 2, 0))) static int keep_warning(enum libbpf_print_level level,
							      const char *fmt, va_list ap)
{
	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(libbpf_said, sizeof(libbpf_said), fmt, ap);
	libbpf_said[strcspn(libbpf_said, "\n")] = '\0';
	return 0;
}

static int load_error(struct err *err, int code, const char *what)
{
	if (code == -EPERM)
		return err_set(err, code,
			       "%s: not permitted; run as root (CAP_BPF, CAP_NET_ADMIN, "
			       "CAP_PERFMON)",
			       what);
	return err_errno(err, code, "%s%s%s", what, libbpf_said[0] ? ": " : "", libbpf_said);
}

static void skel_free(struct weir_bpf **skel)
{
	weir_bpf__destroy(*skel);
}

static void object_hash(uint8_t ret[HASH_LEN])
{
	size_t len = 0;
	const void *elf = weir_bpf__elf_bytes(&len);

	blake2b256(elf, len, ret);
}

/* The kfuncs that this kernel has, of those that not all have; found in its BTF. */
struct kfuncs {
	enum weir_flush flush;
	bool sock_destroy;
};

static bool has_func(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

/* All of Linux 7.0's for memory, or none. */
static bool has_memcg(const struct btf *btf)
{
	static const char *const funcs[] = { "bpf_get_mem_cgroup", "bpf_put_mem_cgroup",
					     "bpf_mem_cgroup_flush_stats", "bpf_mem_cgroup_usage",
					     "bpf_mem_cgroup_page_state" };

	for (size_t i = 0; i < ARRAY_LEN(funcs); i++)
		if (!has_func(btf, funcs[i]))
			return false;
	return true;
}

static int kfuncs_find(struct kfuncs *ret, struct err *err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct kfuncs have = {};

	if (!btf)
		return err_set(err, -EOPNOTSUPP,
			       "no /sys/kernel/btf/vmlinux; Weir needs a kernel with "
			       "CONFIG_DEBUG_INFO_BTF=y (Debian's have it)");
	if (has_func(btf, "cgroup_rstat_flush"))
		have.flush = WEIR_FLUSH_CGROUP;
	else if (has_func(btf, "css_rstat_flush"))
		have.flush = has_memcg(btf) ? WEIR_FLUSH_MEMCG : WEIR_FLUSH_CSS;
	have.sock_destroy = has_func(btf, "bpf_sock_destroy");
	btf__free(btf);
	if (have.flush == WEIR_FLUSH_NONE)
		return err_set(err, -EOPNOTSUPP,
			       "this kernel has neither cgroup_rstat_flush nor css_rstat_flush for "
			       "BPF; Weir needs Linux 6.1 or later");
	*ret = have;
	return 0;
}

static int link_cgroup_id(int link_fd, uint64_t *ret)
{
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_link_get_info_by_fd(link_fd, &info, &len) < 0)
		return -errno;
	if (info.type == BPF_LINK_TYPE_CGROUP)
		*ret = info.cgroup.cgroup_id;
	else if (info.type == BPF_LINK_TYPE_ITER)
		*ret = info.iter.cgroup.cgroup_id;
	else
		*ret = 0;
	return 0;
}

/* A cgroup's id is its inode number; 0: no such directory. */
static uint64_t cgroup_id(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

static const char *hook_cgroup(const struct dp_attach *a, const struct dp_options *opt)
{
	switch (a->hook) {
	case DP_HOOK_CGROUP:
		return opt->cgroup;
	case DP_HOOK_METER_CGROUP:
	case DP_HOOK_ITER:
		return opt->meter_cgroup;
	case DP_HOOK_TRACE:
	case DP_HOOK_ITER_ALL:
		break;
	}
	return NULL;
}

/* The pinned link of a program if it is where it should be; -1: none, or elsewhere. */
static int link_open(const struct dp *dp, const struct dp_attach *a, const struct dp_options *opt)
{
	const char *cgroup = hook_cgroup(a, opt);
	cleanup(close_fd) int fd = -1;
	char path[DP_PATH_MAX];
	uint64_t id = 0;

	if (dp_pin_path(dp, "links", a->prog, path, NULL) < 0)
		return -1;
	fd = bpf_obj_get(path);
	if (fd < 0 || link_cgroup_id(fd, &id) < 0 || (cgroup && id != cgroup_id(cgroup)))
		return -1;
	return take_fd(fd);
}

static bool is_wanted(const struct dp_attach *a, const struct dp_options *opt)
{
	return a->hook != DP_HOOK_CGROUP || !opt->measure_only;
}

/* A program is attached where it should be, or not at all if it should not. */
static bool is_right(const struct dp *dp, const struct dp_attach *a, const struct dp_options *opt)
{
	cleanup(close_fd) int fd = link_open(dp, a, opt);
	char path[DP_PATH_MAX];

	if (is_wanted(a, opt))
		return fd >= 0;
	return dp_pin_path(dp, "links", a->prog, path, NULL) == 0 && access(path, F_OK) < 0;
}

bool dp_adoptable(struct dp *dp, const struct dp_options *opt)
{
	uint8_t hash[HASH_LEN];

	if (dp_tables_open(dp, NULL) < 0 || dp_sides_open(dp, NULL) < 0)
		return false;
	object_hash(hash);
	if (dp->ctl->abi != WEIR_ABI || memcmp(dp->ctl->build, hash, sizeof(hash)))
		return false;
	for (size_t i = 0; i < dp_attach_n; i++) {
		if (!is_right(dp, &dp_attach[i], opt))
			return false;
	}
	return true;
}

/* Pins a new link in the place of the one before. Of tracing programs both run for a moment, so that no
 * event is missed between them; what they count of one event, they count once (weir_gone). */
static int link_replace(const struct dp *dp, struct bpf_link *link, const char *prog,
			struct err *err)
{
	char path[DP_PATH_MAX], next[DP_PATH_MAX], name[64];
	int r = dp_pin_path(dp, "links", prog, path, err);

	snprintf(name, sizeof(name), "%s-next", prog);
	if (!r)
		r = dp_pin_path(dp, "links", name, next, err);
	if (r < 0)
		return r;
	if (unlink(next) < 0 && errno != ENOENT) /* of a load that was killed just here */
		return err_errno(err, -errno, "%s", next);
	r = bpf_link__pin(link, next);
	if (r < 0)
		return load_error(err, r, next);
	return rename(next, path) < 0 ? err_errno(err, -errno, "%s", path) : 0;
}

static int remove_one(const struct dp *dp, const struct dp_attach *a, struct err *err)
{
	char path[DP_PATH_MAX];
	int r = dp_pin_path(dp, "links", a->prog, path, err);

	if (r < 0)
		return r;
	dp_link_end(path);
	return unlink(path) < 0 && errno != ENOENT ? err_errno(err, -errno, "%s", path) : 0;
}

/* A cgroup program keeps its link, whose program is exchanged in one step. */
static int attach_one(const struct dp *dp, struct weir_bpf *skel, const struct dp_attach *a,
		      const struct dp_options *opt, struct err *err)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(skel->obj, a->prog);
	cleanup(close_fd) int cgroup = -1, old = -1;
	union bpf_iter_link_info where = {};
	struct bpf_link *link = NULL;
	const char *dir = hook_cgroup(a, opt);
	int r;

	if (dir) {
		cgroup = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cgroup < 0)
			return err_errno(err, -errno, "cgroup %s", dir);
	}
	if (a->hook == DP_HOOK_CGROUP || a->hook == DP_HOOK_METER_CGROUP) {
		old = link_open(dp, a, opt);
		if (old >= 0 && !bpf_link_update(old, bpf_program__fd(prog), NULL))
			return 0;
		r = remove_one(dp, a, err); /* two would count each packet twice */
		if (r < 0)
			return r;
	}
	if (a->hook == DP_HOOK_ITER) {
		LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &where,
			    .link_info_len = sizeof(where));

		where.cgroup.cgroup_fd = (uint32_t)cgroup;
		where.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE;
		link = bpf_program__attach_iter(prog, &opts);
	} else if (dir) {
		link = bpf_program__attach_cgroup(prog, cgroup);
	} else {
		link = bpf_program__attach(prog);
	}
	if (!link)
		return load_error(err, -errno, a->prog);
	r = link_replace(dp, link, a->prog, err);
	bpf_link__destroy(link);
	return r;
}

/* Counters are cumulative over a pod's life; new tables go on from what was recorded. Before the
 * programs are attached, so that no count is written over. */
static int tables_restore(const struct dp *dp, const struct dp_options *opt, struct err *err)
{
	cleanup(free_ptr) struct weir_net *cpus = calloc(dp->ctl->ncpu, sizeof(*cpus));
	int r = cpus ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < opt->n_restore; i++) {
		const struct dp_restore *from = &opt->restore[i];
		struct weir_pod pod = { .cpu_ns = from->cpu_ns,
					.mem_page_ns_lo = from->mem_page_ns_lo,
					.mem_page_ns_hi = from->mem_page_ns_hi,
					.mem_peak_pages = from->mem_peak_pages };

		cpus[0] = from->net;
		r = bpf_map_update_elem(dp->map[DP_NET], &from->cgroup_id, cpus, BPF_NOEXIST);
		if (!r)
			r = bpf_map_update_elem(dp->map[DP_POD], &from->cgroup_id, &pod,
						BPF_NOEXIST);
		if (r == -EEXIST)
			r = 0;
	}
	return r < 0 ? err_errno(err, r, "restoring counters") : 0;
}

/* Reuses the pinned maps of this ABI, makes and pins the others. */
static int object_load(struct dp *dp, struct weir_bpf *skel, struct err *err)
{
	char path[DP_PATH_MAX];
	int r;

	for (size_t i = 0; i < DP_TABLE_MAX_; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, dp_table_name[i]);

		r = dp_pin_path(dp, "maps", dp_table_name[i], path, err);
		if (r < 0)
			return r;
		r = map ? bpf_map__set_pin_path(map, path) : -ENOENT;
		if (r < 0)
			return err_errno(err, r, "map %s", dp_table_name[i]);
	}
	r = weir_bpf__load(skel);
	return r < 0 ? load_error(err, r, "loading the BPF programs") : 0;
}

static int init_run(struct weir_bpf *skel, struct err *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int r = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.weir_init), &opts);

	if (r < 0)
		return err_errno(err, r, "running weir_init");
	if (opts.retval)
		return err_set(err, -EOPNOTSUPP,
			       "weir_init: per-CPU data can't be located on this kernel (step %u)",
			       opts.retval);
	return 0;
}

static int dirs_make(const struct dp *dp, struct err *err)
{
	static const char *const kinds[] = { "maps", "links", "progs" };
	char path[DP_PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		int r = dp_pin_path(dp, kinds[i], "", path, err);

		if (!r)
			r = dir_make(path, 0700, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Pins the programs of devices, whose links dp_devices_sync() makes and renews. */
static int sides_pin(struct dp *dp, struct weir_bpf *skel, struct err *err)
{
	char path[DP_PATH_MAX];

	for (enum dp_side side = 0; side < DP_SIDE_MAX_; side++) {
		const char *name = dp_side_prog(side);
		struct bpf_program *prog = bpf_object__find_program_by_name(skel->obj, name);
		int r = dp_pin_path(dp, "progs", name, path, err);

		if (r < 0)
			return r;
		if (unlink(path) < 0 && errno != ENOENT)
			return err_errno(err, -errno, "%s", path);
		close_fd(&dp->side[side]); /* of the build before, if it could be opened */
		r = bpf_program__pin(prog, path);
		if (r < 0)
			return load_error(err, r, path);
	}
	return dp_sides_open(dp, err);
}

int dp_netns_cookie(uint64_t *ret, struct err *err)
{
	cleanup(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return err_errno(err, -errno, "asking for this network namespace's cookie");
	*ret = cookie;
	return 0;
}

int dp_host_netns(struct dp *dp, struct err *err)
{
	uint64_t cookie;
	int r = dp_netns_cookie(&cookie, err);

	if (!r)
		dp->ctl->host_netns = cookie;
	return r;
}

int dp_load(struct dp *dp, const struct dp_options *opt, struct err *err)
{
	cleanup(skel_free) struct weir_bpf *skel = NULL;
	struct kfuncs have = {};
	int r, ncpu = libbpf_num_possible_cpus();

	if (ncpu < 0 || ncpu > WEIR_MAX_CPUS)
		return err_set(err, -EOPNOTSUPP, "%d possible CPUs; Weir handles 1 to %d", ncpu,
			       WEIR_MAX_CPUS);
	libbpf_set_print(keep_warning);
	libbpf_said[0] = '\0';
	r = kfuncs_find(&have, err);
	if (r < 0)
		return r;
	r = dirs_make(dp, err);
	if (r < 0)
		return r;
	skel = weir_bpf__open();
	if (!skel)
		return load_error(err, -errno, "opening the BPF object");
	skel->rodata->weir_flush = have.flush;
	skel->rodata->weir_page_shift = (uint32_t)__builtin_ctzl((unsigned long)getpagesize());
	skel->rodata->weir_can_end = have.sock_destroy && !opt->ends_by_netlink;
	r = object_load(dp, skel, err);
	if (r < 0)
		return r;
	r = dp_tables_open(dp, err);
	if (r < 0)
		return r;

	memset(dp->ctl->build, 0, sizeof(dp->ctl->build)); /* until all is attached */
	dp->ctl->abi = WEIR_ABI;
	dp->ctl->ncpu = (uint32_t)ncpu;
	dp->ctl->flush = have.flush;
	dp->ctl->settle_ms = SETTLE_MS;
	dp->ctl->parents_new = 1;
	dp->ctl->deaths++; /* of which nobody may have seen some */
	r = dp_host_netns(dp, err);
	if (r < 0)
		return r;
	r = init_run(skel, err);
	if (r < 0)
		return r;
	r = tables_restore(dp, opt, err);
	if (!r)
		r = sides_pin(dp, skel, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < dp_attach_n; i++) {
		const struct dp_attach *a = &dp_attach[i];

		r = is_wanted(a, opt) ? attach_one(dp, skel, a, opt, err) : remove_one(dp, a, err);
		if (r < 0)
			return r;
	}
	object_hash(dp->ctl->build);
	return 0;
}
