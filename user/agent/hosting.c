/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosting: where objects come from an API server, a workload of a lease is a Pod (runs.h), not a
 * container of runc's.
 */
#include <errno.h>
#include <unistd.h>

#include "agent/agent_int.h"
#include "agent/book_int.h"
#include "agent/notices.h"
#include "agent/run_record.h"
#include "agent/runs.h"
#include "agent/source.h"
#include "agent/source_api.h"
#include "agent/work.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "k8s/run.h"
#include "ledger/lease.h"
#include "walrus/sri.h"
#include "workload/spec.h"
#include "workload/workload.h"

/* ---- Making one ----------------------------------------------------------------------------- */

static int fill(struct agent *a, const struct workload_spec *spec, struct run_record *rec,
		struct err *err)
{
	char sri[SRI_TEXT_MAX];

	if (path_format(rec->name, sizeof(rec->name), "%s", spec->name) ||
	    path_format(rec->lease, sizeof(rec->lease), "%s", spec->lease) ||
	    path_format(rec->image, sizeof(rec->image), "%s", a->cfg->workload.image) ||
	    path_format(rec->package, sizeof(rec->package), "%s", sri_format(spec->digest, sri)))
		return err_set(err, -ENAMETOOLONG, "workload %.64s: a name is too long",
			       spec->name);
	snprintf(rec->ready, sizeof(rec->ready), "%s", spec->ready ? spec->ready : "tcp");
	rec->port = spec->port;
	rec->cpu_millis = spec->limits.cpu_millis;
	rec->memory_bytes = spec->limits.memory_bytes;
	rec->env = json_new_array();
	for (size_t i = 0; spec->env && spec->env[i]; i++)
		json_add_str(rec->env, spec->env[i]);
	return rec->env ? 0 : err_errno(err, -ENOMEM, "workload %s", spec->name);
}

/* What the API server would never take is refused while somebody is there to hear it. */
static int check(const struct agent *a, const struct workload_spec *spec,
		 const struct run_record *rec, struct err *err)
{
	const struct kube_run run = {
		.namespace = RUNS_NAMESPACE,
		.name = rec->name,
		.lease = rec->lease,
		.package = rec->package,
		.node = a->cfg->node.name,
		.image = rec->image,
		.code = rec->code,
		.entry = rec->entry,
		.port = rec->port,
		.env = spec->env,
	};
	int r = spec_check_ready(spec->ready, err);

	if (r < 0)
		return r;

	if (spec->cgroup || spec->netns || spec->host || spec->limits.pids ||
	    spec->restart != WORKLOAD_RESTART_ALWAYS)
		return err_set(err, -EINVAL,
			       "cgroup, netns, host, pids, restart: a Pod's are the kubelet's to "
			       "decide");
	return kube_run_check(&run, err);
}

/* From here on `workload prune` spares the package, which it may have taken before. */
static int record(struct agent *a, const struct workload_spec *spec, struct run_record *rec,
		  struct err *err)
{
	struct package package;
	int r = run_record_save(a->hosting_dir, rec, err);

	if (r < 0)
		return r;
	if (lseek(spec->blob_fd, 0, SEEK_SET) < 0)
		r = err_errno(err, -errno, "workload %s", rec->name);
	if (r == 0)
		r = workload_unpack(a->cfg->paths.state, spec->digest, spec->blob_fd, rec->code,
				    &package, err);
	if (r < 0)
		run_record_remove(a->hosting_dir, rec->name, NULL);
	return r;
}

int hosting_make(struct agent *a, const struct workload_spec *spec, struct run_record **ret,
		 struct err *err)
{
	cleanup(run_record_free) struct run_record *rec = calloc(1, sizeof(*rec)), *old = NULL;
	struct package package;
	int r = rec ? fill(a, spec, rec, err) : err_errno(err, -ENOMEM, "workload");

	if (r == 0)
		r = workload_unpack(a->cfg->paths.state, spec->digest, spec->blob_fd, rec->code,
				    &package, err);
	if (r < 0)
		return r;
	snprintf(rec->entry, sizeof(rec->entry), "%s", package.entry);
	r = check(a, spec, rec, err);
	if (r == 0 && run_record_load(a->hosting_dir, rec->name, &old, NULL) != -ENOENT)
		r = err_set(err, -EEXIST, "workload %s is there already; stop it first", rec->name);
	if (r == 0)
		r = record(a, spec, rec, err);
	if (r == 0)
		*ret = take_ptr(rec);
	return r;
}

/* ---- Life ----------------------------------------------------------------------------------- */

int hosting_open(struct agent *a, struct err *err)
{
	struct runs_options opt = {
		.loop = &a->loop,
		.queue = a->hands,
		.api = source_api(a->source),
		.dir = a->hosting_dir,
		.node = a->cfg->node.name,
	};
	int r = notices_new(opt.api, a->cfg->node.name, &a->notices);

	if (r < 0)
		return err_errno(err, r, "Events");
	if (!opt.api) {
		hosting_look(a);
		return 0;
	}
	if (path_format(a->hosting_dir, sizeof(a->hosting_dir), "%s/" RUN_RECORDS_DIR,
			a->cfg->paths.state))
		return err_set(err, -ENAMETOOLONG, "paths.state: %s: too long",
			       a->cfg->paths.state);
	opt.notices = a->notices;
	r = runs_new(&opt, &a->runs, err);
	if (r == 0)
		hosting_look(a);
	return r;
}

void hosting_close(struct agent *a)
{
	runs_stop(&a->runs);
	notices_free(&a->notices);
}
