/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the saved table: the view of view.c, with the classes and nodes. */
#include <errno.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "dp/dp.h"
#include "svc/svc.h"
#include "svc/view.h"

static struct json *classes_view(const struct svc_table *t)
{
	struct json *arr = json_new_array();

	for (size_t i = 0; arr && i < t->n_classes; i++) {
		struct json *o = json_new_object();
		char text[CIDR_TEXT_MAX];

		if (o) {
			json_set_str(o, "prefix", cidr_format(&t->classes[i].prefix, text));
			json_set_str(o, "class", dp_class_name(t->classes[i].class));
			json_set_bool(o, "pod", t->classes[i].pod);
		}
		json_add(arr, o);
	}
	return arr;
}

static struct json *nodes_view(const struct svc_table *t)
{
	struct json *arr = json_new_array();

	for (size_t i = 0; arr && i < t->n_nodes; i++) {
		struct json *o = json_new_object();
		char text[ADDR_TEXT_MAX];

		if (o) {
			json_set_str(o, "name", t->nodes[i].name);
			json_set_str(o, "v4", addr_format(&t->nodes[i].v4, text));
			json_set_str(o, "v6", addr_format(&t->nodes[i].v6, text));
		}
		json_add(arr, o);
	}
	return arr;
}

/* The beginning, up to the Services. */
static int head_print(const struct svc_table *t, struct buf *out)
{
	cleanup(json_free) struct json *classes = classes_view(t), *nodes = nodes_view(t);
	int r = buf_printf(out,
			   "{\"version\":%d,\"algorithm\":\"%s\",\"classes\":", SVC_SAVED_VERSION,
			   t->maglev ? "maglev" : "random");

	if (!r)
		r = json_print(classes, false, out);
	if (!r)
		r = buf_puts(out, ",\"nodes\":");
	return r ? r : json_print(nodes, false, out);
}

#define PART (64u << 10) /* is written once there is so much */

/* One Service's tree at a time, since that of all is many times the text, and the text in parts. */
static int services_print(const struct svc_table *t, struct buf *out, int fd)
{
	int r = buf_puts(out, ",\"services\":[");

	for (size_t i = 0; !r && i < t->n_services; i++) {
		cleanup(json_free) struct json *service = NULL;

		r = svc_view_service(t->services[i], &service);
		if (!r && i)
			r = buf_puts(out, ",");
		if (!r)
			r = json_print(service, false, out);
		if (r || out->len < PART)
			continue;
		r = file_put(fd, out->data, out->len);
		buf_reset(out);
	}
	return r ? r : buf_puts(out, "]}\n");
}

struct saved {
	const struct svc_table *table;
};

static int print(int fd, void *arg)
{
	const struct svc_table *t = ((const struct saved *)arg)->table;
	cleanup(buf_fini) struct buf text = BUF_INIT(SVC_SAVED_MAX);
	int r = head_print(t, &text);

	if (!r)
		r = services_print(t, &text, fd);
	return r ? r : file_put(fd, text.data, text.len);
}

int svc_save(const struct svc_table *t, const char *path, struct err *err)
{
	if (!t->selected)
		return err_set(err, -EINVAL, "%s: the table to save is not selected", path);
	int r = file_write_atomic_by(path, print, &(struct saved){ t }, 0644, err);
	if (r)
		err_wrap(err, "saving %zu Services", t->n_services);
	return r;
}
