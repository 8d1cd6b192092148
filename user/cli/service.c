/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "svc/svc.h"
#include "svc/view.h"

/* -ENOENT with a text when there is no such Service. */
static int show_one(const struct svc_table *t, const char *which, struct json *list,
		    struct err *err)
{
	const char *slash = strchr(which, '/');

	for (size_t i = 0; slash && i < t->n_services; i++) {
		const struct svc_service *s = t->services[i];
		struct json *o;
		int rc;

		if (strncmp(s->ns, which, (size_t)(slash - which)) != 0 ||
		    s->ns[slash - which] != '\0' || strcmp(s->name, slash + 1) != 0)
			continue;
		rc = svc_view_service(s, &o);
		return rc < 0 ? rc : json_add(list, o);
	}
	return err_set(err, -ENOENT, "no Service %s here; 'weir service show' lists all", which);
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(svc_table_free) struct svc_table *table = NULL;
	cleanup(json_free) struct json *list = NULL;
	const char *which = cli_arg(cli, 0);
	int rc;

	if (which && !strchr(which, '/'))
		return cli_usage(cli, err, "'%.80s' is not NS/NAME; try default/%.80s", which,
				 which);
	rc = node_services(cli, &table, err);
	if (rc < 0)
		return rc;
	if (!which)
		return svc_view(table, ret);
	list = json_new_array();
	if (!list)
		return -ENOMEM;
	rc = show_one(table, which, list, err);
	if (rc == 0)
		*ret = take_ptr(list);
	return rc;
}

static const struct column columns[] = {
	{ "NAMESPACE", "^namespace", FORM_TEXT },
	{ "NAME", "^name", FORM_TEXT },
	{ "TYPE", "^type", FORM_TEXT },
	{ "VIP", "vip", FORM_TEXT },
	{ "PORT", "port", FORM_NUMBER },
	{ "PROTOCOL", "protocol", FORM_TEXT },
	{ "RESULT", "result", FORM_TEXT },
	{ "AFFINITY", "^sessionAffinity", FORM_TEXT },
	{ "POLICY", "^internalTrafficPolicy", FORM_TEXT },
	{ "BACKEND", "backends.address", FORM_TEXT },
	{ "PORT", "backends.port", FORM_NUMBER },
	{ "STATE", "backends.state", FORM_TEXT },
	{ "CHOSEN", "backends.chosen", FORM_TEXT },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "show",
		.args = "[NS/NAME]",
		.help = "the Services this node serves, their addresses, endpoints and policies",
		.more = "Shows what the agent last made of the Kubernetes objects. A backend that is "
			"chosen gets new connections. What the kernel has is shown by 'weir backend "
			"show' and compared by 'weir datapath check'.",
		.views = (const struct view[]){ { .path = "", .rows = "ports", .columns = columns },
						{} },
		.run = run_show,
	},
	{},
};

const struct cli_object cli_object_service = {
	.name = "service",
	.summary = "Services as this node serves them",
	.commands = commands,
};
