/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "svc/svc.h"
#include "svc/view.h"

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(svc_table_free) struct svc_table *table = NULL;
	cleanup(json_free) struct json *list = NULL;
	const struct svc_service *service;
	struct json *o = NULL;
	const char *which;
	int rc = node_service_word(cli, &which, err);

	if (rc == 0)
		rc = node_services(cli, &table, err);
	if (rc < 0)
		return rc;
	if (!which)
		return svc_view(table, ret);
	rc = node_service(table, which, &service, err);
	if (rc == 0)
		rc = svc_view_service(service, &o);
	if (rc < 0)
		return rc;
	list = json_new_array();
	rc = json_add(list, o);
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
