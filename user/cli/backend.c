/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "cli/members.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "dp/dp.h"

struct row {
	struct dp_backend backend; /* first: rows are sorted and found by their id */
	uint32_t frontends;
};

static int by_id(const void *a, const void *b)
{
	uint32_t x = ((const struct row *)a)->backend.id, y = ((const struct row *)b)->backend.id;

	return (x > y) - (x < y);
}

/* Each frontend sends to the backends that its slots name. A value from the kernel is checked: it
 * may be newer than what was read before. */
static void count_frontends(struct row *rows, size_t n, const struct dp_frontend *f,
			    const struct weir_slot *slots)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < f->svc.count && f->svc.first < WEIR_MAX_SLOTS - i; i++) {
		struct row key = { .backend.id = slots[f->svc.first + i].backend };
		struct row *row = bsearch(&key, rows, n, sizeof(*rows), by_id);

		if (row && !(i > 0 && key.backend.id == last))
			row->frontends++;
		last = key.backend.id;
	}
}

static struct json *row_json(const struct row *row)
{
	const struct weir_backend *be = &row->backend.be;
	struct json *o = json_new_object();

	json_set_u64(o, "id", row->backend.id);
	member_address(o, "address", &be->addr);
	json_set_u64(o, "port", ntohs(be->port));
	member_protocol(o, "protocol", be->proto);
	json_set_bool(o, "serving", !be->gone);
	json_set_u64(o, "frontends", row->frontends);
	return o;
}

static int read_rows(struct dp *dp, struct row **ret, size_t *ret_n, struct err *err)
{
	cleanup(free_ptr) struct dp_frontend *frontends = NULL;
	cleanup(free_ptr) struct dp_backend *backends = NULL;
	cleanup(free_ptr) struct row *rows = NULL;
	size_t n_frontends, n;
	int rc;

	rc = dp_frontends(dp, &frontends, &n_frontends, err);
	if (rc == 0)
		rc = dp_backends(dp, &backends, &n, err);
	if (rc != 0)
		return rc;
	rows = calloc(n + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		rows[i].backend = backends[i];
	qsort(rows, n, sizeof(*rows), by_id);
	for (size_t i = 0; i < n_frontends; i++)
		count_frontends(rows, n, &frontends[i], dp_slots(dp));
	*ret = take_ptr(rows);
	*ret_n = n;
	return 0;
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(dp_close) struct dp *dp = NULL;
	cleanup(free_ptr) struct row *rows = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	size_t n = 0;
	int rc;

	if (!list)
		return -ENOMEM;
	rc = node_dp(cli, &dp, err);
	if (rc == 0)
		rc = read_rows(dp, &rows, &n, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		json_add(list, row_json(&rows[i]));
	*ret = take_ptr(list);
	return 0;
}

static const struct column columns[] = {
	{ "ID", "id", FORM_NUMBER },
	{ "ADDRESS", "address", FORM_TEXT },
	{ "PORT", "port", FORM_NUMBER },
	{ "PROTOCOL", "protocol", FORM_TEXT },
	{ "SERVING", "serving", FORM_TEXT },
	{ "FRONTENDS", "frontends", FORM_NUMBER },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.help = "the backends in the kernel, and how many frontends send to each",
		.more = "A backend without frontends gets no new connections. One that serves no more "
			"keeps the TCP connections it has ('weir flow show'), and rests until its id may "
			"be given away again.",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_show,
	},
	{},
};

const struct cli_object cli_object_backend = {
	.name = "backend",
	.summary = "backends as the kernel has them",
	.commands = commands,
};
