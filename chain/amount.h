/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amounts of money as people write them: "1.5SUI", "250MIST". Exact both ways: a MIST is the least
 * there is (1 SUI = 10^9 MIST), so no text is rounded and none stands for two amounts.
 *
 *	amount = digits [ "." 1 to 9 digits ] [ " " ] "SUI" | digits [ [ " " ] "MIST" ]
 *
 * A number without a unit is MIST, as in JSON. What amount_format() writes is read as the same.
 */
#pragma once

#include <stdint.h>

#define MIST_PER_SUI UINT64_C(1000000000)
#define AMOUNT_SIZE 32 /* of the text, with its NUL */

struct err;

/* -EINVAL, or -ERANGE: over 2^64 - 1 MIST. The text says what is wrong with it. */
int amount_parse(const char *text, uint64_t *ret_mist, struct err *err);
/* In SUI, with no digit more than it needs, without a blank: "0.000000001SUI". Returns ret. */
char *amount_format(uint64_t mist, char ret[AMOUNT_SIZE]);
