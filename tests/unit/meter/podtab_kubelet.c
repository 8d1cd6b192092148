/* SPDX-License-Identifier: Apache-2.0 */
/* Pods where a kubelet puts them. */
#include "unit/meter/podtab.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BED(a_kubelets_pod_is_found_under_both_drivers_in_every_class),
		ON_BED(the_systemd_driver_writes_no_dash_and_the_other_no_underscore),
		ON_BED(a_static_pod_is_found_by_the_hash_of_its_file),
		ON_BED(a_kubelet_may_have_its_cgroups_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
