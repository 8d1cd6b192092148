/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The socket's view: what it dialled becomes a backend on the way out, and the backend becomes what
 * it dialled on the way back. Independent of family and hook; sock.bpf.c moves addresses between
 * these functions and the context.
 *
 * A dial (connect) leaves its record with the socket (weir_flow, dies with it). A datagram sent to
 * an address leaves it in weir_rev under (socket, backend), since one socket may talk to many.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/in.h>

#include "bpf/lib/lb.h"
#include "bpf/lib/netns.h"

/* An address that no Service has, but that belongs to the service ranges, must not leave the node
 * for the default route. */
static __always_inline int sock_unknown(const struct weir_vip *vip)
{
	if (class_of(&vip->addr) != WEIR_CLASS_SERVICE)
		return -ENOENT;
	reason_count(WEIR_REASON_NO_SERVICE);
	return -ECONNREFUSED;
}

/* ---- Who asks -------------------------------------------------------------------------------- */

static __always_inline bool sock_is_host(void *ctx)
{
	__u32 zero = 0;
	const struct weir_ctl *ctl = bpf_map_lookup_elem(&weir_ctl, &zero);

	return ctl && ctl->host_netns == bpf_get_netns_cookie(ctx);
}

/* What dials from a cgroup of this node is a pod's or the node's. */
static __always_inline bool sock_is_outside(void *ctx)
{
	return false;
}

static __always_inline bool sock_is_in_range(void *ctx, __u32 svc)
{
	return netns_is_in_range(svc);
}

static __always_inline struct weir_client sock_who(void *ctx)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);

	return (struct weir_client){
		.addr.w = { 0, 0, (__u32)(cookie >> 32), (__u32)cookie },
		.kind = WEIR_CLIENT_NETNS,
	};
}

/* lb_pick() for a socket. -ENOENT: leave it alone; else refuse with that errno. */
static __always_inline int sock_pick(void *ctx, const struct weir_vip *vip, struct lb_choice *ret)
{
	const struct lb_asker asker = {
		.is_host = sock_is_host,
		.is_outside = sock_is_outside,
		.is_in_range = sock_is_in_range,
		.who = sock_who,
	};

	switch (lb_pick(ctx, &asker, vip, bpf_get_prandom_u32(), ret)) {
	case 0:
		reason_count(WEIR_REASON_TRANSLATED);
		return 0;
	case -ENOENT:
		return sock_unknown(vip);
	case -ECONNREFUSED:
		reason_count(WEIR_REASON_NO_ENDPOINT);
		return -ECONNREFUSED;
	case -EHOSTUNREACH:
		reason_count(WEIR_REASON_POLICY_LOCAL);
		return -EHOSTUNREACH;
	case -EACCES:
		reason_count(WEIR_REASON_RANGE_DENIED);
		return -EHOSTUNREACH;
	default:
		reason_count(WEIR_REASON_SLOT_LOST);
		return -ECONNREFUSED;
	}
}

/* ---- There ----------------------------------------------------------------------------------- */

/* Translates a dial. 0 and the backend; -ENOENT: leave it alone; else refuse with that errno. */
static __always_inline int sock_dial(void *ctx, struct bpf_sock *sk, const struct weir_vip *vip,
				     struct weir_backend *ret)
{
	struct lb_choice choice = {};
	struct weir_flow *flow;
	int r = sock_pick(ctx, vip, &choice);

	if (r) {
		/* the socket may have dialled a Service before */
		bpf_sk_storage_delete(&weir_flow, sk);
		return r;
	}
	*ret = choice.be;
	flow = bpf_sk_storage_get(&weir_flow, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!flow) {
		reason_count(WEIR_REASON_FLOW_FULL);
		return 0;
	}
	flow->vip = *vip;
	flow->backend = choice.be;
	flow->svc = choice.svc;
	flow->since = bpf_ktime_get_boot_ns();
	flow->backend_id = choice.backend;
	return 0;
}

static __always_inline void rev_key(struct weir_rev *key, __u64 cookie,
				    const struct weir_addr *addr, __be16 port)
{
	*key = (struct weir_rev){ .cookie = cookie, .addr = *addr, .port = port };
}

/* Translates one datagram; as sock_dial(). */
static __always_inline int sock_send(void *ctx, __u64 cookie, const struct weir_vip *vip,
				     struct weir_backend *ret)
{
	struct lb_choice choice = {};
	struct weir_rev key;
	int r = sock_pick(ctx, vip, &choice);

	if (r)
		return r;
	*ret = choice.be;
	rev_key(&key, cookie, &ret->addr, ret->port);
	if (bpf_map_update_elem(&weir_rev, &key, vip, BPF_ANY))
		reason_count(WEIR_REASON_REV_FULL);
	return 0;
}

/* ---- And back -------------------------------------------------------------------------------- */

/* True, and what the socket dialled, if peer is the backend that the dial was sent to. A socket
 * that has dialled something else since has a stale record, hence the comparison. */
static __always_inline bool sock_dialled(struct bpf_sock *sk, const struct weir_vip *peer,
					 struct weir_vip *ret)
{
	const struct weir_flow *flow = bpf_sk_storage_get(&weir_flow, sk, NULL, 0);

	if (!flow || flow->backend.port != peer->port ||
	    !addr_same(&flow->backend.addr, &peer->addr))
		return false;
	*ret = flow->vip;
	return true;
}

/* True, and what the socket meant, if it sent a datagram to a Service that went to peer. */
static __always_inline bool sock_meant(__u64 cookie, const struct weir_vip *peer,
				       struct weir_vip *ret)
{
	const struct weir_vip *vip;
	struct weir_rev key;

	rev_key(&key, cookie, &peer->addr, peer->port);
	vip = bpf_map_lookup_elem(&weir_rev, &key);
	if (!vip)
		return false;
	*ret = *vip;
	return true;
}

/* May a socket of the node take this address, or is it a node port? A listener there would never see
 * a connection. Each pod has ports of its own. */
static __always_inline bool sock_may_bind(void *ctx, const struct weir_vip *at)
{
	const struct weir_svc *svc = bpf_map_lookup_elem(&weir_svc, at);

	if (!svc || !(svc->flags & WEIR_SVC_NODE) || !sock_is_host(ctx))
		return true;
	reason_count(WEIR_REASON_BIND_DENIED);
	return false;
}
