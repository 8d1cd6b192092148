/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which API server to ask. A ring of URLs and the place of the one in use:
 *
 *	current fails  -> the next one is current        kube_servers_failed()
 *	current works  -> it stays current               nothing to do
 *
 * so each failure costs one attempt, every server gets its turn, and nobody is asked twice before all
 * others were. When to try again is the asker's to say.
 *
 * Servers are given (configuration, kubeconfig), learned (the EndpointSlices of the Service
 * `kubernetes`) or remembered (what a former run had learned, until this one learns anew). They are
 * tried in this order, but the one that worked last comes first. The Service's own address, where a
 * pod's environment is all there is, is a stopgap: it goes as soon as there is any other, since no
 * Service works before we do.
 *
 * Pure: no clock, no file, no socket.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define KUBE_SERVERS_MAX 64
#define KUBE_SERVERS_TEXT_MAX (128u << 10)

struct addr;
struct buf;
struct err;
struct kube_servers;

enum kube_server_from { KUBE_SERVER_GIVEN, KUBE_SERVER_LEARNED, KUBE_SERVER_SERVICE };

int kube_servers_new(struct kube_servers **ret);
void kube_servers_free(struct kube_servers **s);

/* One that is there already stays what it is. -EINVAL, -E2BIG over KUBE_SERVERS_MAX, -ENOMEM. */
int kube_servers_add(struct kube_servers *s, const char *url, enum kube_server_from from,
		     struct err *err);
size_t kube_servers_len(const struct kube_servers *s);
/* Borrowed until the next change; NULL: there is none. */
const char *kube_servers_current(const struct kube_servers *s);
/* Moves on if url is the current one: an answer that comes late blames nobody else. */
void kube_servers_failed(struct kube_servers *s, const char *url);

/* These are all that can be learned now: others that were learned or remembered go. What fits of more
 * than there is room for. n 0 changes nothing: who knows of no server still has those it knew. */
int kube_servers_learn(struct kube_servers *s, const char *const *urls, size_t n, struct err *err);
/* An address of a Service is no server, unless there is no other. True: one went. */
bool kube_servers_shun(struct kube_servers *s, const struct addr *addr);

/* What is worth remembering, the current one first, as JSON; and back, in front of nothing that is
 * given. -EBADMSG with `name` in the text. */
int kube_servers_print(const struct kube_servers *s, struct buf *out);
int kube_servers_parse(struct kube_servers *s, const char *text, size_t len, const char *name,
		       struct err *err);
