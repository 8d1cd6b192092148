/* SPDX-License-Identifier: Apache-2.0 */
/* How near a name is to another, for "did you mean". */
#pragma once

#include <stddef.h>

#define NEAR_MAX 64 /* a text with its NUL; a longer one is nobody's typing error */

/* Levenshtein's distance, without regard to case; SIZE_MAX when a text is too long. */
size_t near_distance(const char *a, const char *b);
