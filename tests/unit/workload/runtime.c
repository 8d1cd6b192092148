/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way on the real kernel: tarball, unpacking, bundle, runc, cgroups, and nothing left. */
#include "workload/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#include "core/buf.h"
#include "core/cgroup.h"
#include "core/child.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "unit/workload/container.h"
#include "workload/cgroup.h"
#include "workload/workload.h"

#define LOG_MAX (1u << 20)
#define LINE_WAIT_MS 20000

/* Writes one line of JSON about the sandbox it finds itself in, and stays until it is told to go. */
static const char report_js[] =
	"const fs = require('fs'), os = require('os'), cp = require('child_process');\n"
	"const status = fs.readFileSync('/proc/self/status', 'utf8');\n"
	"const field = k => status.match(new RegExp('^' + k + ':\\\\s*(.*)$', 'm'))[1];\n"
	"const tries = f => { try { f(); return 'allowed'; } catch (e) { return e.code; } };\n"
	"process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });\n"
	"console.log(JSON.stringify({\n"
	"  eff: field('CapEff'), bnd: field('CapBnd'), prm: field('CapPrm'), inh: field('CapInh'),\n"
	"  amb: field('CapAmb'), nnp: field('NoNewPrivs'), seccomp: field('Seccomp'),\n"
	"  uid: process.getuid(), gid: process.getgid(), pid: process.pid, host: os.hostname(),\n"
	"  app: tries(() => fs.writeFileSync('/app/x', '')),\n"
	"  root: tries(() => fs.writeFileSync('/x', '')),\n"
	"  usr: tries(() => fs.writeFileSync('/usr/x', '')),\n"
	"  dev: tries(() => fs.writeFileSync('/dev/x', '')),\n"
	"  tmp: tries(() => fs.writeFileSync('/tmp/x', '')),\n"
	"  shadow: tries(() => fs.readFileSync('/etc/shadow')),\n"
	"  nics: Object.keys(os.networkInterfaces()).filter(n => n !== 'lo').length,\n"
	"  unshare: cp.spawnSync('/usr/bin/unshare', ['--user', 'true']).status,\n"
	"  thread: typeof new (require('worker_threads').Worker)('', { eval: true }),\n"
	"  procs: fs.readdirSync('/proc').filter(n => /^[0-9]+$/.test(n)).length,\n"
	"  env: process.env }));\n"
	"setInterval(() => {}, 1000);\n";

/* Waits, by inotify, until the log holds the text. */
static void wait_log(const struct fixture *f, const char *text, struct buf *log)
{
	cleanup(close_fd) int in = inotify_init1(IN_CLOEXEC);
	struct pollfd pfd = { .fd = in, .events = POLLIN };
	char path[128], events[4096];

	snprintf(path, sizeof(path), "%s/workloads/app/log", f->state);
	assert_true(inotify_add_watch(in, path, IN_MODIFY) >= 0);
	for (;;) {
		buf_reset(log);
		assert_int_equal(file_read(path, log, NULL), 0);
		if (log->data && strstr(log->data, text))
			return;
		if (poll(&pfd, 1, LINE_WAIT_MS) <= 0)
			fail_msg("the log has no '%s', only: %s", text, log->data ? log->data : "");
		assert_true(read(in, events, sizeof(events)) > 0);
	}
}

static struct json *read_report(const struct fixture *f)
{
	cleanup(buf_fini) struct buf log = BUF_INIT(LOG_MAX);
	struct json *report = NULL;
	struct err err = {};

	wait_log(f, "}}\n", &log);
	if (json_parse(log.data, log.len, LOG_MAX, "report", &report, &err) < 0)
		fail_msg("%s: %s", err.text, log.data);
	return report;
}

static uint64_t number(const struct json *j, const char *key)
{
	uint64_t n = UINT64_MAX;

	json_u64(j, key, &n);
	return n;
}

static void assert_sandboxed(const struct json *r)
{
	static const char *const sets[] = { "eff", "bnd", "prm", "inh", "amb" };
	const struct json *env = json_get(r, "env");

	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		assert_string_equal(json_str(r, sets[i], ""), "0000000000000000");
	assert_string_equal(json_str(r, "nnp", ""), "1");
	assert_string_equal(json_str(r, "seccomp", ""), "2");
	assert_int_equal(number(r, "uid"), 65534);
	assert_int_equal(number(r, "gid"), 65534);
	assert_true(number(r, "pid") > 1); /* 1 is the init */
	assert_string_equal(json_str(r, "host", ""), "app");
	assert_string_equal(json_str(r, "app", ""), "EROFS");
	assert_string_equal(json_str(r, "root", ""), "EROFS");
	assert_string_equal(json_str(r, "usr", ""), "EROFS");
	assert_string_equal(json_str(r, "dev", ""), "EROFS");
	assert_string_equal(json_str(r, "tmp", ""), "allowed");
	assert_string_equal(json_str(r, "shadow", ""), "ENOENT");
	assert_string_equal(json_str(r, "thread", ""), "object");
	assert_int_equal(number(r, "nics"), 0);
	assert_int_equal(number(r, "unshare"), 1);
	assert_int_equal(number(r, "procs"), 2); /* itself, and the init */
	assert_string_equal(json_str(env, "PORT", ""), "8080");
	assert_string_equal(json_str(env, "HOST", ""), "0.0.0.0");
	assert_string_equal(json_str(env, "NODE_ENV", ""), "production");
	assert_string_equal(json_str(env, "GREETING", ""), "a b");
	assert_null(json_get(env, "WEIR_TEST_SECRET"));
}

static void package_runs_in_its_sandbox_and_leaves_nothing(void **state)
{
	static const char *const env[] = { "GREETING=a b", NULL };
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *w = NULL;
	cleanup(workload_free) struct workload *seen = NULL;
	cleanup(json_free) struct json *report = NULL;
	cleanup(buf_fini) struct buf log = BUF_INIT(LOG_MAX);
	struct err err = {};

	need_kernel();
	cleanup(close_fd) int tarball = make_package(report_js);
	struct workload_spec spec = make_spec(f, tarball);

	spec.env = env;
	setenv("WEIR_TEST_SECRET", "of the agent", 1);
	if (workload_run(f->state, &spec, &w, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(err.code, 0);
	assert_int_equal(w->state, WORKLOAD_STATE_RUNNING);
	assert_int_equal(cgroup_check(f->cgroup, w->pid, &err), 0);
	report = read_report(f);
	assert_sandboxed(report);

	assert_int_equal(workload_get(f->state, "app", &seen, &err), 0);
	assert_int_equal(seen->state, WORKLOAD_STATE_RUNNING);
	assert_int_equal(seen->pid, w->pid);
	assert_string_equal(seen->package.name, "report");
	assert_string_equal(seen->lease, "lease-1");

	if (workload_stop(f->state, "app", WORKLOAD_GRACE_MS, &err) < 0)
		fail_msg("%s", err.text);
	wait_log(f, "bye\n", &log); /* it was asked, not killed */
	assert_nothing_left(f);
	workload_free(&seen);
	assert_int_equal(workload_get(f->state, "app", &seen, &err), 0);
	assert_int_equal(seen->state, WORKLOAD_STATE_STOPPED);
	assert_int_equal(workload_remove(f->state, "app", &err), 0);
	assert_int_equal(workload_get(f->state, "app", &seen, &err), -ENOENT);
}

static void name_in_use_is_refused_and_free_after_stop(void **state)
{
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *w = NULL;
	cleanup(workload_free) struct workload *again = NULL;
	struct err err = {};

	need_kernel();
	cleanup(close_fd) int tarball = make_package("setInterval(() => {}, 1000)");
	const struct workload_spec spec = make_spec(f, tarball);

	assert_int_equal(workload_run(f->state, &spec, &w, &err), 0);
	assert_int_equal(workload_run(f->state, &spec, &again, &err), -EEXIST);
	assert_null(again);
	assert_int_equal(kill(w->pid, 0), 0); /* still there */
	assert_int_equal(workload_remove(f->state, "app", &err), -EBUSY);
	/* without a handler of node's: the init passes it on, and nobody has to be killed */
	assert_int_equal(workload_stop(f->state, "app", WORKLOAD_GRACE_MS, &err), 0);
	assert_nothing_left(f);
	assert_int_equal(workload_run(f->state, &spec, &again, &err), 0);
	assert_int_equal(workload_stop(f->state, "app", 0, &err), 0);
	assert_nothing_left(f);
}

static void package_that_ends_by_itself_is_seen_stopped(void **state)
{
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *w = NULL;
	cleanup(workloads_fini) struct workloads all = {};
	struct err err = {};

	need_kernel();
	cleanup(close_fd) int tarball = make_package("console.log('done')");
	const struct workload_spec spec = make_spec(f, tarball);

	assert_int_equal(workload_run(f->state, &spec, &w, &err), 0);
	assert_int_equal(process_wait(w->pid, LINE_WAIT_MS, &err), 0);
	assert_int_equal(workload_list(f->state, &all, &err), 0);
	assert_int_equal(all.len, 1);
	assert_int_equal(all.at[0]->state, WORKLOAD_STATE_STOPPED);
	assert_int_equal(all.at[0]->pid, 0);
	assert_int_equal(workload_stop(f->state, "app", 0, &err), 0);
	assert_nothing_left(f);
}

static void failure_of_runc_leaves_nothing_and_says_why(void **state)
{
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *w = NULL;
	cleanup(workload_free) struct workload *seen = NULL;
	struct err err = {};

	need_kernel();
	cleanup(close_fd) int tarball = make_package("0");
	struct workload_spec spec = make_spec(f, tarball);

	spec.netns = "/run/netns/weir-there-is-none";
	assert_true(workload_run(f->state, &spec, &w, &err) < 0);
	assert_null(w);
	assert_non_null(strstr(err.text, "weir-there-is-none"));
	assert_nothing_left(f);
	assert_int_equal(workload_get(f->state, "app", &seen, &err), 0);
	assert_int_equal(seen->state, WORKLOAD_STATE_FAILED);
	assert_non_null(strstr(seen->reason, "weir-there-is-none"));
}

/* As an agent that was killed between create and start leaves it. */
static void container_that_was_never_started_is_cleared_away(void **state)
{
	const struct fixture *f = *state;
	cleanup(workload_free) struct workload *w = NULL;
	struct runtime_state rs = {};
	char runc[128], bundle[128];
	struct err err = {};

	need_kernel();
	cleanup(close_fd) int tarball = make_package("0");
	const struct workload_spec spec = make_spec(f, tarball);

	assert_int_equal(workload_run(f->state, &spec, &w, &err), 0);
	assert_int_equal(workload_stop(f->state, "app", 0, &err), 0);
	snprintf(runc, sizeof(runc), "%s/runc", f->state);
	snprintf(bundle, sizeof(bundle), "%s/workloads/app/bundle", f->state);
	cleanup(close_fd) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct runtime_files files = { null, { null, null } };

	assert_int_equal(cgroup_make(f->cgroup, &err), 0);
	assert_int_equal(runtime_create(runc, "app", bundle, &files, &err), 0);
	assert_int_equal(runtime_state(runc, "app", &rs, &err), 0);
	assert_int_equal(rs.status, RUNTIME_STATUS_CREATED);
	assert_int_equal(kill(rs.pid, 0), 0);
	assert_int_equal(workload_stop(f->state, "app", WORKLOAD_GRACE_MS, &err), 0);
	assert_nothing_left(f);
}

/* A process of its own can go into a chroot and away. */
static void chroot_is_refused_with_what_to_do(void **state)
{
	const struct fixture *f = *state;
	int status = 0;

	need_kernel();
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct runtime_files none = { -1, { -1, -1 } };
		struct err err = {};

		if (chroot(f->state) < 0 || chdir("/") < 0)
			_exit(2);
		_exit(runtime_create("/runc", "app", "/bundle", &none, &err) != -ENOTSUP ||
		      !strstr(err.text, "mount --bind"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void absent_container_stops_and_is_absent(void **state)
{
	const struct fixture *f = *state;
	struct runtime_state rs = { .pid = 1 };

	assert_int_equal(runtime_state(f->state, "app", &rs, NULL), 0);
	assert_int_equal(rs.status, RUNTIME_STATUS_ABSENT);
	assert_int_equal(rs.pid, 0);
	assert_int_equal(runtime_stop(f->state, "app", 0, NULL), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(package_runs_in_its_sandbox_and_leaves_nothing),
		T(name_in_use_is_refused_and_free_after_stop),
		T(package_that_ends_by_itself_is_seen_stopped),
		T(failure_of_runc_leaves_nothing_and_says_why),
		T(container_that_was_never_started_is_cleared_away),
		T(chroot_is_refused_with_what_to_do),
		T(absent_container_stops_and_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
