/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover/ask.h"

#include <errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"

#define REPLY_MAX (64u << 20) /* 100,000 chains of kube-proxy's are 15 MB */
#define TRIES 10 /* at a dump */

void msg_free(struct nl_msg **msg)
{
	nlmsg_free(*msg); /* takes NULL */
}

void sock_free(struct nl_sock **sock)
{
	nl_socket_free(*sock); /* takes NULL */
}

struct reply {
	struct buf bytes; /* messages, aligned */
	int error;
	bool done, changed;
};

static void reply_fini(struct reply *re)
{
	buf_fini(&re->bytes);
}

/* Aligned, as the kernel takes them. */
void message_put(struct buf *b, struct nl_msg *msg)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);

	buf_append(b, h, h->nlmsg_len);
	buf_append(b, "\0\0\0", NLMSG_ALIGN(h->nlmsg_len) - h->nlmsg_len);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct reply *re = arg;

	message_put(&re->bytes, msg);
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct reply *re = arg;

	(void)msg;
	re->done = true;
	return NL_STOP;
}

static int on_change(struct nl_msg *msg, void *arg)
{
	struct reply *re = arg;

	(void)msg;
	re->changed = true;
	return NL_OK;
}

static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	struct reply *re = arg;

	(void)who;
	re->error = e->error;
	re->done = true;
	return NL_STOP;
}

int ask_errno(int nle)
{
	switch (-nle) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_PROTO_MISMATCH:
	case NLE_AF_NOSUPPORT:
		return -EPROTONOSUPPORT;
	default:
		return -EIO;
	}
}

static int receive(struct nl_sock *sock, struct reply *re)
{
	int r = 0;

	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, re);
	nl_socket_modify_cb(sock, NL_CB_FINISH, NL_CB_CUSTOM, on_end, re);
	nl_socket_modify_cb(sock, NL_CB_ACK, NL_CB_CUSTOM, on_end, re);
	nl_socket_modify_cb(sock, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_change, re);
	nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, on_error, re);
	while (r >= 0 && !re->done)
		r = nl_recvmsgs_default(sock);
	if (re->error < 0)
		return re->error;
	return r < 0 ? ask_errno(r) : buf_error(&re->bytes);
}

int ask_connect(int protocol, struct nl_sock **ret)
{
	cleanup(sock_free) struct nl_sock *sock = nl_socket_alloc();
	int r;

	if (!sock)
		return -ENOMEM;
	nl_socket_disable_seq_check(sock); /* one question a socket */
	r = nl_connect(sock, protocol);
	if (r < 0)
		return ask_errno(r);
	*ret = take_ptr(sock);
	return 0;
}

int ask(int protocol, const struct buf *question, struct buf *ret_answer)
{
	int r = buf_error(question) < 0 ? buf_error(question) : -EAGAIN;

	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		cleanup(sock_free) struct nl_sock *sock = NULL;
		cleanup(reply_fini) struct reply re = { .bytes = BUF_INIT(REPLY_MAX) };

		r = ask_connect(protocol, &sock);
		if (r < 0)
			return r;
		r = nl_sendto(sock, question->data, question->len);
		r = r < 0 ? ask_errno(r) : receive(sock, &re);
		if (r == 0 && re.changed)
			r = -EAGAIN;
		if (r == 0 && ret_answer) {
			*ret_answer = re.bytes;
			re.bytes = (struct buf){};
		}
	}
	return r;
}

int ask_one(int protocol, struct nl_msg *msg, bool built, struct buf *ret_answer)
{
	cleanup(buf_fini) struct buf question = BUF_INIT(ASK_MAX);

	if (!built)
		return -ENOMEM;
	message_put(&question, msg);
	return ask(protocol, &question, ret_answer);
}

int ask_each(struct buf *answer, message_fn *fn, void *ctx)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < answer->len;) {
		struct nlmsghdr *h = (void *)(answer->data + at);

		r = fn(ctx, h);
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return r;
}
