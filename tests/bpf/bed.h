/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bed of the kernel tests: a mount and a network namespace of its own, a bpffs that it mounted, a
 * cgroup that it made, and the real programs attached there. The test process itself sits in
 * CGROUP/host, so the sockets it opens meet the hooks; CGROUP/pods is where pods live. Nothing is
 * left behind, and two runs on one machine do not meet.
 *
 * Without root, BTF or cgroup2 the tests skip and say why; with WEIR_REQUIRE_KERNEL=1 they fail.
 */
#pragma once

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "dp/dp.h"

struct bed {
	char dir[64]; /* temporary folder, bpffs mounted on it */
	char cgroup[256]; /* CGROUP */
	char home[256]; /* where this process came from */
	struct dp *dp;
};

/* For cmocka_run_group_tests(): *state is the struct bed. */
int bed_setup(void **state);
int bed_teardown(void **state);
/* Skips the test when bed_setup() could not make a bed; else returns it. */
struct bed *bed_of(void **state);

/* How often to do what is done n times to be sure: less often where CPUs are emulated. */
uint32_t bed_times(uint32_t n);

struct dp_options bed_options(const struct bed *b, char meter_cgroup[300]);

/* Makes a Service of n backends: id, first slot and generation are all derived from id. */
void bed_service(struct bed *b, uint32_t id, const char *vip, uint16_t port, uint8_t proto,
		 const uint16_t *backend_ports, uint32_t n, const char *backend_addr);
struct weir_vip bed_vip(const char *addr, uint16_t port, uint8_t proto);
uint64_t bed_reason(struct bed *b, enum weir_reason r);

/* In a network namespace that the caller has made. */
void bed_loopback_up(void);

/* Sockets. Addresses as text of either family; ports in host order. */
int bed_listen(const char *addr, int type, uint16_t *ret_port);
int bed_connect(const char *addr, uint16_t port, int type); /* fd, or -errno */
void bed_echo(int server); /* waits for a datagram of 4 bytes, and answers whoever sent it */
socklen_t bed_sockaddr(const char *addr, uint16_t port, struct sockaddr_storage *ret);
/* "addr port" of a socket address; static buffer. */
const char *bed_text(const struct sockaddr_storage *sa);

/* Pods: CGROUP/pods/NAME. */
void bed_pod_make(struct bed *b, const char *name, char ret_path[300]);
void bed_pod_remove(const char *path); /* retries while tasks leave */
uint64_t bed_pod_id(const char *path);
/* Lets the cgroups inside have the controllers that a pod's cgroups have, as far as they are there. */
void bed_delegate(const char *path);
/* Runs fn in a child inside the cgroup; the second waits for it and returns its exit status. */
pid_t bed_start_in(const char *path, int (*fn)(void *arg), void *arg);
int bed_run_in(const char *path, int (*fn)(void *arg), void *arg);
int bed_burn(void *us); /* for these: uses so much CPU time, uint64_t, from here on */
uint64_t bed_cpu_us(void); /* that this process has used */
uint64_t bed_cpu_stat_us(const char *path); /* usage_usec */

/* Walks, and returns the pod's sample, valid until the next walk; NULL: not there. */
const struct weir_pod *bed_sample(struct bed *b, uint64_t id);
/* Walks until the kernel has let the cgroup go, which it does on its own time. */
const struct weir_pod *bed_released(struct bed *b, uint64_t id);
