/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of podtab.c share. Folders in a temporary directory stand for cgroups: the table knows
 * both by inode alone. */
#pragma once

#include <sys/stat.h>

#include "core/file.h"
#include "meter/podtab.h"
#include "unit/core/temp.h"
#include "unit/core/test.h"

#define UID "11111111-2222-3333-4444-555555555555"
#define UID_SYSTEMD "11111111_2222_3333_4444_555555555555"

struct bed {
	char root[64];
	struct podtab *t;
	uint64_t next_id; /* the kernel's next cgroup id */
};

static inline int setup(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	*state = b;
	snprintf(b->root, sizeof(b->root), "/tmp/weir-podtab-XXXXXX");
	b->next_id = 1000;
	return mkdtemp(b->root) ? podtab_new(b->root, "", &b->t) : -1;
}

static inline int teardown(void **state)
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
static inline uint64_t folder(struct bed *b, const char *path)
{
	char text[256];
	struct stat st;

	snprintf(text, sizeof(text), "%s/%s", b->root, path);
	assert_int_equal(dir_make(text, 0700, NULL), 0);
	assert_int_equal(stat(text, &st), 0);
	return st.st_ino;
}

static inline void folder_gone(struct bed *b, const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "%s/%s", b->root, path);
	assert_int_equal(dir_remove(text, NULL), 0);
}

/* A cgroup that was born as NAME beneath the folder PARENT, as the walk tells it. */
static inline struct weir_sample born(struct bed *b, uint64_t parent, const char *name)
{
	struct weir_sample s = { .cgroup_id = b->next_id++, .pod.parent = parent };

	snprintf(s.pod.name, sizeof(s.pod.name), "%.*s", WEIR_NAME_MAX - 1, name);
	return s;
}

/* cgroup is below the root; NULL: a kubelet's */
static inline struct meter_pod pod_at(struct bed *b, const char *name, const char *cgroup)
{
	struct meter_pod p = { .ns = "default", .lease = "shop" };

	snprintf(p.name, sizeof(p.name), "%s", name);
	if (cgroup)
		snprintf(p.cgroup, sizeof(p.cgroup), "%s/%s", b->root, cgroup);
	else
		snprintf(p.uid, sizeof(p.uid), "%s", UID);
	return p;
}

static inline void set(struct bed *b, const struct meter_pod *pods, size_t n)
{
	struct err err = {};

	if (podtab_set(b->t, pods, n, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void set_one(struct bed *b, const char *name, const char *cgroup)
{
	const struct meter_pod p = pod_at(b, name, cgroup);

	set(b, &p, 1);
}

/* want NULL: nobody */
static inline void assert_match(struct bed *b, const struct weir_sample *s, const char *want)
{
	const struct meter_pod *p = podtab_match(b->t, s);

	if (!want) {
		assert_null(p);
		return;
	}
	assert_non_null(p);
	assert_string_equal(p->name, want);
}

static inline bool is_parent(struct bed *b, const char *path)
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
