/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/devices.h"

#include <net/if.h>

#include "agent/links.h"
#include "core/cleanup.h"
#include "tests/unit/core/test.h"

#define N_LINKS 7

static struct addr addrs[] = {
	{ { [10] = 0xff, 0xff, 169, 254, 0, 1 } }, /* local to the link */
	{ { [10] = 0xff, 0xff, 192, 0, 2, 1 } },   { { 0xfe, 0x80, [15] = 1 } },
	{ { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } },  { { [10] = 0xff, 0xff, 10, 244, 1, 1 } },
};

/* lo, an uplink of the default route, a bridge with its own address, its port, one that is down, one
 * without frames, and the host's end of a pod's interface, a port of the bridge and not yet up. */
static const struct link_info links[N_LINKS] = {
	{ .ifindex = 1, .name = "lo", .up = true, .loopback = true, .ether = true },
	{ .ifindex = 2,
	  .name = "cni0",
	  .up = true,
	  .ether = true,
	  .addrs = &addrs[4],
	  .n_addrs = 1 },
	{ .ifindex = 3, .name = "veth1", .up = true, .ether = true, .master = 2 },
	{ .ifindex = 5,
	  .name = "eth0",
	  .up = true,
	  .ether = true,
	  .default_v4 = true,
	  .addrs = addrs,
	  .n_addrs = 4 },
	{ .ifindex = 6, .name = "eth1", .ether = true, .default_v4 = true },
	{ .ifindex = 7, .name = "wg0", .up = true },
	{ .ifindex = 8, .name = "veth2", .ether = true, .master = 2, .elsewhere = true },
};

static void same(const struct weir_addr *a, size_t which)
{
	assert_memory_equal(a, addrs[which].b, sizeof(*a));
}

static void packets_are_met_on_what_is_up_and_carries_frames_and_is_no_port(void **state)
{
	cleanup(free_ptr) struct dp_device *d = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(devices_select(links, N_LINKS, NULL, 0, &d, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(d[0].ifindex, 2);
	assert_int_equal(d[0].duties, DP_DIRECT);
	assert_int_equal(d[1].ifindex, 5);
	assert_int_equal(d[1].duties, DP_DIRECT);
	assert_int_equal(d[2].ifindex, 8);
	assert_int_equal(d[2].duties, DP_COUNT);
}

static void a_device_speaks_by_its_own_address_or_the_nodes(void **state)
{
	static const struct weir_addr none;
	cleanup(free_ptr) struct dp_device *d = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(devices_select(links, N_LINKS, NULL, 0, &d, &n), 0);
	same(&d[0].addrs.addr4, 4);
	same(&d[0].addrs.addr6, 3); /* the outside's */
	same(&d[1].addrs.addr4, 1);
	same(&d[1].addrs.addr6, 3);

	free_ptr(&d);
	assert_int_equal(devices_select(links, 2, NULL, 0, &d, &n), 0);
	assert_int_equal(n, 1);
	assert_memory_equal(&d[0].addrs.addr6, &none, sizeof(none));
}

static void the_node_is_called_as_its_devices_to_the_outside_are(void **state)
{
	static struct addr other = { { [10] = 0xff, 0xff, 192, 0, 2, 9 } };
	const struct link_info three[] = {
		{ .ifindex = 2, .name = "pods", .up = true, .ether = true },
		links[3],
		{ .ifindex = 9,
		  .name = "eth9",
		  .up = true,
		  .ether = true,
		  .addrs = &other,
		  .n_addrs = 1 },
	};
	char *names[] = { (char[]){ "absent" }, (char[]){ "eth9" } };
	cleanup(free_ptr) struct dp_device *d = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(devices_select(three, 3, NULL, 0, &d, &n), 0);
	same(&d[0].addrs.addr4, 1); /* by its default route */
	free_ptr(&d);
	assert_int_equal(devices_select(three, 3, names, 2, &d, &n), 0);
	assert_memory_equal(&d[0].addrs.addr4, &other, sizeof(other));
}

static void nothing_is_selected_of_nothing(void **state)
{
	cleanup(free_ptr) struct dp_device *d = NULL;
	size_t n = 1;

	(void)state;
	assert_int_equal(devices_select(links, 0, NULL, 0, &d, &n), 0);
	assert_int_equal(n, 0);
}

static void ports_for_clients_are_none_that_sockets_or_node_ports_get(void **state)
{
	static const struct {
		uint16_t local_low, local_high, low, high;
	} cases[] = {
		{ 32768, 60999, 1024, 29999 }, /* Linux' own */
		{ 1024, 29999, 32768, 65535 }, { 10000, 65535, 1024, 9999 },
		{ 2000, 30500, 32768, 65535 }, { 1024, 65535, 65535, 65535 }, /* as good as none */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint16_t low, high;

		devices_ports(cases[i].local_low, cases[i].local_high, &low, &high);
		assert_int_equal(low, cases[i].low);
		assert_int_equal(high, cases[i].high);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_met_on_what_is_up_and_carries_frames_and_is_no_port),
		cmocka_unit_test(the_node_is_called_as_its_devices_to_the_outside_are),
		cmocka_unit_test(a_device_speaks_by_its_own_address_or_the_nodes),
		cmocka_unit_test(nothing_is_selected_of_nothing),
		cmocka_unit_test(ports_for_clients_are_none_that_sockets_or_node_ports_get),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
