/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/receipt_json.h"

#include <errno.h>
#include <string.h>

#include "chain/receipt.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/field.h"
#include "core/json.h"

/* ---- Writing -------------------------------------------------------------------------------- */

struct json *receipt_lease_to_json(const struct receipts *rs)
{
	const struct record *terms = &rs->list[0].record;
	cleanup(json_free) struct json *obj = json_new_object();
	struct json *prices = json_new_object();

	if (!obj || !prices) {
		json_free(&prices);
		return NULL;
	}
	field_set_hex(obj, "id", terms->lease, sizeof(terms->lease));
	json_set_str(obj, "label", terms->label);
	field_set_hex(obj, "market", rs->market, sizeof(rs->market));
	field_set_hex(obj, "provider", rs->provider, sizeof(rs->provider));
	field_set_time(obj, "opened", terms->opened_ms);
	json_set_str(obj, "bytes_billed", RECEIPTS_BYTES);
	price_to_json(&terms->prices, prices);
	json_set(obj, "prices", prices);
	return take_ptr(obj);
}

static struct json *pod_to_json(const struct record_pod *p)
{
	struct json *obj = json_new_object();

	if (!obj)
		return NULL;
	json_set_str(obj, "namespace", p->namespace);
	json_set_str(obj, "name", p->name);
	json_set_str(obj, "uid", p->uid);
	json_set_str(obj, "boot_id", p->boot_id);
	json_set_u64_text(obj, "cgroup_id", p->cgroup_id);
	usage_to_json(&p->use, obj);
	return obj;
}

static struct json *pods_to_json(const struct record *r)
{
	struct json *pods = json_new_array();

	if (!pods)
		return NULL;
	for (size_t i = 0; i < r->npods; i++) {
		struct json *pod = pod_to_json(&r->pods[i]);

		if (!pod || json_add(pods, pod) < 0) {
			json_free(&pods);
			return NULL;
		}
	}
	return pods;
}

struct json *receipt_to_json(const struct receipt *rc)
{
	const struct record *r = &rc->record;
	cleanup(json_free) struct json *obj = json_new_object();
	cleanup(json_free) struct json *pods = pods_to_json(r);
	cleanup(json_free) struct json *totals = json_new_object();
	struct report report;

	if (!obj || !pods || !totals || report_decode(rc->report, REPORT_LEN, &report, NULL) < 0)
		return NULL;
	json_set_u64_text(obj, "seq", r->seq);
	json_set_str(obj, "node", r->node);
	field_set_time(obj, "from", r->from_ms);
	field_set_time(obj, "to", r->to_ms);
	field_set_hex(obj, "previous", r->prev, sizeof(r->prev));
	json_set(obj, "pods", take_ptr(pods));
	usage_to_json(&r->totals, totals);
	json_set(obj, "totals", take_ptr(totals));
	json_set_u64_text(obj, "total_due", report.total_due);
	field_set_hex(obj, "report", rc->report, sizeof(rc->report));
	field_set_hex(obj, "signature", rc->sig, sizeof(rc->sig));
	return take_ptr(obj);
}

/* ---- Reading -------------------------------------------------------------------------------- */

int receipt_lease_from_json(const struct json *obj, struct receipts *rs, struct record *ret_terms,
			    struct err *err)
{
	const struct json *prices;
	struct record terms = {};
	int r;

	r = field_hex(obj, "id", terms.lease, sizeof(terms.lease), err);
	if (!r)
		r = field_text(obj, "label", terms.label, sizeof(terms.label), err);
	if (!r)
		r = field_hex(obj, "market", rs->market, sizeof(rs->market), err);
	if (!r)
		r = field_hex(obj, "provider", rs->provider, sizeof(rs->provider), err);
	if (!r)
		r = field_time(obj, "opened", &terms.opened_ms, err);
	if (!r)
		r = field_object(obj, "prices", &prices, err);
	if (!r && price_from_json(prices, &terms.prices, err) < 0) {
		err_wrap(err, "prices");
		r = -EBADMSG;
	}
	if (!r)
		*ret_terms = terms;
	return r;
}

static int pod_from_json(const struct json *obj, struct record_pod *p, struct err *err)
{
	int r;

	r = field_text(obj, "namespace", p->namespace, sizeof(p->namespace), err);
	if (!r)
		r = field_text(obj, "name", p->name, sizeof(p->name), err);
	if (!r)
		r = field_text(obj, "uid", p->uid, sizeof(p->uid), err);
	if (!r)
		r = field_text(obj, "boot_id", p->boot_id, sizeof(p->boot_id), err);
	if (!r)
		r = field_u64(obj, "cgroup_id", &p->cgroup_id, err);
	if (!r)
		r = usage_from_json(obj, &p->use, err);
	return r;
}

static int pods_from_json(const struct json *pods, struct record *r, struct err *err)
{
	size_t n = json_len(pods);

	if (n > RECORD_PODS_MAX)
		return err_set(err, -E2BIG, "pods: %zu, want at most %d", n, RECORD_PODS_MAX);
	if (!n)
		return 0;
	r->pods = calloc(n, sizeof(*r->pods));
	if (!r->pods)
		return err_set(err, -ENOMEM, "out of memory for %zu pods", n);
	json_foreach(pod, pods) {
		int e = pod_from_json(pod, &r->pods[r->npods], err);

		if (e < 0) {
			err_wrap(err, "pods[%zu]", r->npods);
			return e;
		}
		r->npods++;
	}
	return 0;
}

static int record_from_json(const struct json *obj, struct record *r, struct err *err)
{
	const struct json *pods = NULL, *totals = NULL;
	int e;

	e = field_u64(obj, "seq", &r->seq, err);
	if (!e)
		e = field_text(obj, "node", r->node, sizeof(r->node), err);
	if (!e)
		e = field_time(obj, "from", &r->from_ms, err);
	if (!e)
		e = field_time(obj, "to", &r->to_ms, err);
	if (!e)
		e = field_hex(obj, "previous", r->prev, sizeof(r->prev), err);
	if (!e)
		e = field_array(obj, "pods", &pods, err);
	if (!e)
		e = pods_from_json(pods, r, err);
	if (!e)
		e = field_object(obj, "totals", &totals, err);
	if (!e && usage_from_json(totals, &r->totals, err) < 0) {
		err_wrap(err, "totals");
		e = -EBADMSG;
	}
	return e;
}

int receipt_from_json(const struct json *obj, const struct record *terms, struct receipt *rc,
		      struct err *err)
{
	struct record *r = &rc->record;
	struct report report;
	uint64_t total_due;
	int e;

	memcpy(r->lease, terms->lease, sizeof(r->lease));
	memcpy(r->label, terms->label, sizeof(r->label));
	r->opened_ms = terms->opened_ms;
	r->prices = terms->prices;
	e = record_from_json(obj, r, err);
	if (!e)
		e = field_u64(obj, "total_due", &total_due, err);
	if (!e)
		e = field_hex(obj, "report", rc->report, sizeof(rc->report), err);
	if (!e)
		e = report_decode(rc->report, sizeof(rc->report), &report, err);
	if (!e)
		e = field_hex(obj, "signature", rc->sig, sizeof(rc->sig), err);
	if (e)
		return e;
	if (report.total_due != total_due)
		return err_set(err, -EBADMSG,
			       "total_due: %" PRIu64 ", but the report says %" PRIu64, total_due,
			       report.total_due);
	return 0;
}
