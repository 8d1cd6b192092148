/* SPDX-License-Identifier: Apache-2.0 */
/* Content as the vectors describe it, in files that have no name. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LCG_MULTIPLIER 1664525u
#define LCG_INCREMENT 1013904223u

static inline void content_affine(uint8_t *ret, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ret[i] = (uint8_t)(i * 7 + 3);
}

static inline void content_lcg(uint8_t *ret, size_t len, uint32_t x)
{
	for (size_t i = 0; i < len; i++) {
		x = x * LCG_MULTIPLIER + LCG_INCREMENT;
		ret[i] = (uint8_t)(x >> 24);
	}
}

static inline int content_file(const uint8_t *data, size_t len)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	assert_true(fd >= 0);
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		assert_true(n > 0);
		data += n;
		len -= (size_t)n;
	}
	return fd;
}

static inline int content_affine_file(size_t len)
{
	uint8_t *data = malloc(len + 1);

	assert_non_null(data);
	content_affine(data, len);
	int fd = content_file(data, len);

	free(data);
	return fd;
}
