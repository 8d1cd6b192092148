/* SPDX-License-Identifier: Apache-2.0 */
/* What commands ask of the agent, against a socket that gives the request back as the result. */
#include "cli/node.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "unit/cli/run.h"

/* One line in, {"result": that line} or what reply says out. The child ends after it. */
static pid_t echo(const struct run *f, const char *reply)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(at.sun_path, sizeof(at.sun_path), "%.90s", f->sock);
	unlink(f->sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		static char line[65536];
		FILE *peer = fdopen(accept(fd, NULL, NULL), "r+");

		if (!peer || !fgets(line, sizeof(line), peer))
			_exit(1);
		line[strcspn(line, "\n")] = '\0';
		fseek(peer, 0, SEEK_CUR);
		if (reply)
			fprintf(peer, "%s\n", reply);
		else
			fprintf(peer, "{\"result\":%s}\n", line);
		_exit(fflush(peer) != 0);
	}
	close(fd);
	return pid;
}

static void reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void asks(struct run *f, const char *const *words, const char *want)
{
	pid_t pid = echo(f, NULL);
	int code = run_words(f, words);

	if (code != 0)
		fail_msg("%s%s", f->out, f->err);
	reap(pid);
	assert_string_equal(f->out, want);
}

#define ASKS(f_, want_, ...) \
	asks((f_), (const char *const[]){ "-j", __VA_ARGS__, NULL }, want_ "\n")

static void requests_carry_what_was_said(void **state)
{
	struct run *f = *state;
	char file[128], want[512];

	ASKS(f, "{\"command\":\"agent.status\"}", "agent", "status");
	ASKS(f, "{\"command\":\"agent.reload\"}", "agent", "reload");
	ASKS(f, "{\"command\":\"agent.stop\"}", "agent", "stop");
	ASKS(f,
	     "{\"command\":\"lease.open\",\"args\":{\"label\":\"gold\",\"tenant\":\"alice\","
	     "\"deposit\":\"18446744073709551615\",\"rateCap\":7,\"prices\":{\"coreSecond\":1,"
	     "\"gibSecond\":2,\"gibExternal\":3,\"gibCluster\":4,\"gibLocal\":0}}}",
	     "lease", "open", "gold", "--tenant", "alice", "--deposit", "18446744073709551615",
	     "--core-second", "1", "--gib-second", "2", "--gib-external", "3", "--gib-cluster", "4",
	     "--rate-cap", "7");
	ASKS(f, "{\"command\":\"lease.top-up\",\"args\":{\"label\":\"gold\",\"amount\":5}}",
	     "lease", "top-up", "gold", "5");
	ASKS(f,
	     "{\"command\":\"lease.top-up\",\"args\":{\"label\":\"gold\",\"amount\":1500000000}}",
	     "lease", "top-up", "gold", "1.5 SUI");
	ASKS(f,
	     "{\"command\":\"lease.open\",\"args\":{\"label\":\"gold\",\"tenant\":\"alice\","
	     "\"deposit\":5000000000,\"rateCap\":0,\"prices\":{\"coreSecond\":1,"
	     "\"gibSecond\":250,\"gibExternal\":0,\"gibCluster\":0,\"gibLocal\":0}}}",
	     "lease", "open", "gold", "--tenant", "alice", "--deposit", "5SUI", "--core-second",
	     "0.000000001SUI", "--gib-second", "250MIST");
	ASKS(f, "{\"command\":\"lease.close\",\"args\":{\"label\":\"gold\"}}", "lease", "close",
	     "gold");
	ASKS(f, "{\"command\":\"settlement.retry\",\"args\":{}}", "settlement", "retry");
	ASKS(f, "{\"command\":\"settlement.retry\",\"args\":{\"lease\":\"gold\",\"seq\":7}}",
	     "settlement", "retry", "gold/7");
	ASKS(f, "{\"command\":\"settlement.retry\",\"args\":{\"lease\":\"gold\"}}", "settlement",
	     "retry", "--lease", "gold");
	ASKS(f, "{\"command\":\"workload.stop\",\"args\":{\"name\":\"web\"}}", "workload", "stop",
	     "web");

	snprintf(file, sizeof(file), "%s/web.tgz", f->dir);
	run_write(file, "x");
	snprintf(want, sizeof(want),
		 "{\"command\":\"workload.run\",\"args\":{\"name\":\"web\",\"file\":\"%s\","
		 "\"cgroup\":\"/weir/web\",\"lease\":\"gold\",\"port\":80,\"cpuMillis\":500,"
		 "\"memoryBytes\":268435456,\"env\":{\"A\":\"b=c\",\"D\":\"\"}}}\n",
		 file);
	asks(f,
	     (const char *const[]){ "-j", "workload", "run", "web", file, "A=b=c", "D=", "-g",
				    "/weir/web", "--port", "80", "--cpu-millis", "500", "--memory",
				    "256MiB", "--lease", "gold", NULL },
	     want);
}

static void relative_file_is_sent_as_an_absolute_one(void **state)
{
	struct run *f = *state;
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char want[256];
	pid_t pid;

	assert_int_equal(chdir(f->dir), 0);
	pid = echo(f, NULL);
	assert_int_equal(run(f, "-j", "workload", "run", "web", "weir.yaml", "-g", "/w"), 0);
	reap(pid);
	snprintf(want, sizeof(want), "\"file\":\"%s\"", f->config);
	assert_non_null(strstr(f->out, want));
	assert_int_equal(fchdir(here), 0);
	close(here);
}

static void null_is_nothing_to_say(void **state)
{
	struct run *f = *state;
	pid_t pid = echo(f, "{\"result\":null}");

	run_ok(f, "agent", "stop");
	reap(pid);
	assert_string_equal(f->out, "");
}

static void money_is_shown_in_sui(void **state)
{
	struct run *f = *state;
	pid_t pid = echo(f, "{\"result\":{\"lease\":\"gold\",\"deposited\":\"1500000001\"}}");

	run_ok(f, "lease", "top-up", "gold", "1");
	reap(pid);
	assert_string_equal(f->out, "lease      gold\ndeposited  1.500000001SUI\n");
}

static void error_of_the_agent_is_ours(void **state)
{
	struct run *f = *state;
	pid_t pid = echo(f, "{\"error\":\"lease gold is there\"}");

	assert_int_equal(run(f, "-j", "lease", "close", "gold"), 1);
	reap(pid);
	assert_string_equal(f->out, "{\"error\":\"lease gold is there\"}\n");
}

static void wrong_words_are_never_sent(void **state)
{
	struct run *f = *state;

	/* nobody listens, so what is sent fails with 1 */
	assert_int_equal(run(f, "workload", "run", "web", f->config, "-g", "/w", "novalue"), 2);
	assert_int_equal(run(f, "workload", "run", "web", f->config, "-g", "/w", "A=1", "A=2"), 2);
	assert_int_equal(run(f, "workload", "run", "web", f->config, "-g", "/w", "-m", "1.5G"), 2);
	assert_int_equal(run(f, "workload", "run", "web", f->config, "-g", "/w", "-P", "65536"), 2);
	assert_int_equal(run(f, "lease", "top-up", "gold", "1.0000000001SUI"), 2);
	assert_non_null(strstr(f->err, "more than 9 decimals"));
	assert_int_equal(run(f, "lease", "top-up", "gold", "0SUI"), 2);
	assert_int_equal(run(f, "settlement", "retry", "gold"), 2);
	assert_int_equal(run(f, "settlement", "retry", "gold/0"), 2);
	assert_int_equal(run(f, "settlement", "retry", "/7"), 2);
	assert_int_equal(run(f, "settlement", "retry", "gold/7", "-l", "gold"), 2);
	assert_int_equal(run(f, "lease", "open", "gold", "-t", "a", "-d", "1", "--rate-cap", "-1"),
			 2);
	assert_non_null(strstr(f->err, "--rate-cap: '-1' is not an amount"));
	assert_int_equal(run(f, "workload", "run", "web", "/nonexistent", "-g", "/w"), 1);
	assert_non_null(strstr(f->err, "/nonexistent"));
	assert_int_equal(run(f, "workload", "run", "web", f->config, "-g", "/w"), 1);
	assert_non_null(strstr(f->err, f->sock));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(requests_carry_what_was_said),
		RUN_TEST(relative_file_is_sent_as_an_absolute_one),
		RUN_TEST(null_is_nothing_to_say),
		RUN_TEST(money_is_shown_in_sui),
		RUN_TEST(error_of_the_agent_is_ours),
		RUN_TEST(wrong_words_are_never_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
