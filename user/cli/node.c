/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "agent/ctl.h"
#include "cli/cli.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "dp/dp.h"
#include "ledger/ledger.h"
#include "svc/svc.h"
#include "svc/view.h"

#define LEDGER_NAME "ledger.db" /* in the state directory */
#define CALL_TIMEOUT_MS 120000 /* a workload's package may be large, and its start slow */

int node_dp(struct cli *cli, struct dp **ret, struct err *err)
{
	const struct config *cfg;
	int rc = cli_config(cli, &cfg, err);

	if (rc < 0)
		return rc;
	return dp_open_pinned(cfg->paths.bpffs, ret, err);
}

int node_state(struct cli *cli, const char *name, char ret[NODE_PATH_MAX], struct err *err)
{
	const struct config *cfg;
	int n, rc = cli_config(cli, &cfg, err);

	if (rc < 0)
		return rc;
	n = snprintf(ret, NODE_PATH_MAX, "%s%s%s", cfg->paths.state, name ? "/" : "",
		     name ? name : "");
	if (n < 0 || n >= NODE_PATH_MAX)
		return err_set(err, -ENAMETOOLONG, "paths.state is too long");
	return 0;
}

int node_services(struct cli *cli, struct svc_table **ret, struct err *err)
{
	char path[NODE_PATH_MAX];
	int rc = node_state(cli, SVC_SAVED_NAME, path, err);

	if (rc < 0)
		return rc;
	rc = svc_load(path, ret, err);
	if (rc == -ENOENT)
		return err_set(
			err, rc,
			"no table of Services at %s; an agent writes it: 'weir agent run', or "
			"name the right paths.state with -c",
			path);
	return rc;
}

int node_service_word(struct cli *cli, const char **ret, struct err *err)
{
	const char *which = cli_arg(cli, 0);

	if (which && !strchr(which, '/'))
		return cli_usage(cli, err, "'%.80s' is not NS/NAME; try default/%.80s", which,
				 which);
	*ret = which;
	return 0;
}

int node_service(const struct svc_table *t, const char *which, const struct svc_service **ret,
		 struct err *err)
{
	size_t len = strcspn(which, "/");

	for (size_t i = 0; i < t->n_services; i++) {
		const struct svc_service *s = t->services[i];

		if (strncmp(s->ns, which, len) != 0 || s->ns[len] != '\0' || which[len] != '/' ||
		    strcmp(s->name, which + len + 1) != 0)
			continue;
		*ret = s;
		return 0;
	}
	return err_set(err, -ENOENT, "no Service %s here; 'weir service show' lists all", which);
}

int node_ledger(struct cli *cli, struct ledger **ret, struct err *err)
{
	char path[NODE_PATH_MAX];
	int rc = node_state(cli, LEDGER_NAME, path, err);

	if (rc < 0)
		return rc;
	rc = ledger_open_ro(path, ret, err);
	if (rc == -ENOENT)
		return err_set(err, rc,
			       "no ledger at %s; an agent makes it: 'weir agent run', or name the "
			       "right paths.state with -c",
			       path);
	return rc;
}

int node_ledger_list(struct cli *cli, node_fill_fn *fill, struct json **ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	cleanup(json_free) struct json *list = json_new_array();
	int rc;

	if (!list)
		return -ENOMEM;
	rc = node_ledger(cli, &ledger, err);
	if (rc == 0)
		rc = fill(cli, ledger, list, err);
	if (rc == 0)
		*ret = take_ptr(list);
	return rc;
}

int node_call(struct cli *cli, const char *command, struct json *args, struct json **ret,
	      struct err *err)
{
	cleanup(json_free) struct json *owned = args;
	const struct config *cfg;
	int rc = cli_config(cli, &cfg, err);

	if (rc < 0)
		return rc;
	return ctl_call(cfg->paths.run, command, owned, CALL_TIMEOUT_MS, ret, err);
}
