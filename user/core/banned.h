/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that do not compile in this tree, after git's banned.h. Forced into every C file by the
 * Makefile (-include), behind the system headers that declare them. Use core/buf, core/parse and
 * snprintf() instead.
 */
#pragma once

/* Declared first, so that the system headers never meet a poisoned name. */
#include <alloca.h> /* IWYU pragma: keep */
#include <inttypes.h> /* IWYU pragma: keep */
#include <stdio.h> /* IWYU pragma: keep */
#include <stdlib.h> /* IWYU pragma: keep */
#include <string.h> /* IWYU pragma: keep */
#include <time.h> /* IWYU pragma: keep */
#include <unistd.h> /* IWYU pragma: keep */

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok strtok_r
#pragma GCC poison atoi atol atoll atof strtoll strtoull strtod strtof
#pragma GCC poison gets tmpnam tempnam mktemp gmtime localtime ctime asctime system

/* Not poisoned, since headers of others write these names: linux/bpf.h names helpers by them, and
 * libfyaml.h has macros that would call alloca(). A call of ours does not compile all the same. */
#undef alloca
#define alloca(size) alloca_is_banned(size)
#define strtol(text, end, base) strtol_is_banned(text, end, base)
#define strtoul(text, end, base) strtoul_is_banned(text, end, base)
