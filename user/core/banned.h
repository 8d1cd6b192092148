/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that do not compile in this tree, after git's banned.h. Forced into every C file by the
 * Makefile (-include), behind the system headers that declare them. Use core/buf, core/parse and
 * snprintf() instead.
 *
 * Macros and not "#pragma GCC poison": the headers of others may write these names as long as they
 * do not call them (linux/bpf.h names a helper strtol, libfyaml.h has macros with alloca()), and
 * glibc makes macros of some for clang.
 */
#pragma once

/* Declared first, so that no system header meets a banned name. */
#include <alloca.h> /* IWYU pragma: keep */
#include <inttypes.h> /* IWYU pragma: keep */
#include <stdio.h> /* IWYU pragma: keep */
#include <stdlib.h> /* IWYU pragma: keep */
#include <string.h> /* IWYU pragma: keep */
#include <time.h> /* IWYU pragma: keep */
#include <unistd.h> /* IWYU pragma: keep */

#define BANNED(call) call##_is_banned_see_core_banned_h

#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strncat
#define strncat(...) BANNED(strncat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef strtok
#define strtok(...) BANNED(strtok)
#undef strtok_r
#define strtok_r(...) BANNED(strtok_r)
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef atoll
#define atoll(...) BANNED(atoll)
#undef atof
#define atof(...) BANNED(atof)
#undef strtol
#define strtol(...) BANNED(strtol)
#undef strtoul
#define strtoul(...) BANNED(strtoul)
#undef strtoll
#define strtoll(...) BANNED(strtoll)
#undef strtoull
#define strtoull(...) BANNED(strtoull)
#undef strtod
#define strtod(...) BANNED(strtod)
#undef strtof
#define strtof(...) BANNED(strtof)
#undef gets
#define gets(...) BANNED(gets)
#undef tmpnam
#define tmpnam(...) BANNED(tmpnam)
#undef tempnam
#define tempnam(...) BANNED(tempnam)
#undef mktemp
#define mktemp(...) BANNED(mktemp)
#undef gmtime
#define gmtime(...) BANNED(gmtime)
#undef localtime
#define localtime(...) BANNED(localtime)
#undef ctime
#define ctime(...) BANNED(ctime)
#undef asctime
#define asctime(...) BANNED(asctime)
#undef alloca
#define alloca(...) BANNED(alloca)
#undef system
#define system(...) BANNED(system)
