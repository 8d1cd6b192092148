/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Half an agent: loop, control socket, HTTP, queues and tables, but no kernel behind it. Its
 * datapath has the mapped tables that the kernel's walk would fill, and no map that can be called;
 * so what reads mappings works, and what asks the kernel fails, as it may at any time.
 * And a client on the loop's thread pool.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include "agent/agent_int.h"
#include "agent/ctl.h"
#include "agent/http.h"
#include "agent/source_files.h"
#include "agent/work.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "dp/dp_int.h"
#include "meter/podtab.h"
#include "unit/core/test.h"
#include "walrus/store.h"

#define HALF_SAMPLES 8

struct half {
	struct agent a; /* the commands get its address */
	struct config cfg;
	struct dp dp;
	struct weir_ctl ctl;
	struct weir_sample samples[HALF_SAMPLES];
	char dir[64], run[80], state[80], manifests[80];
};

/* The manifests are read by who starts the half again: nothing follows their changes. */
static inline void half_objects_changed(void *arg, const struct kube_set *set,
					const struct kube_touched *touched)
{
	(void)arg;
	(void)set;
	(void)touched;
}

static inline void half_objects_failed(void *arg, const struct err *err)
{
	(void)arg;
	fail_msg("%s", err->text);
}

static const struct source_ops half_source_ops = {
	.changed = half_objects_changed,
	.failed = half_objects_failed,
};

static inline int half_setup(void **state)
{
	struct half *h = calloc(1, sizeof(*h));
	const struct option_listen local = { .on = true,
					     .addr.b = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };

	*state = h;
	snprintf(h->dir, sizeof(h->dir), "/tmp/weir-agent-XXXXXX");
	if (!mkdtemp(h->dir))
		return -1;
	snprintf(h->run, sizeof(h->run), "%s/run", h->dir);
	snprintf(h->state, sizeof(h->state), "%s/state", h->dir);
	snprintf(h->manifests, sizeof(h->manifests), "%s/manifests", h->dir);
	h->cfg.node.name = strdup("node-a");
	h->cfg.paths.run = h->run;
	h->cfg.paths.state = h->state;
	h->cfg.listen.healthz = h->cfg.listen.metrics = local;
	for (size_t i = 0; i < DP_TABLE_MAX_; i++)
		h->dp.map[i] = -1;
	h->dp.walk = -1;
	h->dp.ctl = &h->ctl;
	h->dp.samples = h->samples;
	h->dp.n_samples = HALF_SAMPLES;
	h->ctl.ncpu = 1;
	h->a.cfg = &h->cfg;
	h->a.dp = &h->dp;
	h->a.started_ms = 1795000000000;
	h->a.begun = true;
	rounds_init(&h->a.rounds, &(struct rounds_now){ .ms = 1795000000000, .ns = 1 });
	return uv_loop_init(&h->a.loop) || dir_make(h->state, 0700, NULL) < 0 ||
	       dir_make(h->manifests, 0700, NULL) < 0 ||
	       source_files_start(&h->a.loop, h->manifests, &half_source_ops, h, &h->a.source,
				  NULL) ||
	       podtab_new("/nowhere", "", &h->a.pods) || work_new(&h->a.loop, &h->a.books) ||
	       work_new(&h->a.loop, &h->a.hands) || work_new(&h->a.loop, &h->a.keeping) ||
	       store_open(h->state, 1 << 20, &h->a.store, NULL);
}

/* With one more part of it opened: answers_open or commands_open. */
static inline int half_setup_with(void **state, int (*open_part)(struct agent *a, struct err *err))
{
	struct err err = {};
	struct half *h;

	if (half_setup(state))
		return -1;
	h = *state;
	return open_part(&h->a, &err);
}

static inline int half_teardown(void **state)
{
	struct half *h = *state;
	int r;

	ctl_stop(&h->a.ctl);
	answers_close(&h->a);
	keeper_stop(&h->a);
	source_stop(&h->a.source);
	while (uv_run(&h->a.loop, UV_RUN_DEFAULT))
		;
	rounds_fini(&h->a.rounds);
	work_free(&h->a.books);
	work_free(&h->a.hands);
	keeper_close(&h->a);
	podtab_free(&h->a.pods);
	store_free(&h->a.store);
	r = uv_loop_close(&h->a.loop); /* -EBUSY: a handle was left open */
	free(h->cfg.node.name);
	dir_remove(h->dir, NULL);
	free(h);
	return r;
}

#define ON_HALF(name) cmocka_unit_test_setup_teardown(name, half_setup, half_teardown)

static inline struct weir_sample *half_sample(struct half *h, uint64_t cgroup_id, uint32_t state)
{
	struct weir_sample *s = &h->samples[h->ctl.walk_count++];

	*s = (struct weir_sample){ .cgroup_id = cgroup_id, .pod.state = state };
	return s;
}

/* ---- A client ------------------------------------------------------------------------------- */

struct half_call {
	uv_work_t work;
	const struct half *half;
	/* of the control socket */
	const char *command;
	struct json *args, *result;
	struct err err;
	int r;
	/* or of HTTP */
	uint16_t port;
	const char *path;
	struct buf answer; /* all that came */
	bool done;
};

static inline void half_get(struct half_call *c)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(c->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cleanup(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[4096];
	ssize_t n;

	c->r = connect(fd, (struct sockaddr *)&in, sizeof(in));
	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		 c->path);
	if (c->r == 0 && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		c->r = -1;
	while (c->r == 0 && (n = recv(fd, text, sizeof(text), 0)) > 0)
		buf_append(&c->answer, text, (size_t)n);
}

static inline void half_work(uv_work_t *work)
{
	struct half_call *c = container_of(work, struct half_call, work);

	if (c->path)
		half_get(c);
	else
		c->r = ctl_call(c->half->run, c->command, c->args, 20000, &c->result, &c->err);
}

static inline void half_worked(uv_work_t *work, int status)
{
	struct half_call *c = container_of(work, struct half_call, work);

	(void)status;
	c->done = true;
}

static inline void half_run(struct half *h, struct half_call *c)
{
	c->half = h;
	c->answer = (struct buf)BUF_INIT(1 << 20);
	uv_queue_work(&h->a.loop, &c->work, half_work, half_worked);
	while (!c->done)
		uv_run(&h->a.loop, UV_RUN_ONCE);
}

/* The body; buf_fini() the call's answer. */
static inline const char *get(struct half *h, const struct http_server *from, const char *path,
			      int status, struct half_call *c)
{
	char first[32];
	const char *body;

	*c = (struct half_call){ .port = http_port(from), .path = path };
	half_run(h, c);
	assert_int_equal(c->r, 0);
	snprintf(first, sizeof(first), "HTTP/1.1 %d ", status);
	assert_ptr_equal(strstr(c->answer.data, first), c->answer.data);
	body = strstr(c->answer.data, "\r\n\r\n");
	assert_non_null(body);
	return body + 4;
}

static inline void assert_get(struct half *h, const struct http_server *from, const char *path,
			      int status, const char *part)
{
	struct half_call c;

	assert_non_null(strstr(get(h, from, path, status, &c), part));
	buf_fini(&c.answer);
}
