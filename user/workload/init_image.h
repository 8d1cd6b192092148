/* SPDX-License-Identifier: Apache-2.0 */
/* The program that is process 1 of each container (inside/init.c), as it was built beside us. */
#pragma once

#include <stddef.h>

const void *init_image(size_t *ret_len);
