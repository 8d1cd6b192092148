/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this kernel offers, found by loading tiny programs (libbpf's probes) and by looking names up
 * in its BTF; never by its version.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp_int.h"

enum probe_kind {
	PROBE_CAPABILITY,
	PROBE_BTF,
	PROBE_PROG,
	PROBE_HELPER,
	PROBE_MAP,
	PROBE_TYPE,
	PROBE_FLUSH,
};

/* All programs are loaded as one object: what one of them lacks keeps all of them out. */
static const struct probe {
	const char *name, *why;
	const char *missing; /* what becomes of it; NULL: Weir does not load */
	enum probe_kind kind;
	int prog, arg; /* program type; helper, map type or capability */
	const char *btf; /* PROBE_TYPE: a type that has to be there */
	uint32_t btf_kind;
} probes[] = {
	{ "CAP_BPF", "make tables and load programs", NULL, PROBE_CAPABILITY, 0, CAP_BPF, NULL, 0 },
	{ "CAP_NET_ADMIN", "attach programs to cgroups and devices", NULL, PROBE_CAPABILITY, 0,
	  CAP_NET_ADMIN, NULL, 0 },
	{ "CAP_PERFMON", "read what the kernel counts for cgroups", NULL, PROBE_CAPABILITY, 0,
	  CAP_PERFMON, NULL, 0 },
	{ "CAP_SYS_ADMIN", "enter pods' network namespaces, to end UDP sockets there",
	  "clients keep UDP sockets to backends that are gone", PROBE_CAPABILITY, 0, CAP_SYS_ADMIN,
	  NULL, 0 },
	{ "CAP_SYS_PTRACE", "see network namespaces that are not in /run/netns",
	  "UDP sockets there are not ended", PROBE_CAPABILITY, 0, CAP_SYS_PTRACE, NULL, 0 },
	{ "btf", "find kernel structures (CO-RE)", NULL, PROBE_BTF, 0, 0, NULL, 0 },
	{ "cgroup_sock_addr", "translate at connect, sendmsg, recvmsg, getpeername", NULL,
	  PROBE_PROG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 0, NULL, 0 },
	{ "set_retval", "refuse with ECONNREFUSED instead of EPERM", NULL, PROBE_HELPER,
	  BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, NULL, 0 },
	{ "sk_storage", "remember what a socket dialled", NULL, PROBE_MAP, 0,
	  BPF_MAP_TYPE_SK_STORAGE, NULL, 0 },
	{ "lpm_trie", "tell local, cluster and external traffic apart", NULL, PROBE_MAP, 0,
	  BPF_MAP_TYPE_LPM_TRIE, NULL, 0 },
	{ "cgroup_skb", "count bytes and packets of pods", NULL, PROBE_PROG,
	  BPF_PROG_TYPE_CGROUP_SKB, 0, NULL, 0 },
	{ "skb_ancestor_cgroup_id", "find the pod of a packet", NULL, PROBE_HELPER,
	  BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_skb_ancestor_cgroup_id, NULL, 0 },
	{ "iter_cgroup", "read all pods in one walk", NULL, PROBE_TYPE, 0, 0, "bpf_iter__cgroup",
	  BTF_KIND_STRUCT },
	{ "iter_task_file", "list the sockets that dialled a Service", NULL, PROBE_TYPE, 0, 0,
	  "bpf_iter__task_file", BTF_KIND_STRUCT },
	{ "tp_cgroup_release", "final CPU time of pods that die between walks", NULL, PROBE_TYPE, 0,
	  0, "btf_trace_cgroup_release", BTF_KIND_TYPEDEF },
	{ "rstat_flush", "exact readings at the time of the walk", NULL, PROBE_FLUSH, 0, 0, NULL,
	  0 },
	{ "sock_destroy", "end UDP sockets whose backend is gone",
	  "netlink does it (needs CONFIG_INET_UDP_DIAG, CONFIG_INET_DIAG_DESTROY)", PROBE_TYPE, 0,
	  0, "bpf_sock_destroy", BTF_KIND_FUNC },
	{ "bpf_loop", "sum per-CPU accounts", NULL, PROBE_HELPER, BPF_PROG_TYPE_RAW_TRACEPOINT,
	  BPF_FUNC_loop, NULL, 0 },
};

static bool has_capability(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return syscall(SYS_capget, &head, data) == 0 &&
	       data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

static bool has_type(const struct btf *btf, const char *name, uint32_t kind)
{
	return btf && btf__find_by_name_kind(btf, name, kind) > 0;
}

static bool probe_one(const struct probe *p, const struct btf *btf)
{
	switch (p->kind) {
	case PROBE_CAPABILITY:
		/* the kernel lets it stand for the two that were split off it */
		return has_capability(p->arg) || ((p->arg == CAP_BPF || p->arg == CAP_PERFMON) &&
						  has_capability(CAP_SYS_ADMIN));
	case PROBE_BTF:
		return btf != NULL;
	case PROBE_PROG:
		return libbpf_probe_bpf_prog_type((enum bpf_prog_type)p->prog, NULL) == 1;
	case PROBE_HELPER:
		return libbpf_probe_bpf_helper((enum bpf_prog_type)p->prog,
					       (enum bpf_func_id)p->arg, NULL) == 1;
	case PROBE_MAP:
		return libbpf_probe_bpf_map_type((enum bpf_map_type)p->arg, NULL) == 1;
	case PROBE_TYPE:
		return has_type(btf, p->btf, p->btf_kind);
	case PROBE_FLUSH:
		return has_type(btf, "cgroup_rstat_flush", BTF_KIND_FUNC) ||
		       has_type(btf, "css_rstat_flush", BTF_KIND_FUNC);
	}
	return false;
}

__attribute__((format(printf, 2, 0))) static int silent(enum libbpf_print_level level,
							const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int dp_probe(struct dp_feature **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct dp_feature *out = calloc(ARRAY_LEN(probes), sizeof(*out));
	struct btf *btf;

	if (!out)
		return err_errno(err, -ENOMEM, "probing");
	if (geteuid() != 0)
		return err_set(err, -EPERM,
			       "probing loads small programs into the kernel; run as root");
	libbpf_set_print(silent);
	btf = btf__load_vmlinux_btf();
	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		out[i].name = probes[i].name;
		out[i].why = probes[i].why;
		out[i].have = probe_one(&probes[i], btf);
		out[i].needed = !probes[i].missing;
		if (!out[i].have)
			snprintf(out[i].note, sizeof(out[i].note), "%s",
				 out[i].needed ? "Weir does not load" : probes[i].missing);
	}
	btf__free(btf);
	*ret = take_ptr(out);
	*ret_n = ARRAY_LEN(probes);
	return 0;
}
