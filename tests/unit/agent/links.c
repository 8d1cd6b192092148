/* SPDX-License-Identifier: Apache-2.0 */
/* Each test has a network namespace of its own, which ends with the next test's or the process. */
#include "unit/core/test.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "agent/links.h"
#include "core/buf.h"

#define GUARD_MS 30000 /* only a hang gets there */

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	struct links *links;
	int changes, failures;
	struct buf text; /* the list as told last */
	struct err failed;
	bool stop_at_once;
};

/* ---- The namespace -------------------------------------------------------------------------- */

static void ip(const char *batch)
{
	FILE *p = popen("ip -batch -", "w");

	assert_non_null(p);
	assert_true(fputs(batch, p) >= 0);
	assert_int_equal(pclose(p), 0);
}

/* The same for n addresses. */
static void ip_many(const char *before, const char *after, unsigned int n)
{
	cleanup(buf_fini) struct buf b = BUF_INIT(1 << 20);

	for (unsigned int i = 0; i < n; i++)
		buf_printf(&b, "%s 10.1.%u.%u/32 %s\n", before, i / 250, i % 250, after);
	assert_int_equal(buf_error(&b), 0);
	ip(b.data);
}

/* What the kernel could not hand to the netlink sockets here. */
static unsigned int messages_lost(void)
{
	cleanup(close_file) FILE *f = fopen("/proc/net/netlink", "re");
	unsigned int all = 0, drops;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %u", &drops) == 1)
			all += drops;
	return all;
}

static int set(const char *path, const char *value)
{
	cleanup(close_file) FILE *f = fopen(path, "we");

	return !f || fputs(value, f) < 0 || fflush(f) != 0 ? -1 : 0;
}

/* No addresses that nobody gave: those of a link, made of its random Ethernet address. */
static int make_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	return set("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
}

static int setup(void **state)
{
	struct fixture *f;

	if (geteuid() != 0)
		return 0;
	if (make_namespace() < 0)
		return -1;
	f = calloc(1, sizeof(*f));
	*state = f;
	if (f)
		f->text = (struct buf)BUF_INIT(1 << 20);
	return !f || uv_loop_init(&f->loop) || uv_timer_init(&f->loop, &f->guard);
}

/* Everything is given back: the loop can be closed, and LSan has nothing to tell. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	if (!f)
		return 0;
	links_stop(&f->links);
	uv_close((uv_handle_t *)&f->guard, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&f->loop);
	buf_fini(&f->text);
	free(f);
	return r;
}

static struct fixture *begin(void **state)
{
	if (!*state) {
		if (getenv("WEIR_REQUIRE_KERNEL"))
			fail_msg("WEIR_REQUIRE_KERNEL is set, but there is no root");
		print_message("skipped: it needs root for a network namespace\n");
		skip();
	}
	return *state;
}

/* ---- What is told --------------------------------------------------------------------------- */

/* "lo up loopback 127.0.0.1; v0 up ether master br0 v4 10.0.0.1; " */
static void describe(struct fixture *f)
{
	char text[ADDR_TEXT_MAX];
	size_t n;
	const struct link_info *links = links_list(f->links, &n);

	buf_reset(&f->text);
	for (size_t i = 0; i < n; i++) {
		const struct link_info *k = &links[i];

		assert_true(i == 0 || links[i - 1].ifindex < k->ifindex);
		buf_printf(&f->text, "%s%s%s%s", k->name, k->up ? " up" : "",
			   k->loopback ? " loopback" : "", k->ether ? " ether" : "");
		for (size_t j = 0; j < n; j++)
			if (k->master && links[j].ifindex == k->master)
				buf_printf(&f->text, " master %s", links[j].name);
		buf_printf(&f->text, "%s%s", k->default_v4 ? " v4" : "",
			   k->default_v6 ? " v6" : "");
		for (size_t j = 0; j < k->n_addrs; j++)
			buf_printf(&f->text, " %s", addr_format(&k->addrs[j], text));
		buf_puts(&f->text, "; ");
	}
	assert_int_equal(buf_error(&f->text), 0);
}

static void on_changed(void *arg)
{
	struct fixture *f = arg;

	f->changes++;
	describe(f);
	if (f->stop_at_once)
		links_stop(&f->links);
}

static void on_failed(void *arg, const struct err *err)
{
	struct fixture *f = arg;

	f->failures++;
	f->failed = *err;
}

static const struct links_ops ops = { .changed = on_changed, .failed = on_failed };

static void start(struct fixture *f)
{
	struct err err = {};

	if (links_start(&f->loop, &ops, f, &f->links, &err) < 0)
		fail_msg("%s", err.text);
	describe(f);
}

static void on_guard(uv_timer_t *guard)
{
	(void)guard;
	fail_msg("nothing came");
}

static void wait_for(struct fixture *f, const int *count, int n)
{
	uv_timer_start(&f->guard, on_guard, GUARD_MS, 0);
	while (*count < n)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->guard);
}

/* Messages of one change may be read in more than one go: only where it ends counts. */
static void wait_for_text(struct fixture *f, const char *text)
{
	uv_timer_start(&f->guard, on_guard, GUARD_MS, 0);
	while (strcmp(f->text.data, text) != 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	uv_timer_stop(&f->guard);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

#define PAIR "link add v0 type veth peer name v1\n"

static void the_first_reading_has_all_in_order(void **state)
{
	struct fixture *f = begin(state);

	ip("link set lo up\n" PAIR
	   "addr add 10.0.0.1/24 dev v0\naddr add 192.0.2.1/24 dev v1\naddr add 10.0.0.2/24 dev v0\n"
	   "addr add fd00::1/64 dev v0 nodad\nlink set v0 mtu 1400\n");
	start(f);
	assert_string_equal(f->text.data, "lo up loopback 127.0.0.1 ::1; v1 ether 192.0.2.1; "
					  "v0 ether 10.0.0.1 10.0.0.2 fd00::1; ");
	size_t n;
	const struct link_info *links = links_list(f->links, &n);
	assert_int_equal(n, 3);
	assert_int_equal(links[1].mtu, 1500);
	assert_int_equal(links[2].mtu, 1400);
	assert_int_equal(f->changes, 0);
}

static void an_address_with_a_peer_is_our_end(void **state)
{
	struct fixture *f = begin(state);

	ip(PAIR
	   "addr add 10.0.0.1 peer 10.9.9.9/32 dev v0\naddr add fd00::1 peer fd00::9 dev v0 nodad\n");
	start(f);
	assert_string_equal(f->text.data, "lo loopback; v1 ether; v0 ether 10.0.0.1 fd00::1; ");
}

/* Duplicate address detection, hurried. */
static void an_address_counts_once_the_kernel_uses_it(void **state)
{
	struct fixture *f = begin(state);

	ip(PAIR "addr add fd00::1/64 dev v0\n");
	assert_int_equal(set("/proc/sys/net/ipv6/conf/v0/router_solicitation_delay", "0"), 0);
	assert_int_equal(set("/proc/sys/net/ipv6/neigh/v0/retrans_time_ms", "10"), 0);
	start(f);
	assert_string_equal(f->text.data, "lo loopback; v1 ether; v0 ether; ");
	ip("link set v1 up\nlink set v0 up\n");
	wait_for_text(f, "lo loopback; v1 up ether; v0 up ether fd00::1; ");
}

static void what_comes_and_goes_is_told(void **state)
{
	struct fixture *f = begin(state);

	start(f);
	ip("addr add 192.0.2.1/32 dev lo\n");
	wait_for_text(f, "lo loopback 192.0.2.1; ");
	ip(PAIR);
	wait_for_text(f, "lo loopback 192.0.2.1; v1 ether; v0 ether; ");
	ip("link set v1 name v2\naddr del 192.0.2.1/32 dev lo\n");
	wait_for_text(f, "lo loopback; v2 ether; v0 ether; ");
	ip("link add br0 type bridge\nlink set v0 master br0\nlink set v0 up\n");
	wait_for_text(f, "lo loopback; v2 ether; v0 up ether master br0; br0 ether; ");
	ip("link del v2\n");
	wait_for_text(f, "lo loopback; br0 ether; ");
}

static void a_default_route_marks_its_links(void **state)
{
	struct fixture *f = begin(state);

	ip(PAIR
	   "link set v0 up\nlink set v1 up\naddr add 10.0.0.1/24 dev v0\naddr add 10.0.1.1/24 dev v1\n");
	start(f);
	ip("route add default via 10.0.0.9 dev v0\nroute add 10.7.0.0/16 via 10.0.1.9 dev v1\n"
	   "route add default via 10.0.1.9 dev v1 table 77\n");
	wait_for_text(f, "lo loopback; v1 up ether 10.0.1.1; v0 up ether v4 10.0.0.1; ");
	ip("route replace default nexthop via 10.0.0.9 dev v0 nexthop via 10.0.1.9 dev v1\n"
	   "route add ::/0 dev v1\n");
	wait_for_text(f, "lo loopback; v1 up ether v4 v6 10.0.1.1; v0 up ether v4 10.0.0.1; ");
	ip("route del default\n");
	wait_for_text(f, "lo loopback; v1 up ether v6 10.0.1.1; v0 up ether 10.0.0.1; ");
}

/* The kernel sends no message of such a route. */
static void a_route_that_goes_with_its_link_is_noticed(void **state)
{
	struct fixture *f = begin(state);

	ip(PAIR "link set v0 up\nlink set v1 up\naddr add 10.0.0.1/24 dev v0\n"
		"route add default via 10.0.0.9 dev v0\n");
	start(f);
	assert_string_equal(f->text.data, "lo loopback; v1 up ether; v0 up ether v4 10.0.0.1; ");
	ip("link set v0 down\n");
	wait_for_text(f, "lo loopback; v1 up ether; v0 ether 10.0.0.1; ");
}

static void a_burst_is_told_once(void **state)
{
	struct fixture *f = begin(state);

	start(f);
	ip_many("addr add", "dev lo", 20);
	ip_many("addr del", "dev lo", 19);
	wait_for(f, &f->changes, 1);
	assert_string_equal(f->text.data, "lo loopback 10.1.0.19; ");
	ip("addr add 10.2.0.1/32 dev lo\naddr del 10.2.0.1/32 dev lo\nlink set lo up\n");
	wait_for(f, &f->changes, 2);
	assert_string_equal(f->text.data, "lo up loopback 127.0.0.1 10.1.0.19 ::1; ");
}

/* Messages that say nothing fill the socket; the one that counts finds no place. */
static void a_lost_message_costs_nothing(void **state)
{
	struct fixture *f = begin(state);

	ip("link set lo up\n");
	start(f);
	ip_many("route add", "dev lo", 2000);
	assert_true(messages_lost() > 0);
	ip("addr add 192.0.2.1/32 dev lo\n");
	wait_for_text(f, "lo up loopback 127.0.0.1 192.0.2.1 ::1; ");
}

static void too_many_addresses_are_refused_at_the_start(void **state)
{
	struct fixture *f = begin(state);
	struct err err = {};

	ip_many("addr add", "dev lo", LINKS_MAX);
	start(f);
	links_stop(&f->links);
	ip("addr add 192.0.2.1/32 dev lo\n");
	assert_int_equal(links_start(&f->loop, &ops, f, &f->links, &err), -E2BIG);
	assert_null(f->links);
	assert_string_equal(err.text, "reading links and addresses: this network namespace has "
				      "more than 4096 links or addresses");
}

static void too_many_addresses_later_leave_all_as_it_was(void **state)
{
	struct fixture *f = begin(state);

	ip(PAIR "addr add 192.0.2.1/32 dev lo\n");
	start(f);
	ip_many("addr add", "dev v0", LINKS_MAX);
	wait_for(f, &f->failures, 1);
	assert_int_equal(f->failed.code, -E2BIG);
	describe(f);
	assert_string_equal(f->text.data, "lo loopback 192.0.2.1; v1 ether; v0 ether; ");
	ip("link del v0\n");
	wait_for_text(f, "lo loopback 192.0.2.1; ");
	assert_int_equal(f->failures, 1);
}

static void the_receiver_may_stop_it(void **state)
{
	struct fixture *f = begin(state);

	start(f);
	f->stop_at_once = true;
	ip("link set lo up\n");
	wait_for(f, &f->changes, 1);
	assert_null(f->links);
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_reading_has_all_in_order),
		TEST(an_address_with_a_peer_is_our_end),
		TEST(an_address_counts_once_the_kernel_uses_it),
		TEST(what_comes_and_goes_is_told),
		TEST(a_default_route_marks_its_links),
		TEST(a_route_that_goes_with_its_link_is_noticed),
		TEST(a_burst_is_told_once),
		TEST(a_lost_message_costs_nothing),
		TEST(too_many_addresses_are_refused_at_the_start),
		TEST(too_many_addresses_later_leave_all_as_it_was),
		TEST(the_receiver_may_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
