/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/informer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "k8s/api.h"
#include "k8s/informer_int.h"
#include "k8s/set.h"

#define PAGE 500
#define WATCH_MIN_S 300 /* as kube-proxy: 5 to 10 minutes, so that not all come back at once */
#define WATCH_MAX_S 600
#define GRACE_MS 30000 /* a watch that is this much over its time hangs */
#define QUIET_MS 60000 /* without an answer, or without a byte while all objects are to come */
#define BOOKMARK_MS 100000 /* without a byte in a watch: servers send a bookmark each minute */
#define DOUBT_MIN_MS 15000 /* a watch that goes on after a failure is replaced by a whole stream */
#define DOUBT_MAX_MS 45000 /* after a time between these: not by all clients at once */
#define DELAY_MIN_MS 250
#define DELAY_MAX_MS 30000
#define RETRY_AFTER_MAX_MS 120000
#define STANDS_MS 1000
#define ABSENT_MS 600000 /* until a kind is asked for again that the server doesn't know */

/* How a request ended. */
enum cause {
	CLEAN, /* a watch, when its time was over */
	SILENT, /* a watch that brought nothing, not even a bookmark, or that was in doubt: its version may
		 * be of another history than the server's, as after a restored backup */
	EXPIRED, /* 410, in whatever form */
	REFUSED, /* not asked in a way that this server understands */
	BROKEN, /* it began to answer */
	AWAY, /* no answer, or one that says nothing of the question */
	CAUSE_MAX_,
};

static const struct {
	enum kube_plan plan;
	bool at_once; /* no failure: this is how it goes */
} next[KUBE_PLAN_MAX_][CAUSE_MAX_] = {
	[KUBE_STREAM] = {
		[CLEAN] = { KUBE_LIST, false },
		[SILENT] = { KUBE_LIST, false },
		[EXPIRED] = { KUBE_LIST, false },
		[REFUSED] = { KUBE_LIST, true },
		[BROKEN] = { KUBE_LIST, false },
		[AWAY] = { KUBE_STREAM, false },
	},
	[KUBE_LIST] = {
		[CLEAN] = { KUBE_STREAM, false },
		[SILENT] = { KUBE_STREAM, false },
		[EXPIRED] = { KUBE_LIST, false },
		[REFUSED] = { KUBE_STREAM, false },
		[BROKEN] = { KUBE_STREAM, false },
		[AWAY] = { KUBE_STREAM, false },
	},
	[KUBE_WATCH] = {
		[CLEAN] = { KUBE_WATCH, true },
		[SILENT] = { KUBE_STREAM, true },
		[EXPIRED] = { KUBE_STREAM, false },
		[REFUSED] = { KUBE_STREAM, false },
		[BROKEN] = { KUBE_WATCH, false },
		[AWAY] = { KUBE_WATCH, false },
	},
};

int kube_informer_new(const struct kube_resource *resource, struct kube_set *set,
		      const struct kube_informer_ops *ops, void *arg, struct kube_informer **ret)
{
	struct kube_informer *inf = calloc(1, sizeof(*inf));

	if (!inf)
		return -ENOMEM;
	inf->resource = resource;
	inf->set = set;
	inf->ops = ops;
	inf->arg = arg;
	*ret = inf;
	return 0;
}

void kube_informer_free(struct kube_informer **informer)
{
	struct kube_informer *inf = take_ptr(*informer);

	if (!inf)
		return;
	kube_split_fini(&inf->split);
	kube_set_free(&inf->fresh);
	free(inf);
}

bool kube_informer_is_open(const struct kube_informer *inf)
{
	return inf->open;
}

bool kube_informer_synced(const struct kube_informer *inf)
{
	return inf->synced;
}

/* A version that is too old is told by an event, after the answer. */
static bool stands(const struct kube_informer *inf, uint64_t now_ms)
{
	return inf->answered && inf->plan == KUBE_WATCH &&
	       (inf->heard || now_ms >= inf->answered_ms + STANDS_MS);
}

bool kube_informer_in_step(const struct kube_informer *inf, uint64_t now_ms)
{
	return inf->absent || (inf->open && stands(inf, now_ms));
}

bool kube_informer_answered(const struct kube_informer *inf)
{
	return inf->answered;
}

bool kube_informer_unreached(const struct kube_informer *inf)
{
	return inf->unreached;
}

unsigned int kube_informer_failures(const struct kube_informer *inf)
{
	return inf->failures;
}

uint64_t kube_informer_due(const struct kube_informer *inf)
{
	return inf->due_ms;
}

void kube_informer_hurry(struct kube_informer *inf, uint64_t now_ms)
{
	if (!inf->open && inf->due_ms > now_ms)
		inf->due_ms = now_ms;
}

const struct err *kube_informer_error(const struct kube_informer *inf)
{
	return &inf->err;
}

static uint64_t random_between(uint64_t low, uint64_t high)
{
	uint32_t x;

	random_bytes(&x, sizeof(x));
	return low + x % (high - low + 1);
}

/* ---- Asking ----------------------------------------------------------------------------------- */

static void put_watch(const struct kube_informer *inf, struct buf *to)
{
	buf_printf(to, "watch=true&allowWatchBookmarks=true&timeoutSeconds=%u",
		   (unsigned int)(inf->watch_ms / 1000));
}

static void put_query(const struct kube_informer *inf, struct buf *to)
{
	switch (inf->plan) {
	case KUBE_STREAM:
		put_watch(inf, to);
		buf_puts(to, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
		break;
	case KUBE_WATCH:
		put_watch(inf, to);
		buf_puts(to, "&resourceVersion=");
		kube_path_escape(to, inf->rv);
		break;
	case KUBE_LIST:
	case KUBE_PLAN_MAX_:
		buf_printf(to, "limit=%d", inf->whole ? 0 : PAGE);
		if (*inf->next_page) {
			buf_puts(to, "&continue=");
			kube_path_escape(to, inf->next_page);
		}
		break;
	}
}

int kube_informer_begin(struct kube_informer *inf, uint64_t now_ms, struct buf *ret_path)
{
	const struct kube_resource *res = inf->resource;
	bool is_list = inf->plan == KUBE_LIST;

	inf->open = true;
	inf->answered = inf->heard = inf->listed = false;
	inf->err = (struct err){};
	inf->began_ms = now_ms;
	inf->watch_ms = random_between(WATCH_MIN_S, WATCH_MAX_S) * 1000;
	inf->due_ms = now_ms + QUIET_MS;
	kube_split_init(&inf->split, is_list ? KUBE_SPLIT_LIST : KUBE_SPLIT_WATCH,
			kube_events_piece, inf);
	if (inf->plan != KUBE_WATCH && !inf->fresh && kube_set_new(&inf->fresh) < 0)
		return -ENOMEM;
	buf_printf(ret_path, "%s?%s%s", res->path, res->selector ? res->selector : "",
		   res->selector ? "&" : "");
	put_query(inf, ret_path);
	return buf_error(ret_path);
}

/* A byte, or the answer, has come. */
static void set_due(struct kube_informer *inf, uint64_t now_ms)
{
	uint64_t end = inf->began_ms + inf->watch_ms + GRACE_MS;

	inf->due_ms = now_ms + (inf->plan == KUBE_WATCH ? BOOKMARK_MS : QUIET_MS);
	if (inf->plan == KUBE_WATCH && inf->doubt && inf->doubt_ms < inf->due_ms)
		inf->due_ms = inf->doubt_ms;
	if (inf->plan == KUBE_WATCH && end < inf->due_ms)
		inf->due_ms = end;
}

void kube_informer_head(struct kube_informer *inf, unsigned int status, uint64_t now_ms)
{
	inf->answered = status >= 200 && status < 300;
	inf->answered_ms = now_ms;
	inf->doubt_ms = now_ms + random_between(DOUBT_MIN_MS, DOUBT_MAX_MS);
	set_due(inf, now_ms);
}

int kube_informer_feed(struct kube_informer *inf, const void *data, size_t len, uint64_t now_ms)
{
	int r = kube_split_feed(&inf->split, data, len);

	if (r < 0 && !inf->err.code)
		err_errno(&inf->err, r, "%s", inf->resource->path);
	set_due(inf, now_ms);
	return r;
}

/* ---- The end ---------------------------------------------------------------------------------- */

/* 500 as well: that is what a watch from a version that can't be read gets. */
static bool is_refusal(unsigned int status)
{
	return status == 400 || status == 404 || status == 405 || status == 406 || status == 415 ||
	       status == 422 || status == 500;
}

static enum cause cause_of(const struct kube_informer *inf, const struct kube_informer_end *end,
			   uint64_t now_ms)
{
	bool answered = end->status >= 200 && end->status < 300;
	bool given_up = now_ms >= inf->due_ms;
	bool lived = now_ms - inf->began_ms >= inf->watch_ms / 2;

	if (end->code == -ESTALE)
		return EXPIRED;
	if (is_refusal(end->status) || (answered && end->code == -EINVAL))
		return REFUSED;
	if (!answered)
		return AWAY;
	if (inf->plan == KUBE_WATCH && given_up && (inf->doubt || !inf->heard))
		return SILENT;
	if (inf->plan == KUBE_WATCH && end->code == 0 && lived && !inf->heard)
		return SILENT;
	return inf->plan == KUBE_WATCH && end->code == 0 && (lived || inf->heard) ? CLEAN : BROKEN;
}

/* The more failures, the later, and each at another time. */
static uint64_t delay_of(const struct kube_informer *inf)
{
	unsigned int shift = inf->failures > 8 ? 8 : inf->failures;
	uint64_t ms = (uint64_t)DELAY_MIN_MS << shift >> 1;

	ms = ms > DELAY_MAX_MS ? DELAY_MAX_MS : ms;
	return random_between(ms / 2, ms);
}

static void wait(struct kube_informer *inf, const struct kube_informer_end *end, uint64_t now_ms)
{
	uint64_t after = (uint64_t)end->retry_after_s * 1000, delay;

	inf->failures++;
	delay = delay_of(inf);
	after = after > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : after;
	inf->due_ms = now_ms + (after > delay ? after : delay);
}

/* True: the reply was a page of a list, whole; all is done. */
static bool take_page(struct kube_informer *inf, const struct kube_informer_end *end)
{
	if (inf->plan != KUBE_LIST || end->code != 0 || !inf->listed)
		return false;
	if (!*inf->next_page) {
		kube_events_commit(inf);
		inf->plan = KUBE_WATCH;
	}
	return true;
}

/* True: the server does not know this kind, which is fine. What was known of it stays. */
static bool is_absent(struct kube_informer *inf, const struct kube_informer_end *end)
{
	if (!inf->resource->optional || end->status != 404)
		return false;
	if (!inf->synced && inf->fresh)
		kube_events_commit(inf);
	kube_set_free(&inf->fresh);
	inf->plan = KUBE_STREAM;
	inf->failures = 0;
	inf->absent = inf->synced;
	return inf->absent;
}

void kube_informer_end(struct kube_informer *inf, const struct kube_informer_end *end,
		       uint64_t now_ms)
{
	enum kube_plan was = inf->plan;
	enum cause cause;

	inf->open = inf->absent = false;
	inf->unreached = end->status == 0;
	kube_split_fini(&inf->split);
	cause = cause_of(inf, end, now_ms);
	if (stands(inf, now_ms))
		inf->failures = 0;
	inf->due_ms = now_ms;
	if (take_page(inf, end))
		return;
	if (is_absent(inf, end)) {
		inf->due_ms = now_ms + random_between(ABSENT_MS, 2 * ABSENT_MS);
		return;
	}
	if (was == KUBE_LIST && cause == EXPIRED)
		inf->whole = true;
	if (was == KUBE_WATCH && (cause == BROKEN || cause == AWAY))
		inf->doubt = true;
	inf->next_page[0] = '\0';
	kube_set_free(&inf->fresh);
	inf->plan = next[was][cause].plan;
	/* nor are requests that end as soon as they began made as fast as that */
	if (!next[was][cause].at_once || (cause == CLEAN && now_ms < inf->began_ms + STANDS_MS))
		wait(inf, end, now_ms);
}
