/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/source_api.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <uv.h>

#include "agent/work.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "k8s/api.h"
#include "k8s/mirror.h"
#include "k8s/servers.h"

struct api_source {
	struct source base;
	struct kube_api *api;
	struct kube_mirror *mirror;
	const struct source_ops *ops;
	void *arg;
	struct work *queue;
	uv_poll_t poll;
	uv_timer_t timer;
	int users; /* handles that still know the source */
	bool told; /* the receiver knows the set */
	uint64_t away_ms; /* UTC; 0: it is there */
	uint64_t away_ns; /* the same by boot time */
	char *saved_path, *saved; /* what the file says, or will */
};

static void api_free(struct api_source **source)
{
	struct api_source *s = take_ptr(*source);

	if (!s)
		return;
	kube_mirror_free(&s->mirror);
	kube_api_free(&s->api);
	free(s->saved_path);
	free(s->saved);
	free(s);
}

static void on_close(uv_handle_t *handle)
{
	struct api_source *s = handle->data;

	if (--s->users == 0)
		api_free(&s);
}

/* ---- The servers' file ------------------------------------------------------------------------ */

struct save {
	struct work_job job;
	char *path, *text;
	struct err err;
};

static void save_run(struct work_job *job)
{
	struct save *s = container_of(job, struct save, job);

	file_write_atomic(s->path, s->text, strlen(s->text), 0600, &s->err);
}

static void save_done(struct work_job *job)
{
	struct save *s = container_of(job, struct save, job);

	if (s->err.code)
		log_error("api", "where API servers are could not be remembered", "error=%s",
			  log_quote(s->err.text));
	free(s->path);
	free(s->text);
	free(s);
}

static void save(struct api_source *s)
{
	struct save *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	job->job = (struct work_job){ .run = save_run, .done = save_done };
	job->path = strdup(s->saved_path);
	job->text = strdup(s->saved);
	if (job->path && job->text)
		work_add(s->queue, &job->job);
	else
		save_done(&job->job);
}

static void remember(struct api_source *s)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(KUBE_SERVERS_TEXT_MAX);

	if (kube_api_remember(s->api, &text) < 0 || (s->saved && !strcmp(s->saved, text.data)))
		return;
	free(s->saved);
	s->saved = buf_take(&text);
	if (s->saved)
		save(s);
}

/* A file that can't be read is as good as none: it only helps. */
static void recall(struct api_source *s)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(KUBE_SERVERS_TEXT_MAX);
	struct err err = {};
	int r = file_read(s->saved_path, &text, &err);

	if (r == 0)
		r = kube_api_recall(s->api, text.data ? text.data : "", text.len, s->saved_path,
				    &err);
	if (r < 0 && r != -ENOENT)
		log_warn("api", "remembered API servers are not used", "error=%s",
			 log_quote(err.text));
	s->saved = buf_take(&text);
}

/* ---- What the mirror tells --------------------------------------------------------------------- */

static void on_changed(void *arg, const struct kube_set *set, const struct kube_touched *touched)
{
	struct api_source *s = arg;

	if (!s->told)
		malloc_trim(0); /* what was cut out of the replies is many times what is kept */
	s->told = true;
	s->ops->changed(s->arg, set, touched);
	remember(s);
}

static void on_malformed(void *arg, const struct err *err)
{
	(void)arg;
	log_error("api", "an object is kept as it was", "error=%s", log_quote(err->text));
}

static const char *server_of(const struct api_source *s)
{
	const char *server = kube_api_server(s->api);

	return server ? server : "none";
}

static void on_state(void *arg, const struct err *why)
{
	uint64_t now_ns = clock_boot_ns();
	struct api_source *s = arg;

	s->away_ms = why ? clock_wall_ms() : 0;
	if (why)
		log_warn("api",
			 s->told ? "the API server is away; all stays as it is" :
				   "waiting for the API server",
			 "error=%s", log_quote(why->text));
	else /* how long makes it no repetition, which the log would hold back */
		log_info("api", "in step with the API server again",
			 "server=%s after=%" PRIu64 "ms", server_of(s),
			 (now_ns - s->away_ns) / 1000000);
	s->away_ns = now_ns;
	if (!why)
		remember(s);
}

static const struct kube_mirror_ops mirror_ops = {
	.changed = on_changed,
	.malformed = on_malformed,
	.state = on_state,
};

/* ---- On the loop ------------------------------------------------------------------------------- */

static void turn(struct api_source *s);

static void on_timer(uv_timer_t *timer)
{
	turn(timer->data);
}

static void turn(struct api_source *s)
{
	kube_mirror_turn(s->mirror);
	uv_update_time(s->timer.loop);
	if (!uv_is_closing((uv_handle_t *)&s->timer)) /* the receiver may have had enough */
		uv_timer_start(&s->timer, on_timer, kube_mirror_due(s->mirror), 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct api_source *s = poll->data;

	(void)status;
	(void)events;
	kube_api_work(s->api);
	turn(s);
}

/* ---- The source -------------------------------------------------------------------------------- */

static const struct api_source *see(const struct source *s)
{
	return (const struct api_source *)s; /* base is its first member */
}

static const struct kube_set *api_set(const struct source *source)
{
	const struct api_source *s = see(source);

	return s->told ? kube_mirror_set(s->mirror) : NULL;
}

static void api_reload(struct source *source)
{
	struct api_source *s = container_of(source, struct api_source, base);

	kube_mirror_hurry(s->mirror);
	uv_timer_start(&s->timer, on_timer, 0, 0);
}

static void api_stop(struct source *source)
{
	struct api_source *s = container_of(source, struct api_source, base);

	uv_close((uv_handle_t *)&s->poll, on_close);
	uv_close((uv_handle_t *)&s->timer, on_close);
}

static const struct source_backend backend = {
	.set = api_set,
	.reload = api_reload,
	.stop = api_stop,
};

struct kube_api *source_api(const struct source *s)
{
	return s->backend == &backend ? see(s)->api : NULL;
}

void source_api_status(const struct source *source, struct json *to)
{
	char text[TIME_TEXT_MAX];

	if (source->backend != &backend)
		return;
	const struct api_source *s = see(source);
	const struct err *why = kube_mirror_why(s->mirror);
	json_set_str(to, "api_server", kube_api_server(s->api));
	json_set_str(to, "api_away", s->away_ms ? time_format(s->away_ms, text) : NULL);
	json_set_str(to, "api_error", why ? why->text : NULL);
}

static int prepare(struct api_source *s, const struct source_api_options *opt, struct err *err)
{
	const struct kube_api_options api = {
		.kubeconfig = opt->kubeconfig,
		.servers = opt->servers,
		.n_servers = opt->n_servers,
		.pod_host = getenv("KUBERNETES_SERVICE_HOST"),
		.pod_port = getenv("KUBERNETES_SERVICE_PORT"),
	};
	int r = kube_api_new(&api, &s->api, err);

	if (r < 0) {
		err_wrap(err, "source.kubeconfig");
		return r;
	}
	if (asprintf(&s->saved_path, "%s/api-servers.json", opt->state_dir) < 0)
		return err_errno(err, -ENOMEM, "paths.state");
	recall(s);
	if (!kube_api_server(s->api))
		return err_set(err, -EINVAL,
			       "source.servers: no API server is known; name at least one");
	return kube_mirror_new(&(struct kube_mirror_options){ .api = s->api,
							      .node = opt->node,
							      .all_nodes = opt->all_nodes,
							      .ops = &mirror_ops,
							      .arg = s },
			       &s->mirror, err);
}

int source_api_start(const struct source_api_options *opt, struct source **ret, struct err *err)
{
	cleanup(api_free) struct api_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_errno(err, -ENOMEM, "source");
	s->base.backend = &backend;
	s->ops = opt->ops;
	s->arg = opt->arg;
	s->queue = opt->queue;
	r = prepare(s, opt, err);
	if (r < 0)
		return r;
	r = uv_poll_init(opt->loop, &s->poll, kube_api_fd(s->api));
	if (r == 0)
		r = uv_timer_init(opt->loop, &s->timer);
	if (r < 0)
		return err_errno(err, r, "source");
	s->poll.data = s->timer.data = s;
	s->users = 2;
	uv_poll_start(&s->poll, UV_READABLE, on_readable);
	uv_timer_start(&s->timer, on_timer, 0, 0);
	*ret = &take_ptr(s)->base;
	return 0;
}
