/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/podtab.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

/* The default, HASH_JEN, falls through case labels in a way clang warns of. */
#define HASH_FUNCTION(key, len, hash) HASH_SAX(key, len, hash)
#include <uthash.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "meter/kubelet.h"

struct place_key {
	uint64_t parent; /* cgroup id */
	char name[WEIR_NAME_MAX]; /* zeros behind the text */
};

struct place {
	struct place_key key; /* parent 0: not there (yet), and in no index */
	size_t parent; /* index in parents */
	const struct meter_pod *pod;
	UT_hash_handle hh;
};

struct joined {
	uint64_t cgroup_id;
	uint64_t index; /* podtab.indexes when its place was looked up */
	struct meter_pod pod;
	UT_hash_handle hh;
};

struct podtab {
	char root[METER_PATH_MAX], kubepods[METER_PATH_MAX];
	struct meter_pod *pods;
	size_t n_pods;
	char **parents;
	uint64_t *parent_ids;
	size_t n_parents;
	struct place *places, *index;
	size_t n_places;
	uint64_t indexes; /* one more with each change of the index, or of what it leads to */
	struct joined *joined;
};

int podtab_new(const char *root, const char *kubepods, struct podtab **ret)
{
	struct podtab *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (path_format(t->root, sizeof(t->root), "%s", root) ||
	    path_format(t->kubepods, sizeof(t->kubepods), "%s",
			*kubepods ? kubepods : KUBELET_PODS)) {
		free(t);
		return -ENAMETOOLONG;
	}
	*ret = t;
	return 0;
}

/* All but paths and what was joined. */
static void current_fini(struct podtab *t)
{
	HASH_CLEAR(hh, t->index);
	for (size_t i = 0; i < t->n_parents; i++)
		free(t->parents[i]);
	free(t->parents);
	free(t->parent_ids);
	free(t->places);
	free(t->pods);
}

void podtab_free(struct podtab **tp)
{
	struct podtab *t = *tp;
	struct joined *j, *next;

	if (!t)
		return;
	current_fini(t);
	HASH_ITER(hh, t->joined, j, next) {
		HASH_DEL(t->joined, j);
		free(j);
	}
	free(t);
	*tp = NULL;
}

static int parent_index(struct podtab *t, const char *path, size_t *ret)
{
	char **parents;

	for (size_t i = 0; i < t->n_parents; i++)
		if (!strcmp(t->parents[i], path)) {
			*ret = i;
			return 0;
		}
	parents = reallocarray(t->parents, t->n_parents + 1, sizeof(*parents));
	if (!parents)
		return -ENOMEM;
	t->parents = parents;
	parents[t->n_parents] = strdup(path);
	if (!parents[t->n_parents])
		return -ENOMEM;
	*ret = t->n_parents++;
	return 0;
}

/* pod NULL: the folder alone */
static int place_add(struct podtab *t, const struct meter_pod *pod, const char *parent,
		     const char *name)
{
	struct place *p = &t->places[t->n_places];
	size_t at;
	int r = parent_index(t, parent, &at);

	if (r < 0 || !pod)
		return r;
	p->parent = at;
	/* the kernel side cuts longer names in the same way */
	snprintf(p->key.name, sizeof(p->key.name), "%.*s", WEIR_NAME_MAX - 1, name);
	p->pod = pod;
	t->n_places++;
	return 0;
}

/* Where the pod may lie: those places, or (joined already) their folders alone. */
static int place_named(struct podtab *t, const struct meter_pod *pod, bool joined, struct err *err)
{
	char parent[METER_PATH_MAX];
	char *slash;

	path_format(parent, sizeof(parent), "%s", pod->cgroup);
	slash = strrchr(parent, '/');
	if (!slash || slash == parent || !slash[1])
		return err_set(err, -EINVAL,
			       "Pod %s/%s: cgroup %s is no folder below the cgroup mount", pod->ns,
			       pod->name, pod->cgroup);
	*slash = '\0';
	return place_add(t, joined ? NULL : pod, parent, slash + 1);
}

static int places_of_kubelet(struct podtab *t, const struct meter_pod *pod, bool joined)
{
	const char *uid = pod->kubelet_uid[0] ? pod->kubelet_uid : pod->uid;
	char parent[METER_PATH_MAX], path[METER_PATH_MAX], name[KUBELET_NAME_MAX];
	int r = 0;

	for (size_t i = 0; !r && i < KUBELET_PLACES; i++) {
		r = kubelet_place(t->kubepods, uid, i, parent, sizeof(parent), name);
		if (!r)
			r = path_format(path, sizeof(path), "%s/%s", t->root, parent);
		if (!r)
			r = place_add(t, joined ? NULL : pod, path, name);
	}
	return r;
}

static int places_of(struct podtab *t, const struct meter_pod *pod, bool joined, struct err *err)
{
	int r = 0;

	if (pod->cgroup[0])
		return place_named(t, pod, joined, err);
	if (pod->uid[0])
		r = places_of_kubelet(t, pod, joined);
	return r < 0 ? err_errno(err, r, "Pod %s/%s", pod->ns, pod->name) : 0;
}

int podtab_set(struct podtab *t, const struct meter_pod *pods, size_t n, struct err *err)
{
	struct podtab next = {}, old;
	struct joined *j, *following;
	int r = 0;

	memcpy(next.root, t->root, sizeof(next.root));
	memcpy(next.kubepods, t->kubepods, sizeof(next.kubepods));
	next.pods = calloc(n ? n : 1, sizeof(*next.pods));
	next.places = calloc(n * KUBELET_PLACES + 1, sizeof(*next.places));
	if (!next.pods || !next.places)
		r = err_errno(err, -ENOMEM, "pods");
	for (; !r && next.n_pods < n; next.n_pods++) {
		struct meter_pod *pod = &next.pods[next.n_pods];

		*pod = pods[next.n_pods];
		r = places_of(&next, pod, false, err);
	}
	/* P2: whoever is not billed in full yet, his folder must stay a parent */
	HASH_ITER(hh, t->joined, j, following) {
		if (!r)
			r = places_of(&next, &j->pod, true, err);
	}
	if (!r) {
		next.parent_ids = calloc(next.n_parents + 1, sizeof(*next.parent_ids));
		r = next.parent_ids ? 0 : err_errno(err, -ENOMEM, "pods");
	}
	if (r) {
		current_fini(&next);
		return r;
	}
	old = *t;
	next.joined = old.joined;
	next.indexes = old.indexes + 1;
	*t = next;
	current_fini(&old);
	podtab_resolve(t);
	return 0;
}

size_t podtab_parents(const struct podtab *t, const char *const **ret)
{
	*ret = (const char *const *)t->parents;
	return t->n_parents;
}

void podtab_resolve(struct podtab *t)
{
	bool changed = false;

	for (size_t i = 0; i < t->n_parents; i++) {
		struct stat st;
		uint64_t id = stat(t->parents[i], &st) < 0 ? 0 : st.st_ino;

		changed |= id != t->parent_ids[i];
		t->parent_ids[i] = id;
	}
	if (!changed)
		return;
	t->indexes++;
	HASH_CLEAR(hh, t->index);
	for (size_t i = 0; i < t->n_places; i++) {
		struct place *p = &t->places[i], *twin = NULL;

		p->key.parent = t->parent_ids[p->parent];
		if (!p->key.parent)
			continue;
		HASH_FIND(hh, t->index, &p->key, sizeof(p->key), twin);
		if (!twin) /* of two pods that claim one cgroup, the first has it */
			HASH_ADD(hh, t->index, key, sizeof(p->key), p);
	}
}

int podtab_recall(struct podtab *t, uint64_t cgroup_id, const struct meter_pod *pod)
{
	struct joined *j = NULL;

	HASH_FIND(hh, t->joined, &cgroup_id, sizeof(cgroup_id), j);
	if (!j) {
		j = calloc(1, sizeof(*j));
		if (!j)
			return -ENOMEM;
		j->cgroup_id = cgroup_id;
		HASH_ADD(hh, t->joined, cgroup_id, sizeof(j->cgroup_id), j);
	}
	j->pod = *pod;
	j->index = 0;
	return 0;
}

static struct joined *find_joined(const struct podtab *t, uint64_t cgroup_id)
{
	struct joined *j = NULL;

	HASH_FIND(hh, t->joined, &cgroup_id, sizeof(cgroup_id), j);
	return j;
}

/* A cgroup's place is its own as long as it lives, so what was found stays so until the index changes. */
const struct meter_pod *podtab_match(struct podtab *t, const struct weir_sample *s)
{
	struct place_key key = { .parent = s->pod.parent };
	struct joined *j = find_joined(t, s->cgroup_id);
	struct place *p = NULL;

	/* A dead cgroup that was joined keeps its pod: the place may be another pod's by now. */
	if (j && (j->index == t->indexes || s->pod.state != WEIR_POD_LIVE))
		return &j->pod;
	snprintf(key.name, sizeof(key.name), "%s", s->pod.name);
	HASH_FIND(hh, t->index, &key, sizeof(key), p);
	if (!p)
		return j ? &j->pod : NULL;
	/* without memory the join is made again the next time */
	if (podtab_recall(t, s->cgroup_id, p->pod) == 0)
		find_joined(t, s->cgroup_id)->index = t->indexes;
	return p->pod;
}

void podtab_forget(struct podtab *t, uint64_t cgroup_id)
{
	struct joined *j = NULL;

	HASH_FIND(hh, t->joined, &cgroup_id, sizeof(cgroup_id), j);
	if (!j)
		return;
	HASH_DEL(t->joined, j);
	free(j);
}
