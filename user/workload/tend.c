/* SPDX-License-Identifier: Apache-2.0 */
/* What a workload needs when nobody looks: to be adopted, seen to end, and run again. */
#include <string.h>

#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "workload/launch.h"
#include "workload/place.h"
#include "workload/record.h"
#include "workload/restart.h"
#include "workload/workload.h"

static int start(const struct workload_place *p, struct workload *w,
		 const struct workload_backoff *backoff, struct err *err)
{
	struct err why = {};
	int r = launch_clear(p, w, 0, &why); /* what a start that was cut short left */

	if (r == 0)
		r = launch(p, w, false, &why);
	if (r == 0)
		r = record_save(p->dir, w, &why);
	if (r == 0)
		return 0;
	launch_clear(p, w, 0, NULL);
	snprintf(w->reason, sizeof(w->reason), "%s", why.text);
	restart_after_failure(w, backoff, clock_wall_ms());
	return record_save(p->dir, w, err);
}

/* The count is on disk before it is started; who finds CREATED starts it without counting again. Its last
 * container is gone before that, so that its end is not taken for another. */
static int start_again(const struct workload_place *p, struct workload *w,
		       const struct workload_backoff *backoff, struct err *err)
{
	int r = launch_clear(p, w, 0, err);

	if (r < 0)
		return r;
	w->state = WORKLOAD_STATE_CREATED;
	w->restarts++;
	w->started_ms = clock_wall_ms();
	r = record_save(p->dir, w, err);
	return r < 0 ? r : start(p, w, backoff, err);
}

/* What it left goes at once: its remains would count as its own. */
static int ended(const struct workload_place *p, struct workload *w, struct err *err)
{
	int r = record_save(p->dir, w, err);

	return r < 0 ? r : launch_clear(p, w, 0, err);
}

static int tend(const struct workload_place *p, struct workload *w,
		const struct workload_backoff *backoff, struct err *err)
{
	enum workload_state recorded = w->state;
	int r = place_observe(p, w, backoff, err);

	if (r < 0)
		return r;
	if (w->state == WORKLOAD_STATE_CREATED)
		r = start(p, w, backoff, err);
	else if (w->state == WORKLOAD_STATE_RUNNING && recorded == WORKLOAD_STATE_CREATED)
		r = record_save(p->dir, w, err);
	else if (w->state != recorded)
		r = ended(p, w, err);
	if (r == 0 && w->state == WORKLOAD_STATE_WAITING &&
	    restart_wait_ms(w, backoff, clock_wall_ms()) == 0)
		r = start_again(p, w, backoff, err);
	return r;
}

int workload_tend(const char *state, const char *name, const struct workload_backoff *backoff,
		  struct workload **ret, struct err *err)
{
	cleanup(place_fini) struct workload_place p = { .lock = -1 };
	cleanup(workload_free) struct workload *w = NULL;
	int r = place_try_lock(&p, state, name, err);

	if (r == 0)
		r = place_load(&p, name, &w, err);
	if (r == 0)
		r = tend(&p, w, backoff, err);
	if (r == 0)
		*ret = take_ptr(w);
	return r;
}
