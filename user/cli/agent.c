/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/config.h"
#include "cli/node.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/err.h"

/* The flags that the configuration's own table yields, so that there is no second list. */
static const struct cli_flag *run_flags(void)
{
	static char names[ARGS_FLAGS_MAX][OPTION_NAME_MAX];
	static struct cli_flag flags[ARGS_FLAGS_MAX + 1];
	struct option_set options = config_options(NULL);

	assert(options.n <= ARGS_FLAGS_MAX);
	for (size_t i = 0; i < options.n; i++)
		flags[i] = (struct cli_flag){ option_flag(&options.specs[i], names[i]) + 2, 0,
					      "VALUE", options.specs[i].help };
	return flags;
}

static void free_words(char ***words)
{
	for (char **w = *words; w && *w; w++)
		free(*w);
	free(*words);
}

static int run_run(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(free_words) char **words = calloc(ARGS_FLAGS_MAX + 1, sizeof(*words));
	const struct cli_flag *flags = run_flags();
	const struct config *cfg;
	size_t n = 0;
	int rc;

	(void)ret;
	if (!words)
		return -ENOMEM;
	for (size_t i = 0; flags[i].name; i++)
		if (cli->args.flag[i] &&
		    asprintf(&words[n++], "--%s=%s", flags[i].name, cli->args.flag[i]) < 0)
			return -ENOMEM;
	rc = cli_config_with(cli, n, words, &cfg, err);
	return rc < 0 ? rc : agent_run(cfg, err);
}

static int run_status(struct cli *cli, struct json **ret, struct err *err)
{
	return node_call(cli, "agent.status", NULL, ret, err);
}

static int run_reload(struct cli *cli, struct json **ret, struct err *err)
{
	return node_call(cli, "agent.reload", NULL, ret, err);
}

static int run_stop(struct cli *cli, struct json **ret, struct err *err)
{
	return node_call(cli, "agent.stop", NULL, ret, err);
}

static const struct view answer_views[] = { { .path = "" }, {} };

static const struct cli_command commands[] = {
	{
		.name = "status",
		.help = "how the running agent does",
		.views = answer_views,
		.run = run_status,
	},
	{
		.name = "run",
		.flags_of = run_flags,
		.help = "be the agent of this node, until SIGTERM or 'weir agent stop'",
		.more = "Flags go before variables (WEIR_*), and those before the file of -c. Services "
			"and counters stay in the kernel when the agent ends; 'weir datapath detach' "
			"takes them out.",
		.views = answer_views,
		.run = run_run,
	},
	{
		.name = "reload",
		.help = "read the manifests again now",
		.views = answer_views,
		.run = run_reload,
	},
	{
		.name = "stop",
		.help = "end the agent; the datapath and the counters go on",
		.views = answer_views,
		.run = run_stop,
	},
	{},
};

const struct cli_object cli_object_agent = {
	.name = "agent",
	.summary = "the program that runs on the node",
	.commands = commands,
};
