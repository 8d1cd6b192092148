/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pods.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "k8s/set.h"

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/' && path[len + 1];
}

static bool has_dots(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (!at[2] || at[2] == '/'))
			return true;
	return false;
}

/* NULL: fine; else why not. */
static const char *cgroup_of(const struct kube_pod *pod, const struct pods_node *node,
			     char ret[METER_PATH_MAX])
{
	size_t len;

	if (!pod->cgroup[0])
		return NULL;
	if (has_dots(pod->cgroup))
		return "weir.dev/cgroup must not hold '..'";
	if (path_format(ret, METER_PATH_MAX, "%s/%s", node->cgroup,
			pod->cgroup + strspn(pod->cgroup, "/")))
		return "weir.dev/cgroup is too long";
	len = strlen(ret);
	while (len && ret[len - 1] == '/')
		ret[--len] = '\0';
	return is_below(ret, node->meter_cgroup) ?
		       NULL :
		       "weir.dev/cgroup is not below meter.podCgroup, which is all that is metered";
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A label's value: the books take nothing else, and one pod must not keep them from closing. */
static const char *lease_of(const char *lease, char *ret, size_t size)
{
	size_t len = strlen(lease);

	if (len >= size)
		return "the label weir.dev/lease has more than 63 characters";
	if (len && !(is_alnum(lease[0]) && is_alnum(lease[len - 1])))
		return "the label weir.dev/lease must begin and end with a letter or digit";
	snprintf(ret, size, "%s", lease);
	return NULL;
}

/* Nor must a uid that no record can hold. */
static bool is_plain(const char *uid)
{
	for (; *uid; uid++)
		if (!is_alnum(*uid) && *uid != '-')
			return false;
	return true;
}

static const char *value_of(const struct kube_pod *pod, const char *key)
{
	for (size_t i = 0; i < pod->n_labels; i++)
		if (strcmp(pod->labels[i].key, key) == 0)
			return pod->labels[i].value;
	return NULL;
}

/* In the order of their names in the configuration. Those that the pod has not are not there. */
static void labels_of(const struct kube_pod *pod, const struct pods_node *node,
		      char ret[METER_LABELS_MAX])
{
	cleanup(json_free) struct json *j = json_new_object();
	cleanup(buf_fini) struct buf text = BUF_INIT(METER_LABELS_MAX - 1);

	for (size_t i = 0; i < node->n_labels; i++) {
		const char *value = value_of(pod, node->labels[i]);

		if (value)
			json_set_str(j, node->labels[i], value);
	}
	if (json_len(j) && json_print(j, false, &text) == 0)
		memcpy(ret, text.data, text.len + 1);
}

static const char *translate(const struct kube_object *obj, const struct pods_node *node,
			     struct meter_pod *ret)
{
	const char *why = lease_of(obj->pod.lease, ret->lease, sizeof(ret->lease));

	snprintf(ret->ns, sizeof(ret->ns), "%s", obj->meta.namespace);
	snprintf(ret->name, sizeof(ret->name), "%s", obj->meta.name);
	snprintf(ret->uid, sizeof(ret->uid), "%s", obj->meta.uid);
	snprintf(ret->kubelet_uid, sizeof(ret->kubelet_uid), "%s", obj->pod.mirror_of);
	labels_of(&obj->pod, node, ret->labels);
	if (why)
		return why;
	if (!is_plain(ret->uid))
		return "metadata.uid may hold letters, digits and '-'";
	if (!is_plain(ret->kubelet_uid))
		return "kubernetes.io/config.mirror may hold letters, digits and '-'";
	return cgroup_of(&obj->pod, node, ret->cgroup);
}

int pods_translate(const struct kube_set *set, const struct pods_node *node, struct meter_pod **ret,
		   size_t *ret_n)
{
	size_t len = kube_set_len(set, KUBE_POD), n = 0;
	cleanup(free_ptr) struct meter_pod *pods = calloc(len ? len : 1, sizeof(*pods));

	if (!pods)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		const struct kube_object *obj = kube_set_at(set, KUBE_POD, i);
		const char *why;

		if (obj->pod.node_name[0] && strcmp(obj->pod.node_name, node->name))
			continue;
		pods[n] = (struct meter_pod){};
		why = translate(obj, node, &pods[n]);
		if (why)
			node->skipped(node->arg, obj, why);
		else
			n++;
	}
	*ret = take_ptr(pods);
	*ret_n = n;
	return 0;
}
