/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "takeover/ask.h"
#include "takeover/kernel.h"

/* resource: of the batch, else 0. NULL: no memory. */
static struct nl_msg *nf_msg(int type, int flags, int family, uint16_t resource)
{
	cleanup(msg_free) struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
	struct nfgenmsg *g = msg ? nlmsg_reserve(msg, sizeof(*g), NLMSG_ALIGNTO) : NULL;

	if (!g)
		return NULL;
	g->nfgen_family = (uint8_t)family;
	g->version = NFNETLINK_V0;
	g->res_id = htons(resource);
	return take_ptr(msg);
}

static struct nl_msg *nft_msg(int type, int flags, int family)
{
	return nf_msg(NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);
}

static struct nl_msg *set_msg(int type, int flags)
{
	cleanup(msg_free) struct nl_msg *msg =
		nf_msg(NFNL_SUBSYS_IPSET << 8 | type, flags, AF_INET, 0);

	if (!msg || nla_put_u8(msg, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN) < 0)
		return NULL;
	return take_ptr(msg);
}

struct listing {
	kernel_name_fn *fn;
	void *ctx;
	int table, name; /* attributes; table: 0 for none */
};

static int name_of(void *ctx, struct nlmsghdr *h)
{
	const struct nfgenmsg *g = nlmsg_data(h);
	const struct listing *n = ctx;
	struct nlattr *table = n->table ? nlmsg_find_attr(h, sizeof(*g), n->table) : NULL;
	struct nlattr *name = nlmsg_find_attr(h, sizeof(*g), n->name);
	const struct kernel_name kn = {
		.family = g->nfgen_family,
		.table = table ? nla_get_string(table) : NULL,
		.name = name ? nla_get_string(name) : NULL,
	};

	return !kn.name || (n->table && !kn.table) ? -EBADMSG : n->fn(n->ctx, &kn);
}

/* -EINVAL: a kernel that does not have the kind. */
static int names_get(struct nl_msg *msg, bool built, struct listing *n, const char *what,
		     struct err *err)
{
	cleanup(buf_fini) struct buf answer = {};
	int r = ask_one(NETLINK_NETFILTER, msg, built, &answer);

	if (r == -EINVAL || r == -EPROTONOSUPPORT)
		return 0;
	if (r == 0)
		r = ask_each(&answer, name_of, n);
	if (r == -EPERM)
		return err_set(err, r, "listing %s needs CAP_NET_ADMIN; run as root", what);
	return r < 0 ? err_errno(err, r, "listing %s", what) : 0;
}

int kernel_tables(kernel_name_fn *fn, void *ctx, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = nft_msg(NFT_MSG_GETTABLE, NLM_F_DUMP, AF_UNSPEC);
	struct listing n = { .fn = fn, .ctx = ctx, .name = NFTA_TABLE_NAME };

	return names_get(msg, msg, &n, "the tables of nf_tables", err);
}

int kernel_chains(kernel_name_fn *fn, void *ctx, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = nft_msg(NFT_MSG_GETCHAIN, NLM_F_DUMP, AF_UNSPEC);
	struct listing n = {
		.fn = fn, .ctx = ctx, .table = NFTA_CHAIN_TABLE, .name = NFTA_CHAIN_NAME
	};

	return names_get(msg, msg, &n, "the chains of nf_tables", err);
}

int kernel_sets(kernel_name_fn *fn, void *ctx, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = set_msg(IPSET_CMD_LIST, NLM_F_DUMP);
	bool built = msg && nla_put_u32(msg, IPSET_ATTR_FLAGS | NLA_F_NET_BYTEORDER,
					htonl(IPSET_FLAG_LIST_SETNAME)) == 0;
	struct listing n = { .fn = fn, .ctx = ctx, .name = IPSET_ATTR_SETNAME };

	return names_get(msg, built, &n, "ipsets", err);
}

int kernel_table_delete(int family, const char *name, struct err *err)
{
	const uint16_t nft = NFNL_SUBSYS_NFTABLES;
	cleanup(msg_free) struct nl_msg *begin = nf_msg(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, nft);
	cleanup(msg_free) struct nl_msg *msg = nft_msg(NFT_MSG_DELTABLE, NLM_F_ACK, family);
	cleanup(msg_free) struct nl_msg *end = nf_msg(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, nft);
	cleanup(buf_fini) struct buf batch = BUF_INIT(ASK_MAX);
	int r = -ENOMEM;

	if (begin && msg && end && nla_put_string(msg, NFTA_TABLE_NAME, name) == 0) {
		message_put(&batch, begin);
		message_put(&batch, msg);
		message_put(&batch, end);
		r = ask(NETLINK_NETFILTER, &batch, NULL);
	}
	return r < 0 ? err_errno(err, r, "deleting the table") : 0;
}

/* ip_set has errors of its own, behind those of errno. */
static int set_errno(int r)
{
	if (r == -IPSET_ERR_BUSY)
		return -EBUSY;
	return r == -IPSET_ERR_EXIST ? -ENOENT : r;
}

int kernel_set_delete(const char *name, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = set_msg(IPSET_CMD_DESTROY, NLM_F_ACK);
	bool built = msg && nla_put_string(msg, IPSET_ATTR_SETNAME, name) == 0;
	int r = set_errno(ask_one(NETLINK_NETFILTER, msg, built, NULL));

	if (r == -EBUSY)
		return err_set(err, r, "a rule uses the set; remove that rule first");
	return r < 0 ? err_errno(err, r, "deleting the set") : 0;
}

static bool put_address(struct nl_msg *msg, const struct addr *a)
{
	struct nlattr *nest = nla_nest_start(msg, IPSET_ATTR_IP | NLA_F_NESTED);
	bool v4 = addr_is_v4(a);
	int attr = v4 ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6;

	return nest &&
	       nla_put(msg, attr | NLA_F_NET_BYTEORDER, v4 ? 4 : 16, a->b + (v4 ? 12 : 0)) == 0 &&
	       nla_nest_end(msg, nest) == 0;
}

static bool put_member(struct nl_msg *msg, const struct kernel_service *s)
{
	struct nlattr *nest = nla_nest_start(msg, IPSET_ATTR_DATA | NLA_F_NESTED);

	if (!nest ||
	    (s->protocol == IPPROTO_SCTP &&
	     (!put_address(msg, &s->addr) || nla_put_u8(msg, IPSET_ATTR_PROTO, IPPROTO_SCTP) < 0)))
		return false;
	return nla_put_u16(msg, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER, htons(s->port)) == 0 &&
	       nla_nest_end(msg, nest) == 0;
}

int kernel_set_has(const char *set, const struct kernel_service *s, bool *ret, struct err *err)
{
	cleanup(msg_free) struct nl_msg *msg = set_msg(IPSET_CMD_TEST, NLM_F_ACK);
	bool built = msg && nla_put_string(msg, IPSET_ATTR_SETNAME, set) == 0 && put_member(msg, s);
	int r = set_errno(ask_one(NETLINK_NETFILTER, msg, built, NULL));

	if (r < 0 && r != -ENOENT && r != -EINVAL)
		return err_errno(err, r, "looking into the set %s", set);
	*ret = r == 0;
	return 0;
}
