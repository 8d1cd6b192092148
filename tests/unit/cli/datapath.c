/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reads the kernel (datapath, backend, pod), against the real programs, attached to an empty
 * cgroup of this test and pinned on a bpffs in its own mount namespace.
 */
#include <sched.h>
#include <sys/mount.h>

#include "core/cgroup.h"
#include "svc/plan.h"
#include "svc/svc.h"
#include "svc/view.h"
#include "unit/cli/books.h"

struct kernel {
	struct run run; /* first: its teardown frees */
	char cgroup[256], pods[280], pod[300];
	struct svc_table *table;
};

static void must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%d %s", rc, err->text);
}

static const char *missing(char *mount_at, size_t size)
{
	struct err err = {};

	if (geteuid() != 0)
		return "needs root";
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "needs a kernel with BTF";
	if (cgroup2_mount("/proc/self/mountinfo", mount_at, size, &err) < 0)
		return "needs cgroup2";
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "needs a mount namespace";
	return NULL;
}

static void make_cgroups(struct kernel *k, const char *mount_at)
{
	snprintf(k->cgroup, sizeof(k->cgroup), "%.200s/weir-cli-%d", mount_at, getpid());
	snprintf(k->pods, sizeof(k->pods), "%s/pods", k->cgroup);
	snprintf(k->pod, sizeof(k->pod), "%s/web", k->pods);
	assert_int_equal(mkdir(k->cgroup, 0755), 0);
	assert_int_equal(mkdir(k->pods, 0755), 0);
	assert_int_equal(mkdir(k->pod, 0755), 0);
}

/* Service default/web with two ready backends, in the kernel and saved. */
static void serve(struct kernel *k, struct dp *dp)
{
	cleanup(svc_idle_free) struct svc_idle *idle = NULL;
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	struct svc_service web = { .ns = "default", .name = "web", .n_cluster_ips = 1 }, *s;
	struct svc_endpoint e = { .port = 8080, .ready = true, .serving = true };
	struct svc_port http = { .name = "http", .port = 80 }, *p;
	struct err err = {};
	char path[160];

	must(svc_table_new(&k->table), &err);
	must(addr_parse("10.96.0.10", &web.cluster_ips[0]), &err);
	must(svc_service_add(k->table, &web, &s, &err), &err);
	must(svc_port_add(k->table, s, &http, &p, &err), &err);
	must(addr_parse("10.1.0.5", &e.addr), &err);
	must(svc_endpoint_add(k->table, p, &e, &err), &err);
	must(addr_parse("10.1.0.6", &e.addr), &err);
	must(svc_endpoint_add(k->table, p, &e, &err), &err);
	svc_select(k->table);
	must(svc_idle_new(SVC_GRACE_MS, &idle), &err);
	must(svc_sync(dp, k->table, idle, 1, &plan, &err), &err);
	snprintf(path, sizeof(path), "%s/%s", k->run.state, SVC_SAVED_NAME);
	must(svc_save(k->table, path, &err), &err);
}

static int setup(void **state)
{
	struct run *run;
	struct kernel *k;

	if (run_setup((void **)&run) < 0)
		return -1;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -1;
	k->run = *run;
	free(run);
	*state = k;
	return 0;
}

static int attach(const struct kernel *k, struct dp **ret, struct err *err)
{
	const struct dp_options opt = {
		.bpffs = k->run.bpffs,
		.cgroup = k->cgroup,
		.meter_cgroup = k->pods,
	};

	return dp_open(&opt, ret, err);
}

/* The first call of each test: what may skip it. Leaves pins, as an agent that was killed. */
static struct kernel *kernel_of(void **state)
{
	char mount_at[200];
	cleanup(dp_close) struct dp *dp = NULL;
	const struct weir_sample *samples;
	struct kernel *k = *state;
	const char *why = missing(mount_at, sizeof(mount_at));
	const char *parents[] = { k->pods };
	struct err err = {};
	size_t n;

	if (why && getenv("WEIR_REQUIRE_KERNEL"))
		fail_msg("%s", why);
	if (why) {
		print_message("skipped: %s\n", why);
		skip();
	}
	make_cgroups(k, mount_at);
	/* on a folder of its own, since the configuration lies in run.dir */
	snprintf(k->run.bpffs, sizeof(k->run.bpffs), "%s/bpf", k->run.dir);
	assert_int_equal(mkdir(k->run.bpffs, 0700), 0);
	assert_int_equal(mount("bpf", k->run.bpffs, "bpf", 0, NULL), 0);
	must(attach(k, &dp, &err), &err);
	must(dp_parents_sync(dp, parents, 1, &err), &err);
	serve(k, dp);
	must(dp_walk(dp, &samples, &n, &err), &err);
	setenv("WEIR_PATHS_BPFFS", k->run.bpffs, 1);
	return k;
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	if (k->cgroup[0]) {
		dp_detach(k->run.bpffs, NULL);
		umount2(k->run.bpffs, MNT_DETACH);
		rmdir(k->pod);
		rmdir(k->pods);
		rmdir(k->cgroup);
	}
	unsetenv("WEIR_PATHS_BPFFS");
	svc_table_free(&k->table);
	return run_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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

	must(attach(k, &dp, &err), &err); /* adopts the pins; dp_open_pinned() may only read */
	must(dp_frontends(dp, &frontends, &n, &err), &err);
	assert_int_equal(n, 1);
	must(dp_frontend_del(dp, &frontends[0].vip, &err), &err);
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
	struct run *f = &kernel_of(state)->run;
	cleanup(json_free) struct json *j = NULL;
	uint64_t frontends;

	run_ok(f, "-j", "backend", "show");
	j = run_json(f);
	assert_int_equal(json_len(j), 2);
	assert_string_equal(json_str(json_at(j, 0), "address", ""), "10.1.0.5");
	assert_string_equal(json_str(json_at(j, 1), "protocol", ""), "TCP");
	assert_int_equal(json_u64(json_at(j, 1), "frontends", &frontends), 0);
	assert_int_equal(frontends, 1);
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
	must(clock_boot_id(pod.boot), &err);
	snprintf(path, sizeof(path), "%s/ledger.db", f->state);
	must(ledger_open(path, &l, &err), &err);
	must(ledger_begin(l, &tx, &err), &err);
	must(ledger_pod_put(&tx, &pod, &id, &err), &err);
	must(ledger_commit(&tx, &err), &err);
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
		TEST(status_lists_programs_and_maps),
		TEST(stats_has_every_reason_by_name),
		TEST(check_finds_what_another_hand_changed),
		TEST(backends_are_the_kernels),
		TEST(pods_have_a_row_before_the_ledger_knows_them),
		TEST(pods_have_the_names_of_the_ledger),
		TEST(detach_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
