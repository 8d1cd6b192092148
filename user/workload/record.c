/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/record.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

#define RECORD_MAX (1u << 20)

static const char *const state_names[] = {
	[WORKLOAD_STATE_CREATED] = "created", [WORKLOAD_STATE_RUNNING] = "running",
	[WORKLOAD_STATE_WAITING] = "waiting", [WORKLOAD_STATE_STOPPED] = "stopped",
	[WORKLOAD_STATE_FAILED] = "failed",
};
_Static_assert(ARRAY_LEN(state_names) == WORKLOAD_STATE_MAX_, "a name for each state");

static const char *const health_names[] = {
	[WORKLOAD_HEALTH_STARTING] = "starting",
	[WORKLOAD_HEALTH_READY] = "ready",
	[WORKLOAD_HEALTH_UNREADY] = "unready",
};
_Static_assert(ARRAY_LEN(health_names) == WORKLOAD_HEALTH_MAX_, "a name for each health");

static const char *const restart_names[] = {
	[WORKLOAD_RESTART_NEVER] = "never",
	[WORKLOAD_RESTART_ON_FAILURE] = "on-failure",
	[WORKLOAD_RESTART_ALWAYS] = "always",
};
_Static_assert(ARRAY_LEN(restart_names) == WORKLOAD_RESTART_MAX_, "a name for each policy");

/* -1: there is no such name. */
static int find_name(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, names[i]) == 0)
			return (int)i;
	return -1;
}

const char *workload_shown_state(enum workload_state state, enum workload_health health)
{
	return state == WORKLOAD_STATE_RUNNING ? health_names[health] : state_names[state];
}

int workload_restart_parse(const char *text, enum workload_restart *ret, struct err *err)
{
	int i = find_name(restart_names, ARRAY_LEN(restart_names), text);

	if (i < 0)
		return err_set(err, -EINVAL,
			       "restart '%.32s' is none of never, on-failure and always", text);
	*ret = (enum workload_restart)i;
	return 0;
}

void workload_free(struct workload **w)
{
	if (!*w)
		return;
	json_free(&(*w)->env);
	free(*w);
	*w = NULL;
}

/* The text members of a record and where they live. Records of before have none of the later ones. */
#define TEXT(key_, member_)                                                                     \
	{ key_, offsetof(struct workload, member_), sizeof(((struct workload *)NULL)->member_), \
	  false }
#define LATER_TEXT(key_, member_)                                                               \
	{ key_, offsetof(struct workload, member_), sizeof(((struct workload *)NULL)->member_), \
	  true }
static const struct {
	const char *key;
	size_t at, size;
	bool later;
} texts[] = {
	TEXT("name", name),
	TEXT("sri", sri),
	TEXT("code", code),
	TEXT("package", package.name),
	TEXT("version", package.version),
	TEXT("entry", package.entry),
	TEXT("engines_node", package.engines_node),
	TEXT("cgroup", cgroup),
	TEXT("netns", netns),
	TEXT("host", host),
	TEXT("lease", lease),
	TEXT("reason", reason),
	LATER_TEXT("ready", ready),
	LATER_TEXT("last_exit", last_exit),
};

static struct json *limits_json(const struct workload_limits *limits)
{
	cleanup(json_free) struct json *j = json_new_object();
	int failed = json_set_u64(j, "memory_bytes", limits->memory_bytes);

	failed |= json_set_u64(j, "cpu_millis", limits->cpu_millis);
	failed |= json_set_u64(j, "pids", limits->pids);
	return failed ? NULL : take_ptr(j);
}

static int set_time(struct json *j, const char *key, uint64_t ms)
{
	char text[TIME_TEXT_MAX];

	return json_set_str(j, key, ms ? time_format(ms, text) : NULL);
}

struct json *workload_json(const struct workload *w)
{
	cleanup(json_free) struct json *j = json_new_object();
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		failed |= json_set_str(j, texts[i].key, (const char *)w + texts[i].at);
	failed |= json_set_u64(j, "port", w->port);
	failed |= json_set_str(j, "state", workload_shown_state(w->state, w->health));
	failed |= json_set_u64(j, "pid", (uint64_t)w->pid);
	failed |= json_set_str(j, "restart", restart_names[w->restart]);
	failed |= json_set_u64(j, "restarts", w->restarts);
	failed |= set_time(j, "started", w->started_ms);
	failed |= set_time(j, "ended", w->ended_ms);
	failed |= set_time(j, "again", w->state == WORKLOAD_STATE_WAITING ? w->again_ms : 0);
	failed |= json_set(j, "limits", limits_json(&w->limits));
	return failed ? NULL : take_ptr(j);
}

int record_save(const char *dir, const struct workload *w, struct err *err)
{
	cleanup(json_free) struct json *j = workload_json(w);
	cleanup(buf_fini) struct buf text = BUF_INIT(RECORD_MAX);
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/workload.json", dir);

	if (r < 0)
		return err_errno(err, r, "%s", dir);
	r = json_set(j, "env", w->env ? json_dup(w->env) : json_new_array());
	if (r == 0)
		r = json_set_str(j, "state", state_names[w->state]);
	if (r == 0)
		r = json_set_u64(j, "soon", w->soon);
	if (r == 0)
		r = json_print(j, true, &text);
	if (r < 0)
		return err_errno(err, r, "writing %s", path);
	return file_write_atomic(path, text.data, text.len, 0600, err);
}

static int load_texts(const struct json *j, struct workload *w)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text = json_str(j, texts[i].key, texts[i].later ? "" : NULL);

		if (!text || strlen(text) >= texts[i].size)
			return -EBADMSG;
		memcpy((char *)w + texts[i].at, text, strlen(text) + 1);
	}
	return 0;
}

static int get_number(const struct json *j, const char *key, uint64_t max, uint64_t *ret)
{
	return json_u64(j, key, ret) < 0 || *ret > max ? -EBADMSG : 0;
}

static int load_numbers(const struct json *j, struct workload *w)
{
	const struct json *limits = json_get(j, "limits");
	uint64_t port = 0, pid = 0, cpu = 0, pids = 0;

	if (get_number(j, "port", UINT16_MAX, &port) < 0 ||
	    get_number(j, "pid", INT_MAX, &pid) < 0 ||
	    get_number(limits, "cpu_millis", UINT32_MAX, &cpu) < 0 ||
	    get_number(limits, "pids", UINT32_MAX, &pids) < 0 ||
	    get_number(limits, "memory_bytes", UINT64_MAX, &w->limits.memory_bytes) < 0)
		return -EBADMSG;
	w->port = (uint16_t)port;
	w->pid = (pid_t)pid;
	w->limits.cpu_millis = (uint32_t)cpu;
	w->limits.pids = (uint32_t)pids;
	return 0;
}

static int get_time(const struct json *j, const char *key, uint64_t *ret)
{
	const char *text = json_str(j, key, NULL);

	return text && time_parse(text, ret) < 0 ? -EBADMSG : 0;
}

static int load_restart(const struct json *j, struct workload *w)
{
	uint64_t restarts = 0, soon = 0;

	if (get_time(j, "started", &w->started_ms) < 0 || get_time(j, "ended", &w->ended_ms) < 0 ||
	    get_time(j, "again", &w->again_ms) < 0)
		return -EBADMSG;
	if (!json_get(j, "restart")) /* of before */
		return 0;
	if (workload_restart_parse(json_str(j, "restart", ""), &w->restart, NULL) < 0 ||
	    get_number(j, "restarts", UINT32_MAX, &restarts) < 0 ||
	    get_number(j, "soon", UINT32_MAX, &soon) < 0)
		return -EBADMSG;
	w->restarts = (uint32_t)restarts;
	w->soon = (uint32_t)soon;
	return 0;
}

static int load_state(const struct json *j, struct workload *w)
{
	int i = find_name(state_names, ARRAY_LEN(state_names), json_str(j, "state", ""));

	if (i < 0)
		return -EBADMSG;
	w->state = (enum workload_state)i;
	return 0;
}

int record_load(const char *dir, struct workload **ret, struct err *err)
{
	cleanup(workload_free) struct workload *w = calloc(1, sizeof(*w));
	cleanup(json_free) struct json *j = NULL;
	cleanup(buf_fini) struct buf text = BUF_INIT(RECORD_MAX);
	char path[PATH_MAX];
	int r = path_format(path, sizeof(path), "%s/workload.json", dir);

	if (r < 0 || !w)
		return err_errno(err, w ? r : -ENOMEM, "%s", dir);
	r = file_read(path, &text, err);
	if (r == 0)
		r = json_parse(text.data ? text.data : "", text.len, RECORD_MAX, path, &j, err);
	if (r < 0)
		return r;
	const struct json *env = json_get(j, "env");

	if (load_texts(j, w) < 0 || load_numbers(j, w) < 0 || load_state(j, w) < 0 ||
	    load_restart(j, w) < 0 || json_type(env) != JSON_ARRAY)
		return err_set(err, -EBADMSG,
			       "%s is not the record of a workload; remove its folder", path);
	w->env = json_dup(env);
	if (!w->env)
		return err_errno(err, -ENOMEM, "%s", path);
	*ret = take_ptr(w);
	return 0;
}
