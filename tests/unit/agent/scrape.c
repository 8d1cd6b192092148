/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>

#include "agent/metrics.h"
#include "svc/svc.h"
#include "unit/agent/half.h"

static int setup(void **state)
{
	return half_setup_with(state, answers_open);
}

#define SCRAPING(name) cmocka_unit_test_setup_teardown(name, setup, half_teardown)

#define NAME "(weir|kubeproxy)_[a-z0-9_]+"
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
		assert_true(matches("^# TYPE " NAME " (counter|gauge|histogram)$", line));
		m->type = strstr(line, " counter") ? METRIC_COUNTER :
			  strstr(line, " gauge")   ? METRIC_GAUGE :
						     METRIC_HISTOGRAM;
		return;
	}
	assert_true(matches("^" NAME "([{]" LABEL "(," LABEL ")*[}])? [0-9]+([.][0-9]+)?$", line));
	assert_memory_equal(line, m->name, len); /* directly behind its family's lines */
	if (m->type == METRIC_HISTOGRAM)
		assert_true(matches("^_(bucket|sum|count)[ {]", line + len));
	else
		assert_true(line[len] == ' ' || line[len] == '{');
	s->samples++;
}

/* Reads the whole exposition; returns it for looking into. */
static char *page(struct half *h, struct seen *ret)
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

	h->a.rounds.synced_ms = 1795000000123;
	h->a.last_window.to_ms = 1795000060000;
	text = page(h, &s);
	assert_int_equal(s.n, 19);
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
	text = page(h, &seen);
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
	text = page(h, &seen);
	assert_null(podtab_match(h->a.pods, s));
}

/* ---- Those of kube-proxy -------------------------------------------------------------------- */

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("the page lacks %s", line);
}

static void every_name_of_kube_proxys_is_there_at_once(void **state)
{
	static const char *const lines[] = {
		"\nkubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.001\"} 0\n",
		"\nkubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv6\",le=\"16.384\"} 0\n",
		"\nkubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 0\n",
		"\nkubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family=\"IPv4\"} 1795000000.000\n",
		"\nkubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"IPv6\"} 0.000\n",
		"\nkubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0\"} 0\n",
		"\nkubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv6\",le=\"300\"} 0\n",
		"\nkubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv6\",le=\"+Inf\"} 0\n",
		"\nkubeproxy_sync_proxy_rules_endpoint_changes_pending 0\n",
		"\nkubeproxy_sync_proxy_rules_endpoint_changes_total 0\n",
		"\nkubeproxy_sync_proxy_rules_service_changes_pending 0\n",
		"\nkubeproxy_sync_proxy_rules_service_changes_total 0\n",
		"\nkubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family=\"IPv4\",traffic_policy=\"internal\"} 0\n",
		"\nkubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family=\"IPv6\",traffic_policy=\"external\"} 0\n",
		"\nkubeproxy_proxy_healthz_total{code=\"200\"} 0\n",
		"\nkubeproxy_proxy_livez_total{code=\"503\"} 0\n",
	};
	cleanup(free_ptr) char *text = NULL;
	struct seen s;

	text = page(*state, &s);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_has(text, lines[i]);
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* A Service of both families and two ports, whose only endpoint is elsewhere and of IPv4. */
static struct svc_table *elsewhere(bool internal_local, bool external_local)
{
	struct svc_service spec = { .ns = "demo",
				    .name = "web",
				    .type = SVC_NODE_PORT,
				    .n_cluster_ips = 2,
				    .internal_local = internal_local,
				    .external_local = external_local };
	struct svc_table *t = NULL;
	struct svc_service *s = NULL;
	struct err err = {};

	spec.cluster_ips[0] = address("10.96.0.1");
	spec.cluster_ips[1] = address("fd00::1");
	assert_int_equal(svc_table_new(&t), 0);
	assert_int_equal(svc_service_add(t, &spec, &s, &err), 0);
	for (uint16_t i = 0; i < 2; i++) {
		struct svc_port port = { .name = i ? "b" : "a",
					 .port = (uint16_t)(80 + i),
					 .node_port = (uint16_t)(30080 + i) };
		struct svc_endpoint e = {
			.addr = address("10.1.0.5"), .port = 8080, .ready = true, .serving = true
		};
		struct svc_port *p = NULL;

		assert_int_equal(svc_port_add(t, s, &port, &p, &err), 0);
		assert_int_equal(svc_endpoint_add(t, p, &e, &err), 0);
	}
	for (size_t i = 0; i < 2; i++) {
		const struct addr node = address(i ? "fd00::a" : "192.0.2.1");

		assert_int_equal(svc_node_addr_add(t, &node, &err), 0);
	}
	assert_int_equal(svc_select(t), 0);
	return t;
}

#define NO_LOCAL "\nkubeproxy_sync_proxy_rules_no_local_endpoints_total"

/* IPv6 has no endpoint anywhere: refused, and not for the policy. */
static void ports_whose_policy_leaves_them_no_endpoint_are_counted(void **state)
{
	static const struct {
		bool internal, external;
		const char *lines[2];
	} want[] = {
		{ false, false, { "internal\"} 0\n", "external\"} 0\n" } },
		{ true, false, { "internal\"} 2\n", "external\"} 0\n" } },
		{ false, true, { "internal\"} 0\n", "external\"} 2\n" } },
	};
	struct half *h = *state;

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		cleanup(svc_table_free) struct svc_table *t =
			elsewhere(want[i].internal, want[i].external);
		cleanup(free_ptr) char *text = NULL;
		struct seen s;

		h->a.services = t;
		text = page(h, &s);
		h->a.services = NULL;
		for (size_t k = 0; k < 2; k++) {
			char line[160];

			snprintf(line, sizeof(line),
				 NO_LOCAL "{ip_family=\"IPv4\",traffic_policy=\"%s",
				 want[i].lines[k]);
			assert_has(text, line);
		}
		assert_has(text, NO_LOCAL "{ip_family=\"IPv6\",traffic_policy=\"internal\"} 0\n");
		assert_has(text, NO_LOCAL "{ip_family=\"IPv6\",traffic_policy=\"external\"} 0\n");
	}
}

static void what_was_answered_is_counted(void **state)
{
	cleanup(free_ptr) char *text = NULL;
	struct half *h = *state;
	struct seen s;

	assert_get(h, h->a.health, "/healthz", 200, "");
	assert_get(h, h->a.health, "/livez", 200, "");
	assert_get(h, h->a.health, "/livez", 200, "");
	assert_get(h, h->a.metrics, "/healthz", 200, ""); /* another one */
	text = page(h, &s);
	assert_has(text, "\nkubeproxy_proxy_healthz_total{code=\"200\"} 1\n");
	assert_has(text, "\nkubeproxy_proxy_livez_total{code=\"200\"} 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRAPING(the_metrics_hold_their_own_rules_and_the_formats),
		SCRAPING(living_pods_with_a_name_are_shown),
		SCRAPING(a_scrape_names_nobody_anew),
		SCRAPING(every_name_of_kube_proxys_is_there_at_once),
		SCRAPING(ports_whose_policy_leaves_them_no_endpoint_are_counted),
		SCRAPING(what_was_answered_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
