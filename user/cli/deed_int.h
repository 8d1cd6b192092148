/* SPDX-License-Identifier: Apache-2.0 */
/* Private to deeds: making one, and the file that it is in while it may have been taken. */
#pragma once

#include "cli/deed.h"
#include "core/buf.h"

struct deed_file {
	char what[DEED_WHAT_MAX];
	struct buf tx; /* the bytes that were signed */
	uint8_t signature[SUI_SIG_LEN];
	uint8_t digest[HASH_LEN]; /* of them */
	uint64_t max_epoch; /* the last one in which it can be executed */
};

void deed_file_fini(struct deed_file *f);
/* -ENOENT: none is open. -EBADMSG: not what was written, or of another key. -EXDEV: of another chain. */
int deed_file_read(const struct deed *d, struct deed_file *ret, struct err *err);
/* -EEXIST: another one is open. */
int deed_file_write(const struct deed *d, const struct deed_file *f, struct err *err);
int deed_file_remove(const struct deed *d, struct err *err);

/* Builds, tries out, builds with what it costs, signs. */
int deed_make(struct deed *d, const struct deed_order *order, struct deed_file *ret,
	      struct err *err);
