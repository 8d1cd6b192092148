/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel itself can be asked about and told by netlink, without any program: tables of
 * nf_tables, ipsets, virtual services of IPVS, a dummy device. The only file that uses libnl.
 *
 * Everything is that of this process' network namespace. A kernel without nf_tables, ip_set or IPVS
 * has none of theirs, which is no error. A dump that another hand changes meanwhile is taken again.
 * Errors: -EPERM without CAP_NET_ADMIN, else the kernel's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"

struct err;

struct kernel_name {
	int family; /* of nf_tables: AF_INET, AF_INET6; others are neither */
	const char *table, *name; /* table: of a chain, else NULL */
};

/* Called for each, when all have come. 0, or a negative errno, which ends it. */
typedef int kernel_name_fn(void *ctx, const struct kernel_name *name);
int kernel_tables(kernel_name_fn *fn, void *ctx, struct err *err);
int kernel_chains(kernel_name_fn *fn, void *ctx, struct err *err);
int kernel_sets(kernel_name_fn *fn, void *ctx, struct err *err);

/* With all that is in it, in one transaction. */
int kernel_table_delete(int family, const char *name, struct err *err);
/* -EBUSY: a rule uses it. One that is gone already is fine. */
int kernel_set_delete(const char *name, struct err *err);

/* A virtual service of IPVS; those for a firewall mark are not asked for. */
struct kernel_service {
	struct addr addr;
	uint16_t port, protocol;
};

int kernel_services(struct kernel_service **ret, size_t *ret_n, struct err *err); /* free() */
int kernel_service_delete(const struct kernel_service *s, struct err *err);
/* Is its port (SCTP: with its address) in the set? A set that is not there has nothing. */
int kernel_set_has(const char *set, const struct kernel_service *s, bool *ret, struct err *err);

/* The index of a device that has this name and is a dummy; 0: there is none. */
int kernel_dummy(const char *name, unsigned int *ret_index, struct err *err);
int kernel_device_delete(unsigned int index, struct err *err);
