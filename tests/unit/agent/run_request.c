/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_request.h"

#include <errno.h>

#include "agent/run_record.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "unit/core/test.h"

static const struct run_record record = {
	.name = "web",
	.lease = "shop",
	.image = "node:22",
	.package = "sha512-abc",
	.code = "/var/lib/weir/packages/sha512-abc",
	.entry = "server.js",
	.port = 8080,
};

static void an_apply_has_a_manager_and_takes_what_is_others(void **state)
{
	cleanup(buf_fini) struct buf path = BUF_INIT(1024), body = BUF_INIT(1 << 16);
	cleanup(json_free) struct json *j = NULL;

	(void)state;
	assert_int_equal(run_request(&record, "ns", "node-a",
				     (enum run_step)(RUN_APPLY + KUBE_RUN_POD), &path, &body, NULL),
			 0);
	assert_string_equal(path.data,
			    "/api/v1/namespaces/ns/pods/web?fieldManager=weir&force=true");
	assert_int_equal(json_parse(body.data, body.len, 1 << 16, "body", &j, NULL), 0);
	assert_string_equal(json_str(j, "kind", ""), "Pod");
	assert_string_equal(json_str(json_get(j, "spec"), "nodeName", ""), "node-a");
}

static void a_delete_says_only_where(void **state)
{
	cleanup(buf_fini) struct buf path = BUF_INIT(1024), body = BUF_INIT(1 << 16);

	(void)state;
	assert_int_equal(run_request(&record, "ns", "node-a",
				     (enum run_step)(RUN_DELETE + KUBE_RUN_VOLUME), &path, &body,
				     NULL),
			 0);
	assert_string_equal(path.data, "/api/v1/persistentvolumes/ns-web");
	assert_int_equal(body.len, 0);
}

static bool has_probe(const char *ready, const char *text)
{
	struct run_record r = record;
	cleanup(buf_fini) struct buf path = BUF_INIT(1024), body = BUF_INIT(1 << 16);

	snprintf(r.ready, sizeof(r.ready), "%s", ready);
	assert_int_equal(run_request(&r, "ns", "node-a", (enum run_step)(RUN_APPLY + KUBE_RUN_POD),
				     &path, &body, NULL),
			 0);
	return strstr(body.data, text);
}

static void readiness_is_the_kubelets_to_probe(void **state)
{
	(void)state;
	assert_true(has_probe("tcp", "\"tcpSocket\":{\"port\":8080}"));
	assert_true(has_probe("http:/up", "\"path\":\"/up\""));
	assert_false(has_probe("none", "readinessProbe"));
}

static void the_environment_of_the_record_is_carried(void **state)
{
	struct run_record r = record;
	cleanup(buf_fini) struct buf path = BUF_INIT(1024), body = BUF_INIT(1 << 16);

	(void)state;
	r.env = json_new_array();
	json_add_str(r.env, "GREETING=hello");
	assert_int_equal(run_request(&r, "ns", "node-a", (enum run_step)(RUN_APPLY + KUBE_RUN_POD),
				     &path, &body, NULL),
			 0);
	assert_non_null(strstr(body.data, "{\"name\":\"GREETING\",\"value\":\"hello\"}"));
	for (int i = 0; i < KUBE_RUN_ENV_MAX; i++) {
		char text[16];

		snprintf(text, sizeof(text), "V%d=", i);
		json_add_str(r.env, text);
	}
	assert_int_equal(run_request(&r, "ns", "node-a", (enum run_step)(RUN_APPLY + KUBE_RUN_POD),
				     &path, &body, NULL),
			 -EINVAL);
	json_free(&r.env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_apply_has_a_manager_and_takes_what_is_others),
		cmocka_unit_test(a_delete_says_only_where),
		cmocka_unit_test(readiness_is_the_kubelets_to_probe),
		cmocka_unit_test(the_environment_of_the_record_is_carried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
