/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacked packages that no workload is made of go. What refers to a package is the record of a
 * workload, running or not, so counts are made anew each time and can't be wrong after a crash.
 *
 * I1. A package a record names stays. The packages' lock is held from reading the records until all is
 *     removed; a workload that starts meanwhile has its record written first, waits for that lock to
 *     unpack, and finds its package there or unpacks it again. The same holds for the records of
 *     others, which the caller reads, in `others`.
 * I2. If any record can't be read nothing is removed.
 * I3. A package that goes is renamed first, so that it is whole or absent whatever happens.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/crypto.h"

struct err;

struct prune_package {
	uint8_t digest[SHA512_LEN];
	uint32_t references; /* workloads */
	bool removed; /* or would be */
};

struct prune_packages;

/* Reads the records of others that are made of packages, and counts the folder of each. What it returns,
 * if not 0, is returned before anything is removed. */
typedef int prune_others(void *arg, struct prune_packages *packages, struct err *err);
void prune_count(struct prune_packages *packages, const char *code);

/* All packages by digest; free() the array (NULL when there is none). only_look: removes nothing.
 * others NULL: there are none. */
int packages_prune(const char *state, bool only_look, prune_others *others, void *arg,
		   struct prune_package **ret, size_t *ret_len, struct err *err);
