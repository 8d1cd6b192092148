/* SPDX-License-Identifier: Apache-2.0 */
/* The pins outlive the agent: what a restart finds, and what is left after a detach. */
#include <bpf/bpf.h>
#include <errno.h>
#include <sys/socket.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/err.h"

static uint32_t link_of(struct bed *b, const char *name)
{
	cleanup(free_ptr) struct dp_program *p = NULL;
	size_t n;

	assert_int_equal(dp_programs(b->dp, &p, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(p[i].name, name))
			return p[i].link_id;
	return 0;
}

static void reopen_as(struct bed *b, bool measure_only)
{
	struct dp_options opt;
	struct err err = {};
	char meter[300];

	dp_close(&b->dp);
	opt = bed_options(b, meter);
	opt.measure_only = measure_only;
	if (dp_open(&opt, &b->dp, &err) < 0)
		fail_msg("%s", err.text);
}

static void reopen(struct bed *b)
{
	reopen_as(b, false);
}

static void a_restart_adopts_programs_links_and_tables(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1, before = -1, after = -1;
	uint32_t connect = link_of(b, "weir_connect4"), release = link_of(b, "weir_release");
	uint64_t translated;
	uint16_t port;

	s = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	bed_service(b, 1, "10.96.2.1", 80, IPPROTO_TCP, &port, 1, "127.0.0.1");
	before = bed_connect("10.96.2.1", 80, SOCK_STREAM);
	assert_true(before >= 0);
	translated = bed_reason(b, WEIR_REASON_TRANSLATED);

	dp_close(&b->dp); /* the agent is dead: the datapath is not */
	after = bed_connect("10.96.2.1", 80, SOCK_STREAM);
	assert_true(after >= 0);

	reopen(b);
	assert_true(dp_adopted(b->dp));
	assert_int_equal(link_of(b, "weir_connect4"), connect);
	assert_int_equal(link_of(b, "weir_release"), release);
	assert_int_equal(bed_reason(b, WEIR_REASON_TRANSLATED), translated + 1);
}

/* Another build keeps the tables and, for cgroup hooks, the links: no moment without a program. */
static void another_build_replaces_the_programs_and_keeps_the_tables(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1, fd = -1, ctl = -1;
	uint32_t connect = link_of(b, "weir_connect4");
	struct weir_ctl other;
	uint32_t zero = 0;
	char path[128];
	uint16_t port;

	s = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	bed_service(b, 2, "10.96.2.2", 80, IPPROTO_TCP, &port, 1, "127.0.0.1");
	snprintf(path, sizeof(path), "%s/weir/v%d/maps/weir_ctl", b->dir, WEIR_ABI);
	ctl = bpf_obj_get(path);
	assert_true(ctl >= 0);
	assert_int_equal(bpf_map_lookup_elem(ctl, &zero, &other), 0);
	other.build[0] ^= 1;
	assert_int_equal(bpf_map_update_elem(ctl, &zero, &other, BPF_ANY), 0);

	reopen(b);
	assert_false(dp_adopted(b->dp));
	assert_int_equal(link_of(b, "weir_connect4"), connect);
	fd = bed_connect("10.96.2.2", 80, SOCK_STREAM);
	assert_true(fd >= 0);
	reopen(b);
	assert_true(dp_adopted(b->dp));
}

/* Both ways, at run time: the counters and what is attached for them are not touched. */
static void what_only_measures_translates_nothing_until_it_directs_again(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t egress = link_of(b, "weir_egress");
	cleanup(close_fd) int s = -1, fd = -1;
	uint16_t port;

	s = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	bed_service(b, 4, "10.96.2.4", 80, IPPROTO_TCP, &port, 1, "127.0.0.1");
	reopen_as(b, true);
	assert_false(dp_adopted(b->dp));
	assert_int_equal(link_of(b, "weir_connect4"), 0);
	assert_int_equal(link_of(b, "weir_post_bind6"), 0);
	assert_int_equal(link_of(b, "weir_egress"), egress);
	assert_int_equal(bed_connect("10.96.2.4", 80, SOCK_STREAM), -ENETUNREACH);
	reopen_as(b, true);
	assert_true(dp_adopted(b->dp));

	reopen(b);
	assert_false(dp_adopted(b->dp));
	assert_int_equal(link_of(b, "weir_egress"), egress);
	fd = bed_connect("10.96.2.4", 80, SOCK_STREAM);
	assert_true(fd >= 0);
}

static void a_reader_sees_the_tables_and_can_change_nothing(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(dp_close) struct dp *ro = NULL;
	cleanup(free_ptr) struct dp_frontend *f = NULL;
	struct weir_vip vip = bed_vip("10.96.2.9", 80, IPPROTO_TCP);
	struct weir_svc svc = { .id = 9, .gen = 9 };
	struct err err = {};
	size_t n;

	assert_int_equal(dp_frontend_put(b->dp, &vip, &svc, &err), 0);
	assert_int_equal(dp_open_pinned(b->dir, &ro, &err), 0);
	assert_int_equal(dp_frontends(ro, &f, &n, &err), 0);
	assert_true(n >= 1);
	assert_int_equal(dp_frontend_put(ro, &vip, &svc, &err), -EPERM);
}

static void detaching_leaves_nothing_and_the_next_start_is_fresh(void **state)
{
	struct bed *b = bed_of(state);
	struct dp *none = NULL;
	struct err err = {};

	dp_close(&b->dp);
	assert_int_equal(dp_detach(b->dir, &err), 0);
	assert_int_equal(dp_open_pinned(b->dir, &none, &err), -ENOENT);
	assert_null(none);
	assert_non_null(strstr(err.text, "start the agent"));
	assert_int_equal(bed_connect("10.96.2.1", 80, SOCK_STREAM), -ENETUNREACH);
	reopen(b);
	assert_false(dp_adopted(b->dp));
}

/* The tables of another ABI are never read; what is attached of it goes when this one is. */
static void another_abi_is_replaced_whole(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(close_fd) int s = -1;
	char old[128], own[128];
	uint16_t port;

	s = bed_listen("127.0.0.1", SOCK_STREAM, &port);
	bed_service(b, 3, "10.96.2.3", 80, IPPROTO_TCP, &port, 1, "127.0.0.1");
	dp_close(&b->dp);
	snprintf(own, sizeof(own), "%s/weir/v%d", b->dir, WEIR_ABI);
	snprintf(old, sizeof(old), "%s/weir/v%d", b->dir, WEIR_ABI + 1);
	assert_int_equal(rename(own, old), 0);
	reopen(b);
	assert_false(dp_adopted(b->dp));
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(bed_connect("10.96.2.3", 80, SOCK_STREAM), -ENETUNREACH);
}

static void a_folder_that_is_no_bpffs_is_refused_with_the_cure(void **state)
{
	struct bed *b = bed_of(state);
	struct dp_options opt = { .bpffs = "/proc",
				  .cgroup = b->cgroup,
				  .meter_cgroup = b->cgroup };
	struct dp *none = NULL;
	struct err err = {};

	assert_int_equal(dp_open(&opt, &none, &err), -EINVAL);
	assert_non_null(strstr(err.text, "mount -t bpf bpf /proc"));
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_adopts_programs_links_and_tables),
		cmocka_unit_test(another_build_replaces_the_programs_and_keeps_the_tables),
		cmocka_unit_test(what_only_measures_translates_nothing_until_it_directs_again),
		cmocka_unit_test(a_reader_sees_the_tables_and_can_change_nothing),
		cmocka_unit_test(another_abi_is_replaced_whole),
		cmocka_unit_test(detaching_leaves_nothing_and_the_next_start_is_fresh),
		cmocka_unit_test(a_folder_that_is_no_bpffs_is_refused_with_the_cure),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
