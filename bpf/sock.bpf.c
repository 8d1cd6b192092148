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
#include "vmlinux.h"

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

/* The two families differ in where the context keeps the address, the hooks in what they record. */
typedef int (*find_fn)(struct bpf_sock_addr *ctx, const struct weir_vip *vip,
		       struct weir_backend *ret);
typedef bool (*origin_fn)(struct bpf_sock_addr *ctx, const struct weir_vip *peer,
			  struct weir_vip *ret);
typedef void (*put_fn)(struct bpf_sock_addr *ctx, const struct weir_addr *a, __be16 port);

static __always_inline int there(struct bpf_sock_addr *ctx, struct weir_vip vip, find_fn find,
				 put_fn put)
{
	struct weir_backend be = {};
	int r = carried(vip.proto) ? find(ctx, &vip, &be) : -ENOENT;

	if (!r)
		put(ctx, &be.addr, be.port);
	return verdict(r);
}

static __always_inline int back(struct bpf_sock_addr *ctx, struct weir_vip peer, origin_fn origin,
				put_fn put)
{
	struct weir_vip vip = {};

	if (origin(ctx, &peer, &vip))
		put(ctx, &vip.addr, vip.port);
	return ALLOW;
}

static __always_inline int dial(struct bpf_sock_addr *ctx, const struct weir_vip *vip,
				struct weir_backend *ret)
{
	return ctx->sk ? sock_dial(ctx, ctx->sk, vip, ret) : -ENOENT;
}

static __always_inline int send(struct bpf_sock_addr *ctx, const struct weir_vip *vip,
				struct weir_backend *ret)
{
	return sock_send(ctx, bpf_get_socket_cookie(ctx), vip, ret);
}

static __always_inline bool dialled(struct bpf_sock_addr *ctx, const struct weir_vip *peer,
				    struct weir_vip *ret)
{
	return ctx->sk && sock_dialled(ctx->sk, peer, ret);
}

/* recvmsg also runs for connected sockets, so both records count. */
static __always_inline bool answered(struct bpf_sock_addr *ctx, const struct weir_vip *peer,
				     struct weir_vip *ret)
{
	if (!dialled(ctx, peer, ret) && !sock_meant(bpf_get_socket_cookie(ctx), peer, ret))
		return false;
	reason_count(WEIR_REASON_REPLY);
	return true;
}

SEC("cgroup/connect4")
int weir_connect4(struct bpf_sock_addr *ctx)
{
	return there(ctx, get4(ctx), dial, put4);
}

SEC("cgroup/connect6")
int weir_connect6(struct bpf_sock_addr *ctx)
{
	return there(ctx, get6(ctx), dial, put6);
}

SEC("cgroup/sendmsg4")
int weir_sendmsg4(struct bpf_sock_addr *ctx)
{
	return there(ctx, get4(ctx), send, put4);
}

SEC("cgroup/sendmsg6")
int weir_sendmsg6(struct bpf_sock_addr *ctx)
{
	return there(ctx, get6(ctx), send, put6);
}

SEC("cgroup/recvmsg4")
int weir_recvmsg4(struct bpf_sock_addr *ctx)
{
	return back(ctx, get4(ctx), answered, put4);
}

SEC("cgroup/recvmsg6")
int weir_recvmsg6(struct bpf_sock_addr *ctx)
{
	return back(ctx, get6(ctx), answered, put6);
}

SEC("cgroup/getpeername4")
int weir_getpeer4(struct bpf_sock_addr *ctx)
{
	return back(ctx, get4(ctx), dialled, put4);
}

SEC("cgroup/getpeername6")
int weir_getpeer6(struct bpf_sock_addr *ctx)
{
	return back(ctx, get6(ctx), dialled, put6);
}

/* The kernel makes EPERM of a refusal here, and has already chosen an automatic port elsewhere. */
SEC("cgroup/post_bind4")
int weir_post_bind4(struct bpf_sock *ctx)
{
	struct weir_vip at = {
		.addr.w = { 0, 0, bpf_htonl(0xffff), ctx->src_ip4 },
		.port = bpf_htons((__u16)ctx->src_port),
		.proto = (__u8)ctx->protocol,
	};

	return sock_may_bind(ctx, &at) ? ALLOW : REFUSE;
}

/* A socket bound to :: takes IPv4 as well. That it may be told not to (IPV6_V6ONLY) can't be seen
 * here: it is refused all the same. */
SEC("cgroup/post_bind6")
int weir_post_bind6(struct bpf_sock *ctx)
{
	struct weir_vip at = {
		.addr.w = { ctx->src_ip6[0], ctx->src_ip6[1], ctx->src_ip6[2], ctx->src_ip6[3] },
		.port = bpf_htons((__u16)ctx->src_port),
		.proto = (__u8)ctx->protocol,
	};

	if (!sock_may_bind(ctx, &at))
		return REFUSE;
	if (at.addr.w[0] | at.addr.w[1] | at.addr.w[2] | at.addr.w[3])
		return ALLOW;
	at.addr.w[2] = bpf_htonl(0xffff);
	return sock_may_bind(ctx, &at) ? ALLOW : REFUSE;
}
