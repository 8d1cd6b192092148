/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending sockets by netlink (sock_diag), for kernels whose BPF programs can't. The kernel looks the
 * socket up by its addresses and compares the cookie, so that no other is ever hit.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp_int.h"

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 req;
};

/* Sends one request. What the kernel answers is 0 or -errno: the first number of an acknowledgement as
 * of the end of a dump. */
static int ask(int fd, uint16_t type, uint16_t flags, const struct inet_diag_req_v2 *req)
{
	struct request out = {
		.head = { .nlmsg_len = sizeof(out), .nlmsg_type = type, .nlmsg_flags = flags },
		.req = *req,
	};
	union {
		struct nlmsghdr head;
		char bytes[4096];
	} in;
	ssize_t n;
	int said;

	if (send(fd, &out, sizeof(out), 0) < 0)
		return -errno;
	do
		n = recv(fd, &in, sizeof(in), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&in.head, n) || in.head.nlmsg_len < NLMSG_LENGTH(sizeof(said)) ||
	    (in.head.nlmsg_type != NLMSG_ERROR && in.head.nlmsg_type != NLMSG_DONE))
		return -EBADMSG;
	memcpy(&said, NLMSG_DATA(&in.head), sizeof(said));
	return said;
}

/* A dump of UDP sockets in none of the states is empty, and fails where nobody can dump any. */
int dp_diag_open(int *ret_fd, struct err *err)
{
	const struct inet_diag_req_v2 none = { .sdiag_family = AF_INET,
					       .sdiag_protocol = IPPROTO_UDP };
	cleanup(close_fd) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r;

	if (fd < 0)
		return err_errno(err, -errno, "netlink sock_diag");
	r = ask(fd, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, &none);
	if (r == -ENOENT)
		return err_set(err, -EOPNOTSUPP,
			       "UDP sockets of backends that are gone can't be ended: this kernel "
			       "has no udp_diag; load it with: modprobe udp_diag");
	if (r < 0)
		return err_errno(err, r, "netlink sock_diag");
	*ret_fd = take_fd(fd);
	return 0;
}

int dp_diag_end(int fd, const struct weir_end *end, struct err *err)
{
	const bool is4 = end->family == AF_INET;
	const size_t from = is4 ? 3 : 0; /* IPv4 is the last word of ::ffff:a.b.c.d */
	struct inet_diag_req_v2 req = {
		.sdiag_family = (uint8_t)end->family,
		.sdiag_protocol = end->ends.proto,
		.id = {
			.idiag_sport = end->ends.sport,
			.idiag_dport = end->ends.dport,
			.idiag_if = end->ifindex,
			.idiag_cookie = { (uint32_t)end->cookie, (uint32_t)(end->cookie >> 32) },
		},
	};
	int r;

	for (size_t i = from; i < 4; i++) {
		req.id.idiag_src[i - from] = end->ends.src.w[i];
		req.id.idiag_dst[i - from] = end->ends.dst.w[i];
	}
	r = ask(fd, SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, &req);
	if (r == -ENOENT)
		return 0;
	if (r == -EOPNOTSUPP)
		return err_set(err, r,
			       "UDP sockets of backends that are gone can't be ended: this kernel "
			       "was built without CONFIG_INET_DIAG_DESTROY");
	return r < 0 ? err_errno(err, r, "ending a socket by netlink") : 1;
}
