/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/takeover.h"

#include "cli/cli.h"
#include "takeover/takeover.h"

static const struct column columns[] = {
	{ "KIND", "kind", FORM_TEXT },	       { "FAMILY", "family", FORM_TEXT },
	{ "TABLE", "table", FORM_TEXT },       { "WHAT", "what", FORM_TEXT },
	{ "ACTION", "action", FORM_TEXT },     { "DONE", "done", FORM_TEXT },
	{ "KEPT FOR", "kept_for", FORM_TEXT }, { "NAME", "name", FORM_TEXT },
	{ "ERROR", "error", FORM_TEXT },       {},
};

const struct view takeover_views[] = {
	{ .path = "", .columns = columns, .empty = "nothing of kube-proxy's is on this node" },
	{},
};

int run_takeover(struct cli *cli, struct json **ret, struct err *err)
{
	int errors = takeover_run(cli_flag(cli, "dry-run"), ret, err);

	return errors > 0 ? 1 : errors;
}
