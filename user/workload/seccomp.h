/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls a workload may make: an allow list, everything else is EPERM. In the spirit of
 * moby's default profile (profiles/seccomp/default.json), cut to what a process without
 * capabilities can use at all, and without what node does not need.
 */
#pragma once

struct json;

/* The "seccomp" object of an OCI config; NULL without memory. The caller frees it. */
struct json *seccomp_profile(void);
