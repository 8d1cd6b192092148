/* SPDX-License-Identifier: Apache-2.0 */
#include "takeover/takeover.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "takeover/kernel.h"
#include "takeover/names.h"
#include "takeover/takeover_int.h"

static const struct {
	int family;
	const char *name;
} families[] = { { AF_INET, "ip" }, { AF_INET6, "ip6" } };

int takeover_add(struct takeover *t, const struct takeover_item *item)
{
	struct json *o = json_new_object();

	json_set_str(o, "kind", item->kind);
	json_set_str(o, "family", item->family);
	json_set_str(o, "table", item->table);
	json_set_str(o, "what", item->what);
	json_set_str(o, "name", item->name);
	json_set_str(o, "action", item->action ? item->action : "delete");
	json_set_str(o, "kept_for", item->kept_for);
	json_set_bool(o, "done", !t->dry_run && !item->error);
	json_set_str(o, "error", item->error);
	t->errors += item->error != NULL;
	return json_add(t->list, o);
}

static int find_tables(void *ctx, const struct kernel_name *n)
{
	bool *found = ctx;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		if (n->family == families[i].family && !strcmp(n->name, NAMES_NFT_TABLE))
			found[i] = true;
	}
	return 0;
}

static int nftables_remove(struct takeover *t, struct err *err)
{
	bool found[ARRAY_LEN(families)] = {};
	int r = kernel_tables(find_tables, found, err);

	for (size_t i = 0; i < ARRAY_LEN(families) && r == 0; i++) {
		struct takeover_item item = {
			.kind = "nftables",
			.family = families[i].name,
			.what = "table",
			.name = NAMES_NFT_TABLE,
		};
		struct err why = {};

		if (!found[i])
			continue;
		if (!t->dry_run && kernel_table_delete(families[i].family, item.name, &why) < 0)
			item.error = why.text;
		r = takeover_add(t, &item);
	}
	return r;
}

static void list_free(struct takeover *t)
{
	json_free(&t->list);
}

int takeover_run(bool dry_run, struct json **ret, struct err *err)
{
	cleanup(list_free) struct takeover t = { .dry_run = dry_run, .list = json_new_array() };
	int r = nftables_remove(&t, err);

	if (r == 0)
		r = xtables_remove(&t, err);
	if (r == 0)
		r = ipvs_remove(&t, err);
	if (r == -ENOMEM)
		return err_errno(err, r, "removing kube-proxy's rules");
	if (r < 0)
		return r;
	*ret = take_ptr(t.list);
	return t.errors;
}
