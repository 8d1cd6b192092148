/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/notices.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <utlist.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/json.h"
#include "core/log.h"
#include "k8s/api.h"
#include "k8s/notice.h"

#define BODY_MAX 16384

struct notice_call {
	struct notices *all;
	struct notice_call *prev, *next;
	struct kube_call *call;
	struct buf body;
};

struct notices {
	struct kube_api *api;
	const char *node;
	struct notices_limit limit;
	struct notice_call *calls;
	uint64_t id;
};

/* ---- What may be told ----------------------------------------------------------------------- */

/* FNV-1a, with the NUL, so that texts do not run into each other. */
static uint64_t hash(uint64_t h, const char *text)
{
	do
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	while (*text++);
	return h;
}

static uint64_t key_of(const struct kube_notice *n)
{
	const char *const parts[] = { n->kind, n->namespace, n->name, n->reason, n->message };
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		h = hash(h, parts[i]);
	return h ? h : 1;
}

bool notices_may(struct notices_limit *l, const struct kube_notice *notice, uint64_t now_ms)
{
	uint64_t key = key_of(notice), spent = l->spent_ms > now_ms ? l->spent_ms : now_ms;

	for (size_t i = 0; i < NOTICES_KNOWN; i++)
		if (l->known[i] == key && now_ms - l->told_ms[i] < NOTICES_AGAIN_MS)
			return false;
	if (spent + NOTICES_EACH_MS - now_ms > (uint64_t)NOTICES_BURST * NOTICES_EACH_MS)
		return false;
	l->spent_ms = spent + NOTICES_EACH_MS;
	l->known[l->next] = key;
	l->told_ms[l->next] = now_ms;
	l->next = (l->next + 1) % NOTICES_KNOWN;
	return true;
}

/* ---- Telling -------------------------------------------------------------------------------- */

static void call_free(struct notice_call **call)
{
	struct notice_call *c = take_ptr(*call);

	if (!c)
		return;
	buf_fini(&c->body);
	free(c);
}

static void drop(struct notice_call *c)
{
	DL_DELETE(c->all->calls, c);
	call_free(&c);
}

static void on_done(void *arg, const struct kube_reply *reply)
{
	struct notice_call *c = arg;

	if (reply->code < 0)
		log_debug("notices", "an Event was not taken", "error=%s",
			  log_quote(reply->err->text));
	drop(c);
}

static int send_notice(struct notices *n, const struct kube_notice *notice)
{
	cleanup(call_free) struct notice_call *c = calloc(1, sizeof(*c));
	cleanup(json_free) struct json *j = kube_notice_json(notice);
	cleanup(buf_fini) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	int r = c ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	c->body = (struct buf)BUF_INIT(BODY_MAX);
	r = json_print(j, false, &c->body);
	if (r == 0)
		r = kube_notice_path(notice, &path);
	if (r < 0)
		return r;
	const struct kube_request req = {
		.method = "POST",
		.path = path.data,
		.data = c->body.data,
		.len = c->body.len,
		.done = on_done,
		.arg = c,
	};

	r = kube_api_call(n->api, &req, &c->call, NULL);
	if (r < 0)
		return r;
	c->all = n;
	DL_APPEND(n->calls, c);
	take_ptr(c);
	return 0;
}

void notices_tell(struct notices *n, const struct kube_notice *notice)
{
	struct kube_notice full = *notice;

	if (!n || !n->api || !notices_may(&n->limit, notice, clock_boot_ns() / 1000000))
		return;
	full.node = n->node;
	full.at_ms = clock_wall_ms();
	full.id = n->id++;
	if (send_notice(n, &full) < 0)
		log_debug("notices", "an Event could not be sent", "reason=%s", notice->reason);
}

int notices_new(struct kube_api *api, const char *node, struct notices **ret)
{
	struct notices *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->api = api;
	n->node = node;
	n->id = clock_wall_ms() * 1000000; /* names differ from those of the life before */
	*ret = n;
	return 0;
}

void notices_free(struct notices **notices)
{
	struct notices *n = take_ptr(*notices);

	if (!n)
		return;
	while (n->calls) {
		struct notice_call *c = n->calls;

		kube_api_cancel(&c->call);
		drop(c);
	}
	free(n);
}
