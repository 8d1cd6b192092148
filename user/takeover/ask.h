/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question by netlink and its whole answer. Messages are libnl's, errors are the kernel's own
 * (libnl's would lose those it does not know). Shared by the kernel_*.c only.
 */
#pragma once

#include <stdbool.h>

struct buf;
struct nl_msg;
struct nl_sock;
struct nlmsghdr;

#define ASK_MAX 4096 /* bytes of a question */

/* For cleanup(). */
void msg_free(struct nl_msg **msg);
void sock_free(struct nl_sock **sock);

int ask_connect(int protocol, struct nl_sock **ret);
int ask_errno(int nle); /* of a negative NLE_ */

/* Behind the messages that are there. */
void message_put(struct buf *b, struct nl_msg *msg);
/* One message, or several in a row that are answered once: by an acknowledgement, a dump or an
 * error. A dump that another hand's change went through is taken again, -EAGAIN after ten times.
 * ret_answer may be NULL. */
int ask(int protocol, const struct buf *question, struct buf *ret_answer);
/* The same for one. built: it is there and its attributes found room, else -ENOMEM. */
int ask_one(int protocol, struct nl_msg *msg, bool built, struct buf *ret_answer);

/* Each message of an answer; 0, or a negative errno, which ends it. */
typedef int message_fn(void *ctx, struct nlmsghdr *h);
int ask_each(struct buf *answer, message_fn *fn, void *ctx);
