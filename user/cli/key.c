/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"
#include "chain/address.h"
#include "chain/suikey.h"
#include "cli/members.h"
#include "cli/objects.h"
#include "cli/out.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The file named by argument number i, or the configuration's. */
static int key_path(struct cli *cli, size_t i, const char **ret, struct err *err)
{
	const struct config *cfg;
	int rc;

	*ret = cli_arg(cli, i);
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
	uint8_t id[OBJECT_ID_LEN];
	char address[ADDRESS_SIZE];

	if (!o)
		return -ENOMEM;
	address_of_key(key_public(key), id);
	address_format(id, address);
	json_set_str(o, "file", path);
	member_hex(o, "public_key", key_public(key), PUBKEY_LEN);
	json_set_str(o, "sui_address", address);
	*ret = o;
	return 0;
}

static int save(const struct key *key, const char *path, struct err *err)
{
	int rc = key_save(key, path, err);

	if (rc != -EEXIST)
		return rc;
	return err_set(err, rc,
		       "%s is there already and a key is never overwritten; move it away or name "
		       "another FILE",
		       path);
}

static int run_new(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(key_free) struct key *key = NULL;
	const char *path;
	int rc = key_path(cli, 0, &path, err);

	if (rc < 0)
		return rc;
	rc = key_new(&key);
	if (rc < 0)
		return err_errno(err, rc, "making a key");
	rc = save(key, path, err);
	return rc < 0 ? rc : describe(key, path, ret);
}

/* What a wallet exported; read into this one place, wiped when it leaves its scope. */
struct wallet_text {
	char text[1024];
};

static void wallet_text_fini(struct wallet_text *t)
{
	wipe(t, sizeof(*t));
}

/* The first line of a file, or of standard input. */
static int read_wallet(const char *path, struct wallet_text *ret, struct err *err)
{
	cleanup(close_fd) int opened = -1;
	size_t len = 0;
	ssize_t n = 1;

	if (strcmp(path, "-") != 0) {
		opened = open(path, O_RDONLY | O_CLOEXEC);
		if (opened < 0)
			return err_errno(err, -errno, "%s: cannot open", path);
	}
	while (n != 0 && len < sizeof(ret->text) - 1) {
		n = read(opened < 0 ? STDIN_FILENO : opened, ret->text + len,
			 sizeof(ret->text) - 1 - len);
		if (n < 0 && errno != EINTR)
			return err_errno(err, -errno, "%s: cannot read", path);
		len += n > 0 ? (size_t)n : 0;
	}
	ret->text[len] = '\0';
	ret->text[strcspn(ret->text, "\r\n")] = '\0';
	return 0;
}

static int run_import(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(wallet_text_fini) struct wallet_text wallet = {};
	cleanup(key_free) struct key *key = NULL;
	const char *path;
	int rc = key_path(cli, 1, &path, err);

	if (rc == 0)
		rc = read_wallet(cli_arg(cli, 0), &wallet, err);
	if (rc < 0)
		return rc;
	rc = suikey_parse(wallet.text, &key, err);
	if (rc < 0)
		return err_wrap(err, "%s", cli_arg(cli, 0));
	rc = save(key, path, err);
	return rc < 0 ? rc : describe(key, path, ret);
}

static int run_show(struct cli *cli, struct json **ret, struct err *err)
{
	cleanup(key_free) struct key *key = NULL;
	const char *path;
	int rc = key_path(cli, 0, &path, err);

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
	{
		.name = "import",
		.args = "SOURCE [FILE]",
		.help = "take over the key that a Sui wallet exported; never overwrites one",
		.more = "SOURCE holds the text suiprivkey1... (Ed25519); - is standard input, so that "
			"the secret stands in no command line. FILE as for new.",
		.views = views,
		.run = run_import,
	},
	{},
};

const struct cli_object cli_object_key = {
	.name = "key",
	.summary = "the key that signs this node's receipts",
	.commands = commands,
};
