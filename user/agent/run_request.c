/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_request.h"

#include <stdbool.h>
#include <string.h>

#include "agent/run_record.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "k8s/run.h"

static int body_of(const struct run_record *record, struct kube_run *spec, enum run_step step,
		   struct buf *body, struct err *err)
{
	cleanup(json_free) struct json *j = NULL;
	const char *env[KUBE_RUN_ENV_MAX + 2];
	size_t n = 0;
	int r;

	json_foreach(v, record->env) {
		if (n <= KUBE_RUN_ENV_MAX) /* one too many is refused by kube_run_check() */
			env[n++] = json_text(v, "");
	}
	env[n] = NULL;
	spec->env = env;
	r = kube_run_json(spec, run_step_object(step), &j, err);
	if (r == 0 && (r = json_print(j, false, body)) < 0)
		err_errno(err, r, "workload %s", record->name);
	spec->env = NULL;
	return r;
}

int run_request(const struct run_record *record, const char *namespace, const char *node,
		enum run_step step, struct buf *path, struct buf *body, struct err *err)
{
	static const char http[] = "http:";
	bool asks = strncmp(record->ready, http, strlen(http)) == 0;
	struct kube_run spec = {
		.namespace = namespace,
		.name = record->name,
		.lease = record->lease,
		.package = record->package,
		.node = node,
		.image = record->image,
		.code = record->code,
		.entry = record->entry,
		.port = record->port,
		.probed = strcmp(record->ready, "none") != 0,
		.probe_path = asks ? record->ready + strlen(http) : NULL,
		.cpu_millis = record->cpu_millis,
		.memory_bytes = record->memory_bytes,
	};

	kube_run_path(namespace, record->name, run_step_object(step), path);
	if (run_step_is_apply(step))
		buf_puts(path, "?fieldManager=" KUBE_RUN_MANAGER "&force=true");
	if (buf_error(path))
		return err_errno(err, buf_error(path), "workload %s", record->name);
	return run_step_is_apply(step) ? body_of(record, &spec, step, body, err) : 0;
}
