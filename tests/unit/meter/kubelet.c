/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/kubelet.h"

#include <errno.h>

#include "unit/core/test.h"

#define UID "11111111-2222-3333-4444-555555555555"
#define UID_SYSTEMD "11111111_2222_3333_4444_555555555555"

/* Names as kubelets with either driver make them; those of kubelet/kubepods are kind's. */
static void every_driver_and_class_has_its_place(void **state)
{
	static const struct {
		const char *pods;
		const char *paths[KUBELET_PLACES];
	} want[] = {
		{ "kubepods",
		  { "kubepods/pod" UID, "kubepods/burstable/pod" UID, "kubepods/besteffort/pod" UID,
		    "kubepods.slice/kubepods-pod" UID_SYSTEMD ".slice",
		    "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_SYSTEMD
		    ".slice",
		    "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_SYSTEMD
		    ".slice" } },
		{ "kubelet/kubepods",
		  { "kubelet/kubepods/pod" UID, "kubelet/kubepods/burstable/pod" UID,
		    "kubelet/kubepods/besteffort/pod" UID,
		    "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_SYSTEMD
		    ".slice",
		    "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		    "kubelet-kubepods-burstable-pod" UID_SYSTEMD ".slice",
		    "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
		    "kubelet-kubepods-besteffort-pod" UID_SYSTEMD ".slice" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		for (size_t k = 0; k < KUBELET_PLACES; k++) {
			char parent[256], name[KUBELET_NAME_MAX], path[512];

			assert_int_equal(
				kubelet_place(want[i].pods, UID, k, parent, sizeof(parent), name),
				0);
			snprintf(path, sizeof(path), "%s/%s", parent, name);
			assert_string_equal(path, want[i].paths[k]);
		}
}

static void a_slice_carries_the_names_above_it(void **state)
{
	static const char *const want[][2] = {
		{ "kubepods", "kubepods.slice" },
		{ "kubelet/kubepods", "kubelet.slice/kubelet-kubepods.slice" },
		{ "my-root/kubepods", "my_root.slice/my_root-kubepods.slice" },
		{ "kubelet.slice/kubelet-kubepods.slice", "kubelet.slice/kubelet-kubepods.slice" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		char slice[128];

		assert_int_equal(kubelet_slice(want[i][0], slice, sizeof(slice)), 0);
		assert_string_equal(slice, want[i][1]);
	}
}

static void what_is_named_as_systemd_has_it_has_places_below(void **state)
{
	char parent[256], name[KUBELET_NAME_MAX];

	(void)state;
	assert_int_equal(kubelet_place("kubelet.slice/kubelet-kubepods.slice", "0123abcd", 4,
				       parent, sizeof(parent), name),
			 0);
	assert_string_equal(parent, "kubelet.slice/kubelet-kubepods.slice/"
				    "kubelet-kubepods-burstable.slice");
	assert_string_equal(name, "kubelet-kubepods-burstable-pod0123abcd.slice");
}

static void what_is_too_long_is_refused(void **state)
{
	char parent[16] = "untouched", name[KUBELET_NAME_MAX], slice[16] = "untouched", pods[300];

	(void)state;
	memset(pods, 'x', sizeof(pods) - 1);
	pods[sizeof(pods) - 1] = '\0';
	assert_int_equal(kubelet_slice("a/b/c/d/e/f", slice, sizeof(slice)), -ENAMETOOLONG);
	assert_string_equal(slice, "untouched");
	for (size_t i = 0; i < KUBELET_PLACES; i++) {
		assert_int_equal(kubelet_place(pods, UID, i, parent, sizeof(parent), name),
				 -ENAMETOOLONG);
		assert_string_equal(parent, "untouched");
	}
	assert_int_equal(kubelet_place("k", pods, 0, parent, sizeof(parent), name), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_driver_and_class_has_its_place),
		cmocka_unit_test(a_slice_carries_the_names_above_it),
		cmocka_unit_test(what_is_named_as_systemd_has_it_has_places_below),
		cmocka_unit_test(what_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
