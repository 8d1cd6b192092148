/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_record.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "unit/core/test.h"

struct bed {
	char top[64], dir[80];
	size_t n, bad;
	char names[64];
};

static int setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	*state = b;
	snprintf(b->top, sizeof(b->top), "/tmp/weir-records-XXXXXX");
	if (!mkdtemp(b->top))
		return -1;
	snprintf(b->dir, sizeof(b->dir), "%s/pods", b->top);
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	dir_remove(b->top, NULL);
	free(b);
	return 0;
}

static struct run_record sample(const char *name)
{
	struct run_record r = {
		.lease = "shop",
		.image = "node:22",
		.package = "sha512-abc",
		.code = "/var/lib/weir/packages/sha512-abc",
		.entry = "server.js",
		.ready = "http:/up",
		.port = 8080,
		.cpu_millis = 250,
		.memory_bytes = UINT64_MAX,
	};

	snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

static void what_is_saved_is_loaded(void **state)
{
	struct bed *b = *state;
	cleanup(run_record_free) struct run_record *got = NULL;
	struct run_record r = sample("web");
	char path[160];
	struct stat st;

	r.env = json_new_array();
	json_add_str(r.env, "SECRET=x");
	r.ended = true;
	assert_int_equal(run_record_save(b->dir, &r, NULL), 0);
	json_free(&r.env);
	snprintf(path, sizeof(path), "%s/web.json", b->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(run_record_load(b->dir, "web", &got, NULL), 0);
	assert_string_equal(got->name, "web");
	assert_string_equal(got->lease, "shop");
	assert_string_equal(got->image, "node:22");
	assert_string_equal(got->package, "sha512-abc");
	assert_string_equal(got->code, r.code);
	assert_string_equal(got->entry, "server.js");
	assert_string_equal(got->ready, "http:/up");
	assert_int_equal(got->port, 8080);
	assert_int_equal(got->cpu_millis, 250);
	assert_int_equal(got->memory_bytes, UINT64_MAX);
	assert_true(got->ended);
	assert_string_equal(json_text(json_at(got->env, 0), ""), "SECRET=x");
}

static void a_view_shows_no_env(void **state)
{
	struct run_record r = sample("web");
	cleanup(json_free) struct json *view = run_record_json(&r);

	(void)state;
	assert_null(json_get(view, "env"));
	assert_string_equal(json_str(view, "lease", ""), "shop");
}

static void put(struct bed *b, const char *file, const char *text)
{
	char path[160];

	assert_int_equal(dir_make(b->dir, 0700, NULL), 0);
	snprintf(path, sizeof(path), "%s/%s", b->dir, file);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static void what_is_no_record_is_refused(void **state)
{
	static const char *const texts[] = { "", "{}", "[]", "{\"name\":\"web\"}", "\xff" };
	struct bed *b = *state;
	struct run_record *untouched = NULL, other = sample("other");

	assert_int_equal(run_record_load(b->dir, "web", &untouched, NULL), -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		put(b, "web.json", texts[i]);
		assert_int_equal(run_record_load(b->dir, "web", &untouched, NULL), -EBADMSG);
	}
	assert_int_equal(run_record_save(b->dir, &other, NULL), 0);
	char from[160], to[160];
	snprintf(from, sizeof(from), "%s/other.json", b->dir);
	snprintf(to, sizeof(to), "%s/web.json", b->dir);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(run_record_load(b->dir, "web", &untouched, NULL), -EBADMSG);
	assert_null(untouched);
}

static int take(void *arg, struct run_record *r, const struct err *why)
{
	struct bed *b = arg;

	if (r) {
		b->n++;
		snprintf(b->names, sizeof(b->names), "%s", r->name);
	} else {
		b->bad++;
		assert_int_not_equal(why->code, 0);
	}
	run_record_free(&r);
	return 0;
}

static void a_record_that_is_broken_hides_no_other(void **state)
{
	struct bed *b = *state;
	struct run_record r = sample("web");

	assert_int_equal(run_record_list(b->dir, take, b, NULL), 0); /* no folder yet */
	assert_int_equal(b->n + b->bad, 0);
	assert_int_equal(run_record_save(b->dir, &r, NULL), 0);
	put(b, "bad.json", "{");
	put(b, "notes.txt", "x");
	put(b, ".web.json", "half");
	assert_int_equal(run_record_list(b->dir, take, b, NULL), 0);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->bad, 1);
	assert_string_equal(b->names, "web");
	assert_int_equal(run_record_remove(b->dir, "web", NULL), 0);
	assert_int_equal(run_record_remove(b->dir, "web", NULL), 0);
	b->n = 0;
	assert_int_equal(run_record_list(b->dir, take, b, NULL), 0);
	assert_int_equal(b->n, 0);
}

#define RECORD(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORD(what_is_saved_is_loaded),
		RECORD(a_view_shows_no_env),
		RECORD(what_is_no_record_is_refused),
		RECORD(a_record_that_is_broken_hides_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
