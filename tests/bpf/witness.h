/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who says what pods used in all, to the nanosecond: a second set of programs, to which the parent of
 * all pods is itself a pod, so that it reads the kernel's own flushed sum, by which no pod's reading is
 * made.
 */
#pragma once

#include "bpf/bed.h"

void witness_open(struct bed *b);
void witness_close(void);
/* CPU time of all pods since they are: living, dead and gone. */
uint64_t witness_ns(const struct bed *b);
