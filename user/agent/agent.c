/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include "agent/agent_int.h"
#include "agent/ctl.h"
#include "agent/guard.h"
#include "agent/links.h"
#include "agent/offers.h"
#include "agent/runs.h"
#include "agent/settling.h"
#include "agent/source_api.h"
#include "agent/source_files.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/file.h"
#include "core/log.h"
#include "core/parse.h"
#include "k8s/set.h"
#include "ledger/ledger.h"
#include "walrus/store.h"
#include "workload/workload.h"

static void objects_changed(void *arg, const struct kube_set *set,
			    const struct kube_touched *touched)
{
	struct agent *a = arg;

	if (!a->begun) /* agent_begin() takes all of them */
		return;
	if (!touched || touched->n || touched->more || touched->addrs)
		direct_changed(a, set, touched);
	if (!touched || touched->pods)
		measure_changed(a, set);
	if (a->runs)
		runs_saw(a->runs, set);
}

static void objects_failed(void *arg, const struct err *err)
{
	(void)arg;
	log_error("source", "manifest kept as it was", "error=%s", log_quote(err->text));
}

static const struct source_ops source_ops = {
	.changed = objects_changed,
	.failed = objects_failed,
};

static void links_changed(void *arg)
{
	direct_links_changed(arg);
	packets_links_changed(arg);
}

static void links_failed(void *arg, const struct err *err)
{
	(void)arg;
	log_error("links", "links and addresses kept as they were", "error=%s",
		  log_quote(err->text));
}

static const struct links_ops links_ops = {
	.changed = links_changed,
	.failed = links_failed,
};

void agent_stop(struct agent *a)
{
	a->stopping = true;
	settling_stop(a);
	uv_stop(&a->loop);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct agent *a = handle->data;

	if (signum == SIGHUP)
		source_reload(a->source);
	else
		agent_stop(a);
}

static int signals_open(struct agent *a, struct err *err)
{
	const struct {
		uv_signal_t *handle;
		int signum;
	} want[] = {
		{ &a->sigterm, SIGTERM },
		{ &a->sigint, SIGINT },
		{ &a->sighup, SIGHUP },
	};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		int r = uv_signal_init(&a->loop, want[i].handle);

		want[i].handle->data = a;
		if (!r)
			r = uv_signal_start(want[i].handle, on_signal, want[i].signum);
		if (r < 0)
			return err_errno(err, r, "signal %d", want[i].signum);
	}
	return 0;
}

/* The provider's report key; made on the first start, but never for a ledger that has another's
 * leases. */
static int key_open(struct agent *a, struct err *err)
{
	const char *path = a->cfg->key.file;
	char hex[2 * PUBKEY_LEN + 1];
	int r = key_load(path, &a->key, err);
	bool made = r == -ENOENT;

	if (made) {
		r = key_new(&a->key);
		if (r < 0)
			return err_errno(err, r, "making a key");
	}
	a->book.key = a->key;
	if (!r)
		r = book_check(&a->book, err);
	if (!r && made)
		r = key_save(a->key, path, err);
	if (r < 0)
		return r;
	r = guard_open(path, a->key, &a->guard, err);
	a->book.guard = a->guard;
	a->book.asks = a->cfg->chain.kind == CONFIG_CHAIN_SUI;
	if (!r)
		r = book_guard(&a->book, err);
	if (r < 0)
		return r;
	if (made)
		log_info("agent", "made the provider's report key", "file=%s", path);
	format_hex(key_public(a->key), PUBKEY_LEN, hex);
	log_info("agent", "report key", "public=%s", hex);
	return 0;
}

static int store_open_all(struct agent *a, struct err *err)
{
	const struct config *cfg = a->cfg;
	char path[METER_PATH_MAX];
	int r;

	if (path_format(path, sizeof(path), "%s/ledger.db", cfg->paths.state))
		return err_set(err, -ENAMETOOLONG, "paths.state: %s: too long", cfg->paths.state);
	r = dir_make(cfg->paths.state, 0700, err);
	if (!r)
		r = ledger_open(path, &a->ledger, err);
	if (!r)
		r = store_open(cfg->paths.state, cfg->walrus.max_blob_bytes, &a->store, err);
	if (!r)
		r = workload_sweep(cfg->paths.state, err);
	if (r < 0)
		return r;
	a->book = (struct book){ .ledger = a->ledger,
				 .node = cfg->node.name,
				 .started_ms = a->started_ms };
	r = key_open(a, err);
	if (r < 0)
		return r;
	r = clock_boot_id(a->book.boot);
	return r < 0 ? err_errno(err, r, "the kernel's boot id") : 0;
}

static int source_open(struct agent *a, struct err *err)
{
	const struct config *cfg = a->cfg;
	const struct source_api_options api = {
		.loop = &a->loop,
		.queue = a->books,
		.kubeconfig = cfg->source.kubeconfig,
		.servers = (const char *const *)cfg->source.servers.v,
		.n_servers = cfg->source.servers.n,
		.node = cfg->node.name,
		/* else the configuration says what counts as inside the cluster */
		.all_nodes =
			cfg->meter.cluster_cidrs.n == 0 || cfg->datapath.mode == CONFIG_MODE_DSR,
		.state_dir = cfg->paths.state,
		.ops = &source_ops,
		.arg = a,
	};

	if (cfg->source.kind == CONFIG_SOURCE_KUBERNETES)
		return source_api_start(&api, &a->source, err);
	return source_files_start(&a->loop, cfg->source.path, &source_ops, a, &a->source, err);
}

/* Up to where objects are asked for; nothing is written to the kernel. */
static int agent_open(struct agent *a, struct err *err)
{
	int r = signals_open(a, err);

	if (!r)
		r = commands_open(a, err); /* takes the lock: one agent for a run directory */
	if (!r)
		r = store_open_all(a, err);
	if (!r)
		r = work_new(&a->loop, &a->books);
	if (!r)
		r = work_new(&a->loop, &a->hands);
	if (!r)
		r = keeper_open(a, err);
	if (!r)
		r = settling_open(a, err);
	if (!r)
		r = offers_open(a, err);
	return r ? r : source_open(a, err);
}

/* From where all objects are known. */
static int agent_begin(struct agent *a, struct err *err)
{
	int r = links_start(&a->loop, &links_ops, a, &a->links, err);

	if (!r)
		r = measure_prepare(a, err);
	if (!r)
		r = direct_open(a, err);
	if (!r)
		r = ends_open(a, err);
	if (!r)
		r = measure_open(a, err);
	if (!r)
		r = answers_open(a, err);
	if (!r)
		r = hosting_open(a, err);
	if (r)
		return r;
	a->begun = true;
	packets_links_changed(a);
	objects_changed(a, source_set(a->source), NULL);
	return 0;
}

static void close_any(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Stops taking orders and all timers first, lets the work queues finish, and only then lets go of
 * what both used. */
static void agent_close(struct agent *a)
{
	ctl_stop(&a->ctl);
	answers_close(a);
	hosting_close(a);
	keeper_stop(a);
	source_stop(&a->source);
	links_stop(&a->links);
	uv_walk(&a->loop, close_any, NULL);
	while (uv_run(&a->loop, UV_RUN_DEFAULT))
		;
	direct_close(a);
	ends_close(a);
	measure_close(a);
	settling_close(a);
	offers_close(a);
	keeper_close(a);
	work_free(&a->books);
	work_free(&a->hands);
	uv_loop_close(&a->loop);
	store_free(&a->store);
	ledger_close(&a->ledger);
	guard_close(&a->guard);
	key_free(&a->key);
	dp_close(&a->dp);
}

/* The soft limit is as low as select() needs it, which nobody here calls; each load balancer's health
 * check port takes a few. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int agent_run(const struct config *cfg, struct err *err)
{
	struct agent a = { .cfg = cfg, .started_ms = clock_wall_ms() };
	int r;

	/* Little is allocated at once by several threads, and much that lives on between what does not: with
	 * a heap for each thread half of them would be holes. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD,
		256 << 10); /* fixed: what is large and short-lived goes back whole */
	log_set_level(cfg->log.level);
	raise_file_limit();
	for (size_t i = 0; i < cfg->warnings.n; i++)
		log_warn("config", "setting without effect yet", "setting=%s",
			 log_quote(cfg->warnings.v[i]));
	r = uv_loop_init(&a.loop);
	if (r < 0)
		return err_errno(err, r, "starting the loop");
	r = agent_open(&a, err);
	while (!r && !a.stopping && !source_set(a.source))
		uv_run(&a.loop, UV_RUN_ONCE);
	if (!r && !a.stopping)
		r = agent_begin(&a, err);
	if (!r && a.begun) {
		log_info("agent", "ready", "node=%s adopted=%d", cfg->node.name, dp_adopted(a.dp));
		uv_run(&a.loop, UV_RUN_DEFAULT);
		log_info("agent", "stopping; datapath and meter stay", "");
	}
	agent_close(&a);
	return r;
}
