/* SPDX-License-Identifier: Apache-2.0 */
/* The macros of libraries that cppcheck, which reads no system header, would stumble over. */
#pragma once

#define LIBBPF_OPTS(type, name, ...) struct type name = { 0 }
#define HASH_ITER(hh, head, el, tmp) for ((el) = (tmp) = (head); (el); (el) = (tmp))
#define DL_FOREACH(head, el) for ((el) = (head); (el); (el) = (el)->next)
#define DL_FOREACH_SAFE(head, el, tmp) for ((el) = (tmp) = (head); (el); (el) = (tmp))
