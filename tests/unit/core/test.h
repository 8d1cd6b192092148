/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each test file here begins with.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"

#define TEST(name) cmocka_unit_test(name)
