/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"
#include "cli/members.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"

#include <errno.h>

static int key_path(struct cli *cli, const char **ret, struct err *err)
{
	const struct config *cfg;
	int rc;

	*ret = cli_arg(cli, 0);
	if (*ret)
		return 0;
	rc = cli_config(cli, &cfg, err);
	if (rc == 0)
		*ret = cfg->key.file;
	return rc;
}

static int describe(const struct key *key, const char *path, struct json **ret)
{
	struct json *o = json_new_object();

	if (!o)
		return -ENOMEM;
	json_set_str(o, "file", path);
	member_hex(o, "public_key", key_public(key), PUBKEY_LEN);
	*ret = o;
	return 0;
}

static int run_new(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(key_free) struct key *key = NULL;
	const char *path;
	int rc = key_path(cli, &path, err);

	if (rc < 0)
		return rc;
	rc = key_new(&key);
	if (rc < 0)
		return err_errno(err, rc, "making a key");
	rc = key_save(key, path, err);
	if (rc == -EEXIST)
		return err_set(
			err, rc,
			"%s is there already and a key is never overwritten; move it away or "
			"name another FILE",
			path);
	return rc < 0 ? rc : describe(key, path, ret);
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(key_free) struct key *key = NULL;
	const char *path;
	int rc = key_path(cli, &path, err);

	if (rc < 0)
		return rc;
	rc = key_load(path, &key, err);
	if (rc == -ENOENT)
		return err_set(err, rc, "no key at %s; 'weir key new' makes one", path);
	return rc < 0 ? rc : describe(key, path, ret);
}

static const struct view views[] = { { .path = "" }, {} };

static const struct cli_command commands[] = {
	{
		.name = "show",
		.args = "[FILE]",
		.help = "the public key that receipts of this node are verified with",
		.views = views,
		.run = run_show,
	},
	{
		.name = "new",
		.args = "[FILE]",
		.help = "make a new key pair (Ed25519); never overwrites one",
		.more = "FILE is key.file of the configuration unless given. It holds the secret: mode "
			"0600, keep a copy in a safe place.",
		.views = views,
		.run = run_new,
	},
	{},
};

const struct cli_object cli_object_key = {
	.name = "key",
	.summary = "the key that signs this node's receipts",
	.commands = commands,
};
