// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Socket hooks on the cgroup: a client pays for a Service once, at connect(); its packets then go
 * straight to the backend. Entry points only: context in, lib/sock.h, verdict out.
 *
 * Fail open or closed: an address that is no Service's is left alone (verdict 1, the socket goes on
 * as if we were not there). A Service that can't be served is refused with an errno that clients,
 * NFS included, know to retry: ECONNREFUSED or EHOSTUNREACH, never EPERM.
 *
 * An AF_INET6 socket that dials ::ffff:a.b.c.d meets connect6 only; the tables hold IPv4 in just
 * that form, so both families are one case.
 */
#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/lib/sock.h"

#define ALLOW 1
#define REFUSE 0

static __always_inline bool carried(__u32 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

static __always_inline int verdict(int r)
{
	if (!r || r == -ENOENT)
		return ALLOW;
	bpf_set_retval(r);
	return REFUSE;
}

/* The context's address as a key. The context has no way to say "16 bytes", hence word by word. */
static __always_inline struct weir_vip get4(const struct bpf_sock_addr *ctx)
{
	return (struct weir_vip){
		.addr.w = { 0, 0, bpf_htonl(0xffff), ctx->user_ip4 },
		.port = (__be16)ctx->user_port,
		.proto = (__u8)ctx->protocol,
	};
}

static __always_inline struct weir_vip get6(const struct bpf_sock_addr *ctx)
{
	return (struct weir_vip){
		.addr.w = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
			    ctx->user_ip6[3] },
		.port = (__be16)ctx->user_port,
		.proto = (__u8)ctx->protocol,
	};
}

static __always_inline void put4(struct bpf_sock_addr *ctx, const struct weir_addr *a, __be16 port)
{
	ctx->user_ip4 = a->w[3];
	ctx->user_port = port;
}

static __always_inline void put6(struct bpf_sock_addr *ctx, const struct weir_addr *a, __be16 port)
{
	ctx->user_ip6[0] = a->w[0];
	ctx->user_ip6[1] = a->w[1];
	ctx->user_ip6[2] = a->w[2];
	ctx->user_ip6[3] = a->w[3];
	ctx->user_port = port;
}

SEC("cgroup/connect4")
int weir_connect4(struct bpf_sock_addr *ctx)
{
	struct weir_vip vip = get4(ctx);
	struct weir_backend be = {};
	int r;

	if (!carried(vip.proto) || !ctx->sk)
		return ALLOW;
	r = sock_dial(ctx->sk, &vip, &be);
	if (!r)
		put4(ctx, &be.addr, be.port);
	return verdict(r);
}

SEC("cgroup/connect6")
int weir_connect6(struct bpf_sock_addr *ctx)
{
	struct weir_vip vip = get6(ctx);
	struct weir_backend be = {};
	int r;

	if (!carried(vip.proto) || !ctx->sk)
		return ALLOW;
	r = sock_dial(ctx->sk, &vip, &be);
	if (!r)
		put6(ctx, &be.addr, be.port);
	return verdict(r);
}

SEC("cgroup/sendmsg4")
int weir_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct weir_vip vip = get4(ctx);
	struct weir_backend be = {};
	int r;

	if (!carried(vip.proto))
		return ALLOW;
	r = sock_send(bpf_get_socket_cookie(ctx), &vip, &be);
	if (!r)
		put4(ctx, &be.addr, be.port);
	return verdict(r);
}

SEC("cgroup/sendmsg6")
int weir_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct weir_vip vip = get6(ctx);
	struct weir_backend be = {};
	int r;

	if (!carried(vip.proto))
		return ALLOW;
	r = sock_send(bpf_get_socket_cookie(ctx), &vip, &be);
	if (!r)
		put6(ctx, &be.addr, be.port);
	return verdict(r);
}

/* recvmsg also runs for connected sockets, so both records count. */
static __always_inline bool answer(struct bpf_sock_addr *ctx, const struct weir_vip *peer,
				   struct weir_vip *ret)
{
	if (!(ctx->sk && sock_dialled(ctx->sk, peer, ret)) &&
	    !sock_meant(bpf_get_socket_cookie(ctx), peer, ret))
		return false;
	reason_count(WEIR_REASON_REPLY);
	return true;
}

SEC("cgroup/recvmsg4")
int weir_recvmsg4(struct bpf_sock_addr *ctx)
{
	struct weir_vip peer = get4(ctx), vip = {};

	if (answer(ctx, &peer, &vip))
		put4(ctx, &vip.addr, vip.port);
	return ALLOW;
}

SEC("cgroup/recvmsg6")
int weir_recvmsg6(struct bpf_sock_addr *ctx)
{
	struct weir_vip peer = get6(ctx), vip = {};

	if (answer(ctx, &peer, &vip))
		put6(ctx, &vip.addr, vip.port);
	return ALLOW;
}

SEC("cgroup/getpeername4")
int weir_getpeer4(struct bpf_sock_addr *ctx)
{
	struct weir_vip peer = get4(ctx), vip = {};

	if (ctx->sk && sock_dialled(ctx->sk, &peer, &vip))
		put4(ctx, &vip.addr, vip.port);
	return ALLOW;
}

SEC("cgroup/getpeername6")
int weir_getpeer6(struct bpf_sock_addr *ctx)
{
	struct weir_vip peer = get6(ctx), vip = {};

	if (ctx->sk && sock_dialled(ctx->sk, &peer, &vip))
		put6(ctx, &vip.addr, vip.port);
	return ALLOW;
}
