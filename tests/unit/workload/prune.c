/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/prune.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "unit/workload/tree.h"
#include "workload/record.h"
#include "workload/unpack.h"

struct fixture {
	char state[64], packages[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->state, sizeof(f->state), "/tmp/weir-prune-XXXXXX");
	assert_non_null(mkdtemp(f->state));
	snprintf(f->packages, sizeof(f->packages), "%s/packages", f->state);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tree_remove(f->state);
	free(f);
	return 0;
}

static void package_path(const struct fixture *f, uint8_t filler, char ret[512])
{
	char hex[2 * SHA512_LEN + 1];
	uint8_t digest[SHA512_LEN];

	memset(digest, filler, sizeof(digest));
	format_hex(digest, sizeof(digest), hex);
	snprintf(ret, 512, "%s/sha512-%s", f->packages, hex);
}

static void add_package(const struct fixture *f, uint8_t filler)
{
	char path[512], inner[600];

	package_path(f, filler, path);
	snprintf(inner, sizeof(inner), "%s/lib", path);
	assert_int_equal(dir_make(inner, 0755, NULL), 0);
	snprintf(inner, sizeof(inner), "%s/lib/a.js", path);
	assert_int_equal(file_write_atomic(inner, "x", 1, 0444, NULL), 0);
	snprintf(inner, sizeof(inner), "%s/lib", path);
	assert_int_equal(chmod(inner, 0555), 0);
	assert_int_equal(chmod(path, 0555), 0);
}

static bool has_package(const struct fixture *f, uint8_t filler)
{
	char path[512];

	package_path(f, filler, path);
	return access(path, F_OK) == 0;
}

static void add_workload(const struct fixture *f, const char *name, uint8_t filler)
{
	cleanup(workload_free) struct workload *w = calloc(1, sizeof(*w));
	char dir[160];

	assert_non_null(w);
	snprintf(w->name, sizeof(w->name), "%s", name);
	snprintf(w->sri, sizeof(w->sri), "sha512-x");
	package_path(f, filler, w->code);
	w->env = json_new_array();
	w->port = 80;
	w->state = WORKLOAD_STATE_STOPPED;
	snprintf(dir, sizeof(dir), "%s/workloads/%s", f->state, name);
	assert_int_equal(dir_make(dir, 0700, NULL), 0);
	assert_int_equal(record_save(dir, w, NULL), 0);
}

static void what_no_workload_is_made_of_goes(void **state)
{
	const struct fixture *f = *state;
	cleanup(free_ptr) struct prune_package *list = NULL;
	size_t n = 0;

	for (uint8_t i = 1; i <= 3; i++)
		add_package(f, i);
	add_workload(f, "a", 2);
	add_workload(f, "b", 2);
	add_workload(f, "gone", 9); /* its package is not there */
	assert_int_equal(packages_prune(f->state, true, NULL, NULL, &list, &n, NULL), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(list[i].digest[0], i + 1);
		assert_int_equal(list[i].references, i == 1 ? 2 : 0);
		assert_int_equal(list[i].removed, i != 1);
		assert_true(has_package(f, (uint8_t)(i + 1)));
	}
	free_ptr(&list);
	assert_int_equal(packages_prune(f->state, false, NULL, NULL, &list, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_false(has_package(f, 1));
	assert_true(has_package(f, 2));
	assert_false(has_package(f, 3));
	free_ptr(&list);
	assert_int_equal(packages_prune(f->state, false, NULL, NULL, &list, &n, NULL), 0);
	assert_int_equal(n, 1);
}

static void without_packages_there_is_nothing_to_do(void **state)
{
	const struct fixture *f = *state;
	struct prune_package *list = NULL;
	size_t n = 77;

	assert_int_equal(packages_prune(f->state, false, NULL, NULL, &list, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_null(list);
	assert_int_equal(access(f->packages, F_OK), -1);
}

static void a_record_that_cannot_be_read_keeps_all(void **state)
{
	const struct fixture *f = *state;
	struct prune_package *list = NULL;
	struct err err = {};
	char path[160];
	size_t n = 77;

	add_package(f, 1);
	add_workload(f, "a", 1);
	snprintf(path, sizeof(path), "%s/workloads/a/workload.json", f->state);
	assert_int_equal(file_write_atomic(path, "{", 1, 0600, NULL), 0);
	assert_int_equal(packages_prune(f->state, false, NULL, NULL, &list, &n, &err), -EBADMSG);
	assert_true(err.text[0]);
	assert_true(has_package(f, 1));
	assert_null(list);
	assert_int_equal(n, 77);
}

struct others {
	const char *code;
	int answer;
};

static int count_one(void *arg, struct prune_packages *packages, struct err *err)
{
	const struct others *o = arg;

	if (o->answer < 0)
		return err_set(err, o->answer, "others");
	prune_count(packages, o->code);
	return 0;
}

static void what_others_are_made_of_stays(void **state)
{
	const struct fixture *f = *state;
	cleanup(free_ptr) struct prune_package *list = NULL;
	char code[512];
	struct others o = { .code = code, .answer = -EBADMSG };
	size_t n = 77;

	package_path(f, 1, code);
	add_package(f, 1);
	add_package(f, 2);
	assert_int_equal(packages_prune(f->state, false, count_one, &o, &list, &n, NULL), -EBADMSG);
	assert_true(has_package(f, 2));
	assert_int_equal(n, 77);
	o.answer = 0;
	assert_int_equal(packages_prune(f->state, false, count_one, &o, &list, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(list[0].references, 1);
	assert_true(has_package(f, 1));
	assert_false(has_package(f, 2));
}

/* Killed between renaming a package and removing it: unpack_sweep() finishes. */
static void a_package_half_removed_is_swept(void **state)
{
	const struct fixture *f = *state;
	char from[512], to[200];

	add_package(f, 1);
	package_path(f, 1, from);
	snprintf(to, sizeof(to), "%s/" UNPACK_TMP_PREFIX "sha512-1", f->packages);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(unpack_sweep(f->packages, NULL), 0);
	assert_int_equal(access(to, F_OK), -1);
}

static void foreign_names_are_left_alone(void **state)
{
	const struct fixture *f = *state;
	cleanup(free_ptr) struct prune_package *list = NULL;
	char path[160];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/sha512-short", f->packages);
	assert_int_equal(dir_make(path, 0755, NULL), 0);
	assert_int_equal(packages_prune(f->state, false, NULL, NULL, &list, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(access(path, F_OK), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_no_workload_is_made_of_goes),
		T(without_packages_there_is_nothing_to_do),
		T(a_record_that_cannot_be_read_keeps_all),
		T(what_others_are_made_of_stays),
		T(a_package_half_removed_is_swept),
		T(foreign_names_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
