/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the saved table: the view of view.c, with the classes. */
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

int svc_save(const struct svc_table *t, const char *path, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(SVC_SAVED_MAX);
	cleanup(json_free) struct json *root = json_new_object();
	struct json *services;
	int r = -ENOMEM;

	if (!t->selected)
		return err_set(err, -EINVAL, "%s: the table to save is not selected", path);
	if (root)
		r = svc_view(t, &services);
	if (r)
		return err_errno(err, r, "saving Services to %s", path);
	json_set_u64(root, "version", SVC_SAVED_VERSION);
	json_set_str(root, "algorithm", t->maglev ? "maglev" : "random");
	json_set(root, "classes", classes_view(t));
	json_set(root, "services", services);
	r = json_print(root, false, &text);
	if (!r)
		r = buf_puts(&text, "\n");
	if (r)
		return err_errno(err, r, "saving %zu Services to %s", t->n_services, path);
	return file_write_atomic(path, text.data, text.len, 0644, err);
}
