/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/meter/podtab.h"

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
