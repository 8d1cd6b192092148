// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Lists the sockets that were translated at their connect(): each read of the iterator brings records of
 * struct weir_sock. It looks at the open files of all processes, so it sees sockets of every network
 * namespace at once; one that several processes hold comes once for each. Reading them from what is
 * kept with sockets (iter/bpf_sk_storage_map) would be shorter, but some kernels refuse programs that are
 * given a map's values.
 *
 * Not listed: what no process of the reader's PID namespace holds, like a connection that is closed but
 * not yet ended. A socket that has dialled something else since, or has no peer any more, keeps its
 * record, and is passed over.
 */
#include "vmlinux.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/cgroup.h"
#include "bpf/lib/sk.h"

static __always_inline __u64 sock_cgroup(struct sock *sk)
{
	struct cgroup *cg = BPF_CORE_READ(sk, sk_cgrp_data.cgroup), *pod;

	if (!cg)
		return 0;
	pod = cgroup_pod(cg);
	return cgroup_id(pod ? pod : cg);
}

SEC("iter/task_file")
int weir_socks(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *sock = file ? bpf_sock_from_file(file) : NULL;
	struct sock *sk = sock ? sock->sk : NULL;
	const struct weir_flow *flow;
	struct weir_sock out = {};
	struct weir_tuple now;

	if (!sk)
		return 0;
	flow = bpf_sk_storage_get(&weir_flow, sk, NULL, 0);
	if (!flow)
		return 0;
	now = sk_tuple(&sk->__sk_common, flow->vip.proto);
	if (!sk_is_dialled(&now, flow))
		return 0;
	out.flow = *flow;
	out.addr = now.src;
	out.port = now.sport;
	out.cookie = bpf_get_socket_cookie(sk);
	out.cgroup = sock_cgroup(sk);
	out.state = sk->__sk_common.skc_state;
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
