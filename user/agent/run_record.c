/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_record.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/field.h"
#include "core/file.h"
#include "core/json.h"

#define RECORD_MAX (1u << 20)

void run_record_free(struct run_record **r)
{
	if (!*r)
		return;
	json_free(&(*r)->env);
	free(*r);
	*r = NULL;
}

static int path_of(const char *dir, const char *name, char ret[PATH_MAX], struct err *err)
{
	int r = path_format(ret, PATH_MAX, "%s/%s.json", dir, name);

	return r < 0 ? err_errno(err, r, "%s", dir) : 0;
}

/* The texts, and where they live. */
#define TEXT(key_, member_) \
	{ key_, offsetof(struct run_record, member_), sizeof(((struct run_record *)NULL)->member_) }
static const struct {
	const char *key;
	size_t at, size;
} texts[] = {
	TEXT("name", name),	  TEXT("lease", lease), TEXT("image", image),
	TEXT("package", package), TEXT("code", code),	TEXT("entry", entry),
};

struct json *run_record_json(const struct run_record *r)
{
	struct json *j = json_new_object();

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		json_set_str(j, texts[i].key, (const char *)r + texts[i].at);
	json_set_str(j, "ready", r->ready);
	json_set_u64(j, "port", r->port);
	json_set_u64(j, "cpu_millis", r->cpu_millis);
	json_set_u64_text(j, "memory_bytes", r->memory_bytes);
	json_set_bool(j, "ended", r->ended);
	return j;
}

int run_record_save(const char *dir, const struct run_record *r, struct err *err)
{
	cleanup(json_free) struct json *j = run_record_json(r);
	cleanup(buf_fini) struct buf text = BUF_INIT(RECORD_MAX);
	char path[PATH_MAX];
	int rc = path_of(dir, r->name, path, err);

	if (rc < 0)
		return rc;
	json_set(j, "env", r->env ? json_dup(r->env) : json_new_array());
	rc = json_print(j, true, &text);
	if (rc < 0)
		return err_errno(err, rc, "writing %s", path);
	rc = dir_make(dir, 0700, err);
	return rc < 0 ? rc : file_write_atomic(path, text.data, text.len, 0600, err);
}

static int load_env(const struct json *j, struct run_record *r, struct err *err)
{
	const struct json *env = NULL;
	int rc = field_array(j, "env", &env, err);

	if (rc < 0)
		return rc;
	json_foreach(v, env) {
		if (json_type(v) != JSON_STRING)
			return err_set(err, -EBADMSG, "env: want texts");
	}
	r->env = json_dup(env);
	return r->env ? 0 : err_errno(err, -ENOMEM, "env");
}

static int load_fields(const struct json *j, struct run_record *r, struct err *err)
{
	uint64_t port = 0, cpu = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(texts); i++)
		rc = field_text(j, texts[i].key, (char *)r + texts[i].at, texts[i].size, err);
	snprintf(r->ready, sizeof(r->ready), "none"); /* records of before do not say */
	if (rc == 0 && json_get(j, "ready"))
		rc = field_text(j, "ready", r->ready, sizeof(r->ready), err);
	if (rc == 0)
		rc = field_u64(j, "port", &port, err);
	if (rc == 0)
		rc = field_u64(j, "cpu_millis", &cpu, err);
	if (rc == 0)
		rc = field_u64(j, "memory_bytes", &r->memory_bytes, err);
	if (rc == 0 && (port > UINT16_MAX || cpu > UINT32_MAX))
		rc = err_set(err, -EBADMSG, "port or cpu_millis: too large");
	if (rc == 0)
		rc = load_env(j, r, err);
	r->port = (uint16_t)port;
	r->cpu_millis = (uint32_t)cpu;
	r->ended = json_bool(j, "ended", false);
	return rc;
}

int run_record_load(const char *dir, const char *name, struct run_record **ret, struct err *err)
{
	cleanup(run_record_free) struct run_record *r = calloc(1, sizeof(*r));
	cleanup(json_free) struct json *j = NULL;
	cleanup(buf_fini) struct buf text = BUF_INIT(RECORD_MAX);
	char path[PATH_MAX];
	int rc = r ? path_of(dir, name, path, err) : err_errno(err, -ENOMEM, "%s", name);

	if (rc == 0)
		rc = file_read(path, &text, err);
	if (rc == 0)
		rc = json_parse(text.data ? text.data : "", text.len, RECORD_MAX, path, &j, err);
	if (rc < 0)
		return rc;
	rc = load_fields(j, r, err);
	if (rc == 0 && strcmp(r->name, name) != 0)
		rc = err_set(err, -EBADMSG, "name: '%s' is another's", r->name);
	if (rc < 0) {
		err_wrap(err, "%s", path);
		return rc;
	}
	*ret = take_ptr(r);
	return 0;
}

int run_record_remove(const char *dir, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int rc = path_of(dir, name, path, err);

	if (rc == 0 && unlink(path) < 0 && errno != ENOENT)
		rc = err_errno(err, -errno, "removing %s", path);
	return rc;
}

/* Files on their way begin with a dot. */
static int is_record(const struct dirent *f)
{
	size_t len = strlen(f->d_name);

	return f->d_name[0] != '.' && len > 5 && len - 5 < 64 &&
	       strcmp(f->d_name + len - 5, ".json") == 0;
}

static int take_one(const char *dir, const char *file, run_record_take *take, void *arg)
{
	struct run_record *r = NULL;
	struct err why = {};
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - 5), file);
	run_record_load(dir, name, &r, &why);
	return take(arg, r, &why);
}

int run_record_list(const char *dir, run_record_take *take, void *arg, struct err *err)
{
	struct dirent **files = NULL;
	int n = scandir(dir, &files, is_record, alphasort), r = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : err_errno(err, -errno, "reading %s", dir);
	if (n > RUN_RECORDS_MAX)
		r = err_set(err, -E2BIG, "%s: more than %d records", dir, RUN_RECORDS_MAX);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = take_one(dir, files[i]->d_name, take, arg);
		free(files[i]);
	}
	free(files);
	return r;
}
