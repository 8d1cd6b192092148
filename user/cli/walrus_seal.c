/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/walrus_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/config.h"
#include "chain/address.h"
#include "cli/cli.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"

#define NONCE_LEN 16 /* behind a tenant's address: each package has a key of its own */

/* A tenant's address, which becomes an id, or a whole one: the address and more. */
static int read_id(const char *text, struct sealing *s)
{
	size_t digits = strncmp(text, "0x", 2) == 0 ? strlen(text + 2) : 0;

	if (digits <= (size_t)2 * OBJECT_ID_LEN) {
		if (address_parse(text, s->id) < 0)
			return -EINVAL;
		random_bytes(s->id + OBJECT_ID_LEN, NONCE_LEN);
		s->id_len = OBJECT_ID_LEN + NONCE_LEN;
		return 0;
	}
	s->id_len = digits / 2;
	return s->id_len > sizeof(s->id) ? -EINVAL : parse_hex(text + 2, s->id, s->id_len);
}

int sealing_read(struct cli *cli, const struct config *cfg, struct sealing *ret, struct err *err)
{
	const char *text = cli_flag(cli, "seal");
	struct sealing s = {};
	int r;

	if (!text)
		return 0;
	if (read_id(text, &s) < 0)
		return cli_usage(
			cli, err,
			"--seal: '%.80s' is neither a Sui address (0x and up to 64 hex digits) nor "
			"a seal id, which begins with one and has %d bytes at most",
			text, SEALING_ID_MAX);
	r = config_key_servers(cfg, &s.pins, err);
	if (r == 0 && address_parse(cfg->seal.package, s.package) < 0)
		r = err_set(err, -EINVAL, "seal.package: '%.70s' is no id", cfg->seal.package);
	if (r < 0)
		return r;
	s.threshold = (uint8_t)cfg->seal.threshold;
	*ret = s;
	return 0;
}

static int digest(const struct buf *content, uint8_t ret[SHA512_LEN])
{
	cleanup(sha512_free) struct sha512 *hash = NULL;
	int r = sha512_new(&hash);

	if (r < 0)
		return r;
	sha512_update(hash, content->data, content->len);
	sha512_final(hash, ret);
	return 0;
}

static int keep(const struct buf *sealed, int *ret_fd, struct err *err)
{
	cleanup(close_fd) int fd = memfd_create("sealed", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : file_put(fd, sealed->data, sealed->len);

	if (r < 0)
		return err_errno(err, r, "keeping the encrypted package");
	*ret_fd = take_fd(fd);
	return 0;
}

/* A server stands for each of its shares. */
static int encrypt(const struct sealing *s, const struct buf *content, struct buf *out,
		   struct err *err)
{
	struct seal_server servers[SEAL_SHARES_MAX];
	struct seal_for to = {
		.id = s->id,
		.id_len = (uint32_t)s->id_len,
		.servers = servers,
		.threshold = s->threshold,
	};

	memcpy(to.package, s->package, sizeof(to.package));
	for (size_t i = 0; i < s->pins.n; i++)
		for (uint8_t share = 0; share < s->pins.v[i].shares; share++)
			servers[to.n_servers++] = s->pins.v[i].server;
	return seal_content(&to, content->data, (uint32_t)content->len, out, err);
}

int sealing_apply(const struct sealing *s, const char *path, uint64_t max_bytes,
		  uint8_t ret_digest[SHA512_LEN], int *ret_fd, struct err *err)
{
	uint64_t most = max_bytes < SEAL_CONTENT_MAX ? max_bytes : SEAL_CONTENT_MAX;
	cleanup(buf_fini) struct buf content = BUF_INIT(most);
	cleanup(buf_fini) struct buf sealed = BUF_INIT(most + SEAL_OVERHEAD_MAX);
	/* O_NONBLOCK: a FIFO in its place must not hang us */
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r = fd < 0 ? -errno : file_take(fd, &content);

	if (r == -E2BIG)
		return err_set(
			err, r,
			"the package has more than %" PRIu64
			" bytes, which is what can be encrypted (walrus.maxBlobBytes, and %u)",
			most, SEAL_CONTENT_MAX);
	if (r == 0)
		r = digest(&content, ret_digest);
	if (r < 0)
		return err_errno(err, r, "reading %s", path);
	r = encrypt(s, &content, &sealed, err);
	return r < 0 ? r : keep(&sealed, ret_fd, err);
}

static void set_hex(struct json *o, const char *key, const uint8_t *data, size_t len)
{
	char text[2 + 2 * SEALING_ID_MAX + 1] = "0x";

	format_hex(data, len, text + 2);
	json_set_str(o, key, text);
}

void sealing_describe(const struct sealing *s, struct json *o)
{
	struct json *servers = json_new_array();

	json_set_str(o, "blob_id_of", "the encrypted package");
	json_set_str(o, "integrity_of", "the package itself: what the lease and workload run name");
	set_hex(o, "seal_id", s->id, s->id_len);
	set_hex(o, "seal_package", s->package, sizeof(s->package));
	json_set_u64(o, "seal_threshold", s->threshold);
	json_set_u64(o, "seal_shares", s->pins.shares);
	for (size_t i = 0; i < s->pins.n; i++)
		json_add_str(servers, s->pins.v[i].url);
	json_set(o, "seal_servers", servers);
}
