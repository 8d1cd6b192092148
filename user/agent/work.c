/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/work.h"

#include <assert.h>
#include <errno.h>
#include <utlist.h>
#include <uv.h>

#include "core/cleanup.h"

struct work {
	uv_loop_t *loop;
	uv_work_t req;
	uv_mutex_t own, *turn; /* held while a job runs; another queue's when it is beside that */
	struct work_job *queue; /* the head is running */
};

static void run_head(uv_work_t *req)
{
	struct work *w = container_of(req, struct work, req);

	uv_mutex_lock(w->turn);
	w->queue->run(w->queue);
	uv_mutex_unlock(w->turn);
}

void work_let_go(struct work *w)
{
	uv_mutex_unlock(w->turn);
}

void work_take_back(struct work *w)
{
	uv_mutex_lock(w->turn);
}

static void head_done(uv_work_t *req, int status);

static void start_head(struct work *w)
{
	/* fails only without a callback */
	uv_queue_work(w->loop, &w->req, run_head, head_done);
}

static void head_done(uv_work_t *req, int status)
{
	struct work *w = container_of(req, struct work, req);
	struct work_job *job = w->queue;

	(void)status; /* never cancelled */
	LL_DELETE(w->queue, job);
	if (w->queue)
		start_head(w);
	job->done(job);
}

int work_new(struct uv_loop_s *loop, struct work **ret)
{
	struct work *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	if (uv_mutex_init(&w->own) < 0) {
		free(w);
		return -ENOMEM;
	}
	w->loop = loop;
	w->turn = &w->own;
	*ret = w;
	return 0;
}

int work_new_beside(struct work *with, struct work **ret)
{
	int r = work_new(with->loop, ret);

	if (r == 0)
		(*ret)->turn = with->turn;
	return r;
}

void work_free(struct work **w)
{
	if (!*w)
		return;
	assert(!(*w)->queue);
	uv_mutex_destroy(&(*w)->own);
	free(*w);
	*w = NULL;
}

void work_add(struct work *w, struct work_job *job)
{
	struct work_job *running = w->queue;

	job->next = NULL;
	LL_APPEND(w->queue, job);
	if (!running)
		start_head(w);
}
