/* SPDX-License-Identifier: Apache-2.0 */
/* Which build this is: git describe, given by the makefile to version.c alone. */
#pragma once

extern const char weir_version[];
