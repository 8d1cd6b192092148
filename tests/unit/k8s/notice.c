/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/notice.h"

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "unit/core/test.h"

static struct kube_notice sample(void)
{
	return (struct kube_notice){
		.kind = "Pod",
		.namespace = "weir-workloads",
		.name = "shop",
		.uid = "u-1",
		.reason = "LeaseClosed",
		.message = "lease shop is closed",
		.node = "node-a",
		.at_ms = 1795000000123,
		.id = 0xab,
	};
}

static void it_is_written_as_the_api_has_it(void **state)
{
	const struct kube_notice e = sample();
	cleanup(json_free) struct json *j = kube_notice_json(&e);
	cleanup(buf_fini) struct buf out = BUF_INIT(4096), path = BUF_INIT(256);

	(void)state;
	assert_int_equal(json_print(j, false, &out), 0);
	assert_string_equal(
		out.data,
		"{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"shop."
		"00000000000000ab\",\"namespace\":\"weir-workloads\"},\"involvedObject\":{"
		"\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"namespace\":\"weir-workloads\",\"name\":"
		"\"shop\",\"uid\":\"u-1\"},\"reason\":\"LeaseClosed\",\"message\":\"lease shop is "
		"closed\",\"type\":\"Normal\",\"source\":{\"component\":\"weir\",\"host\":\"node-a\"},"
		"\"firstTimestamp\":\"2026-11-18T11:06:40Z\",\"lastTimestamp\":"
		"\"2026-11-18T11:06:40Z\",\"count\":1,\"reportingComponent\":\"weir\","
		"\"reportingInstance\":\"node-a\"}");
	assert_int_equal(kube_notice_path(&e, &path), 0);
	assert_string_equal(path.data, "/api/v1/namespaces/weir-workloads/events");
}

static void a_warning_says_so_and_long_texts_are_cut_between_characters(void **state)
{
	struct kube_notice e = sample();
	char message[KUBE_NOTICE_MESSAGE_MAX + 8], name[254];
	cleanup(json_free) struct json *j = NULL;

	(void)state;
	memset(message, 'x', KUBE_NOTICE_MESSAGE_MAX - 1);
	memcpy(message + KUBE_NOTICE_MESSAGE_MAX - 1, "\xc3\xa9y", 4);
	memset(name, 'n', 253);
	name[253] = '\0';
	e.message = message;
	e.name = name;
	e.warning = true;
	j = kube_notice_json(&e);
	assert_string_equal(json_str(j, "type", ""), "Warning");
	assert_int_equal(strlen(json_str(j, "message", "")), KUBE_NOTICE_MESSAGE_MAX - 1);
	assert_int_equal(strlen(json_str(json_get(j, "metadata"), "name", "")), 253);
	assert_string_equal(json_str(json_get(j, "involvedObject"), "name", ""), name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_written_as_the_api_has_it),
		cmocka_unit_test(a_warning_says_so_and_long_texts_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
