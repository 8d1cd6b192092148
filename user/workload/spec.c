/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/spec.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "core/err.h"
#include "workload/workload.h"

#define MEMORY_MAX (1ull << 50) /* more would not travel as a JSON number */

/* RFC 1123: lower-case letters, digits and '-', which is not at an end. */
int spec_check_name(const char *name, struct err *err)
{
	size_t len = strnlen(name, WORKLOAD_NAME_MAX);
	bool ok = len > 0 && len < WORKLOAD_NAME_MAX && name[0] != '-' && name[len - 1] != '-';

	for (size_t i = 0; ok && i < len; i++)
		ok = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) ||
		     name[i] == '-';
	return ok ? 0 :
		    err_set(err, -EINVAL,
			    "workload name '%.64s' is not a DNS label; use up to 63 of a-z, 0-9 and '-'",
			    name);
}

/* Absolute, below the root, without "", "." and ".." in it. */
static int check_cgroup(const char *path, struct err *err)
{
	bool ok = path[0] == '/' && strnlen(path, WORKLOAD_PATH_MAX) < WORKLOAD_PATH_MAX;

	for (const char *at = path; ok && *at; at += strcspn(at, "/")) {
		size_t len = strcspn(++at, "/");

		ok = len > 0 && len <= NAME_MAX && !(len <= 2 && strncmp(at, "..", len) == 0);
	}
	return ok ? 0 :
		    err_set(err, -EINVAL,
			    "cgroup '%.64s' is not a path below the cgroup mount; give one as /weir/app",
			    path);
}

static int check_text(const char *what, const char *text, size_t size, struct err *err)
{
	if (!text || strnlen(text, size) < size)
		return 0;
	return err_set(err, -EINVAL, "%s '%.32s...' is longer than %zu bytes", what, text,
		       size - 1);
}

/* Printable, without blanks: it stands in a line of a request. */
int spec_check_ready(const char *ready, struct err *err)
{
	static const char http[] = "http:/";
	int r = check_text("ready", ready, WORKLOAD_READY_MAX, err);

	if (r < 0 || !ready || strcmp(ready, "tcp") == 0 || strcmp(ready, "none") == 0)
		return r;
	bool ok = strncmp(ready, http, strlen(http)) == 0;

	for (const char *at = ready; ok && *at; at++)
		ok = *at > ' ' && *at <= '~';
	return ok ? 0 :
		    err_set(err, -EINVAL,
			    "ready '%.64s' is none of tcp, none and http:/PATH in printable "
			    "characters",
			    ready);
}

int spec_check(const struct workload_spec *spec, struct err *err)
{
	int r = spec_check_name(spec->name, err);

	if (r == 0)
		r = check_cgroup(spec->cgroup, err);
	if (r == 0)
		r = check_text("netns", spec->netns, WORKLOAD_PATH_MAX, err);
	if (r == 0)
		r = check_text("host", spec->host, WORKLOAD_HOST_MAX, err);
	if (r == 0)
		r = check_text("lease", spec->lease, WORKLOAD_LEASE_MAX, err);
	if (r == 0)
		r = bundle_check_env(spec->env, err);
	if (r == 0)
		r = spec_check_ready(spec->ready, err);
	if (r == 0 && spec->limits.memory_bytes > MEMORY_MAX)
		r = err_set(err, -EINVAL, "a memory limit of %" PRIu64 " bytes is out of range",
			    spec->limits.memory_bytes);
	if (r == 0 && spec->port == 0)
		r = err_set(err, -EINVAL, "port 0 is out of range; use 1 to 65535");
	return r;
}
