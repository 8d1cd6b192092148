/* SPDX-License-Identifier: Apache-2.0 */
/* What reads the kernel: datapath, backend, pod. */
#include <netinet/in.h>

#include "unit/cli/books.h"
#include "unit/cli/kernel.h"

static void status_lists_programs_and_maps(void **state)
{
	struct run *f = &kernel_of(state)->run;
	cleanup(json_free) struct json *j = NULL;
	bool found = false;

	run_ok(f, "-j", "datapath", "status");
	j = run_json(f);
	json_foreach(p, json_get(j, "programs"))
		found |= strcmp(json_str(p, "name", ""), "weir_connect4") == 0;
	assert_true(found);
	assert_true(json_len(json_get(j, "maps")) > 0);
	run_ok(f, "datapath", "status");
	assert_non_null(strstr(f->out, "\n\nPROGRAM"));
	assert_non_null(strstr(f->out, "\n\nMAP"));
}

static void stats_has_every_reason_by_name(void **state)
{
	struct run *f = &kernel_of(state)->run;
	cleanup(json_free) struct json *j = NULL;

	run_ok(f, "-j", "datapath", "stats");
	j = run_json(f);
	assert_int_equal(json_len(j), WEIR_REASON_MAX_);
	assert_string_equal(json_str(json_at(j, WEIR_REASON_NO_ENDPOINT), "reason", ""),
			    "no_endpoint");
}

static void check_finds_what_another_hand_changed(void **state)
{
	struct kernel *k = kernel_of(state);
	struct run *f = &k->run;
	cleanup(dp_close) struct dp *dp = NULL;
	cleanup(free_ptr) struct dp_frontend *frontends = NULL;
	cleanup(json_free) struct json *j = NULL;
	struct err err = {};
	size_t n;

	run_ok(f, "-j", "datapath", "check");
	assert_string_equal(f->out, "[]\n");
	run_ok(f, "datapath", "check");
	assert_string_equal(f->out, "the kernel does what the Services say\n");

	kernel_must(kernel_attach(k, &dp, &err),
		    &err); /* adopts the pins; dp_open_pinned() may only read */
	kernel_must(dp_frontends(dp, &frontends, &n, &err), &err);
	assert_int_equal(n, 1);
	kernel_must(dp_frontend_del(dp, &frontends[0].vip, &err), &err);
	assert_int_equal(run(f, "-j", "datapath", "check"), 1);
	j = run_json(f);
	assert_int_equal(json_type(j), JSON_ARRAY);
	assert_true(json_len(j) > 0);
	assert_non_null(strstr(f->out, "10.96.0.10"));
	assert_int_equal(run(f, "datapath", "check"), 1);
	assert_memory_equal(f->out, "DIFFERENCE\n", 11);
	assert_string_equal(f->err, "");
}

static void backends_are_the_kernels(void **state)
{
	const struct weir_backend sctp = { .port = 1, .proto = IPPROTO_SCTP };
	struct kernel *k = kernel_of(state);
	struct run *f = &k->run;
	cleanup(json_free) struct json *j = NULL, *later = NULL;
	cleanup(dp_close) struct dp *dp = NULL;
	uint64_t frontends, id;
	struct err err = {};

	run_ok(f, "-j", "backend", "show");
	j = run_json(f);
	assert_int_equal(json_len(j), 2);
	assert_string_equal(json_str(json_at(j, 0), "address", ""), "10.1.0.5");
	assert_string_equal(json_str(json_at(j, 1), "protocol", ""), "TCP");
	assert_true(json_bool(json_at(j, 1), "serving", false));
	assert_int_equal(json_u64(json_at(j, 1), "frontends", &frontends), 0);
	assert_int_equal(frontends, 1);

	assert_int_equal(json_u64(json_at(j, 1), "id", &id), 0);
	kernel_must(kernel_attach(k, &dp, &err), &err);
	kernel_must(dp_backend_gone(dp, (uint32_t)id, true, &err), &err);
	kernel_must(dp_backend_put(dp, (uint32_t)id + 1, &sctp, &err), &err);
	run_ok(f, "-j", "backend", "show");
	later = run_json(f);
	assert_int_equal(json_len(later), 3);
	assert_true(json_bool(json_at(later, 0), "serving", false));
	assert_false(json_bool(json_at(later, 1), "serving", true));
	assert_string_equal(json_str(json_at(later, 2), "protocol", ""), "SCTP");
}

static void pods_have_a_row_before_the_ledger_knows_them(void **state)
{
	struct run *f = &kernel_of(state)->run;
	cleanup(json_free) struct json *j = NULL;
	const struct json *pod;

	run_ok(f, "-j", "pod", "show");
	j = run_json(f);
	assert_int_equal(json_len(j), 1);
	pod = json_at(j, 0);
	assert_int_equal(json_type(json_get(pod, "pod")), JSON_NULL);
	assert_string_equal(json_str(pod, "cgroup", ""), "web");
	assert_string_equal(json_str(pod, "state", ""), "running");
	assert_int_equal(run(f, "pod", "show", "shop/web"), 1);
	assert_non_null(strstr(f->err, "shop/web"));
}

static void pods_have_the_names_of_the_ledger(void **state)
{
	struct run *f = &kernel_of(state)->run;
	cleanup(ledger_close) struct ledger *l = NULL;
	cleanup(ledger_rollback) struct ledger_tx tx = {};
	cleanup(json_free) struct json *j = NULL, *one = NULL;
	struct ledger_pod pod = { .namespace = "shop", .name = "web", .lease = "gold" };
	struct err err = {};
	char path[160];
	uint64_t id;

	run_ok(f, "-j", "pod", "show");
	j = run_json(f);
	assert_int_equal(json_u64(json_at(j, 0), "cgroup_id", &pod.cgroup_id), 0);
	kernel_must(clock_boot_id(pod.boot), &err);
	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	kernel_must(ledger_open(path, &l, &err), &err);
	kernel_must(ledger_begin(l, &tx, &err), &err);
	kernel_must(ledger_pod_put(&tx, &pod, &id, &err), &err);
	kernel_must(ledger_commit(&tx, &err), &err);
	run_ok(f, "-j", "pod", "show", "shop/web");
	one = run_json(f);
	assert_int_equal(json_len(one), 1);
	assert_string_equal(json_str(json_at(one, 0), "lease", ""), "gold");
}

static void detach_leaves_nothing(void **state)
{
	struct run *f = &kernel_of(state)->run;
	cleanup(json_free) struct json *would = NULL;
	size_t links = 0, maps = 0, progs = 0;

	/* dry: says what would go, all of it, and leaves it */
	run_ok(f, "-j", "datapath", "detach", "--dry-run");
	would = run_json(f);
	json_foreach(pin, would) {
		links += strcmp(json_str(pin, "kind", ""), "link") == 0;
		maps += strcmp(json_str(pin, "kind", ""), "map") == 0;
		progs += strcmp(json_str(pin, "kind", ""), "prog") == 0;
		assert_int_equal(access(json_str(pin, "path", ""), F_OK), 0);
	}
	assert_true(links > 0 && maps > 0 && progs > 0);
	assert_int_equal(links + maps + progs, json_len(would));
	run_ok(f, "datapath", "status");
	run_ok(f, "datapath", "detach");
	assert_int_equal(run(f, "datapath", "status"), 1);
	assert_non_null(strstr(f->err, "no datapath is pinned"));
	assert_int_equal(run(f, "backend", "show"), 1);
	assert_int_equal(run(f, "pod", "show"), 1);
	json_foreach(pin, would)
		assert_int_not_equal(access(json_str(pin, "path", ""), F_OK), 0);
	run_ok(f, "datapath", "detach", "--dry-run");
	assert_string_equal(f->out, "nothing of Weir is in the kernel\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_TEST(status_lists_programs_and_maps),
		KERNEL_TEST(stats_has_every_reason_by_name),
		KERNEL_TEST(check_finds_what_another_hand_changed),
		KERNEL_TEST(backends_are_the_kernels),
		KERNEL_TEST(pods_have_a_row_before_the_ledger_knows_them),
		KERNEL_TEST(pods_have_the_names_of_the_ledger),
		KERNEL_TEST(detach_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
