/* SPDX-License-Identifier: Apache-2.0 */
/* What a workload may be called and made of. Errors are -EINVAL or, over a limit, -E2BIG. */
#pragma once

struct err;
struct workload_spec;

/* A DNS label: RFC 1123, lower case. */
int spec_check_name(const char *name, struct err *err);
/* NULL, "tcp", "none" or "http:/PATH". */
int spec_check_ready(const char *ready, struct err *err);
int spec_check(const struct workload_spec *spec, struct err *err);
