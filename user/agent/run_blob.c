/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_blob.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "walrus/blobid.h"
#include "walrus/blobname.h"
#include "walrus/store.h"

static int find(struct store *store, const struct json *args, const struct sri *want,
		uint8_t ret_digest[SHA512_LEN], struct err *err)
{
	const char *blob_id = json_str(args, "blob_id", NULL), *file = json_str(args, "file", "");
	uint8_t id[BLOBID_LEN];
	int r;

	if (!blob_id)
		return *file ? store_put_file(store, file, want, ret_digest, err) :
			       err_set(err, -EINVAL, "file: missing");
	r = blobname_parse(blob_id, id, err);
	if (r == 0 && store_find_opened(store, id, ret_digest, NULL) == 0)
		return 0;
	return r < 0 ? r : store_find(store, id, ret_digest, err);
}

/* An encrypted object begins with its version, 0; what is compressed does not. */
static bool looks_sealed(int fd)
{
	uint8_t first = 1;

	return pread(fd, &first, 1, 0) == 1 && first == 0;
}

int run_blob(struct store *store, const struct json *args, uint8_t ret_digest[SHA512_LEN],
	     int *ret_fd, struct err *err)
{
	const char *integrity = json_str(args, "integrity", NULL);
	const char *what = json_str(args, "blob_id", "the package");
	struct sri want = {}, found = { .len = 1 };
	cleanup(close_fd) int fd = -1;
	struct blob blob;
	int r = integrity ? sri_parse(integrity, &want, err) : 0;

	if (r == 0)
		r = find(store, args, integrity ? &want : NULL, found.digest[0], err);
	if (r == 0)
		r = store_get(store, &found, &blob, &fd, err);
	if (r < 0)
		return r;
	if (looks_sealed(fd))
		return err_set(
			err, -EINVAL,
			"%s is no tarball; if its tenant encrypted it, 'weir workload pull ID "
			"--unseal LEASE' opens it",
			what);
	if (integrity && !sri_has(&want, found.digest[0]))
		return err_set(err, -EBADMSG, "%s has another integrity than %s", what, integrity);
	memcpy(ret_digest, found.digest[0], SHA512_LEN);
	*ret_fd = take_fd(fd);
	return 0;
}
