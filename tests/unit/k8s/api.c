/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/k8s/api_bed.h"

/* What became of a call. */
struct seen {
	struct api_bed *bed;
	int calls, code;
	char server[64], error[512];
	bool again; /* begins another one out of done */
	struct kube_call *call;
};

static void begin(struct api_bed *b, struct seen *s);

static void on_done(void *arg, const struct kube_reply *reply)
{
	struct seen *s = arg;

	s->calls++;
	s->call = NULL;
	s->code = reply->code;
	assert_int_equal(reply->status, 0);
	assert_string_equal(reply->body, "");
	snprintf(s->server, sizeof(s->server), "%s", reply->server);
	snprintf(s->error, sizeof(s->error), "%s", reply->err->text);
	if (s->again) {
		s->again = false;
		begin(s->bed, s);
	}
}

static void begin(struct api_bed *b, struct seen *s)
{
	const struct kube_request req = { .path = "/version?x=1", .done = on_done, .arg = s };
	struct err err = {};

	s->bed = b;
	if (kube_api_call(b->api, &req, &s->call, &err) < 0)
		fail_msg("%s", err.text);
}

static void who_refuses_is_no_longer_the_one_that_is_asked(void **state)
{
	struct api_bed *b = *state;
	struct seen s = {};

	api_bed_new(b, (const char *const[]){ b->refusing.url, b->silent.url }, 2);
	begin(b, &s);
	assert_int_equal(s.calls, 0); /* never out of the call itself */
	while (!s.calls)
		api_bed_work(b);
	assert_int_equal(s.code, -ECONNREFUSED);
	assert_string_equal(s.server, b->refusing.url);
	assert_non_null(strstr(s.error, "/version"));
	assert_null(strstr(s.error, "x=1"));
	assert_string_equal(kube_api_server(b->api), b->silent.url);
}

static void what_is_lost_ends_all_calls_and_those_after_it_go_on(void **state)
{
	struct api_bed *b = *state;
	struct seen first = { .again = true }, second = {};

	api_bed_new(b, (const char *const[]){ b->silent.url, b->refusing.url }, 2);
	begin(b, &first);
	begin(b, &second);
	int fd = kube_api_fd(b->api);
	kube_api_lost(b->api, b->silent.url);
	assert_int_equal(second.calls, 1);
	assert_int_equal(second.code, -ETIMEDOUT);
	assert_int_equal(first.calls, 1); /* the one that it began is not ended with it */
	assert_int_equal(kube_api_fd(b->api), fd);
	while (first.calls < 2)
		api_bed_work(b);
	assert_int_equal(first.code, -ECONNREFUSED);
	assert_string_equal(first.server, b->refusing.url);
}

static void what_is_cancelled_calls_nobody(void **state)
{
	struct api_bed *b = *state;
	struct seen s = {}, other = {};

	api_bed_new(b, (const char *const[]){ b->refusing.url }, 1);
	begin(b, &s);
	begin(b, &other);
	kube_api_cancel(&s.call);
	kube_api_cancel(&s.call); /* NULL by now */
	while (!other.calls)
		api_bed_work(b);
	assert_int_equal(s.calls, 0);
}

static void the_end_ends_all_calls(void **state)
{
	struct api_bed *b = *state;
	struct seen s = {};

	api_bed_new(b, (const char *const[]){ b->silent.url }, 1);
	begin(b, &s);
	kube_api_free(&b->api);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.code, -ECANCELED);
}

static void without_a_server_nothing_begins(void **state)
{
	struct api_bed *b = *state;
	const struct kube_request req = { .path = "/", .done = on_done };
	struct kube_call *call = NULL;
	struct err err = {};

	api_bed_new(b, NULL, 0);
	assert_int_equal(kube_api_call(b->api, &req, &call, &err), -EHOSTUNREACH);
	assert_string_equal(err.text, "no API server is known; name some in source.servers");
	assert_null(call);
}

static void what_a_request_needs_is_read_when_it_is_made(void **state)
{
	struct api_bed *b = *state;
	const struct kube_request req = { .path = "/", .done = on_done };
	struct kube_call *call = NULL;
	struct err err = {};
	char path[96];

	api_bed_new(b, (const char *const[]){ b->silent.url }, 1);
	snprintf(path, sizeof(path), "%s/token", b->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(kube_api_call(b->api, &req, &call, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
}

static void values_are_escaped(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(64);
	cleanup(buf_fini) struct buf small = BUF_INIT(4);

	(void)state;
	assert_int_equal(kube_path_escape(&out, "aZ9-._~ /+=&%\xc3\xa4!"), 0);
	assert_string_equal(out.data, "aZ9-._~%20%2F%2B%3D%26%25%C3%A4%21");
	assert_int_equal(kube_path_escape(&small, "a=b"), -E2BIG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_bed_setup, api_bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(who_refuses_is_no_longer_the_one_that_is_asked),
		TEST(what_is_lost_ends_all_calls_and_those_after_it_go_on),
		TEST(what_is_cancelled_calls_nobody),
		TEST(the_end_ends_all_calls),
		TEST(without_a_server_nothing_begins),
		TEST(what_a_request_needs_is_read_when_it_is_made),
		TEST(values_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
