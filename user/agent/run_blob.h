/* SPDX-License-Identifier: Apache-2.0 */
/* The package that workload.run names: a blob that is stored, or a file that is put into the store now. */
#pragma once

#include <stdint.h>

#include "core/crypto.h"

struct err;
struct json;
struct store;

/* args: "blob_id" (what it was decrypted to, if it was) or "file", and "integrity" or none. Verified; the caller closes
 * *ret_fd. -EINVAL, -ENOENT, -EBADMSG: another integrity; and the store's own. */
int run_blob(struct store *store, const struct json *args, uint8_t ret_digest[SHA512_LEN],
	     int *ret_fd, struct err *err);
