/* SPDX-License-Identifier: Apache-2.0 */
/* The second opinion on pods' bytes: what went by the host's ends of their interfaces. */
#include <bpf/bpf.h>
#include <errno.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "dp/dp_int.h"

int dp_veth_begin(struct dp *dp, uint32_t ifindex, struct err *err)
{
	cleanup(free_ptr) struct weir_veth *cpus = calloc(dp->ctl->ncpu, sizeof(*cpus));
	int r = cpus ? bpf_map_update_elem(dp->map[DP_VETH], &ifindex, cpus, BPF_NOEXIST) : -ENOMEM;

	return r < 0 && r != -EEXIST ? err_errno(err, r, "writing weir_veth") : 0;
}

int dp_veth_read(const struct dp *dp, uint32_t ifindex, struct weir_veth *ret, struct err *err)
{
	cleanup(free_ptr) struct weir_veth *cpus = calloc(dp->ctl->ncpu, sizeof(*cpus));
	struct weir_veth sum = {};
	bool several = false;
	int r = cpus ? bpf_map_lookup_elem(dp->map[DP_VETH], &ifindex, cpus) : -ENOMEM;

	if (r < 0)
		return err_errno(err, r, "reading weir_veth");
	for (uint32_t i = 0; i < dp->ctl->ncpu; i++) {
		several |= sum.pod && cpus[i].pod && cpus[i].pod != sum.pod;
		sum.pod = cpus[i].pod ? cpus[i].pod : sum.pod;
		sum.rx.bytes += cpus[i].rx.bytes;
		sum.rx.packets += cpus[i].rx.packets;
		sum.tx.bytes += cpus[i].tx.bytes;
		sum.tx.packets += cpus[i].tx.packets;
	}
	if (several) /* what each of them sent can't be told apart */
		sum.pod = 0;
	*ret = sum;
	return 0;
}

static int by_pod(const void *left, const void *right)
{
	const struct weir_veth *a = left, *b = right;

	return (a->pod > b->pod) - (a->pod < b->pod);
}

int dp_veths(struct dp *dp, struct weir_veth **ret, size_t *ret_n, struct err *err)
{
	cleanup(buf_fini) struct buf all = BUF_INIT(WEIR_MAX_VETHS * sizeof(struct weir_veth));
	uint32_t key, last, *from = NULL;
	size_t n;

	/* in steps, since a key that goes meanwhile makes the kernel begin again */
	for (int i = 0; i < WEIR_MAX_VETHS; i++, from = &last) {
		struct weir_veth veth;

		if (bpf_map_get_next_key(dp->map[DP_VETH], from, &key) < 0)
			break;
		if (!dp_veth_read(dp, key, &veth, NULL) && veth.pod)
			buf_append(&all, &veth, sizeof(veth)); /* which remembers a failure */
		last = key;
	}
	n = all.len / sizeof(struct weir_veth);
	if (n)
		qsort(all.data, n, sizeof(struct weir_veth), by_pod);
	*ret = (struct weir_veth *)(void *)buf_take(&all);
	*ret_n = n;
	return *ret ? 0 : err_errno(err, -ENOMEM, "reading weir_veth");
}
