/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ip_vs.h>
#include <linux/rtnetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "takeover/ask.h"
#include "takeover/kernel.h"

#define IPVS_FILE "/proc/self/net/ip_vs" /* there while IPVS is loaded: to ask would load it */

/* ---- IPVS ------------------------------------------------------------------------------------ */

static int ipvs_family(int *ret)
{
	cleanup(sock_free) struct nl_sock *sock = NULL;
	int r = ask_connect(NETLINK_GENERIC, &sock);

	if (r < 0)
		return r;
	r = genl_ctrl_resolve(sock, IPVS_GENL_NAME);
	if (r < 0)
		return ask_errno(r);
	*ret = r;
	return 0;
}

static struct nl_msg *ipvs_msg(int family, uint8_t command, int flags)
{
	cleanup(msg_free) struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_REQUEST | flags,
				 command, IPVS_GENL_VERSION))
		return NULL;
	return take_ptr(msg);
}

struct services {
	struct kernel_service *list;
	size_t n;
};

static int service_of(void *ctx, struct nlmsghdr *h)
{
	struct nlattr *tb[IPVS_SVC_ATTR_MAX + 1];
	struct services *all = ctx;
	struct kernel_service s = {};
	struct nlattr *nest = nlmsg_find_attr(h, GENL_HDRLEN, IPVS_CMD_ATTR_SERVICE);

	if (!nest || nla_parse_nested(tb, IPVS_SVC_ATTR_MAX, nest, NULL) < 0)
		return -EBADMSG;
	if (tb[IPVS_SVC_ATTR_FWMARK])
		return 0;
	if (!tb[IPVS_SVC_ATTR_AF] || !tb[IPVS_SVC_ATTR_PROTOCOL] || !tb[IPVS_SVC_ATTR_PORT] ||
	    !tb[IPVS_SVC_ATTR_ADDR] || nla_len(tb[IPVS_SVC_ATTR_ADDR]) != sizeof(s.addr.b))
		return -EBADMSG;
	if (nla_get_u16(tb[IPVS_SVC_ATTR_AF]) == AF_INET) {
		memset(s.addr.b + 10, 0xff, 2);
		memcpy(s.addr.b + 12, nla_data(tb[IPVS_SVC_ATTR_ADDR]), 4);
	} else {
		memcpy(s.addr.b, nla_data(tb[IPVS_SVC_ATTR_ADDR]), sizeof(s.addr.b));
	}
	s.protocol = nla_get_u16(tb[IPVS_SVC_ATTR_PROTOCOL]);
	s.port = ntohs(nla_get_u16(tb[IPVS_SVC_ATTR_PORT]));
	all->list[all->n++] = s;
	return 0;
}

static int count(void *ctx, struct nlmsghdr *h)
{
	(void)h;
	++*(size_t *)ctx;
	return 0;
}

int kernel_services(struct kernel_service **ret, size_t *ret_n, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = NULL;
	cleanup(buf_fini) struct buf answer = {};
	struct services all = {};
	size_t n = 0;
	int family = 0, r = access(IPVS_FILE, F_OK) < 0 ? -ENOENT : ipvs_family(&family);

	if (r == 0) {
		msg = ipvs_msg(family, IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
		r = ask_one(NETLINK_GENERIC, msg, msg, &answer);
	}
	if (r < 0 && r != -ENOENT)
		return err_errno(err, r, "listing the services of IPVS");
	ask_each(&answer, count, &n);
	all.list = calloc(n + 1, sizeof(*all.list));
	r = all.list ? ask_each(&answer, service_of, &all) : -ENOMEM;
	if (r < 0) {
		free(all.list);
		return err_errno(err, r, "listing the services of IPVS");
	}
	*ret = all.list;
	*ret_n = all.n;
	return 0;
}

static bool put_service(struct nl_msg *msg, const struct kernel_service *s)
{
	struct nlattr *nest = nla_nest_start(msg, IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED);
	uint8_t addr[16] = {};
	bool v4 = addr_is_v4(&s->addr);

	memcpy(addr, s->addr.b + (v4 ? 12 : 0), v4 ? 4 : 16);
	return nest && nla_put_u16(msg, IPVS_SVC_ATTR_AF, v4 ? AF_INET : AF_INET6) == 0 &&
	       nla_put_u16(msg, IPVS_SVC_ATTR_PROTOCOL, s->protocol) == 0 &&
	       nla_put(msg, IPVS_SVC_ATTR_ADDR, sizeof(addr), addr) == 0 &&
	       nla_put_u16(msg, IPVS_SVC_ATTR_PORT, htons(s->port)) == 0 &&
	       nla_nest_end(msg, nest) == 0;
}

int kernel_service_delete(const struct kernel_service *s, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = NULL;
	int family = 0, r = ipvs_family(&family);

	if (r == 0) {
		msg = ipvs_msg(family, IPVS_CMD_DEL_SERVICE, NLM_F_ACK);
		r = ask_one(NETLINK_GENERIC, msg, msg && put_service(msg, s), NULL);
	}
	return r < 0 ? err_errno(err, r, "deleting the service") : 0;
}

/* ---- Devices --------------------------------------------------------------------------------- */

static struct nl_msg *link_msg(int type, unsigned int index)
{
	cleanup(msg_free) struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK);
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index };

	if (!msg || nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0)
		return NULL;
	return take_ptr(msg);
}

static int dummy_of(void *ctx, struct nlmsghdr *h)
{
	struct nlattr *info = nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	struct nlattr *kind = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;
	const struct ifinfomsg *ifi = nlmsg_data(h);

	if (kind && !strcmp(nla_get_string(kind), "dummy"))
		*(unsigned int *)ctx = (unsigned int)ifi->ifi_index;
	return 0;
}

int kernel_dummy(const char *name, unsigned int *ret_index, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = link_msg(RTM_GETLINK, 0);
	cleanup(buf_fini) struct buf answer = {};
	bool built = msg && nla_put_string(msg, IFLA_IFNAME, name) == 0;
	int r = ask_one(NETLINK_ROUTE, msg, built, &answer);
	unsigned int index = 0;

	if (r == 0)
		r = ask_each(&answer, dummy_of, &index);
	if (r < 0 && r != -ENODEV)
		return err_errno(err, r, "looking for the device %s", name);
	*ret_index = index;
	return 0;
}

int kernel_device_delete(unsigned int index, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = link_msg(RTM_DELLINK, index);
	int r = ask_one(NETLINK_ROUTE, msg, msg, NULL);

	return r < 0 ? err_errno(err, r, "deleting the device") : 0;
}
