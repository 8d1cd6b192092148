/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/svc.h"
#include "svc/view.h"
#include "unit/cli/run.h"

static void must(int rc)
{
	assert_int_equal(rc, 0);
}

/* Services default/web with two endpoints and default/void with none, saved as the agent does. */
static void save(const struct run *f)
{
	cleanup(svc_table_free) struct svc_table *t = NULL;
	struct svc_service web = { .ns = "default", .name = "web", .n_cluster_ips = 1 }, *s;
	struct svc_endpoint e = { .port = 8080, .ready = true, .serving = true };
	struct svc_port http = { .name = "http", .port = 80 }, *p;
	char path[160];

	must(svc_table_new(&t));
	must(addr_parse("10.96.0.10", &web.cluster_ips[0]));
	must(svc_service_add(t, &web, &s, NULL));
	must(svc_port_add(t, s, &http, &p, NULL));
	must(addr_parse("10.1.0.5", &e.addr));
	must(svc_endpoint_add(t, p, &e, NULL));
	must(addr_parse("10.1.0.6", &e.addr));
	e.ready = false;
	must(svc_endpoint_add(t, p, &e, NULL));
	web.name = "void";
	must(addr_parse("10.96.0.11", &web.cluster_ips[0]));
	must(svc_service_add(t, &web, &s, NULL));
	must(svc_port_add(t, s, &http, &p, NULL));
	svc_select(t);
	snprintf(path, sizeof(path), "%s/%s", f->state, SVC_SAVED_NAME);
	must(svc_save(t, path, NULL));
}

static void shows_the_saved_table_while_no_agent_runs(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;
	const struct json *port;

	save(f);
	run_ok(f, "-j", "service", "show");
	j = run_json(f);
	assert_int_equal(json_len(j), 2);
	assert_string_equal(json_str(json_at(j, 0), "name", ""), "void");
	port = json_at(json_get(json_at(j, 1), "ports"), 0);
	assert_string_equal(json_str(port, "vip", ""), "10.96.0.10");
	assert_int_equal(json_len(json_get(port, "backends")), 2);
}

static void plain_has_a_line_for_each_backend(void **state)
{
	struct run *f = *state;

	save(f);
	run_ok(f, "service", "show");
	assert_string_equal(
		f->out,
		"NAMESPACE  NAME  TYPE       VIP         PORT  PROTOCOL  RESULT   AFFINITY  POLICY   "
		"BACKEND   PORT  STATE      CHOSEN\n"
		"default    void  ClusterIP  10.96.0.11    80  TCP       refused  None      Cluster  "
		"-            -  -          -\n"
		"default    web   ClusterIP  10.96.0.10    80  TCP       serving  None      Cluster  "
		"10.1.0.5  8080  ready      yes\n"
		"                                                                                   "
		" 10.1.0.6  8080  not-ready  no\n");
}

static void one_service_by_its_name(void **state)
{
	struct run *f = *state;
	cleanup(json_free) struct json *j = NULL;

	save(f);
	run_ok(f, "-j", "service", "show", "default/web");
	j = run_json(f);
	assert_int_equal(json_len(j), 1);
	assert_string_equal(json_str(json_at(j, 0), "name", ""), "web");
	assert_int_equal(run(f, "service", "show", "defaul/web"), 1);
	assert_int_equal(run(f, "service", "show", "default/we"), 1);
	assert_string_equal(f->err,
			    "weir: no Service default/we here; 'weir service show' lists all\n");
}

static void damaged_table_is_an_error(void **state)
{
	struct run *f = *state;
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->state, SVC_SAVED_NAME);
	run_write(path, "{\"version\":1,");
	assert_int_equal(run(f, "service", "show"), 1);
	assert_non_null(strstr(f->err, SVC_SAVED_NAME));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(shows_the_saved_table_while_no_agent_runs),
		RUN_TEST(plain_has_a_line_for_each_backend),
		RUN_TEST(one_service_by_its_name),
		RUN_TEST(damaged_table_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
