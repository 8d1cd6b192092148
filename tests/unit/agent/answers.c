/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>

#include "agent/metrics.h"
#include "svc/svc.h"
#include "unit/agent/half.h"

static int setup(void **state)
{
	return half_setup_with(state, answers_open);
}

#define ANSWERING(name) cmocka_unit_test_setup_teardown(name, setup, half_teardown)

/* The body; buf_fini() the call's answer. */
static const char *get(struct half *h, const struct http_server *from, const char *path, int status,
		       struct half_call *c)
{
	char first[32];
	const char *body;

	*c = (struct half_call){ .port = http_port(from), .path = path };
	half_run(h, c);
	assert_int_equal(c->r, 0);
	snprintf(first, sizeof(first), "HTTP/1.1 %d ", status);
	assert_ptr_equal(strstr(c->answer.data, first), c->answer.data);
	body = strstr(c->answer.data, "\r\n\r\n");
	assert_non_null(body);
	return body + 4;
}

static void assert_get(struct half *h, const struct http_server *from, const char *path, int status,
		       const char *part)
{
	struct half_call c;

	assert_non_null(strstr(get(h, from, path, status, &c), part));
	buf_fini(&c.answer);
}

/* ---- Health and status ---------------------------------------------------------------------- */

static void healthy_is_who_has_synced_and_not_failed_since(void **state)
{
	static const char *const paths[] = { "/healthz", "/livez" };
	struct half *h = *state;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		h->a.synced_ms = h->a.sync_failed_ms = 0;
		assert_get(h, h->a.health, paths[i], 503, "\"healthy\":false");
		assert_get(h, h->a.health, paths[i], 503, "\"lastUpdated\":null");
		h->a.synced_ms = 1795000000000;
		assert_get(h, h->a.health, paths[i], 200, "\"healthy\":true");
		assert_get(h, h->a.health, paths[i], 200,
			   "\"lastUpdated\":\"2026-11-18T11:06:40Z\"");
		h->a.sync_failed_ms = 1795000001000;
		assert_get(h, h->a.health, paths[i], 503, "\"healthy\":false");
	}
	assert_get(h, h->a.metrics, "/healthz", 503, "\"healthy\":false");
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

/* ---- Metrics -------------------------------------------------------------------------------- */

#define NAME "weir_[a-z0-9_]+"
#define LABEL "[a-z_][a-z0-9_]*=\"([^\"\\]|\\\\[\"\\n])*\""

static bool matches(const char *pattern, const char *line)
{
	regex_t re;
	int r;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	r = regexec(&re, line, 0, NULL, 0);
	regfree(&re);
	return r == 0;
}

/* What a scraper learns of the families, in the form that metrics_check() judges. */
struct seen {
	struct metric table[METRICS_MAX];
	size_t n, samples;
};

static void see_line(struct seen *s, char *line)
{
	struct metric *m = s->n ? &s->table[s->n - 1] : NULL;
	size_t len;

	if (!strncmp(line, "# HELP ", 7)) {
		assert_true(matches("^# HELP " NAME " [^ ].*$", line));
		assert_true(s->n < METRICS_MAX);
		m = &s->table[s->n++];
		m->name = line + 7;
		line[7 + strcspn(m->name, " ")] = '\0';
		m->help = m->name + strlen(m->name) + 1;
		return;
	}
	assert_non_null(m);
	len = strlen(m->name);
	if (!strncmp(line, "# TYPE ", 7)) {
		assert_memory_equal(line + 7, m->name, len);
		assert_true(matches("^# TYPE " NAME " (counter|gauge)$", line));
		m->type = strstr(line, " counter") ? METRIC_COUNTER : METRIC_GAUGE;
		return;
	}
	assert_true(matches("^" NAME "([{]" LABEL "(," LABEL ")*[}])? [0-9]+([.][0-9]+)?$", line));
	assert_memory_equal(line, m->name, len); /* directly behind its family's lines */
	assert_true(line[len] == ' ' || line[len] == '{');
	s->samples++;
}

/* Reads the whole exposition; returns it for looking into. */
static char *scrape(struct half *h, struct seen *ret)
{
	struct half_call c;
	const char *body = get(h, h->a.metrics, "/metrics", 200, &c);
	char *copy = strdup(body), *lines = strdup(body), *rest = lines, *line;
	struct err err = {};

	assert_non_null(strstr(c.answer.data, METRICS_CONTENT_TYPE));
	assert_int_equal(body[strlen(body) - 1], '\n');
	*ret = (struct seen){};
	while ((line = strsep(&rest, "\n")) && rest)
		see_line(ret, line);
	if (metrics_check(ret->table, ret->n, &err) < 0)
		fail_msg("%s", err.text);
	free(lines);
	buf_fini(&c.answer);
	return copy;
}

static void the_metrics_hold_their_own_rules_and_the_formats(void **state)
{
	cleanup(free_ptr) char *text = NULL;
	struct half *h = *state;
	struct seen s;

	h->a.synced_ms = 1795000000123;
	h->a.last_window.to_ms = 1795000060000;
	text = scrape(h, &s);
	assert_int_equal(s.n, 8);
	assert_non_null(strstr(text, "\nweir_services 0\n"));
	assert_non_null(strstr(text, "\nweir_sync_timestamp_seconds 1795000000.123\n"));
	assert_non_null(strstr(text, "\nweir_window_end_timestamp_seconds 1795000060.000\n"));
}

static void name_pod(struct half *h, uint64_t cgroup_id, const char *name)
{
	struct meter_pod p = { .ns = "default" };

	snprintf(p.name, sizeof(p.name), "%s", name);
	assert_int_equal(podtab_recall(h->a.pods, cgroup_id, &p), 0);
}

static void living_pods_with_a_name_are_shown(void **state)
{
	cleanup(free_ptr) char *text = NULL;
	struct half *h = *state;
	struct weir_sample *s;
	struct seen seen;

	s = half_sample(h, 1, WEIR_POD_LIVE);
	s->pod.cpu_ns = 1500000007;
	s->pod.flags = WEIR_POD_HAS_MEM;
	s->pod.mem_pages = 3;
	half_sample(h, 2, WEIR_POD_LIVE)->pod.cpu_ns = 2; /* memory not measured */
	half_sample(h, 3, WEIR_POD_RELEASED)->pod.cpu_ns = 3;
	half_sample(h, 4, WEIR_POD_LIVE)->pod.cpu_ns = 4; /* has no name */
	name_pod(h, 1, "web-0");
	name_pod(h, 2, "web-1");
	name_pod(h, 3, "dead");
	text = scrape(h, &seen);
	assert_non_null(strstr(text, "\nweir_pod_cpu_seconds_total{namespace=\"default\",pod=\""
				     "web-0\"} 1.500000007\n"));
	assert_non_null(strstr(text, "pod=\"web-1\"} 0.000000002\n"));
	assert_null(strstr(text, "dead"));
	assert_null(strstr(text, ".000000004"));
	assert_non_null(strstr(text, "\nweir_pod_memory_working_set_bytes{namespace=\"default\","
				     "pod=\"web-0\"} "));
	assert_null(strstr(text, "_bytes{namespace=\"default\",pod=\"web-1\"}"));
}

/* A dead pod that is billed stays in the last walk's array; it must not get into the table again. */
static void a_scrape_names_nobody_anew(void **state)
{
	cleanup(free_ptr) char *text = NULL;
	struct half *h = *state;
	const struct weir_sample *s = half_sample(h, 3, WEIR_POD_RELEASED);
	const struct meter_pod p = { .ns = "default", .name = "job", .uid = "u" };
	struct seen seen;

	assert_int_equal(podtab_recall(h->a.pods, 3, &p), 0);
	podtab_forget(h->a.pods, 3);
	text = scrape(h, &seen);
	assert_null(podtab_match(h->a.pods, s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ANSWERING(healthy_is_who_has_synced_and_not_failed_since),
		ON_HALF(status_says_what_is_known_and_null_for_the_rest),
		ON_HALF(a_listener_that_is_off_is_not_opened),
		ANSWERING(the_metrics_hold_their_own_rules_and_the_formats),
		ANSWERING(living_pods_with_a_name_are_shown),
		ANSWERING(a_scrape_names_nobody_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
