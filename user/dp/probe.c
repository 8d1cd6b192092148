/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this kernel offers, found by loading tiny programs (libbpf's probes) and by looking names up
 * in its BTF; never by its version.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp_int.h"

enum probe_kind { PROBE_BTF, PROBE_PROG, PROBE_HELPER, PROBE_MAP, PROBE_TYPE, PROBE_FLUSH };

static const struct probe {
	const char *name, *why, *missing;
	enum probe_kind kind;
	int prog, arg; /* program type; helper or map type */
	const char *btf; /* PROBE_TYPE: a type that has to be there */
	uint32_t btf_kind;
} probes[] = {
	{ "btf", "find kernel structures (CO-RE)", "Weir does not load", PROBE_BTF, 0, 0, NULL, 0 },
	{ "cgroup_sock_addr", "translate at connect, sendmsg, recvmsg, getpeername",
	  "Services are not directed", PROBE_PROG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 0, NULL, 0 },
	{ "set_retval", "refuse with ECONNREFUSED instead of EPERM", "Weir does not load",
	  PROBE_HELPER, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, NULL, 0 },
	{ "sk_storage", "remember what a socket dialled", "Weir does not load", PROBE_MAP, 0,
	  BPF_MAP_TYPE_SK_STORAGE, NULL, 0 },
	{ "lpm_trie", "tell local, cluster and external traffic apart", "Weir does not load",
	  PROBE_MAP, 0, BPF_MAP_TYPE_LPM_TRIE, NULL, 0 },
	{ "cgroup_skb", "count bytes and packets of pods", "bytes are not measured", PROBE_PROG,
	  BPF_PROG_TYPE_CGROUP_SKB, 0, NULL, 0 },
	{ "skb_ancestor_cgroup_id", "find the pod of a packet", "bytes are not measured",
	  PROBE_HELPER, BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_skb_ancestor_cgroup_id, NULL, 0 },
	{ "iter_cgroup", "read all pods in one walk", "CPU and memory are not measured", PROBE_TYPE,
	  0, 0, "bpf_iter__cgroup", BTF_KIND_STRUCT },
	{ "iter_task_file", "list the sockets that dialled a Service", "Weir does not load",
	  PROBE_TYPE, 0, 0, "bpf_iter__task_file", BTF_KIND_STRUCT },
	{ "tp_cgroup_release", "final CPU time of pods that die between walks",
	  "short-lived pods are not billed in full", PROBE_TYPE, 0, 0, "btf_trace_cgroup_release",
	  BTF_KIND_TYPEDEF },
	{ "rstat_flush", "exact readings at the time of the walk", "Weir does not load",
	  PROBE_FLUSH, 0, 0, NULL, 0 },
	{ "sock_destroy", "end UDP sockets whose backend is gone",
	  "netlink does it (needs CONFIG_INET_UDP_DIAG, CONFIG_INET_DIAG_DESTROY)", PROBE_TYPE, 0,
	  0, "bpf_sock_destroy", BTF_KIND_FUNC },
	{ "bpf_loop", "sum per-CPU accounts", "Weir does not load", PROBE_HELPER,
	  BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL, 0 },
};

static bool has_type(const struct btf *btf, const char *name, uint32_t kind)
{
	return btf && btf__find_by_name_kind(btf, name, kind) > 0;
}

static bool probe_one(const struct probe *p, const struct btf *btf)
{
	switch (p->kind) {
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
		if (!out[i].have)
			snprintf(out[i].note, sizeof(out[i].note), "%s", probes[i].missing);
	}
	btf__free(btf);
	*ret = take_ptr(out);
	*ret_n = ARRAY_LEN(probes);
	return 0;
}
