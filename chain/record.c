/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/record.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/parse.h"

#define TIME_MS_MAX 253402300799999ULL /* 9999-12-31T23:59:59.999Z */

static const char domain[16] = "USAGE-RECORD-V1"; /* with its NUL */

static_assert(RECORD_PODS_MAX * RECORD_POD_LEN_MAX + 1024 < RECORD_LEN_MAX, "any record fits");

void record_fini(struct record *r)
{
	free(r->pods);
	*r = (struct record){};
}

/* ---- Rules ---------------------------------------------------------------------------------- */

int record_pod_cmp(const struct record_pod *a, const struct record_pod *b)
{
	int order = strcmp(a->boot_id, b->boot_id);

	if (order)
		return order;
	return (a->cgroup_id > b->cgroup_id) - (a->cgroup_id < b->cgroup_id);
}

static int check_text(const char *name, const char *text, size_t size, bool may_be_empty,
		      struct err *err)
{
	size_t len = strnlen(text, size);

	if (len == size)
		return err_set(err, -EINVAL, "%s: longer than %zu bytes", name, size - 1);
	if (!len && !may_be_empty)
		return err_set(err, -EINVAL, "%s: is empty", name);
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
			return err_set(err, -EINVAL, "%s: byte 0x%02x at %zu is not allowed", name,
				       (unsigned char)text[i], i);
	}
	return 0;
}

int record_pod_check(const struct record_pod *p, struct err *err)
{
	const struct usage *u = &p->use;
	int r;

	r = check_text("namespace", p->namespace, sizeof(p->namespace), false, err);
	if (!r)
		r = check_text("name", p->name, sizeof(p->name), false, err);
	if (!r)
		r = check_text("uid", p->uid, sizeof(p->uid), true, err);
	if (!r)
		r = check_text("boot_id", p->boot_id, sizeof(p->boot_id), false, err);
	if (r < 0)
		return r;
	if (u->memory_unmeasured > 1)
		return err_set(err, -EINVAL, "memory_unmeasured: %" PRIu64 ", want 0 or 1",
			       u->memory_unmeasured);
	if (u->memory_unmeasured && (u->memory_byte_ns || u->memory_peak_bytes))
		return err_set(err, -EINVAL, "memory_byte_ns: an amount of unmeasured memory");
	return 0;
}

static int check_pods(const struct record *r, struct err *err)
{
	if (r->npods > RECORD_PODS_MAX)
		return err_set(err, -EINVAL, "pods: %zu, want at most %d", r->npods,
			       RECORD_PODS_MAX);
	for (size_t i = 0; i < r->npods; i++) {
		if (record_pod_check(&r->pods[i], err) < 0) {
			err_wrap(err, "pods[%zu]", i);
			return -EINVAL;
		}
		if (i && record_pod_cmp(&r->pods[i - 1], &r->pods[i]) >= 0)
			return err_set(err, -EINVAL,
				       "pods[%zu].cgroup_id: not in ascending order of boot_id and "
				       "cgroup_id, or twice",
				       i);
	}
	return 0;
}

static int check_times(const struct record *r, struct err *err)
{
	if (r->to_ms > TIME_MS_MAX)
		return err_set(err, -EINVAL, "to: %" PRIu64 " ms is after the year 9999", r->to_ms);
	if (r->from_ms >= r->to_ms)
		return err_set(err, -EINVAL, "to: not after from");
	if (r->opened_ms > r->from_ms)
		return err_set(err, -EINVAL, "from: before the lease was opened");
	return 0;
}

int record_check(const struct record *r, struct err *err)
{
	static const uint8_t none[HASH_LEN];
	int e;

	e = check_text("label", r->label, sizeof(r->label), false, err);
	if (!e)
		e = check_text("node", r->node, sizeof(r->node), false, err);
	if (!e)
		e = check_times(r, err);
	if (e < 0)
		return e;
	if (!r->seq)
		return err_set(err, -EINVAL, "seq: 0, want 1 or more");
	if ((r->seq == 1) != (memcmp(r->prev, none, sizeof(none)) == 0))
		return err_set(err, -EINVAL, "previous: want zeros exactly for seq 1");
	return check_pods(r, err);
}

/* ---- Building ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return record_pod_cmp(a, b);
}

int record_sort(struct record *r, struct err *err)
{
	if (r->npods)
		qsort(r->pods, r->npods, sizeof(*r->pods), compare);
	for (size_t i = 1; i < r->npods; i++) {
		if (record_pod_cmp(&r->pods[i - 1], &r->pods[i]) == 0)
			return err_set(err, -EEXIST,
				       "pods %s/%s and %s/%s are both cgroup %" PRIu64,
				       r->pods[i - 1].namespace, r->pods[i - 1].name,
				       r->pods[i].namespace, r->pods[i].name, r->pods[i].cgroup_id);
	}
	return 0;
}

static int sum_pods(const struct record *r, const struct usage *before, struct usage *ret,
		    struct err *err)
{
	struct usage sum = {};

	if (before)
		sum = *before;
	for (size_t i = 0; i < r->npods; i++) {
		if (usage_add(&sum, &r->pods[i].use) < 0)
			return err_set(err, -EOVERFLOW, "pods[%zu]: the lease's totals overflow",
				       i);
	}
	*ret = sum;
	return 0;
}

int record_sum(struct record *r, const struct usage *before, struct err *err)
{
	return sum_pods(r, before, &r->totals, err);
}

int record_report(const struct record *r, const uint8_t market[OBJECT_ID_LEN], struct report *ret,
		  struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(RECORD_LEN_MAX);
	struct report report = { .seq = r->seq, .from_ms = r->from_ms, .to_ms = r->to_ms };
	int e;

	e = record_encode(r, &bytes, err);
	if (e < 0)
		return e;
	e = price_due(&r->prices, &r->totals, r->to_ms - r->opened_ms, &report.total_due, err);
	if (e < 0)
		return e;
	memcpy(report.market, market, sizeof(report.market));
	memcpy(report.lease, r->lease, sizeof(report.lease));
	blake2b256(bytes.data, bytes.len, report.usage_hash);
	*ret = report;
	return 0;
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

void record_pod_encode(const struct record_pod *p, struct buf *out)
{
	bcs_put_str(out, p->namespace);
	bcs_put_str(out, p->name);
	bcs_put_str(out, p->uid);
	bcs_put_str(out, p->boot_id);
	bcs_put_u64(out, p->cgroup_id);
	usage_encode(&p->use, out);
}

void record_pod_decode(struct bcs *in, struct record_pod *ret)
{
	bcs_get_str(in, ret->namespace, sizeof(ret->namespace));
	bcs_get_str(in, ret->name, sizeof(ret->name));
	bcs_get_str(in, ret->uid, sizeof(ret->uid));
	bcs_get_str(in, ret->boot_id, sizeof(ret->boot_id));
	ret->cgroup_id = bcs_get_u64(in);
	usage_decode(in, &ret->use);
}

int record_encode(const struct record *r, struct buf *out, struct err *err)
{
	int e = record_check(r, err);

	if (e < 0)
		return e;
	bcs_put_fixed(out, domain, sizeof(domain));
	bcs_put_fixed(out, r->prev, sizeof(r->prev));
	bcs_put_fixed(out, r->lease, sizeof(r->lease));
	bcs_put_str(out, r->label);
	bcs_put_str(out, r->node);
	bcs_put_u64(out, r->opened_ms);
	bcs_put_u64(out, r->seq);
	bcs_put_u64(out, r->from_ms);
	bcs_put_u64(out, r->to_ms);
	price_encode(&r->prices, out);
	bcs_put_uleb(out, (uint32_t)r->npods);
	for (size_t i = 0; i < r->npods; i++)
		record_pod_encode(&r->pods[i], out);
	usage_encode(&r->totals, out);
	if (buf_error(out))
		return err_errno(err, buf_error(out), "usage record of seq %" PRIu64, r->seq);
	return 0;
}

static int decode_pods(struct bcs *in, struct record *r)
{
	uint32_t n = bcs_get_uleb(in, RECORD_PODS_MAX);

	if (!n)
		return 0;
	r->pods = calloc(n, sizeof(*r->pods));
	if (!r->pods)
		return -ENOMEM;
	r->npods = n;
	for (uint32_t i = 0; i < n && !in->error; i++)
		record_pod_decode(in, &r->pods[i]);
	return 0;
}

static int decode(struct bcs *in, struct record *r)
{
	uint8_t magic[sizeof(domain)] = {};
	int e;

	bcs_copy_fixed(in, magic, sizeof(magic));
	if (memcmp(magic, domain, sizeof(domain)) != 0)
		return -EBADMSG;
	bcs_copy_fixed(in, r->prev, sizeof(r->prev));
	bcs_copy_fixed(in, r->lease, sizeof(r->lease));
	bcs_get_str(in, r->label, sizeof(r->label));
	bcs_get_str(in, r->node, sizeof(r->node));
	r->opened_ms = bcs_get_u64(in);
	r->seq = bcs_get_u64(in);
	r->from_ms = bcs_get_u64(in);
	r->to_ms = bcs_get_u64(in);
	price_decode(in, &r->prices);
	e = decode_pods(in, r);
	if (e < 0)
		return e;
	usage_decode(in, &r->totals);
	return bcs_end(in);
}

int record_decode(const void *data, size_t len, struct record *ret, struct err *err)
{
	cleanup(record_fini) struct record r = {};
	struct err why = {};
	struct bcs in;
	int e;

	if (len > RECORD_LEN_MAX)
		return err_set(err, -EBADMSG, "usage record: %zu bytes, want at most %u", len,
			       RECORD_LEN_MAX);
	bcs_init(&in, data, len);
	e = decode(&in, &r);
	if (e < 0)
		return err_set(err, e, "usage record: %s",
			       e == -ENOMEM ?
				       "out of memory" :
				       "not of the form; bytes are damaged or of another version");
	if (record_check(&r, &why) < 0)
		return err_set(err, -EBADMSG, "usage record: %s", why.text);
	*ret = r;
	r = (struct record){};
	return 0;
}

/* ---- Chain ---------------------------------------------------------------------------------- */

static int same_terms(const struct record *r, const struct record *before, struct err *err)
{
	const char *price = price_diff(&r->prices, &before->prices);
	const char *field = memcmp(r->lease, before->lease, sizeof(r->lease)) ? "lease" :
			    strcmp(r->label, before->label)		      ? "label" :
			    r->opened_ms != before->opened_ms		      ? "opened" :
										price;

	if (field)
		return err_set(err, -EBADMSG, "%s: differs from the receipt before", field);
	return 0;
}

static int continues(const struct record *r, const struct record *before,
		     const uint8_t before_report[REPORT_LEN], struct err *err)
{
	uint8_t hash[HASH_LEN];
	char text[2 * HASH_LEN + 1];

	if (r->seq - 1 != before->seq)
		return err_set(err, -EBADMSG, "seq: %" PRIu64 " follows %" PRIu64, r->seq,
			       before->seq);
	if (r->from_ms != before->to_ms)
		return err_set(err, -EBADMSG,
			       "from: %" PRIu64 " ms, but the window before ended at %" PRIu64,
			       r->from_ms, before->to_ms);
	report_hash(before_report, hash);
	if (memcmp(r->prev, hash, sizeof(hash)) != 0) {
		format_hex(hash, sizeof(hash), text);
		return err_set(err, -EBADMSG, "previous: the report before hashes to %s", text);
	}
	return same_terms(r, before, err);
}

int record_follows(const struct record *r, const struct record *before,
		   const uint8_t before_report[REPORT_LEN], struct err *err)
{
	struct usage sum;
	const char *field;

	if (before) {
		int e = continues(r, before, before_report, err);

		if (e < 0)
			return e;
	} else if (r->seq != 1) {
		return 0;
	}
	if (sum_pods(r, before ? &before->totals : NULL, &sum, NULL) < 0)
		return err_set(err, -EBADMSG, "totals: the sum of the pods overflows");
	field = usage_diff(&sum, &r->totals);
	if (field)
		return err_set(err, -EBADMSG,
			       "totals.%s: not the totals before plus this window's pods", field);
	return 0;
}
