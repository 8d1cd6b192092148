/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "dp/dp.h"

static int run_probe(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(free_ptr) struct dp_feature *features = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	size_t n;
	int rc;

	(void)cli;
	if (!list)
		return -ENOMEM;
	rc = dp_probe(&features, &n, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		struct json *o = json_new_object();

		json_set_str(o, "feature", features[i].name);
		json_set_bool(o, "have", features[i].have);
		json_set_str(o, "needed_for", features[i].why);
		json_set_str(o, "note", features[i].note[0] ? features[i].note : NULL);
		json_add(list, o);
	}
	*ret = take_ptr(list);
	return 0;
}

static const struct column columns[] = {
	{ "FEATURE", "feature", FORM_TEXT },
	{ "HAVE", "have", FORM_TEXT },
	{ "NEEDED FOR", "needed_for", FORM_TEXT },
	{ "NOTE", "note", FORM_TEXT },
	{},
};

static const struct cli_command commands[] = {
	{
		.name = "probe",
		.help = "what this kernel offers, found by trying; what is missing and what then "
			"degrades",
		.views = (const struct view[]){ { .path = "", .columns = columns }, {} },
		.run = run_probe,
	},
	{},
};

const struct cli_object cli_object_feature = {
	.name = "feature",
	.summary = "what this machine can do",
	.commands = commands,
};
