/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <sys/stat.h>

#include "k8s/files.h"
#include "unit/k8s/sample.h"

#define NODE(name) "apiVersion: v1\nkind: Node\nmetadata: {name: " name "}\n"
#define ZONE(name, zone)                                     \
	"apiVersion: v1\nkind: Node\nmetadata: {name: " name \
	", labels: {topology.kubernetes.io/zone: " zone "}}\n"

/* A directory of the test's own, and what is in effect of it. */
struct fixture {
	char dir[64];
	struct kube_files *files;
	struct kube_set *set;
	bool changed;
	char told[4096]; /* errors of the last round, one a line, without "DIR/" */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	memcpy(f->dir, "/tmp/weir-files-XXXXXX", sizeof("/tmp/weir-files-XXXXXX"));
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r = dir_remove(f->dir, NULL);

	kube_files_free(&f->files);
	kube_set_free(&f->set);
	free(f);
	return r;
}

static const char *in(const struct fixture *f, const char *name, char *ret)
{
	assert_int_equal(path_format(ret, PATH_MAX, "%s/%s", f->dir, name), 0);
	return ret;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file = fopen(in(f, name, path), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void remove_file(const struct fixture *f, const char *name)
{
	char path[PATH_MAX];

	assert_int_equal(unlink(in(f, name, path)), 0);
}

static void make_link(const struct fixture *f, const char *target, const char *name)
{
	char path[PATH_MAX];

	assert_int_equal(symlink(target, in(f, name, path)), 0);
}

static void note(void *arg, const struct err *err)
{
	struct fixture *f = arg;
	size_t dir = strlen(f->dir) + 1, used = strlen(f->told);
	const char *at = err->text, *next;

	assert_true(err->code < 0);
	assert_memory_equal(at, f->dir, dir - 1);
	for (; (next = strstr(at, f->dir)); at = next + dir) {
		used += (size_t)snprintf(f->told + used, sizeof(f->told) - used, "%.*s",
					 (int)(next - at), at);
	}
	snprintf(f->told + used, sizeof(f->told) - used, "%s\n", at);
}

/* One round, as the source does it. */
static void settle(struct fixture *f)
{
	struct kube_files *fresh = NULL;
	struct kube_set *set = NULL;
	struct err err = {};

	f->told[0] = '\0';
	if (kube_files_read(f->dir, f->files, &fresh, &err) < 0 ||
	    kube_files_settle(fresh, f->files, &set, &f->changed, &err) < 0)
		fail_msg("%s", err.text);
	kube_files_tell(fresh, f->files, note, f);
	kube_files_free(&f->files);
	kube_set_free(&f->set);
	f->files = fresh;
	f->set = set;
}

/* The nodes in effect with their zones: "a=1 b= ". */
static const char *nodes(const struct fixture *f)
{
	static char text[1024];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < kube_set_len(f->set, KUBE_NODE); i++) {
		const struct kube_object *obj = kube_set_at(f->set, KUBE_NODE, i);

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s=%s ", obj->meta.name,
					 obj->node.zone);
	}
	return text;
}

static void all_forms_of_manifests_are_read(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", "---\n" NODE("a1") "---\n---\n" NODE("a2"));
	write_file(
		f, "b.yml",
		"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Node, metadata: {name: b}}\n");
	write_file(
		f, "c.json",
		"{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"c\"}}]}\n");
	settle(f);
	assert_string_equal(f->told, "");
	assert_string_equal(nodes(f), "a1= a2= b= c= ");
	assert_true(f->changed);
	settle(f);
	assert_false(f->changed);
	assert_string_equal(nodes(f), "a1= a2= b= c= ");
}

static void other_files_are_skipped(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	write_file(f, ".hidden.yaml", "bad: [");
	write_file(f, "a.yaml~", "bad: [");
	write_file(f, "a.yaml.swp", "bad: [");
	write_file(f, "4913", "bad: [");
	write_file(f, ".yaml", "bad: [");
	write_file(f, "README.md", "bad: [");
	assert_int_equal(mkdir(in(f, "dir.yaml", path), 0700), 0);
	assert_int_equal(mkfifo(in(f, "pipe.yaml", path), 0600), 0);
	settle(f);
	assert_string_equal(f->told, "");
	assert_string_equal(nodes(f), "");
}

static void errors_name_file_line_object_and_field(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml",
		   NODE("n") "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n"
			     "  namespace: demo\nspec:\n  ports:\n  - port: 80\n  - name: b\n"
			     "    port: 99999\n");
	write_file(f, "b.yaml", "kind: Node\nmetadata: [\n");
	write_file(f, "c.json", "{\"apiVersion\":\"v1\",\n\"kind\":\"Secret\"}");
	settle(f);
	const char *b = strstr(f->told, "\nb.yaml:");
	assert_non_null(b);
	const char *c = strchr(b + 1, '\n');
	assert_non_null(c);
	assert_int_equal(b - f->told,
			 strlen("a.yaml:14: Service demo/web: spec.ports[1].port: 99999 "
				"is out of range; use 1 to 65535"));
	assert_memory_equal(
		f->told,
		"a.yaml:14: Service demo/web: spec.ports[1].port: 99999 is out of range; "
		"use 1 to 65535",
		b - f->told);
	assert_string_equal(c + 1, "c.json:2: kind: \"Secret\" is not read here; use Service, "
				   "EndpointSlice, Node, Pod or ServiceCIDR\n");
}

static void a_bad_file_keeps_its_last_good_objects_and_is_told_once(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", ZONE("a", "\"1\""));
	write_file(f, "b.yaml", ZONE("b", "\"1\""));
	settle(f);
	write_file(f, "a.yaml", "kind: Node\napiVersion: v1\n");
	write_file(f, "b.yaml", ZONE("b", "\"2\""));
	settle(f);
	assert_string_equal(nodes(f), "a=1 b=2 ");
	assert_string_equal(f->told,
			    "a.yaml:1: Node: metadata.name: is missing; give the object a name\n");
	assert_true(f->changed);

	settle(f);
	assert_string_equal(f->told, "");
	assert_string_equal(nodes(f), "a=1 b=2 ");
	assert_false(f->changed);

	write_file(f, "a.yaml", ""); /* an editor at work */
	settle(f);
	assert_string_equal(nodes(f), "a=1 b=2 ");
	assert_string_equal(f->told,
			    "a.yaml: holds no object; remove the file to remove its objects\n");
	assert_false(f->changed);

	write_file(f, "a.yaml", ZONE("a", "\"3\""));
	settle(f);
	assert_string_equal(nodes(f), "a=3 b=2 ");
	assert_string_equal(f->told, "");

	write_file(f, "a.yaml", "");
	settle(f); /* the same error anew is news */
	assert_string_equal(f->told,
			    "a.yaml: holds no object; remove the file to remove its objects\n");
	remove_file(f, "a.yaml");
	settle(f);
	assert_string_equal(nodes(f), "b=2 ");
	assert_true(f->changed);
}

static void a_good_text_that_comes_back_is_no_change(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", NODE("a"));
	settle(f);
	write_file(f, "a.yaml", "x");
	settle(f);
	write_file(f, "a.yaml", NODE("a"));
	settle(f);
	assert_false(f->changed);
	assert_string_equal(nodes(f), "a= ");
}

static void an_object_twice_in_one_file_fails_the_file(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", NODE("a") "---\n" NODE("b") "---\n" NODE("a"));
	settle(f);
	assert_string_equal(f->told, "a.yaml:9: Node a: is there twice; remove one\n");
	assert_string_equal(nodes(f), "");
}

static void an_object_in_two_files_names_both(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", NODE("x"));
	write_file(f, "b.yaml", NODE("x") "---\n" NODE("y"));
	settle(f);
	assert_string_equal(f->told, "b.yaml: Node x: is in a.yaml too; remove one\n");
	assert_string_equal(nodes(f), "x= ");
}

static void the_file_that_brings_an_object_newly_is_to_blame(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", NODE("a"));
	write_file(f, "b.yaml", ZONE("b", "\"1\""));
	settle(f);
	write_file(f, "a.yaml", NODE("a") "---\n" ZONE("b", "\"2\""));
	settle(f);
	assert_string_equal(f->told, "a.yaml: Node b: is in b.yaml too; remove one\n");
	assert_string_equal(nodes(f), "a= b=1 ");

	remove_file(f, "b.yaml"); /* the way is free */
	settle(f);
	assert_string_equal(f->told, "");
	assert_string_equal(nodes(f), "a= b=2 ");
	assert_true(f->changed);
}

static void objects_may_change_places(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", NODE("x"));
	write_file(f, "b.yaml", NODE("y"));
	settle(f);
	write_file(f, "a.yaml", NODE("y"));
	write_file(f, "b.yaml", NODE("x"));
	settle(f);
	assert_string_equal(f->told, "");
	assert_string_equal(nodes(f), "x= y= ");
}

/* b can't have c's object, so b stays with x, so a can't have x: all is as it was. */
static void taking_one_file_back_may_take_another_back(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", ZONE("y", "\"1\""));
	write_file(f, "b.yaml", ZONE("x", "\"1\""));
	write_file(f, "c.yaml", ZONE("z", "\"1\""));
	settle(f);
	write_file(f, "a.yaml", ZONE("x", "\"2\""));
	write_file(f, "b.yaml", ZONE("y", "\"2\"") "---\n" ZONE("z", "\"2\""));
	settle(f);
	assert_string_equal(f->told, "a.yaml: Node x: is in b.yaml too; remove one\n"
				     "b.yaml: Node z: is in c.yaml too; remove one\n");
	assert_string_equal(nodes(f), "x=1 y=1 z=1 ");
	assert_false(f->changed);
}

static void links_inside_are_followed_and_others_refused(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	assert_int_equal(mkdir(in(f, "..2026_11_20", path), 0700), 0);
	write_file(f, "..2026_11_20/a.yaml", NODE("a"));
	make_link(f, "..2026_11_20", "..data");
	make_link(f, "..data/a.yaml", "a.yaml");
	make_link(f, "/dev/zero", "b.yaml");
	make_link(f, "../../etc/hostname", "c.yaml");
	make_link(f, "nowhere", "d.yaml");
	make_link(f, "e.yaml", "e.yaml");
	settle(f);
	assert_string_equal(nodes(f), "a= ");
	assert_string_equal(f->told,
			    "b.yaml: a link out of the directory; put the file there\n"
			    "c.yaml: a link out of the directory; put the file there\n"
			    "d.yaml: a link to nothing; remove it\n"
			    "e.yaml: can't be opened: Too many levels of symbolic links\n");
}

static void a_config_map_swap_changes_all_at_once(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], to[PATH_MAX];

	assert_int_equal(mkdir(in(f, "..1", path), 0700), 0);
	assert_int_equal(mkdir(in(f, "..2", path), 0700), 0);
	write_file(f, "..1/a.yaml", ZONE("a", "\"1\""));
	write_file(f, "..1/b.yaml", ZONE("b", "\"1\""));
	write_file(f, "..2/a.yaml", ZONE("a", "\"2\""));
	write_file(f, "..2/b.yaml", ZONE("b", "\"2\""));
	make_link(f, "..1", "..data");
	make_link(f, "..data/a.yaml", "a.yaml");
	make_link(f, "..data/b.yaml", "b.yaml");
	settle(f);
	assert_string_equal(nodes(f), "a=1 b=1 ");
	make_link(f, "..2", "..data_tmp");
	assert_int_equal(rename(in(f, "..data_tmp", path), in(f, "..data", to)), 0);
	settle(f);
	assert_string_equal(nodes(f), "a=2 b=2 ");
}

static void a_file_over_the_limit_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	write_file(f, "a.yaml", "");
	assert_int_equal(truncate(in(f, "a.yaml", path), (4 << 20) + 1), 0);
	settle(f);
	assert_string_equal(f->told, "a.yaml: has more than 4194304 bytes; split it\n");
}

static void a_directory_that_is_none_is_one_error(void **state)
{
	struct fixture *f = *state;
	struct kube_files *files = NULL;
	char path[PATH_MAX], message[PATH_MAX + 64];
	struct err err = {};

	in(f, "none", path);
	assert_int_equal(kube_files_read(path, NULL, &files, &err), -ENOENT);
	snprintf(message, sizeof(message),
		 "%s: No such file or directory; give a directory of manifests", path);
	assert_string_equal(err.text, message);
	assert_null(files);
	write_file(f, "none", "");
	assert_int_equal(kube_files_read(path, NULL, &files, &err), -ENOTDIR);
	assert_null(files);
}

static void a_file_that_is_what_it_was_keeps_the_same_objects(void **state)
{
	struct fixture *f = *state;
	const struct kube_object *a, *b;

	write_file(f, "a.yaml", NODE("a"));
	write_file(f, "b.yaml", NODE("b"));
	settle(f);
	a = kube_set_find(f->set, KUBE_NODE, "", "a");
	b = kube_set_find(f->set, KUBE_NODE, "", "b");
	write_file(f, "a.yaml", NODE("a"));
	write_file(f, "b.yaml", "# said again\n" NODE("b"));
	settle(f);
	assert_true(f->changed);
	assert_ptr_equal(kube_set_find(f->set, KUBE_NODE, "", "a"), a);
	assert_non_null(kube_set_find(f->set, KUBE_NODE, "", "b"));
	assert_ptr_not_equal(kube_set_find(f->set, KUBE_NODE, "", "b"), b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_forms_of_manifests_are_read),
		TEST(other_files_are_skipped),
		TEST(errors_name_file_line_object_and_field),
		TEST(a_bad_file_keeps_its_last_good_objects_and_is_told_once),
		TEST(a_good_text_that_comes_back_is_no_change),
		TEST(an_object_twice_in_one_file_fails_the_file),
		TEST(an_object_in_two_files_names_both),
		TEST(the_file_that_brings_an_object_newly_is_to_blame),
		TEST(objects_may_change_places),
		TEST(taking_one_file_back_may_take_another_back),
		TEST(links_inside_are_followed_and_others_refused),
		TEST(a_config_map_swap_changes_all_at_once),
		TEST(a_file_over_the_limit_is_refused),
		TEST(a_directory_that_is_none_is_one_error),
		TEST(a_file_that_is_what_it_was_keeps_the_same_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
