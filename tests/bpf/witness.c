/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/witness.h"

#include <sys/mount.h>

#include "core/err.h"

static struct {
	struct dp *dp;
	char dir[64];
} witness;

void witness_open(struct bed *b)
{
	const char *parents[1] = { b->cgroup };
	struct dp_options opt = { .bpffs = witness.dir,
				  .cgroup = b->cgroup,
				  .meter_cgroup = b->cgroup };
	struct err err = {};

	snprintf(witness.dir, sizeof(witness.dir), "/tmp/weir-witness-XXXXXX");
	assert_non_null(mkdtemp(witness.dir));
	assert_int_equal(mount("bpf", witness.dir, "bpf", 0, NULL), 0);
	if (dp_open(&opt, &witness.dp, &err) < 0 ||
	    dp_parents_sync(witness.dp, parents, 1, &err) < 0)
		fail_msg("%s", err.text);
}

void witness_close(void)
{
	dp_close(&witness.dp);
	assert_int_equal(dp_detach(witness.dir, NULL), 0);
	assert_int_equal(umount2(witness.dir, 0), 0);
	assert_int_equal(rmdir(witness.dir), 0);
}

uint64_t witness_ns(const struct bed *b)
{
	const struct weir_sample *s;
	struct err err = {};
	char pods[300];
	uint64_t id;
	size_t n;

	bed_options(b, pods);
	id = bed_pod_id(pods);
	if (dp_walk(witness.dp, &s, &n, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < n; i++)
		if (s[i].cgroup_id == id)
			return s[i].pod.cpu_ns;
	fail_msg("the witness does not know the parent");
	return 0;
}
