/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/walrus.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/number.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"
#include "walrus/blobid.h"
#include "walrus/blobname.h"

const struct cli_flag walrus_verify_flags[] = {
	{ "shards", 0, "N", "shards of the Walrus committee; 1000 unless given" },
	{},
};

static int open_file(const char *path, int *ret_fd, struct err *err)
{
	/* O_NONBLOCK: a FIFO in its place must not hang us; it is refused later. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_errno(err, -errno, "opening %s", path);
	*ret_fd = fd;
	return 0;
}

int walrus_shards(struct cli *cli, uint32_t *ret, struct err *err)
{
	static const struct number_range n = { NUMBER_COUNT, BLOBID_SHARDS_MIN, BLOBID_SHARDS_MAX };
	uint64_t shards = *ret;
	int rc = number_flag(cli, "shards", &n, &shards, err);

	if (rc == 0)
		*ret = (uint32_t)shards;
	return rc;
}

/* What FILE is, beside what it should be. */
static int describe(const struct blobid *found, const char *wanted, bool matches, struct json **ret)
{
	char id[BLOBNAME_MAX], decimal[BLOBNAME_DECIMAL_MAX], root[2 * HASH_LEN + 1];
	struct json *o = json_new_object();

	format_hex(found->root, HASH_LEN, root);
	json_set_bool(o, "matches", matches);
	json_set_str(o, "wanted", wanted);
	json_set_str(o, "blob_id", blobname_format(found->id, id));
	json_set_str(o, "blob_id_u256", blobname_decimal(found->id, decimal));
	json_set_str(o, "root", root);
	json_set_u64(o, "bytes", found->size);
	json_set_u64(o, "symbol_bytes", found->symbol_bytes);
	if (!o)
		return -ENOMEM;
	*ret = o;
	return 0;
}

int walrus_verify(struct cli *cli, struct json **ret, struct err *err)
{
	const char *wanted = cli_arg(cli, 0), *path = cli_arg(cli, 1);
	struct blobid_options options = {};
	uint8_t id[BLOBID_LEN];
	struct blobid found;
	cleanup(close_fd) int fd = -1;
	int rc = walrus_shards(cli, &options.shards, err);

	if (rc == 0)
		rc = blobname_parse(wanted, id, err);
	if (rc == 0)
		rc = open_file(path, &fd, err);
	if (rc < 0)
		return rc;
	rc = blobid_of(fd, &options, &found, err);
	if (rc < 0)
		return err_wrap(err, "%s", path);
	bool matches = memcmp(found.id, id, BLOBID_LEN) == 0;

	rc = describe(&found, wanted, matches, ret);
	return rc < 0 ? rc : !matches;
}
