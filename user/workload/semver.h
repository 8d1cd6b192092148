/* SPDX-License-Identifier: Apache-2.0 */
/*
 * npm's version ranges, as package.json's "engines" has them: "^20.1", ">=18 <23", "18 || 20.x",
 * "16.0.0 - 18", "~20.1.2", "*". Pure.
 *
 * A range is a union of intervals. Of a prerelease (18.0.0-rc.1) only that it comes before its release
 * counts, which is exact for a version that is none, and so is the only one that is asked about.
 *
 * Errors: -EINVAL it can't be read.
 */
#pragma once

#include <stdbool.h>

#define SEMVER_RANGE_MAX 256

/* version: "20.20.2", with or without a "v"; what follows the third number is not looked at. */
int semver_satisfies(const char *version, const char *range, bool *ret);
