/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/engines.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/child.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "workload/package.h"
#include "workload/semver.h"

#define VERSION_MAX 64
#define NODE_TIMEOUT_MS 10000

static int node_version(char ret[VERSION_MAX], struct err *err)
{
	static const char *const argv[] = { "node", "--version", NULL };
	cleanup(buf_fini) struct buf out = BUF_INIT(VERSION_MAX);
	const struct child c = {
		.argv = argv, .output_fd = -1, .output = &out, .timeout_ms = NODE_TIMEOUT_MS
	};
	int status = 0, r = child_run(&c, &status, err);

	if (r < 0)
		return r;
	if (status != 0 || out.len == 0)
		return err_set(err, -EIO, "node --version ended with %d", status);
	snprintf(ret, VERSION_MAX, "%.*s", (int)strcspn(out.data, "\n"), out.data);
	return 0;
}

int engines_check(const struct package *p, struct err *err)
{
	char version[VERSION_MAX];
	bool fits = false;
	int r = p->engines_node[0] ? node_version(version, err) : 0;

	if (r < 0 || !p->engines_node[0])
		return r;
	if (semver_satisfies(version, p->engines_node, &fits) < 0)
		return err_set(err, -EBADMSG,
			       "package.json: engines.node '%s' is no range of versions such as "
			       ">=18",
			       p->engines_node);
	return fits ? 0 :
		      err_set(err, -ENOTSUP,
			      "it wants node %s (engines.node in its package.json), and this "
			      "node's is %s",
			      p->engines_node, version);
}
