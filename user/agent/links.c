/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/links.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

#define SETTLE_MS 50
#define SETTLE_SHARE 20 /* times what the last reading took */
#define RETRY_MS 1000
#define READ_TRIES 8 /* of a reading that a change broke into */
#define DUMP_BYTES 32768 /* the most that the kernel puts into one message */
#define EVENTS_MAX 64 /* that are looked at in one turn of the loop */

struct snapshot {
	struct link_info *links;
	size_t n_links;
	struct addr *addrs; /* of all links, in their order */
	size_t n_addrs;
};

/*
 *	resting --message--> settling --timer--> reading (in one go) --> resting
 */
struct links {
	const struct links_ops *ops;
	void *arg;
	struct snapshot now;
	struct nl_sock *events;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int handles; /* not yet closed */
	uint64_t settle_ms;
	struct err err; /* as told last */
};

static void snapshot_free(struct snapshot *s)
{
	free(s->links);
	free(s->addrs);
	*s = (struct snapshot){};
}

static void sock_free(struct nl_sock **sock)
{
	if (*sock)
		nl_socket_free(*sock);
	*sock = NULL;
}

static int fail(int code, struct err *err)
{
	int r = -EIO;

	if (code == -NLE_NOMEM)
		r = -ENOMEM;
	else if (code == -NLE_DUMP_INTR)
		r = -EAGAIN;
	return err_set(err, r, "reading links and addresses: %s", nl_geterror(code));
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct found {
	int ifindex;
	size_t number; /* in the kernel's order */
	struct addr addr;
};

/* A socket for each: what an end before time leaves unread goes with it. */
struct reading {
	struct nl_sock *sock;
	struct buf links; /* of struct link_info */
	struct buf found; /* of struct found */
};

static void reading_fini(struct reading *rd)
{
	sock_free(&rd->sock);
	buf_fini(&rd->links);
	buf_fini(&rd->found);
}

static int cmp_link(const void *a, const void *b)
{
	const struct link_info *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static int cmp_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int c = (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);

	return c ? c : (x->number > y->number) - (x->number < y->number);
}

/* Failures of the buffers stay in them, so that a dump is always read to its end. */
static int on_link(struct nl_msg *msg, void *arg)
{
	static const struct nla_policy policy[IFLA_MAX + 1] = {
		[IFLA_IFNAME] = { .type = NLA_STRING, .maxlen = IF_NAMESIZE },
		[IFLA_MTU] = { .type = NLA_U32 },
		[IFLA_MASTER] = { .type = NLA_U32 },
	};
	struct reading *rd = arg;
	const struct ifinfomsg *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attrs[IFLA_MAX + 1];
	int r = nlmsg_parse(nlmsg_hdr(msg), sizeof(*head), attrs, IFLA_MAX, policy);

	if (r < 0 || !attrs[IFLA_IFNAME])
		return r < 0 ? r : -NLE_MISSING_ATTR;
	struct link_info link = {
		.ifindex = head->ifi_index,
		.master = attrs[IFLA_MASTER] ? (int)nla_get_u32(attrs[IFLA_MASTER]) : 0,
		.mtu = attrs[IFLA_MTU] ? nla_get_u32(attrs[IFLA_MTU]) : 0,
		.up = head->ifi_flags & IFF_UP,
		.loopback = head->ifi_flags & IFF_LOOPBACK,
		.ether = head->ifi_type == ARPHRD_ETHER,
		.elsewhere = attrs[IFLA_LINK_NETNSID],
	};
	nla_strlcpy(link.name, attrs[IFLA_IFNAME], sizeof(link.name));
	buf_append(&rd->links, &link, sizeof(link));
	return NL_OK;
}

static bool read_addr(const struct nlattr *attr, int family, struct addr *ret)
{
	struct addr a = { { [10] = 0xff, [11] = 0xff } };
	size_t len = family == AF_INET ? 4 : 16;

	if (!attr || nla_len(attr) != (int)len)
		return false;
	memcpy(a.b + sizeof(a.b) - len, nla_data(attr), len);
	*ret = a;
	return true;
}

/* Another machine may have it: the kernel answers for it only once it has asked around in vain. */
static bool is_doubtful(const struct ifaddrmsg *head)
{
	return head->ifa_flags & IFA_F_TENTATIVE && !(head->ifa_flags & IFA_F_OPTIMISTIC);
}

static int on_addr(struct nl_msg *msg, void *arg)
{
	struct reading *rd = arg;
	const struct ifaddrmsg *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attrs[IFA_MAX + 1];
	int r = nlmsg_parse(nlmsg_hdr(msg), sizeof(*head), attrs, IFA_MAX, NULL);
	struct found found = { .number = rd->found.len / sizeof(found) };

	if (r < 0)
		return r;
	if ((head->ifa_family != AF_INET && head->ifa_family != AF_INET6) || is_doubtful(head))
		return NL_SKIP;
	found.ifindex = (int)head->ifa_index;
	/* where the link has a peer, IFA_ADDRESS is the peer's */
	if (read_addr(attrs[IFA_LOCAL], head->ifa_family, &found.addr) ||
	    read_addr(attrs[IFA_ADDRESS], head->ifa_family, &found.addr))
		buf_append(&rd->found, &found, sizeof(found));
	return NL_OK;
}

struct mark {
	struct reading *rd;
	bool v4;
};

static void mark_default(struct rtnl_nexthop *hop, void *arg)
{
	const struct mark *m = arg;
	struct buf *links = &m->rd->links;
	struct link_info key = { .ifindex = rtnl_route_nh_get_ifindex(hop) };
	struct link_info *link =
		bsearch(&key, links->data, links->len / sizeof(key), sizeof(key), cmp_link);

	if (link && m->v4)
		link->default_v4 = true;
	else if (link)
		link->default_v6 = true;
}

static int on_route(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	const struct rtmsg *head = nlmsg_data(hdr);
	struct mark mark = { .rd = arg };
	struct rtnl_route *route = NULL;
	int r;

	if (!nlmsg_valid_hdr(hdr, sizeof(*head)))
		return -NLE_MSG_TOOSHORT;
	mark.v4 = head->rtm_family == AF_INET;
	if ((!mark.v4 && head->rtm_family != AF_INET6) || head->rtm_dst_len ||
	    head->rtm_table != RT_TABLE_MAIN || head->rtm_type != RTN_UNICAST)
		return NL_SKIP;
	r = rtnl_route_parse(hdr, &route);
	if (r < 0)
		return r;
	rtnl_route_foreach_nexthop(route, mark_default, &mark);
	rtnl_route_put(route);
	return NL_OK;
}

static int dump(struct reading *rd, int type, void *body, size_t len, nl_recvmsg_msg_cb_t take,
		struct err *err)
{
	int r = nl_socket_modify_cb(rd->sock, NL_CB_VALID, NL_CB_CUSTOM, take, rd);

	if (!r)
		r = nl_send_simple(rd->sock, type, NLM_F_DUMP, body, len);
	if (r >= 0)
		r = nl_recvmsgs_default(rd->sock);
	return r < 0 ? fail(r, err) : 0;
}

static int dump_all(struct reading *rd, struct err *err)
{
	struct {
		struct ifinfomsg head;
		struct nlattr attr;
		uint32_t mask;
	} links = {
		.attr = { .nla_type = IFLA_EXT_MASK, .nla_len = sizeof(links.attr) + 4 },
		.mask = RTEXT_FILTER_SKIP_STATS, /* half of what a dump costs */
	};
	struct ifaddrmsg addrs = {};
	struct rtmsg routes = {};
	int r = dump(rd, RTM_GETLINK, &links, sizeof(links), on_link, err);

	if (r == 0)
		r = dump(rd, RTM_GETADDR, &addrs, sizeof(addrs), on_addr, err);
	if (r < 0)
		return r;
	if (rd->links.len)
		qsort(rd->links.data, rd->links.len / sizeof(struct link_info),
		      sizeof(struct link_info), cmp_link);
	return dump(rd, RTM_GETROUTE, &routes, sizeof(routes), on_route, err);
}

/* Both lists are in order of ifindex: one walk joins them. */
static int join(struct reading *rd, struct snapshot *ret, struct err *err)
{
	size_t n_found = rd->found.len / sizeof(struct found), at = 0;
	struct found *found = (struct found *)rd->found.data;
	struct snapshot s = { .n_links = rd->links.len / sizeof(struct link_info),
			      .addrs = calloc(n_found + 1, sizeof(*s.addrs)) };

	s.links = (struct link_info *)buf_take(&rd->links);
	if (!s.links || !s.addrs) {
		snapshot_free(&s);
		return err_errno(err, -ENOMEM, "reading links and addresses");
	}
	if (n_found)
		qsort(found, n_found, sizeof(*found), cmp_found);
	for (size_t i = 0; i < s.n_links; i++) {
		struct link_info *link = &s.links[i];

		link->addrs = s.addrs + s.n_addrs;
		while (at < n_found && found[at].ifindex < link->ifindex)
			at++; /* its link came, or went, between the two dumps */
		for (; at < n_found && found[at].ifindex == link->ifindex; at++)
			s.addrs[s.n_addrs++] = found[at].addr;
		link->n_addrs = (size_t)(s.addrs + s.n_addrs - link->addrs);
	}
	*ret = s;
	return 0;
}

static int read_once(struct snapshot *ret, struct err *err)
{
	cleanup(reading_fini) struct reading rd = {
		.sock = nl_socket_alloc(),
		.links = BUF_INIT(LINKS_MAX * sizeof(struct link_info)),
		.found = BUF_INIT(LINKS_MAX * sizeof(struct found)),
	};
	int r = rd.sock ? nl_connect(rd.sock, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r < 0)
		return fail(r, err);
	nl_socket_set_msg_buf_size(rd.sock, DUMP_BYTES);
	nl_socket_disable_msg_peek(rd.sock);
	r = dump_all(&rd, err);
	if (r < 0)
		return r;
	r = buf_error(&rd.links) ? buf_error(&rd.links) : buf_error(&rd.found);
	if (r == -E2BIG)
		return err_set(err, r,
			       "reading links and addresses: this network namespace has more than "
			       "%d links or addresses",
			       LINKS_MAX);
	return r < 0 ? err_errno(err, r, "reading links and addresses") : join(&rd, ret, err);
}

static int read_all(struct snapshot *ret, struct err *err)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < READ_TRIES; i++)
		r = read_once(ret, err);
	return r;
}

static bool same_link(const struct link_info *a, const struct link_info *b)
{
	return a->ifindex == b->ifindex && a->master == b->master && !strcmp(a->name, b->name) &&
	       a->mtu == b->mtu && a->up == b->up && a->loopback == b->loopback &&
	       a->ether == b->ether && a->elsewhere == b->elsewhere &&
	       a->default_v4 == b->default_v4 && a->default_v6 == b->default_v6 &&
	       a->n_addrs == b->n_addrs;
}

static bool same(const struct snapshot *a, const struct snapshot *b)
{
	if (a->n_links != b->n_links || a->n_addrs != b->n_addrs)
		return false;
	for (size_t i = 0; i < a->n_links; i++)
		if (!same_link(&a->links[i], &b->links[i]))
			return false;
	for (size_t i = 0; i < a->n_addrs; i++)
		if (!addr_eq(&a->addrs[i], &b->addrs[i]))
			return false;
	return true;
}

/* ---- Watching ------------------------------------------------------------------------------- */

static void tell_failure(struct links *l, const struct err *err)
{
	bool known = strcmp(l->err.text, err->text) == 0;

	l->err = *err;
	if (!known)
		l->ops->failed(l->arg, &l->err);
}

/* The callbacks come last: they may call links_stop(). */
static void on_timer(uv_timer_t *timer)
{
	struct links *l = timer->data;
	cleanup(snapshot_free) struct snapshot old = {}, next = {};
	uint64_t began = uv_hrtime();
	struct err err = {};
	int r = read_all(&next, &err);

	l->settle_ms = (uv_hrtime() - began) * SETTLE_SHARE / 1000000;
	if (l->settle_ms < SETTLE_MS)
		l->settle_ms = SETTLE_MS;
	if (l->settle_ms > RETRY_MS)
		l->settle_ms = RETRY_MS;
	if (r < 0) {
		uv_timer_start(timer, on_timer, RETRY_MS, 0);
		tell_failure(l, &err);
		return;
	}
	l->err = (struct err){};
	if (same(&l->now, &next))
		return;
	old = l->now;
	l->now = next;
	next = (struct snapshot){};
	l->ops->changed(l->arg);
}

/* Of routes only the default ones matter: a node may hear of every pod's. One that goes with its link
 * or its address goes without a message of its own, at IPv4. */
static bool matters(struct nlmsghdr *hdr, int len)
{
	for (; nlmsg_ok(hdr, len); hdr = nlmsg_next(hdr, &len)) {
		const struct rtmsg *route = nlmsg_data(hdr);

		if ((hdr->nlmsg_type != RTM_NEWROUTE && hdr->nlmsg_type != RTM_DELROUTE) ||
		    !nlmsg_valid_hdr(hdr, sizeof(*route)) || route->rtm_dst_len == 0)
			return true;
	}
	return false;
}

/* One message, or how its place was lost (ENOBUFS); false: there is none. */
static bool next_event(struct links *l, bool *ret_matters)
{
	union {
		struct nlmsghdr hdr;
		char bytes[8192];
	} msg;
	ssize_t n = recv(nl_socket_get_fd(l->events), &msg, sizeof(msg), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	*ret_matters |= n < 0 || (size_t)n > sizeof(msg) || matters(&msg.hdr, (int)n);
	return true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct links *l = poll->data;
	bool changed = false;

	(void)status;
	(void)events;
	for (int i = 0; i < EVENTS_MAX && next_event(l, &changed); i++)
		;
	/* not put off by what follows, or a node that never rests would never be read */
	if (changed && !uv_is_active((uv_handle_t *)&l->timer))
		uv_timer_start(&l->timer, on_timer, l->settle_ms, 0);
}

static int subscribe(struct links *l, struct err *err)
{
	int r;

	l->events = nl_socket_alloc();
	r = l->events ? nl_connect(l->events, NETLINK_ROUTE) : -NLE_NOMEM;
	if (r == 0)
		r = nl_socket_add_memberships(l->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
					      RTNLGRP_IPV6_ROUTE, 0);
	return r < 0 ? fail(r, err) : 0;
}

static void links_free(struct links **links)
{
	struct links *l = take_ptr(*links);

	if (!l)
		return;
	sock_free(&l->events);
	snapshot_free(&l->now);
	free(l);
}

static void on_closed(uv_handle_t *handle)
{
	struct links *l = handle->data;

	if (--l->handles == 0)
		links_free(&l);
}

int links_start(struct uv_loop_s *loop, const struct links_ops *ops, void *arg, struct links **ret,
		struct err *err)
{
	cleanup(links_free) struct links *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_errno(err, -ENOMEM, "reading links and addresses");
	l->ops = ops;
	l->arg = arg;
	l->settle_ms = SETTLE_MS;
	r = subscribe(l, err); /* first, so that no change falls between */
	if (r == 0)
		r = read_all(&l->now, err);
	if (r < 0)
		return r;
	r = uv_poll_init(loop, &l->poll, nl_socket_get_fd(l->events));
	if (r < 0)
		return err_errno(err, r, "watching links and addresses");
	uv_timer_init(loop, &l->timer);
	l->poll.data = l->timer.data = l;
	l->handles = 2;
	uv_poll_start(&l->poll, UV_READABLE, on_poll);
	*ret = take_ptr(l);
	return 0;
}

const struct link_info *links_list(const struct links *l, size_t *ret_n)
{
	*ret_n = l->now.n_links;
	return l->now.links;
}

void links_stop(struct links **links)
{
	struct links *l = take_ptr(*links);

	if (!l)
		return;
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->timer, on_closed);
}
