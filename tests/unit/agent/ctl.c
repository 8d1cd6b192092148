/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/agent/ctl_bed.h"

static void a_request_is_answered(void **state)
{
	struct fixture *f = *state;
	struct json *args = json_new_object();
	struct job job = { .command = "echo", .args = args };

	json_set_str(args, "id", "L1\n\"x\"");
	job_run(f, &job);
	assert_int_equal(job.r, 0);
	assert_string_equal(json_str(job.result, "id", ""), "L1\n\"x\"");
	json_free(&job.result);
	json_free(&args);
	check_raw(f, "{\"command\":\"echo\",\"args\":{\"a\":[1,true]}}\n",
		  "{\"result\":{\"a\":[1,true]}}\n");
}

static void no_result_is_null(void **state)
{
	struct fixture *f = *state;
	struct job job = { .command = "echo" };

	job_run(f, &job);
	assert_int_equal(job.r, 0);
	assert_null(job.result);
	check_raw(f, "{\"command\":\"echo\"}\n", "{\"result\":null}\n");
}

static void an_error_comes_back_with_its_text(void **state)
{
	struct fixture *f = *state;
	struct json *args = json_new_object();
	struct job job = { .command = "fail", .args = args };

	json_set_str(args, "id", "L9");
	job_run(f, &job);
	assert_int_equal(job.r, -EREMOTEIO);
	assert_string_equal(job.err.text, "lease \"L9\": \"no\" such?lease");
	assert_null(job.result);
	json_free(&args);
}

static void a_handler_may_answer_from_the_thread_pool(void **state)
{
	struct fixture *f = *state;
	struct job job = { .command = "later" };

	job_run(f, &job);
	assert_int_equal(job.r, 0);
	assert_string_equal(json_str(job.result, "state", ""), "done");
	json_free(&job.result);
}

static void large_answers_arrive_whole(void **state)
{
	struct fixture *f = *state;
	struct job job = { .command = "large" };

	job_run(f, &job);
	assert_int_equal(job.r, 0);
	assert_int_equal(strlen(json_str(job.result, "text", "")), (3 << 20) - 1);
	json_free(&job.result);
}

static void faulty_requests_are_refused_with_a_reason(void **state)
{
	struct fixture *f = *state;

	check_raw(
		f, "{\"command\":\"nope\"}\n",
		"{\"error\":\"unknown command \\\"nope\\\"; is the agent of another version?\"}\n");
	check_raw(f, "{\"command\":1}\n",
		  "{\"error\":\"request: must be an object with a string \\\"command\\\"\"}\n");
	check_raw(f, "[]\n",
		  "{\"error\":\"request: must be an object with a string \\\"command\\\"\"}\n");
	check_raw(f, "{\"command\":\"echo\",\"args\":[]}\n",
		  "{\"error\":\"request: \\\"args\\\" must be an object\"}\n");
	check_raw(f, "{\"command\":\"echo\",\"arg\":{}}\n",
		  "{\"error\":\"request: unknown member; only \\\"command\\\" and \\\"args\\\" are "
		  "known\"}\n");
	check_raw(f, "{\"command\":\"echo\"}\n{\"command\":\"echo\"}\n",
		  "{\"error\":\"request: one line for each connection\"}\n");
}

static void broken_json_is_refused(void **state)
{
	static const char *const lines[] = { "\n", "{\n", "hello\n", "{\"command\":\"echo\"\n" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct job job = { .raw = lines[i], .raw_len = strlen(lines[i]) };

		job_run(f, &job);
		assert_ptr_equal(strstr(job.answer.data, "{\"error\":\"request"), job.answer.data);
		buf_fini(&job.answer);
	}
}

/* A request of exactly len bytes before its newline. */
static char *request_of(size_t len)
{
	static const char head[] = "{\"command\":\"echo\",\"args\":{\"x\":\"", tail[] = "\"}}\n";
	char *line = malloc(len + 2);

	memset(line, 'x', len);
	memcpy(line, head, strlen(head));
	memcpy(line + len + 1 - strlen(tail), tail, sizeof(tail));
	return line;
}

static void a_request_of_a_mebibyte_is_the_longest(void **state)
{
	struct fixture *f = *state;
	char *line = request_of(CTL_REQUEST_MAX);
	struct job fits = { .raw = line, .raw_len = CTL_REQUEST_MAX + 1 };
	struct job over = { .raw_len = CTL_REQUEST_MAX + 2 };

	job_run(f, &fits);
	assert_ptr_equal(strstr(fits.answer.data, "{\"result\":{\"x\":\"xxx"), fits.answer.data);
	buf_fini(&fits.answer);
	free(line);
	over.raw = line = request_of(CTL_REQUEST_MAX + 1);
	job_run(f, &over);
	assert_string_equal(over.answer.data, "{\"error\":\"request: over 1 MiB\"}\n");
	buf_fini(&over.answer);
	free(line);
}

static void the_client_does_not_send_too_much(void **state)
{
	struct fixture *f = *state;
	struct json *args = json_new_object();
	struct job job = { .command = "echo", .args = args };
	char *text = malloc(CTL_REQUEST_MAX);

	memset(text, 'x', CTL_REQUEST_MAX - 1);
	text[CTL_REQUEST_MAX - 1] = '\0';
	json_set_str(args, "x", text);
	job_run(f, &job);
	assert_int_equal(job.r, -E2BIG);
	assert_string_equal(job.err.text, "request echo: over 1 MiB");
	json_free(&args);
	free(text);
}

static void a_silent_connection_is_closed(void **state)
{
	struct fixture *f = *state;
	struct job job = { .raw = "{\"comm", .raw_len = 6 };

	ctl_stop(&f->ctl);
	assert_int_equal(start(f, 20, &f->ctl), 0);
	job_run(f, &job); /* ends, and with it the test, only when the agent closes */
	assert_int_equal(job.answer.len, 0);
	buf_fini(&job.answer);
}

static void on_timer(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
}

static void a_working_handler_is_not_idle(void **state)
{
	static const char request[] = "{\"command\":\"keep\"}\n";
	struct fixture *f = *state;
	struct pollfd p = { .events = POLLIN };
	char answer[64] = "";
	uv_timer_t timer;

	ctl_stop(&f->ctl);
	assert_int_equal(start(f, 1, &f->ctl), 0);
	p.fd = connect_raw(f);
	assert_int_equal(send(p.fd, request, strlen(request), 0), strlen(request));
	while (!f->kept)
		uv_run(&f->loop, UV_RUN_ONCE);
	/* The idle time passes on the loop's own clock while the handler has not answered. */
	uv_timer_init(&f->loop, &timer);
	uv_timer_start(&timer, on_timer, 20, 0);
	while (!uv_is_closing((uv_handle_t *)&timer))
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(poll(&p, 1, 0), 0);
	ctl_reply_ok(take_ptr(f->kept), NULL);
	run_until_readable(f, p.fd);
	assert_true(recv(p.fd, answer, sizeof(answer) - 1, 0) > 0);
	assert_string_equal(answer, "{\"result\":null}\n");
	close(p.fd);
	uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void a_reply_outlives_its_client(void **state)
{
	static const char request[] = "{\"command\":\"keep\"}\n";
	struct fixture *f = *state;
	int fd = connect_raw(f);

	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	while (!f->kept)
		uv_run(&f->loop, UV_RUN_ONCE);
	close(fd);
	ctl_reply_ok(take_ptr(f->kept), json_new_object());
	check_raw(f, "{\"command\":\"echo\"}\n", "{\"result\":null}\n");
}

static void a_reply_outlives_the_server(void **state)
{
	static const char request[] = "{\"command\":\"keep\"}\n";
	struct fixture *f = *state;
	char byte;
	int fd = connect_raw(f);

	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	while (!f->kept)
		uv_run(&f->loop, UV_RUN_ONCE);
	ctl_stop(&f->ctl);
	assert_null(f->ctl);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	ctl_reply_ok(take_ptr(f->kept), json_new_object());
	close(fd);
}

static void connections_over_the_limit_wait(void **state)
{
	static const char request[] = "{\"command\":\"echo\"}\n";
	struct fixture *f = *state;
	struct pollfd p = { .events = POLLIN };
	int fds[CTL_CONNECTIONS_MAX];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_raw(f);
		assert_true(fds[i] >= 0);
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	p.fd = connect_raw(f);
	assert_int_equal(send(p.fd, request, strlen(request), 0), strlen(request));
	for (int i = 0; i < 50; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(poll(&p, 1, 0), 0);
	close(fds[7]);
	run_until_readable(f, p.fd);
	close(p.fd);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (i != 7)
			close(fds[i]);
	check_raw(f, request, "{\"result\":null}\n");
}

static void a_second_agent_is_refused(void **state)
{
	struct fixture *f = *state;
	struct ctl *second = NULL;
	char text[256];

	assert_int_equal(start(f, 0, &second), -EADDRINUSE);
	assert_null(second);
	snprintf(text, sizeof(text),
		 "another agent runs: it holds %s/weir.lock; stop it with: weir agent stop",
		 f->run);
	assert_string_equal(f->err.text, text);
	check_raw(f, "{\"command\":\"echo\"}\n", "{\"result\":null}\n"); /* the first goes on */
}

static void the_socket_of_a_dead_agent_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ctl_stop(&f->ctl);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* as a killed agent leaves it */
	assert_int_equal(start(f, 0, &f->ctl), 0);
	check_raw(f, "{\"command\":\"echo\"}\n", "{\"result\":null}\n");
}

static void files_have_their_modes_and_go(void **state)
{
	struct fixture *f = *state;
	char lock[112];
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(lock, sizeof(lock), "%s/weir.lock", f->run);
	assert_int_equal(stat(lock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	ctl_stop(&f->ctl);
	assert_int_equal(stat(f->path, &st), -1);
	assert_int_equal(stat(lock, &st), 0); /* see I1 */
}

static void without_an_agent_the_error_says_how_to_start_one(void **state)
{
	struct fixture *f = *state;
	struct json *result = NULL;
	char text[256];

	ctl_stop(&f->ctl);
	snprintf(text, sizeof(text),
		 "no agent answers at %s; start one with: weir agent run -c FILE", f->path);
	assert_int_equal(ctl_call(f->run, "echo", NULL, 1000, &result, &f->err), -ECONNREFUSED);
	assert_string_equal(f->err.text, text);
	assert_null(result);
}

static void an_agent_that_hangs_is_a_time_out(void **state)
{
	struct fixture *f = *state;
	struct json *result = NULL;

	/* The kernel takes the connection and nobody turns the loop. */
	assert_int_equal(ctl_call(f->run, "echo", NULL, 1, &result, &f->err), -ETIMEDOUT);
	assert_null(result);
}

static void a_run_directory_that_is_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	struct ctl *ctl = NULL;
	char run[200];
	struct ctl_options opt = { .loop = &f->loop, .run_dir = run };
	struct json *result = NULL;

	memset(run, 'x', sizeof(run));
	run[0] = '/';
	run[sizeof(run) - 1] = '\0';
	assert_int_equal(ctl_start(&opt, &ctl, &f->err), -ENAMETOOLONG);
	assert_null(ctl);
	assert_int_equal(ctl_call(run, "echo", NULL, 1, &result, &f->err), -ENAMETOOLONG);
}

static void something_else_at_the_sockets_place_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct ctl *ctl = NULL;

	ctl_stop(&f->ctl);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_true(start(f, 0, &ctl) < 0);
	assert_null(ctl);
	assert_non_null(strstr(f->err.text, "weir.sock"));
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(start(f, 0, &f->ctl), 0); /* the lock is free again */
}

/* In a child of another user: 'r' refused by the file's mode, 'd' told so by the agent. */
static char ask_as_nobody(const struct fixture *f)
{
	struct buf answer = BUF_INIT(4096);
	int fd;

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 'x';
	fd = connect_raw(f);
	if (fd == -EACCES)
		return 'r';
	if (fd < 0)
		return 'c';
	read_all(fd, &answer);
	return answer.data && strstr(answer.data, "permission denied; run as root") ? 'd' : 'o';
}

static void check_nobody(struct fixture *f, char expected)
{
	int fds[2];
	char got = '?';
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		got = ask_as_nobody(f);
		_exit(write(fds[1], &got, 1) == 1 ? 0 : 1);
	}
	run_until_readable(f, fds[0]);
	assert_int_equal(read(fds[0], &got, 1), 1);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(got, expected);
}

static void other_users_are_refused_twice(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip(); /* only root can become another user */
	assert_int_equal(chmod(f->dir, 0755), 0);
	check_nobody(f, 'r');
	assert_int_equal(chmod(f->path, 0666), 0);
	check_nobody(f, 'd');
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered),
		TEST(no_result_is_null),
		TEST(an_error_comes_back_with_its_text),
		TEST(a_handler_may_answer_from_the_thread_pool),
		TEST(large_answers_arrive_whole),
		TEST(faulty_requests_are_refused_with_a_reason),
		TEST(broken_json_is_refused),
		TEST(a_request_of_a_mebibyte_is_the_longest),
		TEST(the_client_does_not_send_too_much),
		TEST(a_silent_connection_is_closed),
		TEST(a_working_handler_is_not_idle),
		TEST(a_reply_outlives_its_client),
		TEST(a_reply_outlives_the_server),
		TEST(connections_over_the_limit_wait),
		TEST(a_second_agent_is_refused),
		TEST(the_socket_of_a_dead_agent_is_replaced),
		TEST(files_have_their_modes_and_go),
		TEST(without_an_agent_the_error_says_how_to_start_one),
		TEST(an_agent_that_hangs_is_a_time_out),
		TEST(a_run_directory_that_is_too_long_is_refused),
		TEST(something_else_at_the_sockets_place_is_an_error),
		TEST(other_users_are_refused_twice),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
