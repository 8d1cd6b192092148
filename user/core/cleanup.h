/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership: every owning local has a destructor and an initial value, and leaves its
 * scope only through take_ptr() or take_fd(). A reader can then see that a function does not leak
 * without reading its callees.
 *
 *	cleanup(free_ptr) char *text = NULL;
 *	cleanup(close_fd) int fd = -1;
 *	...
 *	*ret = take_ptr(text);
 *
 * Destructors named x_free() take a struct x **, accept NULL and half-built objects, and set NULL.
 */
#pragma once

#include <stddef.h>

#define cleanup(fn) __attribute__((cleanup(fn)))

#define take_ptr(p)                                \
	({                                         \
		__typeof__(p) *taken_at_ = &(p);   \
		__typeof__(p) taken_ = *taken_at_; \
		*taken_at_ = NULL;                 \
		taken_;                            \
	})

#define take_fd(fd)                      \
	({                               \
		int *taken_at_ = &(fd);  \
		int taken_ = *taken_at_; \
		*taken_at_ = -1;         \
		taken_;                  \
	})

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* For cleanup(): free(*(void **)p), fclose, closedir and close; all accept "nothing". */
void free_ptr(void *p);
void close_fd(int *fd);
void close_file(void *p); /* FILE ** */
void close_dir(void *p); /* DIR ** */
