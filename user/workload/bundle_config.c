/* SPDX-License-Identifier: Apache-2.0 */
/* config.json of the OCI runtime specification 1.0.2. */
#include "workload/bundle.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "workload/seccomp.h"

#define CONFIG_MAX (1u << 20)
#define CPU_PERIOD_US 100000u
#define CPU_QUOTA_MIN_US 1000u /* the kernel refuses less */

/* What is the same in each container, as OCI JSON. */
static const char capabilities[] =
	"{\"bounding\":[],\"effective\":[],\"inheritable\":[],\"permitted\":[],\"ambient\":[]}";
static const char user[] = "{\"uid\":65534,\"gid\":65534}";
static const char mounts[] =
	"[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"strictatime\",\"mode=755\",\"size=64k\",\"ro\"]},"
	"{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"nodev\",\"mode=1777\",\"size=64m\"]}]";
static const char devices[] = "[{\"allow\":false,\"access\":\"rwm\"}]";
/* As runc spec and moby have them. */
static const char masked[] =
	"[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\","
	"\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\"]";
static const char readonly[] = "[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
			       "\"/proc/sysrq-trigger\"]";

const char *const bundle_system_dirs[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL };

static const char *const namespaces[] = { "pid", "mount", "uts", "ipc", "cgroup" };
/* Of text in this file; NULL only without memory. */
static struct json *fixed(const char *text)
{
	struct json *j = NULL;

	return json_parse(text, strlen(text), CONFIG_MAX, "bundle.c", &j, NULL) < 0 ? NULL : j;
}

__attribute__((format(printf, 2, 3))) static int add_format(struct json *list, const char *fmt, ...)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(2 * PATH_MAX);
	cleanup(free_ptr) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);

	va_end(ap);
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return json_add_str(list, text);
}

static struct json *make_env(const struct bundle_spec *spec)
{
	cleanup(json_free) struct json *env = json_new_array();
	int failed = add_format(env, "PORT=%u", (unsigned int)spec->port);

	failed |= add_format(env, "HOST=%s", spec->host);
	failed |= json_add_str(env, "NODE_ENV=production");
	failed |= json_add_str(env, "HOME=/tmp");
	failed |= json_add_str(env, "TMPDIR=/tmp");
	failed |= json_add_str(env, "PATH=/usr/local/bin:/usr/bin:/bin");
	for (size_t i = 0; spec->env && spec->env[i]; i++)
		failed |= json_add_str(env, spec->env[i]);
	return failed ? NULL : take_ptr(env);
}

static int add_rlimit(struct json *list, const char *type, uint64_t value)
{
	cleanup(json_free) struct json *limit = json_new_object();
	int failed = json_set_str(limit, "type", type);

	failed |= json_set_u64(limit, "soft", value);
	failed |= json_set_u64(limit, "hard", value);
	return failed ? -ENOMEM : json_add(list, take_ptr(limit));
}

static struct json *make_process(const struct bundle_spec *spec, const char *node)
{
	cleanup(json_free) struct json *p = json_new_object();
	struct json *args = json_new_array(), *rlimits = json_new_array();
	int failed = json_add_str(args, "/" BUNDLE_INIT);

	failed |= json_add_str(args, spec->ready);
	failed |= json_add_str(args, node);
	failed |= add_format(args, "/app/%s", spec->entry);
	failed |= add_rlimit(rlimits, "RLIMIT_NOFILE", 8192);
	failed |= add_rlimit(rlimits, "RLIMIT_CORE", 0);
	failed |= json_set_bool(p, "terminal", false);
	failed |= json_set(p, "user", fixed(user));
	failed |= json_set(p, "args", args);
	failed |= json_set(p, "env", make_env(spec));
	failed |= json_set_str(p, "cwd", "/app");
	failed |= json_set(p, "capabilities", fixed(capabilities));
	failed |= json_set(p, "rlimits", rlimits);
	failed |= json_set_bool(p, "noNewPrivileges", true);
	return failed ? NULL : take_ptr(p);
}

static int add_bind(struct json *list, const char *source, const char *destination)
{
	cleanup(json_free) struct json *m = json_new_object();
	int failed = json_set_str(m, "destination", destination);

	failed |= json_set_str(m, "type", "none");
	failed |= json_set_str(m, "source", source);
	failed |= json_set(m, "options", fixed("[\"bind\",\"ro\",\"nosuid\",\"nodev\"]"));
	return failed ? -ENOMEM : json_add(list, take_ptr(m));
}

static struct json *make_mounts(const struct bundle_spec *spec)
{
	cleanup(json_free) struct json *list = fixed(mounts);
	int failed = add_bind(list, "/usr", "/usr");

	for (size_t i = 0; bundle_system_dirs[i]; i++) {
		char path[16];
		struct stat st;

		snprintf(path, sizeof(path), "/%s", bundle_system_dirs[i]);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			failed |= add_bind(list, path, path);
	}
	failed |= add_bind(list, spec->code, "/app");
	return failed ? NULL : take_ptr(list);
}

static int add_namespace(struct json *list, const char *type, const char *path)
{
	cleanup(json_free) struct json *ns = json_new_object();
	int failed = json_set_str(ns, "type", type);

	if (path)
		failed |= json_set_str(ns, "path", path);
	return failed ? -ENOMEM : json_add(list, take_ptr(ns));
}

static struct json *make_namespaces(const struct bundle_spec *spec)
{
	cleanup(json_free) struct json *list = json_new_array();
	int failed = add_namespace(list, "network", spec->netns);

	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		failed |= add_namespace(list, namespaces[i], NULL);
	return failed ? NULL : take_ptr(list);
}

static int set_pids(struct json *resources, uint64_t most)
{
	cleanup(json_free) struct json *pids = json_new_object();

	return json_set_u64(pids, "limit", most) < 0 ? -ENOMEM :
						       json_set(resources, "pids", take_ptr(pids));
}

/* Without a limit of its own, swap would hold what memory may not. OCI's "swap" is both together. */
static int set_memory(struct json *resources, uint64_t bytes)
{
	cleanup(json_free) struct json *memory = json_new_object();
	int failed = json_set_u64(memory, "limit", bytes);

	failed |= json_set_u64(memory, "swap", bytes);
	return failed ? -ENOMEM : json_set(resources, "memory", take_ptr(memory));
}

static int set_cpu(struct json *resources, uint32_t millis)
{
	cleanup(json_free) struct json *cpu = json_new_object();
	uint64_t quota = (uint64_t)millis * CPU_PERIOD_US / 1000;
	int failed = json_set_u64(cpu, "period", CPU_PERIOD_US);

	failed |= json_set_u64(cpu, "quota", quota < CPU_QUOTA_MIN_US ? CPU_QUOTA_MIN_US : quota);
	return failed ? -ENOMEM : json_set(resources, "cpu", take_ptr(cpu));
}

static struct json *make_resources(const struct workload_limits *limits)
{
	cleanup(json_free) struct json *r = json_new_object();
	int failed = json_set(r, "devices", fixed(devices));

	if (limits->memory_bytes)
		failed |= set_memory(r, limits->memory_bytes);
	if (limits->pids)
		failed |= set_pids(r, (uint64_t)limits->pids + 1); /* the init */
	if (limits->cpu_millis)
		failed |= set_cpu(r, limits->cpu_millis);
	return failed ? NULL : take_ptr(r);
}

static struct json *make_linux(const struct bundle_spec *spec)
{
	cleanup(json_free) struct json *l = json_new_object();
	int failed = json_set_str(l, "cgroupsPath", spec->cgroup);

	failed |= json_set(l, "namespaces", make_namespaces(spec));
	failed |= json_set(l, "resources", make_resources(&spec->limits));
	failed |= json_set(l, "seccomp", seccomp_profile());
	failed |= json_set(l, "maskedPaths", fixed(masked));
	failed |= json_set(l, "readonlyPaths", fixed(readonly));
	return failed ? NULL : take_ptr(l);
}

int bundle_config(const struct bundle_spec *spec, const char *node, struct json **ret,
		  struct err *err)
{
	cleanup(json_free) struct json *config = json_new_object();
	struct json *root = json_new_object();
	int failed = json_set_str(root, "path", "rootfs");

	failed |= json_set_bool(root, "readonly", true);
	failed |= json_set_str(config, "ociVersion", "1.0.2");
	failed |= json_set(config, "root", root);
	failed |= json_set(config, "process", make_process(spec, node));
	failed |= json_set_str(config, "hostname", spec->hostname);
	failed |= json_set(config, "mounts", make_mounts(spec));
	failed |= json_set(config, "linux", make_linux(spec));
	if (failed)
		return err_errno(err, -ENOMEM, "writing the container's configuration");
	*ret = take_ptr(config);
	return 0;
}
