/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/source_files.h"

#include <errno.h>
#include <malloc.h>
#include <uv.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "k8s/files.h"
#include "k8s/set.h"

#define SETTLE_MS 20 /* quiet time after a change; the swap of an editor or a kubelet is shorter */
#define SETTLE_MAX_MS 2000 /* a directory that never rests is read all the same */
#define RETRY_MS 1000 /* while the directory is away */

/*
 *	resting --change--> settling --quiet--> reading --done, nothing changed meanwhile--> resting
 *	                       ^------------------'  (changed meanwhile: what was read is dropped)
 */
struct files {
	struct source base;
	char *path;
	const struct source_ops *ops;
	void *arg;
	struct kube_files *files; /* in effect */
	struct kube_set *set;
	struct err err; /* of the directory as a whole, as told last */
	uv_fs_event_t event;
	uv_timer_t timer;
	uv_work_t work;
	uint64_t since; /* loop time of the first change not yet in effect; 0: resting */
	bool reading, again; /* again: changed meanwhile */
	bool stopped;
	int users; /* handles and jobs that still know the source */
	struct kube_files
		*fresh; /* while reading, these two are the worker's alone, and files stays */
	struct err fresh_err;
};

static void files_free(struct files **files)
{
	struct files *s = take_ptr(*files);

	if (!s)
		return;
	kube_files_free(&s->files);
	kube_files_free(&s->fresh);
	kube_set_free(&s->set);
	free(s->path);
	free(s);
}

static void release(struct files *s)
{
	if (--s->users == 0)
		files_free(&s);
}

static void on_close(uv_handle_t *handle)
{
	release(handle->data);
}

static void tell(void *arg, const struct err *err)
{
	const struct files *s = arg;

	if (!s->stopped)
		s->ops->failed(s->arg, err);
}

/* The callbacks come last, with everything in its new place: they may call source_stop(). */
static void apply(struct files *s)
{
	cleanup(kube_files_free) struct kube_files *old = NULL, *fresh = take_ptr(s->fresh);
	cleanup(kube_set_free) struct kube_set *set = NULL;
	struct kube_touched touched;
	struct err err = {};
	bool changed = false;

	if (kube_files_settle(fresh, s->files, &set, &changed, &err) < 0) {
		tell(s, &err);
		return;
	}
	s->err = (struct err){};
	old = s->files;
	s->files = take_ptr(fresh);
	if (changed) { /* the old set lives on to the end: what was touched names its objects */
		struct kube_set *before = s->set;

		kube_set_compare(before, set, &touched);
		s->set = take_ptr(set);
		set = before;
	}
	kube_files_tell(s->files, old, tell, s);
	if (changed && !s->stopped)
		s->ops->changed(s->arg, s->set, &touched);
}

/* The directory is away: all stays in effect. */
static void keep(struct files *s)
{
	bool known = strcmp(s->err.text, s->fresh_err.text) == 0;

	s->err = s->fresh_err;
	if (!known)
		tell(s, &s->err);
}

static void begin(uv_timer_t *timer);

static void begin_in(struct files *s, uint64_t ms)
{
	if (!s->stopped)
		uv_timer_start(&s->timer, begin, ms, 0);
}

/* Never 0, which means resting. */
static uint64_t now_ms(const struct files *s)
{
	return uv_now(s->timer.loop) + 1;
}

static void on_change(struct files *s)
{
	if (!s->since)
		s->since = now_ms(s);
	if (s->reading)
		s->again = true;
	else if (now_ms(s) - s->since < SETTLE_MAX_MS)
		begin_in(s, SETTLE_MS);
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	(void)name;
	(void)events;
	(void)status; /* whatever it is: look */
	on_change(event->data);
}

static void read_files(uv_work_t *work)
{
	struct files *s = work->data;

	s->fresh_err = (struct err){};
	if (kube_files_read(s->path, s->files, &s->fresh, &s->fresh_err) < 0 && !s->fresh_err.code)
		s->fresh_err.code = -EIO;
	malloc_trim(0); /* the trees that were decoded are many times what is kept of them */
}

static void on_read(uv_work_t *work, int status)
{
	struct files *s = work->data;
	bool dropped = s->again && now_ms(s) - s->since < SETTLE_MAX_MS;
	bool away = !s->fresh;

	(void)status; /* jobs are never cancelled */
	s->reading = false;
	if (dropped) { /* it may be half of something */
		kube_files_free(&s->fresh);
		begin_in(s, SETTLE_MS);
	} else if (!s->stopped) {
		s->since = 0;
		if (away)
			keep(s);
		else
			apply(s);
		if (s->again)
			on_change(s);
		else if (away || !uv_is_active((uv_handle_t *)&s->event))
			begin_in(s, RETRY_MS);
	}
	release(s);
}

/* Watches anew each time, and first: a directory that was replaced is another one to the kernel. */
static void begin(uv_timer_t *timer)
{
	struct files *s = timer->data;

	if (!s->since)
		s->since = now_ms(s);
	uv_fs_event_stop(&s->event);
	uv_fs_event_start(&s->event, on_event, s->path, 0);
	s->again = false;
	s->reading = true;
	s->users++;
	uv_queue_work(timer->loop, &s->work, read_files, on_read);
}

static void copy_err(void *arg, const struct err *err)
{
	struct err *first = arg;

	if (!first->code)
		*first = *err;
}

/* All or nothing. */
static int load(const char *path, struct kube_files **ret_files, struct kube_set **ret,
		struct err *err)
{
	cleanup(kube_files_free) struct kube_files *files = NULL;
	cleanup(kube_set_free) struct kube_set *set = NULL;
	struct err first = {};
	bool changed;
	int r = kube_files_read(path, NULL, &files, err);

	if (r == 0)
		r = kube_files_settle(files, NULL, &set, &changed, err);
	if (r < 0)
		return r;
	kube_files_tell(files, NULL, copy_err, &first);
	if (first.code)
		return err_set(err, first.code, "%s", first.text);
	*ret_files = take_ptr(files);
	*ret = take_ptr(set);
	return 0;
}

int source_files_load(const char *path, struct kube_set **ret, struct err *err)
{
	cleanup(kube_files_free) struct kube_files *files = NULL;

	return load(path, &files, ret, err);
}

static const struct kube_set *files_set(const struct source *source)
{
	return ((const struct files *)source)->set; /* base is its first member */
}

static void files_reload(struct source *source)
{
	on_change(container_of(source, struct files, base));
}

static void files_stop(struct source *source)
{
	struct files *s = container_of(source, struct files, base);

	s->stopped = true;
	uv_close((uv_handle_t *)&s->event, on_close);
	uv_close((uv_handle_t *)&s->timer, on_close);
}

static const struct source_backend backend = {
	.set = files_set,
	.reload = files_reload,
	.stop = files_stop,
};

int source_files_start(struct uv_loop_s *loop, const char *path, const struct source_ops *ops,
		       void *arg, struct source **ret, struct err *err)
{
	cleanup(files_free) struct files *s = calloc(1, sizeof(*s));

	if (!s || !(s->path = strdup(path)))
		return err_errno(err, -ENOMEM, "%s", path);
	s->base.backend = &backend;
	s->ops = ops;
	s->arg = arg;
	int r = load(path, &s->files, &s->set, err);
	if (r == 0)
		r = uv_fs_event_init(loop, &s->event);
	if (r == 0)
		r = uv_timer_init(loop, &s->timer);
	if (r < 0)
		return r;
	s->event.data = s;
	s->timer.data = s;
	s->work.data = s;
	s->users = 2;
	on_change(s); /* begins to watch, and sees what changed since it was read */
	*ret = &take_ptr(s)->base;
	return 0;
}
