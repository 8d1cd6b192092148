/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that see packets, put on devices and taken from them: by tcx where the kernel has it, by
 * filters of a clsact qdisc before Linux 6.6. Both are asked the same questions.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>

#include "bpf/node.h"
#include "core/cleanup.h"
#include "core/err.h"

#define ATTACHED_MAX 8
#define HANDLE 1 /* of our filters, and their priority (user/dp/devices.c) */
#define PRIORITY 49152

static const struct side {
	const char *prog;
	enum bpf_attach_type tcx;
	enum bpf_tc_attach_point clsact;
} sides[] = {
	{ "weir_tc_in", BPF_TCX_INGRESS, BPF_TC_INGRESS },
	{ "weir_tc_out", BPF_TCX_EGRESS, BPF_TC_EGRESS },
};

static bool has_tcx(void)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);

	return !bpf_prog_query_opts(1, BPF_TCX_INGRESS, &opts);
}

/* ---- What is there --------------------------------------------------------------------------- */

static bool is_named(uint32_t id, const char *name)
{
	cleanup(close_fd) int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	assert_true(fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &len));
	return !strcmp(info.name, name);
}

static struct bpf_tc_hook hook_of(const struct side *s, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = s->clsact);

	return hook;
}

/* The program of this name on the device; 0: none is. More than one fails the test. */
static uint32_t attached(uint32_t ifindex, const struct side *s, const char *name)
{
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = HANDLE, .priority = PRIORITY);
	uint32_t ids[ATTACHED_MAX] = {}, found = 0;
	LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids, .prog_cnt = ATTACHED_MAX);
	struct bpf_tc_hook hook = hook_of(s, ifindex);

	if (has_tcx())
		assert_int_equal(bpf_prog_query_opts((int)ifindex, s->tcx, &query), 0);
	else if (!bpf_tc_query(&hook, &filter))
		ids[0] = filter.prog_id;
	for (size_t i = 0; i < ATTACHED_MAX; i++)
		if (ids[i] && is_named(ids[i], name)) {
			assert_int_equal(found, 0);
			found = ids[i];
		}
	return found;
}

static void assert_attached(uint32_t ifindex, bool want)
{
	for (size_t i = 0; i < ARRAY_LEN(sides); i++)
		assert_int_equal(attached(ifindex, &sides[i], sides[i].prog) != 0, want);
}

/* ---- Devices --------------------------------------------------------------------------------- */

static uint32_t device(const char *name)
{
	char lines[200];
	uint32_t ifindex;

	snprintf(lines, sizeof(lines), "link add %s type veth peer name %s-peer\nlink set %s up\n",
		 name, name, name);
	node_ip(lines);
	ifindex = if_nametoindex(name);
	assert_true(ifindex > 0);
	return ifindex;
}

static void device_end(const char *name)
{
	char line[64];

	snprintf(line, sizeof(line), "link del %s\n", name);
	node_ip(line);
}

/* Up to two; 0: none. */
static void sync_with(struct bed *b, uint32_t one, uint32_t other)
{
	struct dp_device want[2];
	struct err err = {};
	size_t n = 0;

	if (one)
		want[n++] = (struct dp_device){ one, DP_DIRECT, {} };
	if (other)
		want[n++] = (struct dp_device){ other, DP_DIRECT, {} };
	if (dp_devices_sync(b->dp, want, n, &err))
		fail_msg("%s", err.text);
}

static size_t link_pins(const struct bed *b)
{
	cleanup(close_dir) DIR *dir = NULL;
	char path[128];
	struct dirent *e;
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/weir/v%d/links", b->dir, WEIR_ABI);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += !strncmp(e->d_name, "weir_tc_", 8);
	return n;
}

static void reopen(struct bed *b)
{
	struct dp_options opt;
	struct err err = {};
	char meter[300];

	dp_close(&b->dp);
	opt = bed_options(b, meter);
	if (dp_open(&opt, &b->dp, &err) < 0)
		fail_msg("%s", err.text);
}

/* As by an agent of another build, which brings programs of its own. */
static void reopen_by_another_build(struct bed *b)
{
	cleanup(close_fd) int ctl = -1;
	struct weir_ctl now;
	uint32_t zero = 0;
	char path[128];

	snprintf(path, sizeof(path), "%s/weir/v%d/maps/weir_ctl", b->dir, WEIR_ABI);
	ctl = bpf_obj_get(path);
	assert_int_equal(bpf_map_lookup_elem(ctl, &zero, &now), 0);
	now.build[0] ^= 1;
	assert_int_equal(bpf_map_update_elem(ctl, &zero, &now, BPF_ANY), 0);
	reopen(b);
	assert_false(dp_adopted(b->dp));
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void programs_stand_on_the_devices_that_are_wanted(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t one = device("one"), two = device("two");

	assert_attached(one, false);
	sync_with(b, one, two);
	assert_attached(one, true);
	assert_attached(two, true);
	sync_with(b, two, 0);
	assert_attached(one, false);
	assert_attached(two, true);
	sync_with(b, 0, 0);
	assert_attached(two, false);
	assert_int_equal(link_pins(b), 0);
	device_end("one");
	device_end("two");
}

static void what_is_there_already_is_left_as_it_is(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t one = device("one"), was[2];

	sync_with(b, one, 0);
	for (int i = 0; i < 2; i++)
		was[i] = attached(one, &sides[i], sides[i].prog);
	sync_with(b, one, 0);
	reopen(b);
	assert_true(dp_adopted(b->dp));
	sync_with(b, one, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(attached(one, &sides[i], sides[i].prog), was[i]);
	sync_with(b, 0, 0);
	device_end("one");
}

static void another_builds_programs_replace_those_before(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t one = device("one"), was[2];

	sync_with(b, one, 0);
	for (int i = 0; i < 2; i++)
		was[i] = attached(one, &sides[i], sides[i].prog);
	reopen_by_another_build(b);
	assert_attached(one, true); /* at no time without */
	sync_with(b, one, 0);
	for (int i = 0; i < 2; i++) {
		uint32_t is = attached(one, &sides[i], sides[i].prog);

		assert_int_not_equal(is, 0);
		assert_int_not_equal(is, was[i]);
	}
	sync_with(b, 0, 0);
	device_end("one");
}

static void another_build_leaves_devices_that_it_does_not_want(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t one = device("one");

	sync_with(b, one, 0);
	reopen_by_another_build(b);
	sync_with(b, 0, 0);
	assert_attached(one, false);
	device_end("one");
}

static void a_device_that_is_gone_is_passed_over(void **state)
{
	struct bed *b = bed_of(state);
	uint32_t one = device("one"), two = device("two");

	sync_with(b, one, 0);
	device_end("one");
	sync_with(b, one, two);
	assert_attached(two, true);
	sync_with(b, two, 0);
	assert_true(link_pins(b) <= 2);
	sync_with(b, 0, 0);
	assert_int_equal(link_pins(b), 0);
	device_end("two");
}

/* What was pinned for the device before is none on this one. */
static void a_device_that_has_the_number_of_one_that_is_gone_is_another(void **state)
{
	static const char make[] =
		"link add one index 4242 type veth peer name one-peer\nlink set one up\n";
	struct bed *b = bed_of(state);

	node_ip(make);
	sync_with(b, 4242, 0);
	assert_attached(4242, true);
	device_end("one");
	node_ip(make);
	assert_attached(4242, false);
	sync_with(b, 4242, 0);
	assert_attached(4242, true);
	sync_with(b, 0, 0);
	device_end("one");
}

/* ---- Others ---------------------------------------------------------------------------------- */

static int other_load(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "other", "GPL", insns, ARRAY_LEN(insns),
			       NULL);

	assert_true(fd >= 0);
	return fd;
}

/* Another's program on the same device: by tcx, or by a filter at this place. */
static int other_attach(const struct side *s, uint32_t ifindex, int prog, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = HANDLE, .priority = priority, .prog_fd = prog);
	struct bpf_tc_hook hook = hook_of(s, ifindex);
	int r;

	if (has_tcx())
		return bpf_link_create(prog, (int)ifindex, s->tcx, NULL);
	r = bpf_tc_hook_create(&hook);
	assert_true(!r || r == -EEXIST);
	assert_int_equal(bpf_tc_attach(&hook, &filter), 0);
	return -1;
}

static bool other_is_there(const struct side *s, uint32_t ifindex, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = HANDLE, .priority = priority);
	struct bpf_tc_hook hook = hook_of(s, ifindex);

	if (has_tcx())
		return attached(ifindex, s, "other");
	return !bpf_tc_query(&hook, &filter) && is_named(filter.prog_id, "other");
}

static void programs_of_others_stay(void **state)
{
	cleanup(close_fd) int prog = -1, in = -1, out = -1;
	struct bed *b = bed_of(state);
	uint32_t one = device("one");
	struct err err = {};

	prog = other_load();
	in = other_attach(&sides[0], one, prog, PRIORITY - 1);
	out = other_attach(&sides[1], one, prog, PRIORITY - 1);
	sync_with(b, one, 0);
	assert_attached(one, true);
	sync_with(b, 0, 0);
	assert_attached(one, false);
	for (int i = 0; i < 2; i++)
		assert_true(other_is_there(&sides[i], one, PRIORITY - 1));

	sync_with(b, one, 0);
	dp_close(&b->dp);
	assert_int_equal(dp_detach(b->dir, &err), 0);
	assert_attached(one, false);
	for (int i = 0; i < 2; i++)
		assert_true(other_is_there(&sides[i], one, PRIORITY - 1));
	reopen(b);
	device_end("one");
}

/* A filter stands at a place, which may be another's; tcx has no places. */
static void a_place_that_another_has_is_not_taken(void **state)
{
	cleanup(close_fd) int prog = -1;
	struct bed *b = bed_of(state);
	uint32_t one = device("one"), two = device("two");
	struct dp_device want[2] = { { one, DP_DIRECT, {} }, { two, DP_DIRECT, {} } };
	struct err err = {};
	int r;

	if (!has_tcx()) {
		prog = other_load();
		other_attach(&sides[0], one, prog, PRIORITY);
	}
	r = dp_devices_sync(b->dp, want, 2, &err);
	assert_int_equal(r, has_tcx() ? 0 : -EEXIST);
	assert_true(has_tcx() || strstr(err.text, "priority 49152"));
	assert_attached(two, true);
	sync_with(b, 0, 0);
	assert_true(has_tcx() || other_is_there(&sides[0], one, PRIORITY));
	device_end("one");
	device_end("two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_stand_on_the_devices_that_are_wanted),
		cmocka_unit_test(what_is_there_already_is_left_as_it_is),
		cmocka_unit_test(another_builds_programs_replace_those_before),
		cmocka_unit_test(another_build_leaves_devices_that_it_does_not_want),
		cmocka_unit_test(a_device_that_is_gone_is_passed_over),
		cmocka_unit_test(a_device_that_has_the_number_of_one_that_is_gone_is_another),
		cmocka_unit_test(programs_of_others_stay),
		cmocka_unit_test(a_place_that_another_has_is_not_taken),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
