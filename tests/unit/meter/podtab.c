/* SPDX-License-Identifier: Apache-2.0 */
/* Folders in a temporary directory stand for cgroups: the table knows both by inode alone. */
#include "meter/podtab.h"

#include <sys/stat.h>

#include "core/file.h"
#include "unit/core/temp.h"
#include "unit/core/test.h"

#define UID "11111111-2222-3333-4444-555555555555"
#define UID_SYSTEMD "11111111_2222_3333_4444_555555555555"

struct bed {
	char root[64];
	struct podtab *t;
	uint64_t next_id; /* the kernel's next cgroup id */
};

static int setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	*state = b;
	snprintf(b->root, sizeof(b->root), "/tmp/weir-podtab-XXXXXX");
	b->next_id = 1000;
	return mkdtemp(b->root) ? podtab_new(b->root, "", &b->t) : -1;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	podtab_free(&b->t);
	assert_null(b->t);
	dir_remove(b->root, NULL);
	free(b);
	return 0;
}

#define ON_BED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Makes ROOT/path and returns its id. */
static uint64_t folder(struct bed *b, const char *path)
{
	char text[256];
	struct stat st;

	snprintf(text, sizeof(text), "%s/%s", b->root, path);
	assert_int_equal(dir_make(text, 0700, NULL), 0);
	assert_int_equal(stat(text, &st), 0);
	return st.st_ino;
}

static void folder_gone(struct bed *b, const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "%s/%s", b->root, path);
	assert_int_equal(dir_remove(text, NULL), 0);
}

/* A cgroup that was born as NAME beneath the folder PARENT, as the walk tells it. */
static struct weir_sample born(struct bed *b, uint64_t parent, const char *name)
{
	struct weir_sample s = { .cgroup_id = b->next_id++, .pod.parent = parent };

	snprintf(s.pod.name, sizeof(s.pod.name), "%.*s", WEIR_NAME_MAX - 1, name);
	return s;
}

/* cgroup is below the root; NULL: a kubelet's */
static struct meter_pod pod_at(struct bed *b, const char *name, const char *cgroup)
{
	struct meter_pod p = { .ns = "default", .lease = "shop" };

	snprintf(p.name, sizeof(p.name), "%s", name);
	if (cgroup)
		snprintf(p.cgroup, sizeof(p.cgroup), "%s/%s", b->root, cgroup);
	else
		snprintf(p.uid, sizeof(p.uid), "%s", UID);
	return p;
}

static void set(struct bed *b, const struct meter_pod *pods, size_t n)
{
	struct err err = {};

	if (podtab_set(b->t, pods, n, &err) < 0)
		fail_msg("%s", err.text);
}

static void set_one(struct bed *b, const char *name, const char *cgroup)
{
	const struct meter_pod p = pod_at(b, name, cgroup);

	set(b, &p, 1);
}

/* want NULL: nobody */
static void assert_match(struct bed *b, const struct weir_sample *s, const char *want)
{
	const struct meter_pod *p = podtab_match(b->t, s);

	if (!want) {
		assert_null(p);
		return;
	}
	assert_non_null(p);
	assert_string_equal(p->name, want);
}

static bool is_parent(struct bed *b, const char *path)
{
	const char *const *parents;
	size_t n = podtab_parents(b->t, &parents);
	char text[256];

	snprintf(text, sizeof(text), "%s/%s", b->root, path);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(parents[i], text))
			return true;
	return false;
}

/* ---- Places --------------------------------------------------------------------------------- */

static void a_pod_is_found_by_its_folder_and_name(void **state)
{
	struct bed *b = *state;
	uint64_t shop = folder(b, "shop"), other = folder(b, "other");
	const struct weir_sample here = born(b, shop, "web-0"), there = born(b, other, "web-0"),
				 next = born(b, shop, "web-1"), cut = born(b, shop, "web-");

	set_one(b, "web-0", "shop/web-0");
	assert_match(b, &here, "web-0");
	assert_match(b, &there, NULL);
	assert_match(b, &next, NULL);
	assert_match(b, &cut, NULL);
	assert_string_equal(podtab_match(b->t, &here)->lease, "shop");
}

static void a_kubelets_pod_is_found_under_both_drivers_in_every_class(void **state)
{
	static const struct {
		const char *parent, *name;
	} places[] = {
		{ "kubepods", "pod" UID },
		{ "kubepods/burstable", "pod" UID },
		{ "kubepods/besteffort", "pod" UID },
		{ "kubepods.slice", "kubepods-pod" UID_SYSTEMD ".slice" },
		{ "kubepods.slice/kubepods-burstable.slice",
		  "kubepods-burstable-pod" UID_SYSTEMD ".slice" },
		{ "kubepods.slice/kubepods-besteffort.slice",
		  "kubepods-besteffort-pod" UID_SYSTEMD ".slice" },
	};
	struct bed *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		folder(b, places[i].parent);
	set_one(b, "web-0", NULL);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const struct weir_sample s = born(b, folder(b, places[i].parent), places[i].name);
		const struct weir_sample wrong =
			born(b, folder(b, places[(i + 1) % 6].parent), places[i].name);

		assert_true(is_parent(b, places[i].parent));
		assert_match(b, &s, "web-0");
		if (i >= 2) /* the other driver's classes share a name */
			assert_match(b, &wrong, NULL);
	}
}

static void the_systemd_driver_writes_no_dash_and_the_other_no_underscore(void **state)
{
	struct bed *b = *state;
	const struct weir_sample wrong[] = {
		born(b, folder(b, "kubepods"), "pod" UID_SYSTEMD),
		born(b, folder(b, "kubepods.slice"), "kubepods-pod" UID ".slice"),
	};

	set_one(b, "web-0", NULL);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_match(b, &wrong[i], NULL);
}

/* What the API server shows of it has a UID of its own, made anew with each mirror. */
static void a_static_pod_is_found_by_the_hash_of_its_file(void **state)
{
	struct bed *b = *state;
	uint64_t parent = folder(b, "kubepods/burstable");
	const struct weir_sample s = born(b, parent, "pod0123456789abcdef0123456789abcdef"),
				 wrong = born(b, parent, "pod" UID);
	struct meter_pod p = pod_at(b, "etcd", NULL);

	snprintf(p.kubelet_uid, sizeof(p.kubelet_uid), "0123456789abcdef0123456789abcdef");
	set(b, &p, 1);
	assert_match(b, &s, "etcd");
	assert_match(b, &wrong, NULL);
	assert_string_equal(podtab_match(b->t, &s)->uid, UID);
}

static void a_kubelet_may_have_its_cgroups_elsewhere(void **state)
{
	cleanup(podtab_free) struct podtab *t = NULL;
	struct bed *b = *state;
	uint64_t parent = folder(b, "kubelet.slice/kubelet-kubepods.slice");
	const struct weir_sample s = born(b, parent, "kubelet-kubepods-pod" UID_SYSTEMD ".slice");
	const struct meter_pod p = pod_at(b, "web-0", NULL);

	assert_int_equal(podtab_new(b->root, "kubelet/kubepods", &t), 0);
	assert_int_equal(podtab_set(t, &p, 1, NULL), 0);
	assert_non_null(podtab_match(t, &s));
	set(b, &p, 1);
	assert_match(b, &s, NULL);
}

static void a_pod_without_place_is_kept_but_never_found(void **state)
{
	struct meter_pod p = { .ns = "default", .name = "pending" };
	const char *const *parents;
	struct bed *b = *state;
	const struct weir_sample s = born(b, folder(b, "kubepods"), "pod");

	set(b, &p, 1);
	assert_int_equal(podtab_parents(b->t, &parents), 0);
	assert_match(b, &s, NULL);
}

static void a_long_name_is_cut_as_the_kernel_cuts_it(void **state)
{
	char name[200], cgroup[256];
	struct bed *b = *state;
	uint64_t shop = folder(b, "shop");
	struct weir_sample s, shorter;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(cgroup, sizeof(cgroup), "shop/%s", name);
	s = born(b, shop, name);
	assert_int_equal(strlen(s.pod.name), WEIR_NAME_MAX - 1);
	name[WEIR_NAME_MAX - 2] = '\0';
	shorter = born(b, shop, name);
	set_one(b, "long", cgroup);
	assert_match(b, &s, "long");
	assert_match(b, &shorter, NULL);
}

static void of_two_that_claim_one_place_the_first_has_it(void **state)
{
	struct bed *b = *state;
	const struct meter_pod pods[] = { pod_at(b, "first", "shop/web"),
					  pod_at(b, "second", "shop/web") };
	const struct weir_sample s = born(b, folder(b, "shop"), "web");

	set(b, pods, ARRAY_LEN(pods));
	assert_match(b, &s, "first");
}

static void a_cgroup_that_is_no_folder_below_the_mount_changes_nothing(void **state)
{
	static const char *const bad[] = { "web", "/web", "/tmp/" };
	struct bed *b = *state;
	const struct weir_sample s = born(b, folder(b, "shop"), "web-0");

	set_one(b, "web-0", "shop/web-0");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct meter_pod pods[] = { pod_at(b, "new", "shop/web-0"),
					    pod_at(b, "bad", NULL) };
		struct err err = {};

		snprintf(pods[1].cgroup, sizeof(pods[1].cgroup), "%s", bad[i]);
		assert_int_equal(podtab_set(b->t, pods, ARRAY_LEN(pods), &err), -EINVAL);
		assert_non_null(strstr(err.text, "default/bad"));
		assert_match(b, &s, "web-0");
	}
}

/* ---- Folders that come and go --------------------------------------------------------------- */

static void a_folder_made_later_is_found_by_resolve(void **state)
{
	struct bed *b = *state;
	struct weir_sample s;

	set_one(b, "web-0", "shop/web-0");
	s = born(b, folder(b, "shop"), "web-0");
	assert_match(b, &s, NULL);
	podtab_resolve(b->t);
	assert_match(b, &s, "web-0");
}

/* Ids are never guessed from paths: the new folder is another parent. */
static void a_folder_made_anew_is_another(void **state)
{
	struct bed *b = *state;
	uint64_t was = folder(b, "shop"), holder, is;
	struct weir_sample old, new;

	set_one(b, "web-0", "shop/web-0");
	folder_gone(b, "shop");
	holder = folder(b, "holder"); /* takes the inode if it is used again at once */
	is = folder(b, "shop");
	assert_true(is != holder);
	podtab_resolve(b->t);
	new = born(b, is, "web-0");
	assert_match(b, &new, "web-0");
	old = born(b, was, "web-0");
	if (was != is)
		assert_match(b, &old, NULL);
}

/* ---- Joins ---------------------------------------------------------------------------------- */

/* P1 */
static void a_joined_cgroup_keeps_its_name_without_manifest(void **state)
{
	struct bed *b = *state;
	struct weir_sample s = born(b, folder(b, "shop"), "web-0");

	set_one(b, "web-0", "shop/web-0");
	assert_match(b, &s, "web-0");
	set(b, NULL, 0);
	assert_match(b, &s, "web-0");
	s.pod.state = WEIR_POD_RELEASED;
	assert_match(b, &s, "web-0");
	podtab_forget(b->t, s.cgroup_id);
	assert_match(b, &s, NULL);
	podtab_forget(b->t, s.cgroup_id); /* again: nothing */
}

/* P2: the kernel counts only what is beneath a parent. */
static void a_joined_pods_folder_stays_a_parent_until_it_is_forgotten(void **state)
{
	struct bed *b = *state;
	const struct weir_sample s = born(b, folder(b, "shop"), "web-0");

	folder(b, "kubepods/burstable");
	set_one(b, "web-0", "shop/web-0");
	assert_match(b, &s, "web-0");
	set_one(b, "web-1", NULL);
	assert_true(is_parent(b, "shop"));
	assert_true(is_parent(b, "kubepods/burstable"));
	set(b, NULL, 0);
	assert_true(is_parent(b, "shop"));
	assert_false(is_parent(b, "kubepods/burstable")); /* nothing joined there */
	podtab_forget(b->t, s.cgroup_id);
	set(b, NULL, 0);
	assert_false(is_parent(b, "shop"));
}

static void a_recalled_pods_kubelet_folders_are_parents(void **state)
{
	const struct meter_pod p = { .ns = "default", .name = "web-0", .uid = UID };
	struct bed *b = *state;

	assert_int_equal(podtab_recall(b->t, 7, &p), 0);
	set(b, NULL, 0);
	assert_true(is_parent(b, "kubepods/besteffort"));
	assert_true(is_parent(b, "kubepods.slice/kubepods-burstable.slice"));
}

static void a_folder_that_is_kept_finds_nobody_new(void **state)
{
	struct bed *b = *state;
	uint64_t shop = folder(b, "shop");
	const struct weir_sample s = born(b, shop, "web-0"), again = born(b, shop, "web-0");

	set_one(b, "web-0", "shop/web-0");
	assert_match(b, &s, "web-0");
	set(b, NULL, 0);
	assert_match(b, &again, NULL);
}

static void a_pod_made_again_under_its_name_has_its_own_id(void **state)
{
	struct bed *b = *state;
	uint64_t shop = folder(b, "shop");
	struct weir_sample old = born(b, shop, "web-0"), new;
	struct meter_pod p = pod_at(b, "web-0", "shop/web-0");

	set(b, &p, 1);
	assert_match(b, &old, "web-0");
	old.pod.state = WEIR_POD_REMOVED;
	snprintf(p.lease, sizeof(p.lease), "other");
	set(b, &p, 1);
	new = born(b, shop, "web-0");
	assert_string_equal(podtab_match(b->t, &new)->lease, "other");
	assert_string_equal(podtab_match(b->t, &old)->lease, "shop");
	podtab_forget(b->t, old.cgroup_id);
	assert_string_equal(podtab_match(b->t, &new)->lease, "other");
}

static void a_dead_cgroup_keeps_its_pod_when_the_place_is_anothers(void **state)
{
	struct bed *b = *state;
	struct weir_sample s = born(b, folder(b, "shop"), "web");

	set_one(b, "old", "shop/web");
	assert_match(b, &s, "old");
	set_one(b, "new", "shop/web");
	s.pod.state = WEIR_POD_REMOVED;
	assert_match(b, &s, "old");
	s.pod.state = WEIR_POD_RELEASED;
	assert_match(b, &s, "old");
}

/* While it lives, the manifest says what it is: a lease may change. */
static void a_living_cgroup_follows_its_manifest(void **state)
{
	struct bed *b = *state;
	const struct weir_sample s = born(b, folder(b, "shop"), "web-0");
	struct meter_pod p = pod_at(b, "web-0", "shop/web-0");

	set(b, &p, 1);
	assert_string_equal(podtab_match(b->t, &s)->lease, "shop");
	snprintf(p.lease, sizeof(p.lease), "other");
	set(b, &p, 1);
	assert_string_equal(podtab_match(b->t, &s)->lease, "other");
}

/* Born and dead before its manifest was read: found by its place all the same. */
static void a_pod_that_is_dead_when_first_seen_is_found(void **state)
{
	struct bed *b = *state;
	struct weir_sample s = born(b, folder(b, "shop"), "job");

	s.pod.state = WEIR_POD_RELEASED;
	set_one(b, "job", "shop/job");
	assert_match(b, &s, "job");
	set(b, NULL, 0);
	assert_match(b, &s, "job");
}

static void a_recalled_join_is_known_and_may_be_recalled_anew(void **state)
{
	struct meter_pod p = { .ns = "default", .name = "web-0", .lease = "shop" };
	struct bed *b = *state;
	const struct weir_sample s = born(b, folder(b, "shop"), "web-0");

	assert_match(b, &s, NULL);
	assert_int_equal(podtab_recall(b->t, s.cgroup_id, &p), 0);
	assert_match(b, &s, "web-0");
	snprintf(p.name, sizeof(p.name), "web-1");
	assert_int_equal(podtab_recall(b->t, s.cgroup_id, &p), 0);
	assert_match(b, &s, "web-1");
}

static void set_copies_what_it_is_given(void **state)
{
	struct bed *b = *state;
	const struct weir_sample s = born(b, folder(b, "shop"), "web-0");
	struct meter_pod p = pod_at(b, "web-0", "shop/web-0");

	set(b, &p, 1);
	memset(&p, 'x', sizeof(p));
	assert_match(b, &s, "web-0");
}

static void five_thousand_pods_are_each_found_and_forgotten(void **state)
{
	enum { N = 5000, FOLDERS = 8 };
	cleanup(free_ptr) struct meter_pod *pods = calloc(N, sizeof(*pods));
	cleanup(free_ptr) struct weir_sample *samples = calloc(N, sizeof(*samples));
	struct bed *b = *state;
	char name[64];

	for (int i = 0; i < N; i++) {
		char cgroup[96], parent[16];

		snprintf(name, sizeof(name), "pod-%d", i);
		snprintf(parent, sizeof(parent), "f%d", i % FOLDERS);
		snprintf(cgroup, sizeof(cgroup), "%s/%s", parent, name);
		samples[i] = born(b, folder(b, parent), name);
		pods[i] = pod_at(b, name, cgroup);
	}
	set(b, pods, N);
	for (int i = 0; i < N; i++)
		assert_match(b, &samples[i], pods[i].name);
	set(b, pods, N / 2);
	for (int i = 0; i < N; i++) {
		assert_match(b, &samples[i], pods[i].name);
		podtab_forget(b->t, samples[i].cgroup_id);
	}
	set(b, NULL, 0);
	for (int i = 0; i < N; i++)
		assert_match(b, &samples[i], NULL);
}

static void a_root_that_is_too_long_makes_no_table(void **state)
{
	char root[METER_PATH_MAX + 2];
	struct podtab *t = NULL;

	(void)state;
	memset(root, 'x', sizeof(root) - 1);
	root[sizeof(root) - 1] = '\0';
	assert_int_equal(podtab_new(root, "", &t), -ENAMETOOLONG);
	assert_null(t);
	podtab_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BED(a_pod_is_found_by_its_folder_and_name),
		ON_BED(a_kubelets_pod_is_found_under_both_drivers_in_every_class),
		ON_BED(the_systemd_driver_writes_no_dash_and_the_other_no_underscore),
		ON_BED(a_static_pod_is_found_by_the_hash_of_its_file),
		ON_BED(a_kubelet_may_have_its_cgroups_elsewhere),
		ON_BED(a_pod_without_place_is_kept_but_never_found),
		ON_BED(a_long_name_is_cut_as_the_kernel_cuts_it),
		ON_BED(of_two_that_claim_one_place_the_first_has_it),
		ON_BED(a_cgroup_that_is_no_folder_below_the_mount_changes_nothing),
		ON_BED(a_folder_made_later_is_found_by_resolve),
		ON_BED(a_folder_made_anew_is_another),
		ON_BED(a_joined_cgroup_keeps_its_name_without_manifest),
		ON_BED(a_joined_pods_folder_stays_a_parent_until_it_is_forgotten),
		ON_BED(a_recalled_pods_kubelet_folders_are_parents),
		ON_BED(a_folder_that_is_kept_finds_nobody_new),
		ON_BED(a_pod_made_again_under_its_name_has_its_own_id),
		ON_BED(a_dead_cgroup_keeps_its_pod_when_the_place_is_anothers),
		ON_BED(a_living_cgroup_follows_its_manifest),
		ON_BED(a_pod_that_is_dead_when_first_seen_is_found),
		ON_BED(a_recalled_join_is_known_and_may_be_recalled_anew),
		ON_BED(set_copies_what_it_is_given),
		ON_BED(five_thousand_pods_are_each_found_and_forgotten),
		TEST(a_root_that_is_too_long_makes_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
