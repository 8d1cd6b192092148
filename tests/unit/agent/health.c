/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/health.h"
#include "core/cleanup.h"
#include "unit/svc/make.h"

static struct svc_service *balanced(struct svc_table *t, const char *name, const char *vip,
				    uint16_t health_port)
{
	struct svc_service *s = service(t, name, vip);

	s->type = SVC_LOAD_BALANCER;
	s->external_local = true;
	s->health_check_node_port = health_port;
	return s;
}

/* The only port's number of endpoints. */
static size_t count(struct svc_table *t)
{
	cleanup(free_ptr) struct health_port *ports = NULL;
	size_t n = 0;

	assert_int_equal(svc_select(t), 0);
	assert_int_equal(health_ports(t, &ports, &n), 0);
	assert_int_equal(n, 1);
	return ports[0].endpoints;
}

static void services_of_load_balancers_with_policy_local_have_one(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	cleanup(free_ptr) struct health_port *ports = NULL;
	size_t n = 0;

	(void)state;
	balanced(t, "b", "10.96.0.2", 32001);
	balanced(t, "a", "10.96.0.1", 32000);
	balanced(t, "without-port", "10.96.0.3", 0);
	balanced(t, "node-port", "10.96.0.4", 32002)->type = SVC_NODE_PORT;
	balanced(t, "cluster", "10.96.0.5", 32003)->external_local = false;
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(health_ports(t, &ports, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(ports[0].ns, "default");
	assert_string_equal(ports[0].name, "a");
	assert_int_equal(ports[0].port, 32000);
	assert_int_equal(ports[0].endpoints, 0);
	assert_string_equal(ports[1].name, "b");
	assert_int_equal(ports[1].port, 32001);
}

static void ready_local_endpoints_count(void **state)
{
	static const struct {
		const char *conditions;
		size_t count;
	} cases[] = {
		{ "rsl", 1 },  { "rs", 0 }, /* elsewhere */
		{ "l", 0 },    { "sl", 0 }, /* serves, and is not ready */
		{ "stl", 0 }, /* the fallback serves it still, the balancer is to leave */
		{ "rstl", 1 }, /* publishNotReadyAddresses */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(svc_table_free) struct svc_table *t = table();
		struct svc_service *s = balanced(t, "a", "10.96.0.1", 32000);

		endpoint(t, port(t, s, 80, SVC_TCP), "10.0.0.1", 8080, cases[i].conditions);
		assert_int_equal(count(t), cases[i].count);
	}
}

static void an_address_counts_once(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = balanced(t, "a", "10.96.0.1", 32000);
	struct svc_port *http = port(t, s, 80, SVC_TCP), *dns = port(t, s, 53, SVC_UDP);

	(void)state;
	endpoint(t, http, "10.0.0.2", 8080, "rsl");
	endpoint(t, http, "10.0.0.2", 9090, "rsl");
	endpoint(t, http, "10.0.0.1", 8080, "rsl");
	endpoint(t, dns, "10.0.0.1", 53, "rsl");
	endpoint(t, dns, "10.0.0.3", 53, "rsl");
	endpoint(t, dns, "10.0.0.4", 53, "rs");
	assert_int_equal(count(t), 3);
}

static void of_two_families_the_one_with_more_counts(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = balanced(t, "a", "10.96.0.1", 32000);
	struct svc_port *p = port(t, s, 80, SVC_TCP);

	(void)state;
	endpoint(t, p, "10.0.0.1", 8080, "rsl");
	endpoint(t, p, "fd00::1", 8080, "rsl");
	assert_int_equal(count(t), 1);
	endpoint(t, p, "fd00::2", 8080, "rsl");
	assert_int_equal(count(t), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_of_load_balancers_with_policy_local_have_one),
		cmocka_unit_test(ready_local_endpoints_count),
		cmocka_unit_test(an_address_counts_once),
		cmocka_unit_test(of_two_families_the_one_with_more_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
