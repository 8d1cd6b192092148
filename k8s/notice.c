/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/utf8.h"
#include "k8s/object.h"

int kube_notice_path(const struct kube_notice *e, struct buf *out)
{
	return buf_printf(out, "/api/v1/namespaces/%s/events", e->namespace);
}

/* As much as the API takes, whole characters only. */
static void cut(const char *text, char ret[KUBE_NOTICE_MESSAGE_MAX + 1])
{
	size_t at = 0, len;
	uint32_t code;

	while (text[at] && (len = utf8_next(text + at, &code)) > 0 &&
	       at + len <= KUBE_NOTICE_MESSAGE_MAX)
		at += len;
	memcpy(ret, text, at);
	ret[at] = '\0';
}

static struct json *about(const struct kube_notice *e)
{
	struct json *j = json_new_object();

	json_set_str(j, "apiVersion", "v1");
	json_set_str(j, "kind", e->kind);
	json_set_str(j, "namespace", e->namespace);
	json_set_str(j, "name", e->name);
	json_set_str(j, "uid", e->uid);
	return j;
}

struct json *kube_notice_json(const struct kube_notice *e)
{
	struct json *j = json_new_object(), *meta = json_new_object(), *source = json_new_object();
	char name[KUBE_MAX_NAME + 1], message[KUBE_NOTICE_MESSAGE_MAX + 1], at[TIME_TEXT_MAX];

	/* a name of at most 253 characters, the object's first */
	snprintf(name, sizeof(name), "%.*s.%016" PRIx64, KUBE_MAX_NAME - 17, e->name, e->id);
	cut(e->message, message);
	time_format(e->at_ms / 1000 * 1000, at); /* metav1.Time has no fractions */
	json_set_str(j, "apiVersion", "v1");
	json_set_str(j, "kind", "Event");
	json_set_str(meta, "name", name);
	json_set_str(meta, "namespace", e->namespace);
	json_set(j, "metadata", meta);
	json_set(j, "involvedObject", about(e));
	json_set_str(j, "reason", e->reason);
	json_set_str(j, "message", message);
	json_set_str(j, "type", e->warning ? "Warning" : "Normal");
	json_set_str(source, "component", "weir");
	json_set_str(source, "host", e->node);
	json_set(j, "source", source);
	json_set_str(j, "firstTimestamp", at);
	json_set_str(j, "lastTimestamp", at);
	json_set_u64(j, "count", 1);
	json_set_str(j, "reportingComponent", "weir");
	json_set_str(j, "reportingInstance", e->node);
	return j;
}
