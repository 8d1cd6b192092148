/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node for packets to come through, in the bed's network namespace: three devices with addresses and
 * routes of both families, the programs that see packets upon them, and Services as a test wants them.
 * Packets are run through the programs one by one (BPF_PROG_TEST_RUN), as if they came by a device; what
 * becomes of each is checked against its one reason, so that no test has to.
 *
 *	 clients -- gateway -- OUT (outside, MTU 1500)   PODS -- this node's pods
 *	                       FAR (MTU 1400) -- router -- other nodes' pods
 */
#pragma once

#include "bpf/packets.h"

enum node_dev { OUT, PODS, FAR, NODE_DEVS };

/* Who is who; node_name[v6][...]. */
enum node_who {
	CLIENT, /* outside */
	CLIENT2,
	POD, /* here */
	POD2,
	FAR_POD, /* elsewhere */
	VIP, /* a service address; so is IDLE, which no Service has */
	IDLE,
	EXTERNAL, /* an address that the node answers for */
	SELF, /* the node's own: SELF + device */
	ROUTER = SELF + NODE_DEVS, /* on the way to FAR_POD */
	PEER, /* another node, behind FAR; it has FAR_POD, but only a test may say so (weir_home) */
	NODE_WHO_MAX_
};
extern const char *const node_name[2][NODE_WHO_MAX_];

/* For cmocka_run_group_tests(), as those of bed.h. */
int node_setup(void **state);
int node_teardown(void **state);
/* As bed_of(), with all tables empty but weir_dev and weir_class; ports that stand for clients: PORT_LOW
 * to PORT_HIGH. */
struct bed *node_of(void **state);

#define PORT_LOW 20000
#define PORT_HIGH 20999

/* A Service with one backend for each address that is not NULL. Slots, backends and generation follow
 * from its id, which is 1 or more. */
#define NODE_BACKENDS 4
struct node_service {
	uint32_t id, flags, ring;
	const char *vip, *to[NODE_BACKENDS];
	uint16_t port, to_port;
	uint8_t proto;
	enum weir_scope scope;
};
void node_service(const struct node_service *s);
void node_home(const char *backend, const char *node); /* NULL: none any more */
void node_service_end(const struct node_service *s);
uint32_t node_backend_id(const struct node_service *s, uint32_t n);

/* Runs the packet through weir_tc_in as if it came by the device; the frame becomes what came of it.
 * Returns the reason that counted it, when the verdict is the reason's. */
enum weir_reason node_in(enum node_dev dev, struct frame *f);
/* Packets come to this program from now on; -1: to the node's own again. */
void node_use(int prog);
/* Only run it, for tests that do so many times: both return the verdict. */
int node_run(enum node_dev dev, struct frame *f);
int node_run_out(enum node_dev dev, struct frame *f);
void assert_reason(enum weir_reason is, enum weir_reason want);
/* Runs it through weir_tc_out, which lets all go: was it translated? */
bool node_out(enum node_dev dev, struct frame *f);
/* From now on as if devices had summed the packets up (CHECKSUM_COMPLETE): the kernel then checks that
 * its sum is true after the program as well. False: this kernel can't. */
bool node_complete(bool on);

/* Entries of weir_conn. */
bool node_conn(const struct weir_tuple *key, struct weir_conn *ret);
void node_conn_put(const struct weir_tuple *key, const struct weir_conn *c);
void node_conn_del(const struct weir_tuple *key);
void node_conn_age(const struct weir_tuple *key, uint32_t s); /* its last packet was so long ago */
size_t node_conns(void);
uint32_t node_ifindex(enum node_dev dev);
int node_table(const char *name); /* fd of a pinned map, which the node closes */

/* A value of /proc/sys/net/...; and forwarding of one family by the device. */
__attribute__((format(printf, 2, 3))) void node_sysctl(const char *value, const char *fmt, ...);
void node_forwarding(enum node_dev dev, bool v6, bool on);
/* "ip -batch" with these lines; the second says whether all of them could be done. */
void node_ip(const char *lines);
bool node_ip_can(const char *lines);
/* The programs stand on this device, too; 0: on those above alone. */
void node_attach(uint32_t ifindex);
