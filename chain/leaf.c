/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/leaf.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

static const char domain[16] = "NODE-LEAF-V1"; /* with four NULs */

static_assert(sizeof(domain) + 32 + 32 + 8 + 8 + RECORD_POD_LEN_MAX <= LEAF_LEN_MAX,
	      "any leaf fits");

void leaf_blind(struct leaf *l, const uint8_t secret[LEAF_SECRET_LEN])
{
	const uint64_t numbers[] = { htole64(l->from_ms), htole64(l->pod.cgroup_id) };
	const struct hash_part parts[] = {
		{ "weir-leaf-blind-v1", 18 },
		{ secret, LEAF_SECRET_LEN },
		{ numbers, sizeof(numbers) },
		{ l->pod.boot_id, strlen(l->pod.boot_id) },
	};

	blake2b256_parts(parts, ARRAY_LEN(parts), l->blind);
}

void leaf_encode(const struct leaf *l, struct buf *out)
{
	bcs_put_fixed(out, domain, sizeof(domain));
	bcs_put_fixed(out, l->blind, sizeof(l->blind));
	bcs_put_fixed(out, l->lease, sizeof(l->lease));
	bcs_put_u64(out, l->from_ms);
	bcs_put_u64(out, l->to_ms);
	record_pod_encode(&l->pod, out);
}

int leaf_decode(const void *data, size_t len, struct leaf *ret, struct err *err)
{
	uint8_t magic[sizeof(domain)] = {};
	struct err why = {};
	struct leaf l = {};
	struct bcs in;

	bcs_init(&in, data, len);
	bcs_copy_fixed(&in, magic, sizeof(magic));
	if (memcmp(magic, domain, sizeof(domain)) != 0)
		return err_set(err, -EBADMSG, "leaf: does not begin with \"%s\"", domain);
	bcs_copy_fixed(&in, l.blind, sizeof(l.blind));
	bcs_copy_fixed(&in, l.lease, sizeof(l.lease));
	l.from_ms = bcs_get_u64(&in);
	l.to_ms = bcs_get_u64(&in);
	record_pod_decode(&in, &l.pod);
	if (bcs_end(&in) < 0)
		return err_set(err, -EBADMSG, "leaf: not of the form; bytes are damaged");
	if (record_pod_check(&l.pod, &why) < 0)
		return err_set(err, -EBADMSG, "leaf: %s", why.text);
	if (l.from_ms >= l.to_ms)
		return err_set(err, -EBADMSG, "leaf: to: not after from");
	*ret = l;
	return 0;
}

int leaf_node(const struct leaf *l, struct totals_node *ret, struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(LEAF_LEN_MAX);
	struct totals_sums sums;

	if (totals_sums_of(&l->pod.use, &sums) < 0)
		return err_set(err, -EOVERFLOW, "leaf of %s/%s: its bytes are over 64 bits",
			       l->pod.namespace, l->pod.name);
	leaf_encode(l, &bytes);
	if (buf_error(&bytes))
		return err_errno(err, buf_error(&bytes), "leaf of %s/%s", l->pod.namespace,
				 l->pod.name);
	totals_leaf(&sums, bytes.data, bytes.len, ret);
	return 0;
}
