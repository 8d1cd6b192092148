/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that do not compile in this tree, after git's banned.h. Forced into every C file by the
 * Makefile (-include), behind the system headers that declare them. Use core/buf, core/parse and
 * snprintf() instead.
 */
#pragma once

/* Declared first, so that the system headers never meet a poisoned name. */
#include <inttypes.h> /* IWYU pragma: keep */
#include <stdio.h>    /* IWYU pragma: keep */
#include <stdlib.h>   /* IWYU pragma: keep */
#include <string.h>   /* IWYU pragma: keep */
#include <time.h>     /* IWYU pragma: keep */
#include <unistd.h>   /* IWYU pragma: keep */

#ifndef __cplusplus
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok strtok_r
#pragma GCC poison atoi atol atoll atof strtol strtoul strtoll strtoull strtod strtof
#pragma GCC poison gets tmpnam tempnam mktemp gmtime localtime ctime asctime
#pragma GCC poison alloca system
#endif
