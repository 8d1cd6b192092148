/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "agent/config.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "dp/dp.h"

static void add(struct json *list, const char *name, bool have, const char *why, const char *note)
{
	struct json *o = json_new_object();

	json_set_str(o, "feature", name);
	json_set_bool(o, "have", have);
	json_set_str(o, "needed_for", why);
	json_set_str(o, "note", note[0] ? note : NULL);
	json_add(list, o);
}

/* Not the kernel's choice but the machine's: the controller may be on cgroup v1. */
static int add_memory(struct cli *cli, struct json *list, struct err *err)
{
	const struct config *cfg;
	char why[256] = "";
	bool have;
	int rc = cli_config(cli, &cfg, err);

	if (rc < 0)
		return rc;
	have = dp_memory_measured(cfg->paths.cgroup, why, sizeof(why));
	add(list, "memory_controller", have, "measure the memory of pods", have ? "" : why);
	return 0;
}

static int run_probe(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(free_ptr) struct dp_feature *features = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	size_t n;
	int rc;

	if (!list)
		return -ENOMEM;
	rc = dp_probe(&features, &n, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		add(list, features[i].name, features[i].have, features[i].why, features[i].note);
	rc = add_memory(cli, list, err);
	if (rc == 0)
		*ret = take_ptr(list);
	return rc;
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
