/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "k8s/object.h"

#define ENV_BYTES (2 * KUBE_RUN_ENV_BYTES + 1) /* escaped */

static const struct {
	const char *kind, *resource;
	bool of_cluster;
} objects[] = {
	[KUBE_RUN_VOLUME] = { "PersistentVolume", "persistentvolumes", true },
	[KUBE_RUN_CLAIM] = { "PersistentVolumeClaim", "persistentvolumeclaims", false },
	[KUBE_RUN_SERVICE] = { "Service", "services", false },
	[KUBE_RUN_POD] = { "Pod", "pods", false },
};
_Static_assert(ARRAY_LEN(objects) == KUBE_RUN_OBJECT_MAX_, "a row for each");

const char *kube_run_kind(enum kube_run_object what)
{
	return objects[what].kind;
}

int kube_run_path(const char *namespace, const char *name, enum kube_run_object what,
		  struct buf *out)
{
	if (objects[what].of_cluster)
		return buf_printf(out, "/api/v1/%s/%s-%s", objects[what].resource, namespace, name);
	return buf_printf(out, "/api/v1/namespaces/%s/%s/%s", namespace, objects[what].resource,
			  name);
}

/* ---- What the API server would refuse ------------------------------------------------------- */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* RFC 1035, as Services need it: a letter first. */
static bool is_dns_label(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > KUBE_MAX_LABEL || !(text[0] >= 'a' && text[0] <= 'z') ||
	    !is_alnum(text[len - 1]))
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool is_alnum_of_any_case(char c)
{
	return is_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_label_value(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > KUBE_MAX_LABEL || !is_alnum_of_any_case(text[0]) ||
	    !is_alnum_of_any_case(text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum_of_any_case(text[i]) && !strchr("-_.", text[i]))
			return false;
	return true;
}

/* Nothing in it climbs out or is hidden from who reads it. */
static bool is_inside(const char *path)
{
	size_t len = strlen(path);

	if (len == 0 || path[0] == '/' || path[len - 1] == '/' || strstr(path, "//"))
		return false;
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (!at[2] || at[2] == '/'))
			return false;
	return true;
}

static const char *const own_variables[] = { "PORT", "HOST", "NODE_ENV", "HOME", "TMPDIR", "PATH" };

static bool is_same_variable(const char *variable, const char *name, size_t len)
{
	return strncmp(variable, name, len) == 0 && (variable[len] == '=' || !variable[len]);
}

/* Apply merges by name: one that is there twice is an error of the whole Pod. */
static bool is_taken(const char *const *env, size_t i, size_t len)
{
	for (size_t k = 0; k < ARRAY_LEN(own_variables); k++)
		if (is_same_variable(own_variables[k], env[i], len))
			return true;
	for (size_t k = 0; k < i; k++)
		if (is_same_variable(env[k], env[i], len))
			return true;
	return false;
}

static int check_env(const char *const *env, struct err *err)
{
	for (size_t i = 0; env && env[i]; i++) {
		size_t len = strcspn(env[i], "=");

		if (i == KUBE_RUN_ENV_MAX || strlen(env[i]) > KUBE_RUN_ENV_BYTES)
			return err_set(err, -EINVAL, "env: at most %d variables of %d bytes",
				       KUBE_RUN_ENV_MAX, KUBE_RUN_ENV_BYTES);
		if (len == 0 || env[i][len] != '=')
			return err_set(err, -EINVAL, "env: '%.40s' is not K=V", env[i]);
		if (is_taken(env, i, len))
			return err_set(err, -EINVAL, "env: %.*s is set already", (int)len, env[i]);
	}
	return 0;
}

int kube_run_check(const struct kube_run *spec, struct err *err)
{
	if (!is_dns_label(spec->namespace) || !is_dns_label(spec->name))
		return err_set(
			err, -EINVAL,
			"%s/%s: a name is at most 63 of a-z, 0-9 and '-', a letter first and "
			"no '-' last",
			spec->namespace, spec->name);
	if (!is_label_value(spec->lease))
		return err_set(
			err, -EINVAL,
			"lease '%s': a label's value is 1 to 63 letters, digits, '-', '_' and "
			"'.', a letter or digit first and last",
			spec->lease);
	if (!spec->image[0])
		return err_set(err, -EINVAL, "no image to run it in; set workload.image");
	if (spec->code[0] != '/' || !is_inside(spec->code + 1))
		return err_set(err, -EINVAL, "code: '%s' is no absolute path", spec->code);
	if (!is_inside(spec->entry) || strlen(spec->entry) > KUBE_MAX_PATH)
		return err_set(err, -EINVAL, "entry: '%s' is no path within the package",
			       spec->entry);
	if (!spec->port)
		return err_set(err, -EINVAL, "port: want 1 to 65535");
	return check_env(spec->env, err);
}

/* ---- Parts ---------------------------------------------------------------------------------- */

static struct json *metadata(const struct kube_run *spec, enum kube_run_object what)
{
	struct json *j = json_new_object(), *labels = json_new_object();
	char name[2 * KUBE_MAX_LABEL + 2];

	snprintf(name, sizeof(name), "%s-%s", spec->namespace, spec->name);
	json_set_str(j, "name", objects[what].of_cluster ? name : spec->name);
	if (!objects[what].of_cluster)
		json_set_str(j, "namespace", spec->namespace);
	json_set_str(labels, "app.kubernetes.io/managed-by", KUBE_RUN_MANAGER);
	json_set_str(labels, "weir.dev/lease", spec->lease);
	json_set_str(labels, "weir.dev/workload", spec->name);
	json_set(j, "labels", labels);
	if (what == KUBE_RUN_POD) {
		struct json *annotations = json_new_object();

		json_set_str(annotations, "weir.dev/package", spec->package);
		json_set(j, "annotations", annotations);
	}
	return j;
}

static struct json *object_of(const char *key, const char *value)
{
	struct json *j = json_new_object();

	json_set_str(j, key, value);
	return j;
}

static struct json *list_of(struct json *only)
{
	struct json *j = json_new_array();

	json_add(j, only);
	return j;
}

/* 1Gi: both sides say the same, and nothing measures it. */
static struct json *storage(void)
{
	return object_of("storage", "1Gi");
}

static struct json *volume_spec(const struct kube_run *spec)
{
	struct json *j = json_new_object(), *path = json_new_object(), *claim = json_new_object();

	json_set(j, "capacity", storage());
	json_set(j, "accessModes", list_of(json_new_str("ReadOnlyMany")));
	json_set_str(j, "persistentVolumeReclaimPolicy", "Retain");
	json_set_str(j, "storageClassName", "");
	json_set_str(path, "path", spec->code);
	json_set_str(path, "type", "Directory");
	json_set(j, "hostPath", path);
	json_set_str(claim, "apiVersion", "v1");
	json_set_str(claim, "kind", "PersistentVolumeClaim");
	json_set_str(claim, "namespace", spec->namespace);
	json_set_str(claim, "name", spec->name);
	json_set(j, "claimRef", claim);
	return j;
}

static struct json *claim_spec(const struct kube_run *spec)
{
	struct json *j = json_new_object(), *resources = json_new_object();
	char volume[2 * KUBE_MAX_LABEL + 2];

	snprintf(volume, sizeof(volume), "%s-%s", spec->namespace, spec->name);
	json_set(j, "accessModes", list_of(json_new_str("ReadOnlyMany")));
	json_set(resources, "requests", storage());
	json_set(j, "resources", resources);
	json_set_str(j, "storageClassName", "");
	json_set_str(j, "volumeName", volume);
	return j;
}

static struct json *service_spec(const struct kube_run *spec)
{
	struct json *j = json_new_object(), *port = json_new_object();

	json_set_str(port, "name", "http");
	json_set_str(port, "protocol", "TCP");
	json_set_u64(port, "port", spec->port);
	json_set_u64(port, "targetPort", spec->port);
	json_set(j, "ports", list_of(port));
	json_set(j, "selector", object_of("weir.dev/workload", spec->name));
	return j;
}

/* ---- The Pod -------------------------------------------------------------------------------- */

/* The API server reads $(X) as X's value and $$ as $. */
static int escaped(const char *text, struct buf *out)
{
	for (; *text; text++) {
		if (*text == '$')
			buf_puts(out, "$");
		buf_append(out, text, 1);
	}
	return buf_error(out);
}

static int add_variable(struct json *list, const char *name, size_t len, const char *value)
{
	cleanup(buf_fini) struct buf key = BUF_INIT(ENV_BYTES), text = BUF_INIT(ENV_BYTES);
	struct json *one;

	if (buf_append(&key, name, len) || buf_puts(&text, "") || escaped(value, &text))
		return -E2BIG;
	one = object_of("name", key.data);
	json_set_str(one, "value", text.data ? text.data : "");
	return json_add(list, one);
}

static int environment(const struct kube_run *spec, struct json **ret)
{
	cleanup(json_free) struct json *list = json_new_array();
	char port[8];
	const char *const own[][2] = {
		{ "PORT", port },   { "HOST", "0.0.0.0" }, { "NODE_ENV", "production" },
		{ "HOME", "/tmp" }, { "TMPDIR", "/tmp" },
	};
	int r = list ? 0 : -ENOMEM;

	snprintf(port, sizeof(port), "%u", spec->port);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(own); i++)
		r = add_variable(list, own[i][0], strlen(own[i][0]), own[i][1]);
	for (size_t i = 0; r == 0 && spec->env && spec->env[i]; i++) {
		size_t len = strcspn(spec->env[i], "=");

		r = add_variable(list, spec->env[i], len, spec->env[i] + len + 1);
	}
	if (r == 0)
		*ret = take_ptr(list);
	return r;
}

/* What is limited is asked for in full: the lease is of this node, not of what is left on it. */
static struct json *resources(const struct kube_run *spec)
{
	struct json *j = json_new_object(), *amounts = json_new_object();
	char cpu[16], memory[24];

	snprintf(cpu, sizeof(cpu), "%" PRIu32 "m", spec->cpu_millis);
	snprintf(memory, sizeof(memory), "%" PRIu64, spec->memory_bytes);
	if (spec->cpu_millis)
		json_set_str(amounts, "cpu", cpu);
	if (spec->memory_bytes)
		json_set_str(amounts, "memory", memory);
	json_set(j, "requests", json_dup(amounts));
	json_set(j, "limits", amounts);
	return j;
}

static struct json *container_security(void)
{
	struct json *j = json_new_object(), *capabilities = json_new_object();

	json_set_bool(j, "allowPrivilegeEscalation", false);
	json_set_bool(j, "readOnlyRootFilesystem", true);
	json_set_bool(j, "runAsNonRoot", true);
	json_set(capabilities, "drop", list_of(json_new_str("ALL")));
	json_set(j, "capabilities", capabilities);
	json_set(j, "seccompProfile", object_of("type", "RuntimeDefault"));
	return j;
}

static struct json *pod_security(void)
{
	struct json *j = json_new_object();

	json_set_bool(j, "runAsNonRoot", true);
	json_set_u64(j, "runAsUser", KUBE_RUN_UID);
	json_set_u64(j, "runAsGroup", KUBE_RUN_UID);
	json_set(j, "seccompProfile", object_of("type", "RuntimeDefault"));
	return j;
}

/* As a workload without a kubelet is probed. */
static struct json *readiness(const struct kube_run *spec)
{
	struct json *j = json_new_object(), *ask = json_new_object();

	json_set_u64(ask, "port", spec->port);
	if (spec->probe_path)
		json_set_str(ask, "path", spec->probe_path);
	json_set(j, spec->probe_path ? "httpGet" : "tcpSocket", ask);
	json_set_u64(j, "periodSeconds", 5);
	json_set_u64(j, "timeoutSeconds", 1);
	json_set_u64(j, "failureThreshold", 3);
	return j;
}

static struct json *mounts(void)
{
	struct json *list = json_new_array(), *code = object_of("name", "code"),
		    *tmp = object_of("name", "tmp");

	json_set_str(code, "mountPath", "/app");
	json_set_bool(code, "readOnly", true);
	json_set_str(tmp, "mountPath", "/tmp");
	json_add(list, code);
	json_add(list, tmp);
	return list;
}

static struct json *volumes(const struct kube_run *spec)
{
	struct json *list = json_new_array(), *code = object_of("name", "code"),
		    *tmp = object_of("name", "tmp"), *claim = object_of("claimName", spec->name);

	json_set_bool(claim, "readOnly", true);
	json_set(code, "persistentVolumeClaim", claim);
	json_set(tmp, "emptyDir", object_of("sizeLimit", KUBE_RUN_TMP));
	json_add(list, code);
	json_add(list, tmp);
	return list;
}

static int command(const struct kube_run *spec, struct json *container)
{
	cleanup(buf_fini) struct buf entry = BUF_INIT(2 * KUBE_MAX_PATH + 8);
	struct json *j = json_new_array();

	buf_puts(&entry, "/app/");
	if (escaped(spec->entry, &entry)) {
		json_free(&j);
		return -E2BIG;
	}
	json_add_str(j, "node");
	json_add_str(j, entry.data);
	return json_set(container, "command", j);
}

static int container(const struct kube_run *spec, struct json **ret)
{
	cleanup(json_free) struct json *j = object_of("name", "app");
	struct json *port = json_new_object(), *env = NULL;
	int r = environment(spec, &env);

	json_set_str(j, "image", spec->image);
	json_set_str(port, "name", "http");
	json_set_str(port, "protocol", "TCP");
	json_set_u64(port, "containerPort", spec->port);
	json_set(j, "ports", list_of(port));
	json_set(j, "env", env);
	json_set(j, "resources", resources(spec));
	json_set(j, "securityContext", container_security());
	json_set(j, "volumeMounts", mounts());
	if (spec->probed)
		json_set(j, "readinessProbe", readiness(spec));
	if (r == 0)
		r = command(spec, j);
	if (r == 0)
		*ret = take_ptr(j);
	return r;
}

static struct json *pod_spec(const struct kube_run *spec)
{
	struct json *j = json_new_object(), *app = NULL;

	json_set_str(j, "nodeName", spec->node);
	json_set_bool(j, "automountServiceAccountToken", false);
	json_set_bool(j, "enableServiceLinks", false);
	json_set_str(j, "restartPolicy", "Always");
	json_set_u64(j, "terminationGracePeriodSeconds", 10);
	json_set(j, "securityContext", pod_security());
	container(spec, &app); /* without memory j remembers it */
	json_set(j, "containers", list_of(app));
	json_set(j, "volumes", volumes(spec));
	return j;
}

int kube_run_json(const struct kube_run *spec, enum kube_run_object what, struct json **ret,
		  struct err *err)
{
	static struct json *(*const specs[])(const struct kube_run *) = {
		[KUBE_RUN_VOLUME] = volume_spec,
		[KUBE_RUN_CLAIM] = claim_spec,
		[KUBE_RUN_SERVICE] = service_spec,
		[KUBE_RUN_POD] = pod_spec,
	};
	struct json *j;
	int r = kube_run_check(spec, err);

	if (r < 0)
		return r;
	j = object_of("apiVersion", "v1");
	json_set_str(j, "kind", objects[what].kind);
	json_set(j, "metadata", metadata(spec, what));
	json_set(j, "spec", specs[what](spec));
	*ret = j;
	return 0;
}
