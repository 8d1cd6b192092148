/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/servers.h"
#include "unit/k8s/sample.h"

#define A "https://192.0.2.1:6443"
#define B "https://192.0.2.2:6443"
#define C "https://[2001:db8::3]:6443"
#define SERVICE_URL "https://10.96.0.1:443"

static struct kube_servers *given(const char *const *urls, size_t n)
{
	struct kube_servers *s = NULL;

	assert_int_equal(kube_servers_new(&s), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(kube_servers_add(s, urls[i], KUBE_SERVER_GIVEN, NULL), 0);
	return s;
}

/* All of them, the current one first. */
static void assert_servers(const struct kube_servers *s, const char *want)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(KUBE_SERVERS_TEXT_MAX);
	cleanup(json_free) struct json *j = NULL;
	char got[512] = "";
	size_t at = 0;

	assert_int_equal(kube_servers_print(s, &text), 0);
	assert_int_equal(json_parse(text.data, text.len, KUBE_SERVERS_TEXT_MAX, "", &j, NULL), 0);
	json_foreach(url, json_get(j, "servers"))
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s", at ? " " : "",
				       json_text(url, "?"));
	assert_string_equal(got, want);
}

static void who_works_stays_and_who_fails_gives_way(void **state)
{
	(void)state;
	cleanup(kube_servers_free) struct kube_servers *s =
		given((const char *const[]){ A, B "/", C, A "//" }, 4);

	assert_servers(s, A " " B " " C);
	kube_servers_failed(s, B); /* a late answer: it is no longer, or not yet, the one */
	assert_string_equal(kube_servers_current(s), A);
	kube_servers_failed(s, A);
	assert_servers(s, B " " C " " A);
	kube_servers_failed(s, B);
	kube_servers_failed(s, C);
	assert_string_equal(kube_servers_current(s), A);
}

static void alone_it_is_asked_again(void **state)
{
	(void)state;
	cleanup(kube_servers_free) struct kube_servers *s = given((const char *const[]){ A }, 1);

	kube_servers_failed(s, A);
	assert_string_equal(kube_servers_current(s), A);
}

static void what_is_learned_replaces_what_was_learned(void **state)
{
	(void)state;
	cleanup(kube_servers_free) struct kube_servers *s = given((const char *const[]){ A }, 1);

	assert_int_equal(kube_servers_learn(s, (const char *const[]){ B, C, A }, 3, NULL), 0);
	assert_servers(s, A " " B " " C);
	kube_servers_failed(s, A);
	assert_int_equal(kube_servers_learn(s, (const char *const[]){ C }, 1, NULL), 0);
	assert_servers(s, C " " A); /* the current one is gone: its successor */
	assert_int_equal(kube_servers_learn(s, NULL, 0, NULL), 0);
	assert_servers(s, C " " A);
}

static void the_services_own_address_is_a_stopgap(void **state)
{
	(void)state;
	cleanup(kube_servers_free) struct kube_servers *s = given(NULL, 0);

	assert_null(kube_servers_current(s));
	assert_int_equal(kube_servers_add(s, SERVICE_URL, KUBE_SERVER_SERVICE, NULL), 0);
	assert_string_equal(kube_servers_current(s), SERVICE_URL);
	assert_servers(s, ""); /* not worth remembering */
	assert_int_equal(kube_servers_learn(s, (const char *const[]){ B }, 1, NULL), 0);
	assert_servers(s, B);
	assert_int_equal(kube_servers_len(s), 1);
}

static void a_services_address_is_shunned_if_there_is_another(void **state)
{
	(void)state;
	cleanup(kube_servers_free) struct kube_servers *s =
		given((const char *const[]){ SERVICE_URL "/x" }, 1);
	struct addr v4, v6;

	assert_int_equal(addr_parse("10.96.0.1", &v4), 0);
	assert_int_equal(addr_parse("2001:db8::3", &v6), 0);
	assert_false(kube_servers_shun(s, &v4));
	assert_int_equal(kube_servers_learn(s, (const char *const[]){ C, B }, 2, NULL), 0);
	assert_true(kube_servers_shun(s, &v4));
	assert_servers(s, C " " B);
	assert_true(kube_servers_shun(s, &v6));
	assert_false(kube_servers_shun(s, &v6));
	assert_servers(s, B);
}

static void what_is_remembered_comes_after_what_is_given(void **state)
{
	static const char text[] = "{\"servers\":[\"" C "\",\"" A "\"]}";
	cleanup(kube_servers_free) struct kube_servers *s = given((const char *const[]){ A, B }, 2);

	(void)state;
	assert_int_equal(kube_servers_parse(s, text, sizeof(text) - 1, "x", NULL), 0);
	assert_servers(s, C " " A " " B); /* the one that worked last first, then in their order */
	kube_servers_failed(s, C);
	assert_string_equal(kube_servers_current(s), A);
	/* it is as good as learned: what is learned now replaces it */
	assert_int_equal(kube_servers_learn(s, (const char *const[]){ B }, 1, NULL), 0);
	assert_servers(s, A " " B);
}

static void a_bad_file_is_an_error(void **state)
{
	static const struct {
		const char *text, *error;
		int code;
	} rows[] = {
		{ "{", "f:1:2: a string in double quotes is expected", -EBADMSG },
		{ "{\"servers\":[1]}", "f: servers: is not a list of URLs", -EBADMSG },
		{ "{\"servers\":[\"http://x\"]}",
		  "f: \"http://x\": a server without TLS is refused; use https", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup(kube_servers_free) struct kube_servers *s =
			given((const char *const[]){ A }, 1);
		struct err err = {};

		assert_int_equal(
			kube_servers_parse(s, rows[i].text, strlen(rows[i].text), "f", &err),
			rows[i].code);
		assert_string_equal(err.text, rows[i].error);
		assert_servers(s, A);
	}
}

static void there_is_a_limit(void **state)
{
	(void)state;
	cleanup(kube_servers_free) struct kube_servers *s = given(NULL, 0);
	char urls[KUBE_SERVERS_MAX + 1][40];
	const char *list[KUBE_SERVERS_MAX + 1];

	for (size_t i = 0; i <= KUBE_SERVERS_MAX; i++) {
		snprintf(urls[i], sizeof(urls[i]), "https://192.0.2.%zu:6443", i);
		list[i] = urls[i];
	}
	assert_int_equal(kube_servers_learn(s, list, KUBE_SERVERS_MAX + 1, NULL), 0);
	assert_int_equal(kube_servers_len(s), KUBE_SERVERS_MAX);
	assert_int_equal(kube_servers_add(s, urls[KUBE_SERVERS_MAX], KUBE_SERVER_GIVEN, NULL),
			 -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_works_stays_and_who_fails_gives_way),
		cmocka_unit_test(alone_it_is_asked_again),
		cmocka_unit_test(what_is_learned_replaces_what_was_learned),
		cmocka_unit_test(the_services_own_address_is_a_stopgap),
		cmocka_unit_test(a_services_address_is_shunned_if_there_is_another),
		cmocka_unit_test(what_is_remembered_comes_after_what_is_given),
		cmocka_unit_test(a_bad_file_is_an_error),
		cmocka_unit_test(there_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
