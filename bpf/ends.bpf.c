// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Ends the UDP sockets whose backend is gone, so that their owners connect again: a call that waits
 * returns ECONNABORTED, once; from then on the socket is an unconnected one.
 *
 * One read of the iterator looks at all UDP sockets of the network namespace that it was made in.
 * Level-triggered: it compares what each socket recorded at its connect() with the tables as they are,
 * so no event can be missed for good.
 *
 * Left alone: unconnected sockets (their next datagram is translated anew), TCP (it drains, and ends
 * by itself), whoever dialled the backend's own address, and a socket that has dialled something else
 * since.
 */
#include "vmlinux.h"

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lib/ends.h"
#include "bpf/lib/sk.h"

/* Has this kernel bpf_sock_destroy()? A constant, so that the verifier drops the call where not. */
const volatile bool weir_can_end;

/* From 6.5 on, for iterators over sockets only. */
extern int bpf_sock_destroy(struct sock_common *sk) __ksym __weak;

/* Without it user space is told which socket, and counts. A record that finds no room is written again
 * by the next read. */
static __always_inline void end_name(struct seq_file *seq, struct sock_common *sk,
				     const struct weir_tuple *ends)
{
	struct weir_end end = {
		.cookie = bpf_get_socket_cookie(sk),
		.ends = *ends,
		.ifindex = sk->skc_bound_dev_if,
		.family = sk->skc_family,
	};

	bpf_seq_write(seq, &end, sizeof(end));
}

SEC("iter/udp")
int weir_ends(struct bpf_iter__udp *ctx)
{
	struct sock_common *sk = (struct sock_common *)ctx->udp_sk;
	const struct weir_flow *flow;
	struct weir_tuple ends;

	if (!sk || sk->skc_state != BPF_TCP_ESTABLISHED)
		return 0;
	flow = bpf_sk_storage_get(&weir_flow, sk, NULL, 0);
	if (!flow)
		return 0;
	ends = sk_tuple(sk, IPPROTO_UDP);
	if (!sk_is_dialled(&ends, flow) || !ends_due(flow))
		return 0;
	if (!weir_can_end)
		end_name(ctx->meta->seq, sk, &ends);
	else if (!bpf_sock_destroy(sk))
		reason_count(WEIR_REASON_SOCKET_ENDED);
	return 0;
}
