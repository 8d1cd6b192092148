/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <sys/stat.h>
#include <uv.h>

#include "agent/source_files.h"
#include "unit/k8s/sample.h"

#define ZONE(name, zone)                                     \
	"apiVersion: v1\nkind: Node\nmetadata: {name: " name \
	", labels: {topology.kubernetes.io/zone: z" zone "}}\n"
#define GUARD_MS 30000 /* only a hang gets there */

struct fixture {
	char base[64], dir[80];
	uv_loop_t loop;
	uv_timer_t guard;
	struct source *source;
	int changes, failures;
	char nodes[256]; /* what the last change brought */
	char error[512]; /* the last failure, without "DIR" */
	bool stop_at_once;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	memcpy(f->base, "/tmp/weir-source-XXXXXX", sizeof("/tmp/weir-source-XXXXXX"));
	*state = f;
	if (!mkdtemp(f->base) || path_format(f->dir, sizeof(f->dir), "%s/manifests", f->base) < 0)
		return -1;
	return mkdir(f->dir, 0700) || uv_loop_init(&f->loop) || uv_timer_init(&f->loop, &f->guard);
}

/* Everything is given back: the loop can be closed, and LSan has nothing to tell. */
static int teardown(void **state)
{
	struct fixture *f = *state;

	source_stop(&f->source);
	uv_close((uv_handle_t *)&f->guard, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	int r = uv_loop_close(&f->loop);
	r = dir_remove(f->base, NULL) || r;
	free(f);
	return r;
}

static void describe(const struct kube_set *set, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < kube_set_len(set, KUBE_NODE); i++) {
		const struct kube_object *obj = kube_set_at(set, KUBE_NODE, i);

		used += (size_t)snprintf(ret + used, size - used, "%s=%s ", obj->meta.name,
					 obj->node.zone);
	}
}

static void on_changed(void *arg, const struct kube_set *set, const struct kube_touched *touched)
{
	struct fixture *f = arg;

	assert_true(touched->more); /* nodes, all of them */
	f->changes++;
	describe(set, f->nodes, sizeof(f->nodes));
	if (f->source)
		assert_ptr_equal(source_set(f->source), set);
	if (f->stop_at_once)
		source_stop(&f->source);
}

static void on_failed(void *arg, const struct err *err)
{
	struct fixture *f = arg;
	size_t dir = strlen(f->dir);

	f->failures++;
	assert_true(err->code < 0);
	assert_memory_equal(err->text, f->dir, dir);
	snprintf(f->error, sizeof(f->error), "%s", err->text + dir);
	if (f->stop_at_once)
		source_stop(&f->source);
}

static const struct source_ops ops = { .changed = on_changed, .failed = on_failed };

static void on_guard(uv_timer_t *guard)
{
	(void)guard;
	fail_msg("nothing came");
}

static void wait_for(struct fixture *f, const int *count, int n)
{
	uv_timer_start(&f->guard, on_guard, GUARD_MS, 0);
	while (*count < n)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->guard);
}

/* Several events of one edit may be read in more than one go: only where it ends counts. */
static void wait_for_nodes(struct fixture *f, const char *nodes)
{
	uv_timer_start(&f->guard, on_guard, GUARD_MS, 0);
	while (strcmp(f->nodes, nodes) != 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->guard);
}

/* As editors do it, and without waiting for the disk. */
static int write_renamed(const char *path, const char *text)
{
	char temporary[PATH_MAX];
	FILE *file;

	if (path_format(temporary, sizeof(temporary), "%s~", path) < 0 ||
	    !(file = fopen(temporary, "we")))
		return -1;
	bool bad = fputs(text, file) < 0;
	bad = fclose(file) || bad;
	return bad || rename(temporary, path) ? -1 : 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	char path[PATH_MAX];

	assert_int_equal(path_format(path, sizeof(path), "%s/%s", f->dir, name), 0);
	assert_int_equal(write_renamed(path, text), 0);
}

static void start_only(struct fixture *f)
{
	struct err err = {};

	if (source_files_start(&f->loop, f->dir, &ops, f, &f->source, &err) < 0)
		fail_msg("%s", err.text);
	describe(source_set(f->source), f->nodes, sizeof(f->nodes));
}

/* Runs the loop until n jobs are on their way. */
static void run_to_jobs(struct fixture *f, unsigned int n)
{
	uv_timer_start(&f->guard, on_guard, GUARD_MS, 0);
	while (f->loop.active_reqs.count != n)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->guard);
}

/* To where it watches: the first reading out of the loop is done. */
static void start(struct fixture *f)
{
	start_only(f);
	run_to_jobs(f, 1);
	run_to_jobs(f, 0);
	assert_int_equal(f->changes + f->failures, 0);
}

static void loading_needs_no_loop(void **state)
{
	struct fixture *f = *state;
	cleanup(kube_set_free) struct kube_set *set = NULL;

	write_file(f, "a.yaml", ZONE("a", "1"));
	assert_int_equal(source_files_load(f->dir, &set, NULL), 0);
	assert_int_equal(kube_set_len(set, KUBE_NODE), 1);
}

static void the_first_error_fails_load_and_start_in_one_line(void **state)
{
	struct fixture *f = *state;
	struct kube_set *set = NULL;
	struct err err = {};
	char expected[256];

	write_file(f, "a.yaml", ZONE("a", "1"));
	write_file(f, "b.yaml", "apiVersion: v1\nkind: Node\nmetadata:\n  name: B\n");
	write_file(f, "c.yaml", "apiVersion: v1\n");
	snprintf(expected, sizeof(expected),
		 "%s/b.yaml:4: Node: metadata.name: \"B\" is not a name; use a-z, 0-9 and '-'",
		 f->dir);
	assert_int_equal(source_files_load(f->dir, &set, &err), -EINVAL);
	assert_string_equal(err.text, expected);
	assert_null(set);
	err = (struct err){};
	assert_int_equal(source_files_start(&f->loop, f->dir, &ops, f, &f->source, &err), -EINVAL);
	assert_string_equal(err.text, expected);
	assert_null(f->source);
}

static void a_missing_directory_fails_the_start(void **state)
{
	struct fixture *f = *state;
	struct err err = {};
	char expected[256];

	assert_int_equal(rmdir(f->dir), 0);
	snprintf(expected, sizeof(expected),
		 "%s: No such file or directory; give a directory of manifests", f->dir);
	assert_int_equal(source_files_start(&f->loop, f->dir, &ops, f, &f->source, &err), -ENOENT);
	assert_string_equal(err.text, expected);
	assert_null(f->source);
}

static void changes_are_noticed_one_after_the_other(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	write_file(f, "a.yaml", ZONE("a", "1"));
	start(f);
	assert_string_equal(f->nodes, "a=z1 ");
	assert_int_equal(f->changes, 0);
	write_file(f, "a.yaml", ZONE("a", "2"));
	wait_for_nodes(f, "a=z2 ");
	write_file(f, "b.yaml", ZONE("b", "1"));
	wait_for_nodes(f, "a=z2 b=z1 ");
	assert_int_equal(path_format(path, sizeof(path), "%s/a.yaml", f->dir), 0);
	assert_int_equal(unlink(path), 0);
	wait_for_nodes(f, "b=z1 ");
	assert_int_equal(f->failures, 0);
}

static void what_changes_between_reading_and_watching_is_noticed(void **state)
{
	struct fixture *f = *state;

	start_only(f);
	write_file(f, "a.yaml", ZONE("a", "1")); /* the loop has not run, nothing watches yet */
	wait_for_nodes(f, "a=z1 ");
}

static void a_bad_file_is_told_and_keeps_its_objects(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", ZONE("a", "1"));
	write_file(f, "b.yaml", ZONE("b", "1"));
	start(f);
	write_file(f, "a.yaml", "apiVersion: v1\nkind: Secret\n");
	wait_for(f, &f->failures, 1);
	assert_string_equal(f->error, "/a.yaml:2: kind: \"Secret\" is not read here; use Service, "
				      "EndpointSlice, Node, Pod or ServiceCIDR");
	assert_int_equal(f->changes, 0);
	write_file(f, "b.yaml", ZONE("b", "2"));
	wait_for_nodes(f, "a=z1 b=z2 ");
	write_file(f, "a.yaml", ZONE("a", "3"));
	wait_for_nodes(f, "a=z3 b=z2 ");
	assert_int_equal(f->failures, 1);
}

static void a_config_map_swap_is_noticed(void **state)
{
	struct fixture *f = *state;
	char from[PATH_MAX], to[PATH_MAX];

	for (int i = 1; i <= 2; i++) {
		char name[32];

		snprintf(name, sizeof(name), "..%d", i);
		assert_int_equal(path_format(from, sizeof(from), "%s/%s", f->dir, name), 0);
		assert_int_equal(mkdir(from, 0700), 0);
		snprintf(name, sizeof(name), "..%d/a.yaml", i);
		write_file(f, name, i == 1 ? ZONE("a", "1") : ZONE("a", "2"));
	}
	assert_int_equal(path_format(to, sizeof(to), "%s/..data", f->dir), 0);
	assert_int_equal(symlink("..1", to), 0);
	assert_int_equal(path_format(from, sizeof(from), "%s/a.yaml", f->dir), 0);
	assert_int_equal(symlink("..data/a.yaml", from), 0);
	start(f);
	assert_string_equal(f->nodes, "a=z1 ");
	assert_int_equal(path_format(from, sizeof(from), "%s/..tmp", f->dir), 0);
	assert_int_equal(symlink("..2", from), 0);
	assert_int_equal(rename(from, to), 0);
	wait_for_nodes(f, "a=z2 ");
}

static void a_directory_that_goes_keeps_all_until_it_comes_back(void **state)
{
	struct fixture *f = *state;
	char away[PATH_MAX];

	write_file(f, "a.yaml", ZONE("a", "1"));
	start(f);
	assert_int_equal(path_format(away, sizeof(away), "%s/away", f->base), 0);
	assert_int_equal(rename(f->dir, away), 0);
	wait_for(f, &f->failures, 1);
	assert_string_equal(f->error, ": No such file or directory; give a directory of manifests");
	assert_int_equal(kube_set_len(source_set(f->source), KUBE_NODE), 1);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	write_file(f, "b.yaml", ZONE("b", "1"));
	wait_for_nodes(f, "b=z1 ");
	assert_int_equal(f->failures, 1);
	write_file(f, "b.yaml", ZONE("b", "2")); /* the new one is watched */
	wait_for_nodes(f, "b=z2 ");
}

static void a_reload_sees_what_no_event_tells(void **state)
{
	struct fixture *f = *state;
	char one[PATH_MAX], two[PATH_MAX], link[PATH_MAX];

	write_file(f, "a.yaml", ZONE("a", "1"));
	assert_int_equal(path_format(one, sizeof(one), "%s/one", f->base), 0);
	assert_int_equal(path_format(two, sizeof(two), "%s/two", f->base), 0);
	assert_int_equal(path_format(link, sizeof(link), "%s/link", f->base), 0);
	assert_int_equal(rename(f->dir, one), 0);
	assert_int_equal(mkdir(two, 0700), 0);
	assert_int_equal(symlink("one", f->dir), 0);
	start(f);
	assert_int_equal(symlink("two", link), 0);
	assert_int_equal(rename(link, f->dir), 0);
	write_file(f, "a.yaml", ZONE("a", "2")); /* through the link */
	source_reload(f->source);
	wait_for_nodes(f, "a=z2 ");
}

static void a_callback_may_stop_the_source(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", ZONE("a", "1"));
	start(f);
	f->stop_at_once = true;
	write_file(f, "b.yaml", "bad: [");
	write_file(f, "c.yaml", ZONE("c", "1"));
	wait_for(f, &f->failures, 1);
	assert_null(f->source);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->failures, 1);
	assert_int_equal(f->changes, 0);
}

static void stopping_while_reading_calls_nobody(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", ZONE("a", "1"));
	start(f);
	write_file(f, "a.yaml", ZONE("a", "2"));
	run_to_jobs(f, 1);
	source_stop(&f->source);
	source_stop(&f->source);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(f->changes + f->failures, 0);
}

struct gate {
	uv_work_t work;
	uv_sem_t entered, open;
};

static void pass_gate(uv_work_t *work)
{
	struct gate *g = work->data;

	uv_sem_post(&g->entered);
	uv_sem_wait(&g->open);
}

static void after_gate(uv_work_t *work, int status)
{
	(void)work;
	assert_int_equal(status, 0);
}

static void close_gate(struct fixture *f, struct gate *g)
{
	assert_int_equal(uv_sem_init(&g->entered, 0), 0);
	assert_int_equal(uv_sem_init(&g->open, 0), 0);
	g->work.data = g;
	assert_int_equal(uv_queue_work(&f->loop, &g->work, pass_gate, after_gate), 0);
}

/* The pool's one thread is held before and behind the reading (main() sees to the one). */
static void what_changed_while_it_was_read_is_read_again_first(void **state)
{
	struct fixture *f = *state;
	struct gate before, behind;

	write_file(f, "a.yaml", ZONE("a", "1"));
	start(f);
	close_gate(f, &before);
	write_file(f, "a.yaml", ZONE("a", "2"));
	run_to_jobs(f, 2); /* the reading waits behind the gate */
	write_file(f, "a.yaml", ZONE("a", "3"));
	uv_run(&f->loop, UV_RUN_NOWAIT); /* the event is there */
	close_gate(f, &behind);
	uv_sem_post(&before.open);
	uv_sem_wait(&behind.entered); /* a=z3 was read, and nobody told the loop yet */
	write_file(f, "a.yaml", ZONE("a", "4"));
	uv_sem_post(&behind.open);
	wait_for_nodes(f, "a=z4 ");
	assert_int_equal(f->changes, 1);
	uv_sem_destroy(&before.entered);
	uv_sem_destroy(&before.open);
	uv_sem_destroy(&behind.entered);
	uv_sem_destroy(&behind.open);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loading_needs_no_loop),
		TEST(the_first_error_fails_load_and_start_in_one_line),
		TEST(a_missing_directory_fails_the_start),
		TEST(changes_are_noticed_one_after_the_other),
		TEST(what_changes_between_reading_and_watching_is_noticed),
		TEST(a_bad_file_is_told_and_keeps_its_objects),
		TEST(a_config_map_swap_is_noticed),
		TEST(a_directory_that_goes_keeps_all_until_it_comes_back),
		TEST(a_reload_sees_what_no_event_tells),
		TEST(a_callback_may_stop_the_source),
		TEST(stopping_while_reading_calls_nobody),
		TEST(what_changed_while_it_was_read_is_read_again_first),
	};

	if (setenv("UV_THREADPOOL_SIZE", "1", 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
