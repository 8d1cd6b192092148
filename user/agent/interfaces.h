/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that this network namespace's interfaces have now, in the kernel's order. */
#pragma once

#include <stddef.h>

struct addr;
struct err;

#define INTERFACES_MAX 4096

/* free() the array. -E2BIG: more than INTERFACES_MAX. */
int interfaces_addresses(struct addr **ret, size_t *ret_n, struct err *err);
