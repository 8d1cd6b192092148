/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket answers, asked as the command line asks. */
#include <sys/un.h>

#include "unit/agent/half.h"

static int setup(void **state)
{
	return half_setup_with(state, commands_open);
}

#define LISTENING(name) cmocka_unit_test_setup_teardown(name, setup, half_teardown)

/* args is JSON text, or NULL. The caller frees c's args and result. */
static void ask(struct half *h, const char *command, const char *args, struct half_call *c)
{
	struct err err = {};

	*c = (struct half_call){ .command = command };
	if (args && json_parse(args, strlen(args), 1 << 16, "args", &c->args, &err) < 0)
		fail_msg("%s", err.text);
	half_run(h, c);
	json_free(&c->args);
}

static void refused(struct half *h, const char *command, const char *args, const char *part)
{
	struct half_call c;

	ask(h, command, args, &c);
	assert_int_equal(c.r, -EREMOTEIO);
	assert_null(c.result);
	if (!strstr(c.err.text, part))
		fail_msg("'%s' is not in '%s'", part, c.err.text);
}

static void status_is_answered(void **state)
{
	struct half *h = *state;
	struct half_call c;

	ask(h, "agent.status", NULL, &c);
	assert_int_equal(c.r, 0);
	assert_string_equal(json_str(c.result, "node", ""), "node-a");
	json_free(&c.result);
}

static void a_lease_waits_for_all_objects(void **state)
{
	struct half *h = *state;

	h->a.begun = false;
	refused(h, "lease.close", "{\"label\":\"shop\"}", "still waits for the API server");
	h->a.begun = true;
}

static void settled_in_the_ledger_nothing_is_tried_again(void **state)
{
	refused(*state, "settlement.retry", NULL, "chain.kind is local");
}

static void stop_is_answered_before_the_loop_ends(void **state)
{
	struct half *h = *state;
	struct half_call c;

	ask(h, "agent.stop", NULL, &c);
	assert_int_equal(c.r, 0);
	assert_null(c.result);
}

static void an_unknown_command_is_refused(void **state)
{
	refused(*state, "lease.steal", NULL, "lease.steal");
}

/* When the pods can't be read no window is closed, and so no lease begins or ends. */
static void a_lease_waits_for_pods_that_can_be_read(void **state)
{
	static const char *const commands[] = { "lease.open", "lease.top-up", "lease.close" };
	struct half *h = *state;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		h->a.window_failed_ms = 0;
		refused(h, commands[i], "{\"label\":\"shop\",\"tenant\":\"ada\",\"amount\":5}",
			"walk");
		assert_true(h->a.window_failed_ms > 0);
		assert_int_equal(h->a.last_window.to_ms, 0);
	}
	assert_false(h->a.window_waits);
}

static void workload_run_reads_its_arguments_before_it_acts(void **state)
{
#define NAMED "\"name\":\"web\",\"cgroup\":\"/nowhere\""
	static const struct {
		const char *args, *part;
	} bad[] = {
		{ NULL, "name: missing" },
		{ "{\"name\":\"\"}", "name: missing" },
		{ "{\"name\":5}", "name: missing" },
		{ "{\"name\":\"web\"}", "cgroup: missing" },
		{ "{" NAMED "}", "file: missing" },
		{ "{" NAMED ",\"port\":65536}", "port: want a whole number up to 65535" },
		{ "{" NAMED ",\"port\":-1}", "port" },
		{ "{" NAMED ",\"port\":1.5}", "port" },
		{ "{" NAMED ",\"cpuMillis\":\"x\"}", "cpuMillis" },
		{ "{" NAMED ",\"memoryBytes\":\"18446744073709551615\"}", "memoryBytes" },
		{ "{" NAMED ",\"pids\":4194305}", "pids" },
		{ "{" NAMED ",\"restart\":\"often\"}", "restart 'often'" },
		{ "{" NAMED ",\"restart\":5}", "restart ''" },
		{ "{" NAMED ",\"env\":{\"K\":5}}", "env" },
		{ "{" NAMED ",\"env\":[\"K=V\"]}", "env" },
		{ "{" NAMED ",\"file\":\"/nowhere/x.tgz\",\"integrity\":\"md5-x\"}", "" },
		{ "{" NAMED ",\"file\":\"/nowhere/x.tgz\"}", "/nowhere/x.tgz" },
		{ "{" NAMED ",\"blob_id\":\"x\"}", "'x' is not a blob id" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refused(*state, "workload.run", bad[i].args, bad[i].part);
}

static void too_large_an_environment_is_refused(void **state)
{
	cleanup(buf_fini) struct buf many = BUF_INIT(1 << 16), large = BUF_INIT(1 << 16);

	buf_puts(&many, "{" NAMED ",\"env\":{");
	for (int i = 0; i <= 256; i++)
		buf_printf(&many, "%s\"K%d\":\"V\"", i ? "," : "", i);
	buf_puts(&many, "}}");
	refused(*state, "workload.run", many.data, "env");
	buf_puts(&large, "{" NAMED ",\"env\":{\"K\":\"");
	for (int i = 0; i < 4094; i++)
		buf_puts(&large, "x");
	buf_puts(&large, "\"}}");
	refused(*state, "workload.run", large.data, "env");
}

static void workload_remove_says_what_is_wrong(void **state)
{
	refused(*state, "workload.remove", NULL, "name: missing");
	refused(*state, "workload.remove", "{\"name\":\"web\"}", "web");
}

static void workload_stop_says_what_is_wrong(void **state)
{
	refused(*state, "workload.stop", NULL, "name: missing");
	refused(*state, "workload.stop", "{\"name\":\"web\",\"graceMs\":600001}", "graceMs");
	refused(*state, "workload.stop", "{\"name\":\"web\"}", "web");
}

/* ---- The end ---------------------------------------------------------------------------------- */

struct gate {
	struct work_job job;
	uv_sem_t open;
};

static void gate_run(struct work_job *job)
{
	uv_sem_wait(&container_of(job, struct gate, job)->open);
}

static void gate_done(struct work_job *job)
{
	(void)job;
}

static int connect_raw(const struct half *h)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/weir.sock", h->run);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* ctl.h, I3: the reply of work on a queue outlives the server. As the agent ends. */
static void work_that_ends_after_the_server_answers_nobody(void **state)
{
	static const char request[] =
		"{\"command\":\"workload.stop\",\"args\":{\"name\":\"web\"}}\n";
	struct gate gate = { .job = { .run = gate_run, .done = gate_done } };
	struct half *h = *state;
	struct half_call c;
	char answer[64];
	int fd;

	uv_sem_init(&gate.open, 0);
	work_add(h->a.hands, &gate.job);
	fd = connect_raw(h);
	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	ask(h, "agent.status", NULL, &c); /* came later: the first is on the queue now */
	json_free(&c.result);
	ctl_stop(&h->a.ctl);
	source_stop(&h->a.source);
	uv_sem_post(&gate.open);
	while (uv_run(&h->a.loop, UV_RUN_DEFAULT))
		;
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), 0);
	close(fd);
	uv_sem_destroy(&gate.open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LISTENING(status_is_answered),
		LISTENING(a_lease_waits_for_all_objects),
		LISTENING(settled_in_the_ledger_nothing_is_tried_again),
		LISTENING(stop_is_answered_before_the_loop_ends),
		LISTENING(an_unknown_command_is_refused),
		LISTENING(a_lease_waits_for_pods_that_can_be_read),
		LISTENING(workload_run_reads_its_arguments_before_it_acts),
		LISTENING(too_large_an_environment_is_refused),
		LISTENING(workload_stop_says_what_is_wrong),
		LISTENING(workload_remove_says_what_is_wrong),
		LISTENING(work_that_ends_after_the_server_answers_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
