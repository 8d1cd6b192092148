/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clang's analyzer is told of Weir, beside the flags: it sees one file at a time, so it would
 * take the errors of core/err.h for successes whose outputs nobody has set.
 */
#pragma once

#include <errno.h>

#include "core/err.h"

#define NEGATIVE(call)                           \
	({                                       \
		int code_ = (call);              \
		if (code_ >= 0)                  \
			__builtin_unreachable(); \
		code_;                           \
	})

#define err_set(...) NEGATIVE((err_set)(__VA_ARGS__))
#define err_setv(...) NEGATIVE((err_setv)(__VA_ARGS__))
#define err_errno(...) NEGATIVE((err_errno)(__VA_ARGS__))
#define err_wrap(...) NEGATIVE((err_wrap)(__VA_ARGS__))

/* Read only after a call that failed, and set by it. */
#undef errno
#define errno                                     \
	(*({                                      \
		int *errno_ = __errno_location(); \
		if (*errno_ <= 0)                 \
			__builtin_unreachable();  \
		errno_;                           \
	}))
