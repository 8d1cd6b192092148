/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/agent/half.h"

static int setup(void **state)
{
	return half_setup_with(state, answers_open);
}

#define ANSWERING(name) cmocka_unit_test_setup_teardown(name, setup, half_teardown)

/* ---- Health and status ---------------------------------------------------------------------- */

#define START "2026-11-18T11:06:40Z" /* half.h */

static void a_change_that_waits_for_a_minute_makes_unhealthy(void **state)
{
	static const char *const paths[] = { "/healthz", "/livez" };
	struct half *h = *state;
	uint64_t now = clock_boot_ns();

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		h->a.rounds.waits_ns = 0; /* nothing has come yet */
		assert_get(h, h->a.health, paths[i], 200, "\"healthy\":true");
		h->a.rounds.waits_ns = now - 50000000000;
		h->a.rounds.failed_ms = 1795000001000;
		assert_get(h, h->a.health, paths[i], 200, "\"healthy\":true");
		h->a.rounds.waits_ns = now - 60000000000;
		assert_get(h, h->a.health, paths[i], 503, "\"healthy\":false");
		assert_get(h, h->a.health, paths[i], 503,
			   "\"IPv4\":{\"lastUpdated\":\"" START "\",\"healthy\":false}");
		assert_get(h, h->a.health, paths[i], 503, "{\"lastUpdated\":\"" START "\",");
		h->a.rounds.synced_ms = 1795000002000;
		assert_get(h, h->a.health, paths[i], 503,
			   "\"IPv6\":{\"lastUpdated\":\"2026-11-18T11:06:42Z\",");
		h->a.rounds.synced_ms = 0;
	}
	assert_int_equal(h->a.healthz_answers[ANSWERED_200], 2);
	assert_int_equal(h->a.healthz_answers[ANSWERED_503], 4);
	assert_int_equal(h->a.livez_answers[ANSWERED_200], 2);
	assert_int_equal(h->a.livez_answers[ANSWERED_503], 4);
}

/* To the member, in kube-proxy's order; lastUpdated is now. */
static void a_healthy_body_has_the_members_of_kube_proxys(void **state)
{
	struct half *h = *state;
	struct half_call c;
	const char *body = get(h, h->a.health, "/healthz", 200, &c);
	cleanup(json_free) struct json *j = NULL;
	struct err err = {};

	assert_int_equal(json_parse(body, strlen(body), 4096, "body", &j, &err), 0);
	assert_string_equal(json_str(j, "lastUpdated", "a"), json_str(j, "currentTime", "b"));
	assert_true(strcmp(json_str(j, "currentTime", ""), START) > 0);
	assert_non_null(strstr(body, "\",\"nodeEligible\":true,\"healthy\":true,"
				     "\"status\":{\"IPv4\":{\"lastUpdated\":\"" START
				     "\",\"healthy\":true},\"IPv6\":{\"lastUpdated\":\"" START
				     "\",\"healthy\":true}}}"));
	assert_non_null(strstr(c.answer.data, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(c.answer.data, "\r\nX-Content-Type-Options: nosniff\r\n"));
	buf_fini(&c.answer);
	body = get(h, h->a.health, "/livez", 200, &c);
	assert_null(strstr(body, "nodeEligible"));
	buf_fini(&c.answer);
}

#define NODE(rest)                                                                                    \
	"{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"node-a\"},\"spec\":{" rest \
	"}}"
#define TAINT(key) NODE("\"taints\":[{\"key\":\"" key "\",\"effect\":\"NoSchedule\"}]")

static void put_node(struct half *h, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/node.json", h->manifests);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
	source_stop(&h->a.source);
	assert_int_equal(source_files_start(&h->a.loop, h->manifests, &half_source_ops, h,
					    &h->a.source, NULL),
			 0);
}

static void a_node_that_goes_fails_healthz_and_not_livez(void **state)
{
	struct half *h = *state;

	put_node(h, TAINT("ToBeDeletedByClusterAutoscaler"));
	assert_get(h, h->a.health, "/healthz", 503, "\"nodeEligible\":false,\"healthy\":true");
	assert_get(h, h->a.health, "/healthz", 503, "{\"lastUpdated\":\"" START "\",");
	assert_get(h, h->a.health, "/livez", 200, "\"healthy\":true");
	put_node(h, TAINT("node.kubernetes.io/unreachable"));
	assert_get(h, h->a.health, "/healthz", 200, "\"nodeEligible\":true");
}

/* An API server has one for each node that there is. */
static void a_node_that_is_not_there_is_eligible_in_files_alone(void **state)
{
	struct half *h = *state;

	assert_get(h, h->a.health, "/healthz", 200, "\"nodeEligible\":true");
	h->cfg.source.kind = CONFIG_SOURCE_KUBERNETES;
	assert_get(h, h->a.health, "/healthz", 503, "\"nodeEligible\":false");
	assert_get(h, h->a.health, "/livez", 200, "\"healthy\":true");
	put_node(h, NODE(""));
	assert_get(h, h->a.health, "/healthz", 200, "\"nodeEligible\":true");
}

static void the_other_port_answers_as_kube_proxys_does(void **state)
{
	struct half *h = *state;
	struct half_call c;

	assert_string_equal(get(h, h->a.metrics, "/healthz", 200, &c), "ok");
	buf_fini(&c.answer);
	assert_string_equal(get(h, h->a.metrics, "/proxyMode", 200, &c), "weir");
	assert_non_null(strstr(c.answer.data, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
	buf_fini(&c.answer);
}

static void status_says_what_is_known_and_null_for_the_rest(void **state)
{
	cleanup(json_free) struct json *first = NULL, *later = NULL;
	struct half *h = *state;

	first = answers_status(&h->a);
	assert_string_equal(json_str(first, "node", ""), "node-a");
	assert_string_equal(json_str(first, "started", ""), "2026-11-18T11:06:40Z");
	assert_int_equal(json_type(json_get(first, "window_to")), JSON_NULL);
	assert_int_equal(json_type(json_get(first, "window_failed")), JSON_NULL);
	assert_null(json_get(first, "window_error"));

	h->a.last_window.to_ms = 1795000060000;
	h->a.window_failed_ms = 1795000120500;
	err_set(&h->a.window_error, -ENOSPC, "ledger: no space left");
	later = answers_status(&h->a);
	assert_string_equal(json_str(later, "window_to", ""), "2026-11-18T11:07:40Z");
	assert_string_equal(json_str(later, "window_failed", ""), "2026-11-18T11:08:40.500Z");
	assert_string_equal(json_str(later, "window_error", ""), "ledger: no space left");
}

static void a_listener_that_is_off_is_not_opened(void **state)
{
	struct half *h = *state;
	struct err err = {};

	h->cfg.listen.healthz.on = h->cfg.listen.metrics.on = false;
	assert_int_equal(answers_open(&h->a, &err), 0);
	assert_null(h->a.health);
	assert_null(h->a.metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ANSWERING(a_change_that_waits_for_a_minute_makes_unhealthy),
		ANSWERING(a_healthy_body_has_the_members_of_kube_proxys),
		ANSWERING(a_node_that_goes_fails_healthz_and_not_livez),
		ANSWERING(a_node_that_is_not_there_is_eligible_in_files_alone),
		ANSWERING(the_other_port_answers_as_kube_proxys_does),
		ON_HALF(status_says_what_is_known_and_null_for_the_rest),
		ON_HALF(a_listener_that_is_off_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
