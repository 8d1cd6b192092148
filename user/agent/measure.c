/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring: pods -> parents of cgroups -> walks -> readings -> windows. The kernel counts; here it
 * is read. Each sample is one walk (which also integrates memory, in the kernel's own map); a window
 * reads everything once more and hands it to the books.
 */
#include <errno.h>
#include <sys/stat.h>

#include "agent/agent_int.h"
#include "agent/ctl.h"
#include "agent/notices.h"
#include "agent/pods.h"
#include "agent/settling.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "k8s/notice.h"
#include "k8s/object.h"
#include "meter/kubelet.h"
#include "meter/podtab.h"
#include "meter/reading.h"

/* A dead cgroup that no manifest has named for so long will not be named any more. */
#define UNNAMED_NS (600ULL * 1000000000)

/* ---- The cgroup that is metered ------------------------------------------------------------- */

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* paths.cgroup/podCgroup, or as systemd's driver has it; else all of paths.cgroup. */
static int find_meter_cgroup(struct agent *a, struct err *err)
{
	const char *root = a->cfg->paths.cgroup, *pods = a->cfg->meter.pod_cgroup;
	char slice[METER_PATH_MAX];
	const char *const names[] = { pods, slice };

	if (kubelet_slice(pods, slice, sizeof(slice)) < 0)
		return err_set(err, -ENAMETOOLONG, "meter.podCgroup: %s: too long", pods);
	for (size_t i = 0; pods[0] && i < ARRAY_LEN(names); i++) {
		if (path_format(a->meter_cgroup, sizeof(a->meter_cgroup), "%s/%s", root, names[i]))
			break;
		if (is_dir(a->meter_cgroup))
			return 0;
	}
	if (!is_dir(root))
		return err_set(err, -ENOENT,
			       "paths.cgroup: %s: no such cgroup; name one below the cgroup2 mount",
			       root);
	if (path_format(a->meter_cgroup, sizeof(a->meter_cgroup), "%s", root))
		return err_set(err, -ENAMETOOLONG, "paths.cgroup: %s: too long", root);
	return 0;
}

/* ---- Start ---------------------------------------------------------------------------------- */

struct recalled {
	struct agent *agent;
	struct dp_restore *at;
	size_t n;
};

static struct weir_dir dir_back(const struct usage_dir *d)
{
	struct weir_dir out = { .raw = { d->raw.bytes, d->raw.packets } };

	for (int c = 0; c < USAGE_CLASS_MAX_; c++)
		out.wire[c] = (struct weir_count){ d->wire[c].bytes, d->wire[c].packets };
	return out;
}

static int recall_pod(void *arg, uint64_t cgroup_id, const struct meter_pod *pod,
		      const struct usage *last)
{
	unsigned __int128 page_ns = last->memory_byte_ns / (unsigned long)getpagesize();
	struct recalled *rc = arg;
	struct dp_restore *more = reallocarray(rc->at, rc->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	rc->at = more;
	rc->at[rc->n++] = (struct dp_restore){
		.cgroup_id = cgroup_id,
		.net = { dir_back(&last->rx), dir_back(&last->tx) },
		.cpu_ns = last->cpu_ns,
		.mem_page_ns_lo = (uint64_t)page_ns,
		.mem_page_ns_hi = (uint64_t)(page_ns >> 64),
		.mem_peak_pages = last->memory_peak_bytes / (unsigned long)getpagesize(),
	};
	return podtab_recall(rc->agent->pods, cgroup_id, pod);
}

static int dp_start(struct agent *a, const struct recalled *rc, struct err *err)
{
	const struct dp_options opt = {
		.bpffs = a->cfg->paths.bpffs,
		.cgroup = a->cfg->paths.cgroup,
		.meter_cgroup = a->meter_cgroup,
		.restore = rc->at,
		.n_restore = rc->n,
		.measure_only = a->cfg->datapath.mode == CONFIG_MODE_OFF,
	};

	return dp_open(&opt, &a->dp, err);
}

int measure_prepare(struct agent *a, struct err *err)
{
	struct recalled rc = { .agent = a };
	int r;

	r = find_meter_cgroup(a, err);
	if (r < 0)
		return r;
	r = podtab_new(a->cfg->paths.cgroup, a->cfg->meter.pod_cgroup, &a->pods);
	if (r < 0)
		return err_errno(err, r, "starting the meter");
	r = book_recall(&a->book, recall_pod, &rc, err);
	if (!r)
		r = dp_start(a, &rc, err);
	free(rc.at);
	return r;
}

/* ---- Samples -------------------------------------------------------------------------------- */

/* A folder too many must not keep the pods of all others from being read. */
static void parents_sync(struct agent *a)
{
	const char *const *parents;
	struct err err = {};
	size_t n;

	podtab_resolve(a->pods);
	n = podtab_parents(a->pods, &parents);
	if (dp_parents_sync(a->dp, parents, n, &err) < 0)
		log_error("measure", "some pods are not metered", "error=%s", log_quote(err.text));
}

/* A pod may die, and its manifest go, long before the window ends: it gets its name right away. */
static int sample(struct agent *a, const struct weir_sample **ret, size_t *ret_n, struct err *err)
{
	int r = dp_walk(a->dp, ret, ret_n, err);

	podtab_resolve(a->pods);
	for (size_t i = 0; !r && i < *ret_n; i++)
		podtab_match(a->pods, &(*ret)[i]);
	return r;
}

static void on_sample(uv_timer_t *timer)
{
	const struct weir_sample *samples;
	struct err err = {};
	size_t n;

	parents_sync(timer->data);
	if (sample(timer->data, &samples, &n, &err) < 0)
		log_error("measure", "a sample failed; counters go on in the kernel", "error=%s",
			  log_quote(err.text));
	shortage_look(timer->data, true);
}

/* What was counted at interfaces, in order of pod: read once for all pods. */
struct veths {
	struct weir_veth *v;
	size_t n;
};

static void veths_fini(struct veths *veths)
{
	free(veths->v);
}

static int read_one(struct agent *a, const struct weir_sample *s, const struct meter_pod *pod,
		    const struct veths *veths, struct book_reading *ret, struct err *err)
{
	struct weir_net net;
	int r = dp_net(a->dp, s->cgroup_id, &net, err);

	if (r < 0)
		return r;
	*ret = (struct book_reading){
		.cgroup_id = s->cgroup_id,
		.pod = *pod,
		.final = meter_final(s),
	};
	meter_reading(s, &net, (uint64_t)getpagesize(), &ret->total);
	ret->has_interface = meter_interface(s, veths->v, veths->n, &ret->interface);
	return 0;
}

/* Nobody's: forgotten when it is dead for long, so that the kernel's tables stay bounded. */
static void drop_unnamed(struct agent *a, const struct weir_sample *s)
{
	if (meter_final(s) && s->pod.died + UNNAMED_NS < clock_boot_ns())
		dp_pod_forget(a->dp, s->cgroup_id, NULL);
}

int measure_collect(struct agent *a, struct book_reading **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct book_reading *readings = NULL;
	cleanup(veths_fini) struct veths veths = {};
	const struct weir_sample *samples;
	size_t n, got = 0;
	int r;

	parents_sync(a);
	r = sample(a, &samples, &n, err);
	if (r < 0)
		return r;
	r = dp_veths(a->dp, &veths.v, &veths.n, err);
	if (r < 0)
		return r;
	readings = calloc(n ? n : 1, sizeof(*readings));
	if (!readings)
		return err_errno(err, -ENOMEM, "reading %zu pods", n);
	for (size_t i = 0; !r && i < n; i++) {
		const struct meter_pod *pod = podtab_match(a->pods, &samples[i]);

		if (pod)
			r = read_one(a, &samples[i], pod, &veths, &readings[got++], err);
		else
			drop_unnamed(a, &samples[i]);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(readings);
	*ret_n = got;
	return 0;
}

/* ---- Windows -------------------------------------------------------------------------------- */

struct window_job {
	struct work_job job;
	struct agent *agent;
	struct book *book;
	struct book_reading *readings;
	size_t n, settled;
	bool local; /* leases settle in the ledger, right away */
	struct book_window window;
	struct book_signed sign;
	uint64_t now_ms, keep_ms;
	measure_then then;
	struct json *args, *result;
	struct ctl_reply *reply;
	struct err err;
	struct err
		keep_err; /* apart: what was asked for is done whether or not old windows can go */
	int r;
};

/* One window; more when there are more pods than one can hold. */
static int windows_close(struct window_job *w)
{
	size_t at = 0;

	do {
		size_t n = w->n - at < BOOK_PODS_MAX ? w->n - at : BOOK_PODS_MAX;
		struct book_window done;
		int r = book_window(w->book, w->now_ms, w->readings + at, n, &done, &w->err);

		if (r < 0)
			return r;
		done.pods += w->window.pods;
		done.receipts += w->window.receipts;
		if (!done.fallen)
			done.why_fallen = w->window.why_fallen;
		done.fallen += w->window.fallen;
		w->window = done;
		at += n;
	} while (at < w->n);
	return 0;
}

static void window_run(struct work_job *job)
{
	struct window_job *w = container_of(job, struct window_job, job);

	w->r = windows_close(w);
	if (!w->r)
		w->r = book_sign(w->book, &w->sign, &w->err);
	if (!w->r && w->local)
		w->r = book_settle(w->book, w->window.to_ms, &w->settled, &w->err);
	if (!w->r && w->then)
		w->r = w->then(w->book, w->window.to_ms, w->args, &w->result, &w->err);
	if (!w->r && w->now_ms > w->keep_ms)
		(void)book_keep(w->book, w->now_ms - w->keep_ms, &w->keep_err);
}

static void window_failed(struct agent *a, uint64_t now_ms, const struct err *err)
{
	a->window_failed_ms = now_ms;
	a->window_error = *err;
	log_error("measure", "the window stays open; the next one covers its time", "error=%s",
		  log_quote(err->text));
}

void measure_signed(struct agent *a, const struct book_signed *s)
{
	if (s->why.code && strcmp(s->why.text, a->last_signed.why.text) != 0)
		log_error("measure", "leases are metered, and their receipts not signed",
			  "leases=%zu error=%s", s->held, log_quote(s->why.text));
	a->last_signed = *s;
}

static void window_report(struct agent *a, const struct window_job *w)
{
	if (!w->window.to_ms) {
		window_failed(a, w->now_ms, &w->err);
		return;
	}
	a->last_window = w->window;
	a->window_failed_ms = 0;
	log_info("measure", "window closed", "pods=%zu receipts=%zu settled=%zu", w->window.pods,
		 w->window.receipts, w->settled);
	measure_signed(a, &w->sign);
	if (w->window.unbilled)
		log_error("measure", "leases without a receipt", "leases=%zu error=%s",
			  w->window.unbilled, log_quote(w->window.why.text));
	if (w->window.fallen)
		log_error("measure", "pods that are not billed: their counters fell",
			  "pods=%zu error=%s", w->window.fallen,
			  log_quote(w->window.why_fallen.text));
	if (w->keep_err.code)
		log_error("measure", "old windows stay", "error=%s", log_quote(w->keep_err.text));
	if (w->r < 0 && !w->reply)
		log_error("measure", "the rest waits for the next window", "error=%s",
			  log_quote(w->err.text));
}

static void window_done(struct work_job *job)
{
	struct window_job *w = container_of(job, struct window_job, job);
	struct agent *a = w->agent;

	a->window_waits = a->window_waits && w->reply;
	window_report(a, w);
	hosting_look(a);
	settling_due(a);
	for (size_t i = 0; i < w->n; i++)
		if (w->readings[i].booked && !dp_pod_forget(a->dp, w->readings[i].cgroup_id, NULL))
			podtab_forget(a->pods, w->readings[i].cgroup_id);
	if (w->reply && w->r < 0)
		ctl_reply_error(w->reply, &w->err);
	else if (w->reply)
		ctl_reply_ok(w->reply, w->result);
	free(w->readings);
	json_free(&w->args);
	free(w);
}

void measure_window(struct agent *a, measure_then then, const struct json *args,
		    struct ctl_reply *reply)
{
	struct window_job *w = calloc(1, sizeof(*w));
	struct err err = {};
	int r = w ? 0 : err_errno(&err, -ENOMEM, "closing a window");

	if (!a->begun) { /* so it is by a command */
		err_set(&err, -EAGAIN, "the agent still waits for the API server; try again");
		ctl_reply_error(reply, &err);
		free(w);
		return;
	}
	if (!r)
		r = measure_collect(a, &w->readings, &w->n, &err);
	if (r < 0) {
		window_failed(a, clock_wall_ms(), &err);
		if (reply)
			ctl_reply_error(reply, &err);
		free(w);
		return;
	}
	w->job.run = window_run;
	w->job.done = window_done;
	w->agent = a;
	w->book = &a->book;
	w->local = !a->settling;
	w->now_ms = clock_wall_ms();
	w->keep_ms = a->cfg->meter.keep_ms;
	w->then = then;
	w->args = args ? json_dup(args) : NULL;
	w->reply = reply;
	a->window_waits = a->window_waits || !reply;
	work_add(a->books, &w->job);
}

static void on_window(uv_timer_t *timer);

/* Windows end on whole multiples of their length, so that those of all nodes line up. A timer may
 * come a little early (wall and loop have two clocks): what is left then is no window of its own. */
static void window_plan(struct agent *a)
{
	uint64_t window_ms = a->cfg->meter.window_ms, left;

	uv_update_time(&a->loop); /* the timer counts from there */
	left = window_ms - clock_wall_ms() % window_ms;
	if (left < window_ms / 8)
		left += window_ms;
	uv_timer_start(&a->window, on_window, left, 0);
}

/* While the disk hangs, windows must not queue up: the next one covers the time. */
static void on_window(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	if (!a->window_waits)
		measure_window(a, NULL, NULL, NULL);
	window_plan(a);
}

/* ---- Wiring --------------------------------------------------------------------------------- */

static void pod_skipped(void *arg, const struct kube_object *pod, const char *why)
{
	struct agent *a = arg;
	char title[KUBE_TITLE_MAX];

	log_warn("measure", "not metered", "object=%s why=%s",
		 log_quote(kube_object_title(pod, title)), log_quote(why));
	notices_tell(a->notices, &(struct kube_notice){ .kind = "Pod",
							.namespace = pod->meta.namespace,
							.name = pod->meta.name,
							.uid = pod->meta.uid,
							.reason = "NotMetered",
							.message = why,
							.warning = true });
}

void measure_changed(struct agent *a, const struct kube_set *set)
{
	const struct pods_node node = {
		.name = a->cfg->node.name,
		.cgroup = a->cfg->paths.cgroup,
		.meter_cgroup = a->meter_cgroup,
		.labels = (const char *const *)a->cfg->meter.labels.v,
		.n_labels = a->cfg->meter.labels.n,
		.skipped = pod_skipped,
		.arg = a,
	};
	cleanup(free_ptr) struct meter_pod *pods = NULL;
	const struct weir_sample *samples;
	struct err err = {};
	size_t n;
	int r;

	/* Those that are here and no longer in the set keep their names. The parents stay as they
	 * are until the new ones are known: a gap would not be counted. */
	if (sample(a, &samples, &n, &err) < 0)
		log_error("measure", "pods that go may stay unnamed", "error=%s",
			  log_quote(err.text));
	r = pods_translate(set, &node, &pods, &n);
	if (r < 0)
		err_errno(&err, r, "pods");
	else
		r = podtab_set(a->pods, pods, n, &err);
	if (r < 0)
		log_error("measure", "pods kept as they were", "error=%s", log_quote(err.text));
	parents_sync(a);
}

int measure_open(struct agent *a, struct err *err)
{
	char why[128];

	(void)err;
	if (!dp_memory_measured(a->meter_cgroup, why, sizeof(why)))
		log_warn("measure", "memory is not measured", "why=%s", log_quote(why));
	shortage_look(a, false);
	uv_timer_init(&a->loop, &a->sample);
	uv_timer_init(&a->loop, &a->window);
	a->sample.data = a->window.data = a;
	uv_timer_start(&a->sample, on_sample, a->cfg->meter.sample_ms, a->cfg->meter.sample_ms);
	window_plan(a);
	return 0;
}

void measure_close(struct agent *a)
{
	podtab_free(&a->pods);
}
