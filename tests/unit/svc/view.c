/* SPDX-License-Identifier: Apache-2.0 */
/* view.c, save.c and load.c: one way out and the way back. */
#include "svc/view.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "tests/unit/svc/make.h"

static struct svc_table *dual_stack(void)
{
	struct svc_table *t = table();
	struct addr external = ip("192.0.2.1");
	struct cidr range;
	struct svc_service spec = { .ns = "default",
				    .name = "web",
				    .uid = "u-1",
				    .type = SVC_NODE_PORT,
				    .cluster_ips = { ip("fd00::1"), ip("10.96.0.1") },
				    .n_cluster_ips = 2,
				    .internal_local = true,
				    .affinity = true,
				    .affinity_timeout_s = 10800,
				    .external_ips = &external,
				    .n_external_ips = 1,
				    .source_ranges = &range,
				    .n_source_ranges = 1 };
	struct svc_service *s;
	struct err err = {};
	struct svc_port *p;

	assert_int_equal(cidr_parse("198.51.100.0/24", &range), 0);
	assert_int_equal(svc_service_add(t, &spec, &s, &err), 0);
	p = port(t, s, 80, SVC_TCP);
	p->node_port = 30080;
	endpoint(t, p, "10.1.0.1", 8080, "rslNz");
	endpoint(t, p, "10.1.0.2", 8080, "stn");
	endpoint(t, p, "fd01::1", 8081, "rs");
	port(t, s, 53, SVC_UDP);
	s = service(t, "twin", "10.96.0.3");
	s->cluster_ips[s->n_cluster_ips++] = ip("10.96.0.4"); /* one family twice */
	endpoint(t, port(t, s, 80, SVC_TCP), "10.1.0.3", 8080, "rs");
	port(t, service(t, "b", "10.96.0.2"), 80, SVC_SCTP);
	node_addr(t, "192.0.2.10");
	node_addr(t, "2001:db8::10");
	t->maglev = true;
	other_node(t, "b", "192.0.2.11", NULL);
	other_node(t, "a", "192.0.2.12", "2001:db8::12");
	class(t, "10.96.0.0/16", WEIR_CLASS_SERVICE);
	pods(t, "fd01::/64");
	assert_int_equal(svc_select(t), 0);
	return t;
}

static char *print(const struct svc_table *t)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 20);
	cleanup(json_free) struct json *view = NULL;

	assert_int_equal(svc_view(t, &view), 0);
	assert_int_equal(json_print(view, false, &out), 0);
	return buf_take(&out);
}

static void the_view_says_what_a_person_asks(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = dual_stack();
	cleanup(json_free) struct json *view = NULL;
	const struct json *s, *v6, *v4, *e;

	(void)state;
	assert_int_equal(svc_view(t, &view), 0);
	assert_int_equal(json_len(view), 3);
	s = json_at(view, 2);
	assert_string_equal(json_str(s, "namespace", ""), "default");
	assert_string_equal(json_str(s, "name", ""), "web");
	assert_string_equal(json_str(s, "type", ""), "NodePort");
	assert_string_equal(json_str(s, "sessionAffinity", ""), "ClientIP");
	assert_string_equal(json_str(s, "internalTrafficPolicy", ""), "Local");
	assert_string_equal(json_str(s, "externalTrafficPolicy", ""), "Cluster");
	assert_int_equal(json_len(json_get(s, "pending")), 0);
	assert_int_equal(json_len(json_get(s, "ports")), 4);

	v6 = json_at(json_get(s, "ports"), 0);
	assert_string_equal(json_str(v6, "vip", ""), "fd00::1");
	assert_string_equal(json_str(v6, "result", ""), "dropped");
	assert_int_equal(json_len(json_get(v6, "backends")), 1);
	v4 = json_at(json_get(s, "ports"), 1);
	assert_string_equal(json_str(v4, "vip", ""), "10.96.0.1");
	assert_string_equal(json_str(v4, "protocol", ""), "TCP");
	assert_string_equal(json_str(v4, "result", ""), "serving");
	assert_int_equal(json_len(json_get(v4, "backends")), 2);
	e = json_at(json_get(v4, "backends"), 0);
	assert_string_equal(json_str(e, "address", ""), "10.1.0.1");
	assert_string_equal(json_str(e, "state", ""), "ready");
	assert_true(json_bool(e, "local", false));
	assert_true(json_bool(e, "chosen", false));
	e = json_at(json_get(v4, "backends"), 1);
	assert_string_equal(json_str(e, "state", ""), "serving-terminating");
	assert_false(json_bool(e, "chosen", true));
}

static void an_empty_table_is_an_empty_list(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	cleanup(free_ptr) char *text = NULL;

	(void)state;
	assert_int_equal(svc_select(t), 0);
	text = print(t);
	assert_string_equal(text, "[]");
}

static void what_is_saved_loads_the_same(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = dual_stack();
	cleanup(svc_table_free) struct svc_table *back = NULL;
	cleanup(free_ptr) char *before = print(t), *after = NULL;
	char dir[] = "/tmp/weir-svc-XXXXXX", path[64];
	struct err err = {};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, SVC_SAVED_NAME);
	assert_int_equal(svc_load(path, &back, &err), -ENOENT);
	assert_null(back);
	assert_int_equal(svc_save(t, path, &err), 0);
	assert_int_equal(svc_save(t, path, &err), 0); /* over an old one */
	if (svc_load(path, &back, &err))
		fail_msg("%s", err.text);
	after = print(back);
	assert_string_equal(after, before);
	assert_true(back->selected && back->maglev);
	assert_int_equal(back->n_classes, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(addr_eq(&back->classes[i].prefix.addr, &t->classes[i].prefix.addr));
		assert_int_equal(back->classes[i].prefix.bits, t->classes[i].prefix.bits);
		assert_int_equal(back->classes[i].class, t->classes[i].class);
		assert_int_equal(back->classes[i].pod, t->classes[i].pod);
	}
	assert_int_equal(back->n_nodes, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(back->nodes[i].name, i ? "b" : "a");
		assert_true(addr_eq(&back->nodes[i].v4, &t->nodes[i].v4));
		assert_true(addr_eq(&back->nodes[i].v6, &t->nodes[i].v6));
	}
	assert_int_equal(dir_remove(dir, &err), 0);
}

static void a_table_that_is_not_selected_is_not_saved(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct err err = {};

	(void)state;
	assert_int_equal(svc_save(t, "/nonexistent/services.json", &err), -EINVAL);
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(svc_save(t, "/nonexistent/services.json", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/"));
}

/* A saved table of one Service, with one part replaced; NULL to leave it whole. */
static char *spoilt(const char *part, const char *by)
{
	static const char good[] =
		"{\"version\":3,\"algorithm\":\"random\",\"classes\":[{\"prefix\":\"10.96.0.0/16\",\"class\":\"service\",\"pod\":false}],"
		"\"nodes\":[{\"name\":\"b\",\"v4\":\"192.0.2.2\",\"v6\":\"::\"}],"
		"\"services\":[{\"namespace\":\"default\",\"name\":\"web\",\"type\":\"ClusterIP\","
		"\"uid\":\"\",\"clusterIPs\":[\"10.96.0.1\"],\"ports\":[{\"name\":\"\","
		"\"protocol\":\"TCP\",\"port\":80,\"nodePort\":0,\"vip\":\"10.96.0.1\","
		"\"result\":\"serving\",\"external\":[{\"kind\":\"externalIP\",\"address\":\"203.0.113.7\",\"port\":80,\"result\":\"refused\",\"outside\":\"refused\"}],\"backends\":[{\"address\":\"10.1.0.1\",\"port\":8080,"
		"\"state\":\"ready\",\"chosen\":true,\"chosenExternal\":false,\"chosenOutside\":false,\"local\":false,\"node\":\"\",\"pod\":\"\","
		"\"ready\":true,\"serving\":true,\"terminating\":false,\"nodeHint\":\"none\","
		"\"zoneHint\":\"none\"}]}],\"sessionAffinity\":\"None\","
		"\"sessionAffinityTimeoutSeconds\":0,\"internalTrafficPolicy\":\"Cluster\","
		"\"externalTrafficPolicy\":\"Cluster\",\"healthCheckNodePort\":0,"
		"\"externalIPs\":[],\"loadBalancerIPs\":[],\"loadBalancerSourceRanges\":[],"
		"\"pending\":[]}]}";
	cleanup(buf_fini) struct buf out = BUF_INIT(1 << 16);
	const char *at = part ? strstr(good, part) : NULL;

	assert_true(!part || at);
	if (part) {
		buf_append(&out, good, at - good);
		buf_puts(&out, by);
		buf_puts(&out, at + strlen(part));
	} else {
		buf_puts(&out, good);
	}
	return buf_take(&out);
}

static int load(const char *part, const char *by, struct svc_table **ret, struct err *err)
{
	cleanup(free_ptr) char *text = spoilt(part, by);

	*err = (struct err){};
	return svc_load_text(text, strlen(text), "services.json", ret, err);
}

static void each_spoilt_part_is_refused_and_named(void **state)
{
	static const struct {
		const char *part, *by, *says;
	} rows[] = {
		{ "\"version\":3", "\"version\":2", "version 2" },
		{ "\"version\":3", "\"v\":3", "version" },
		{ "\"nodes\":[", "\"nodes\":{},\"x\":[", "nodes" },
		{ "192.0.2.2", "192.0.2", "v4" },
		{ "\"v6\":\"::\"", "\"v\":\"::\"", "v6" },
		{ "\"random\"", "\"roundrobin\"", "algorithm" },
		{ "10.96.0.0/16", "10.96.0.1/16", "prefix" },
		{ "\"class\":\"service\"", "\"class\":\"x\"", "class" },
		{ "\"pod\":false", "\"pods\":false", "pod" },
		{ "\"services\":[", "\"services\":{},\"x\":[", "services" },
		{ "\"ClusterIP\"", "\"ExternalName\"", "default/web: type" },
		{ "[\"10.96.0.1\"]", "[\"10.96.0.1.\"]", "clusterIPs" },
		{ "[\"10.96.0.1\"]", "[]", "cluster IPs" },
		{ "[\"10.96.0.1\"]", "[\"10.96.0.1\",\"fd00::1\",\"fd00::2\"]", "clusterIPs" },
		{ "[\"10.96.0.1\"]", "[\"10.96.0.1\",\"fd00::1\"]", "ports" },
		{ "\"vip\":\"10.96.0.1\"", "\"vip\":\"10.96.0.2\"", "vip" },
		{ "\"port\":80,", "\"port\":65536,", "port" },
		{ "\"port\":80,", "\"port\":0,", "port 0" },
		{ "\"port\":80,", "\"port\":-1,", "port" },
		{ "\"TCP\"", "\"tcp\"", "protocol" },
		{ "\"result\":\"serving\"", "\"result\":1", "result" },
		{ "\"backends\":[", "\"backends\":null,\"x\":[", "backends" },
		{ "\"10.1.0.1\"", "\"10.1.0\"", "port 80: address" },
		{ "\"chosen\":true", "\"chosen\":1", "chosen" },
		{ "\"chosenOutside\":false", "\"chosenOutside\":0", "chosenOutside" },
		{ "\"outside\":\"refused\"", "\"outside\":\"\"", "outside" },
		{ "\"zoneHint\":\"none\"", "\"zoneHint\":\"\"", "zoneHint" },
		{ "\"None\"", "\"none\"", "sessionAffinity" },
		{ "\"internalTrafficPolicy\":\"Cluster\"", "\"internalTrafficPolicy\":\"\"",
		  "internalTrafficPolicy" },
		{ "\"externalIPs\":[]", "\"externalIPs\":[1]", "externalIPs" },
		{ "\"loadBalancerSourceRanges\":[]", "\"loadBalancerSourceRanges\":[\"::/129\"]",
		  "loadBalancerSourceRanges" },
		{ "\"pending\":[]}", "\"pending\":[]", "services.json" },
	};
	cleanup(svc_table_free) struct svc_table *t = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r = load(rows[i].part, rows[i].by, &t, &err);

		if (r != -EBADMSG || err.code != r || !strstr(err.text, rows[i].says))
			fail_msg("row %zu: %d %s", i, r, err.text);
		assert_null(t);
		assert_non_null(strstr(err.text, "services.json"));
	}
	assert_int_equal(load(NULL, NULL, &t, &err), 0);
	assert_int_equal(t->services[0]->ports[0]->result[0], SVC_SERVING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_view_says_what_a_person_asks),
		cmocka_unit_test(an_empty_table_is_an_empty_list),
		cmocka_unit_test(what_is_saved_loads_the_same),
		cmocka_unit_test(a_table_that_is_not_selected_is_not_saved),
		cmocka_unit_test(each_spoilt_part_is_refused_and_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
