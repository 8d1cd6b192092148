/* SPDX-License-Identifier: Apache-2.0 */
/* unpack FOLDER TARBALL SRI: puts the tarball into a store in FOLDER and unpacks it, as running a workload does;
 * prints where it is. */
#include "workload/unpack.h"

#include <limits.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/parse.h"
#include "walrus/store.h"

#define MAX_BYTES (256u << 20)

static int unpack_verified(const char *folder, const char *tarball, const char *integrity,
			   struct err *err)
{
	const struct unpack_limits limits = UNPACK_LIMITS_DEFAULT;
	cleanup(store_free) struct store *store = NULL;
	cleanup(close_fd) int fd = -1;
	char packages[PATH_MAX], name[2 * SHA512_LEN + 1];
	uint8_t digest[SHA512_LEN];
	struct sri sri;
	struct blob blob;
	int r = sri_parse(integrity, &sri, err);

	if (r == 0)
		r = store_open(folder, MAX_BYTES, &store, err);
	if (r == 0)
		r = store_put_file(store, tarball, &sri, digest, err);
	if (r == 0)
		r = store_get(store, &sri, &blob, &fd, err);
	if (r == 0)
		r = path_format(packages, sizeof(packages), "%s/packages", folder);
	if (r < 0)
		return r;
	format_hex(digest, sizeof(digest), name);
	r = unpack(fd, packages, name, &limits, err);
	if (r == 0)
		printf("%s/%s\n", packages, name);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = {};

	if (argc != 4 || crypto_init() < 0) {
		fprintf(stderr, "unpack FOLDER TARBALL SRI\n");
		return 2;
	}
	if (unpack_verified(argv[1], argv[2], argv[3], &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return 1;
}
