/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/svc/make.h"

#include <string.h>

#include "core/cleanup.h"

/* One Service with the given endpoints, and what must come out: for each whether it is chosen. The
 * policy is once internalTrafficPolicy, once externalTrafficPolicy. */
struct row {
	const char *what;
	bool local;
	const char *endpoints[5]; /* conditions, as in make.h; NULL ends */
	const char *chosen; /* a letter each: y or n */
	enum svc_result result;
};

static const struct row rows[] = {
	{ "no endpoint", false, {}, "", SVC_REFUSED },
	{ "ready ones", false, { "rs", "rsl", "s", "" }, "yynn", SVC_SERVING },
	{ "ready counts, also without serving", false, { "r" }, "y", SVC_SERVING },
	{ "ready although terminating (publishNotReadyAddresses)",
	  false,
	  { "rst", "st" },
	  "yn",
	  SVC_SERVING },
	{ "none ready: those that serve while terminating",
	  false,
	  { "st", "t", "s" },
	  "ynn",
	  SVC_SERVING },
	{ "terminating without serving is never used", false, { "t", "" }, "nn", SVC_REFUSED },
	{ "a ready one keeps the dying ones out", false, { "rs", "stl" }, "yn", SVC_SERVING },

	{ "Local: local ready ones", true, { "rs", "rsl", "stl" }, "nyn", SVC_SERVING },
	{ "Local: falls back to local dying ones",
	  true,
	  { "rs", "stl", "tl" },
	  "nyn",
	  SVC_SERVING },
	{ "Local: ready ones elsewhere only", true, { "rs" }, "n", SVC_DROPPED },
	{ "Local: dying ones elsewhere only", true, { "st" }, "n", SVC_DROPPED },
	{ "Local: none usable anywhere", true, { "l", "tl", "t" }, "nnn", SVC_REFUSED },
	{ "Local: hints are ignored", true, { "rslnz", "rsN" }, "yn", SVC_SERVING },

	{ "node hints before zone hints", false, { "rsNZ", "rsnZ", "rsnz" }, "ynn", SVC_SERVING },
	{ "no node hint for us: zone hints",
	  false,
	  { "rsnZ", "rsnZ", "rsnz" },
	  "yyn",
	  SVC_SERVING },
	{ "one without node hint: zone hints",
	  false,
	  { "rsNZ", "rsZ", "rsz" },
	  "yyn",
	  SVC_SERVING },
	{ "one without any hint: all", false, { "rsNZ", "rs" }, "yy", SVC_SERVING },
	{ "no hint for us: all", false, { "rsnz", "rsnz" }, "yy", SVC_SERVING },
	{ "unready ones have no say in hints", false, { "rsNZ", "rsnz", "s" }, "ynn", SVC_SERVING },
	{ "dying ones have no say in hints", false, { "rsZ", "rsz", "st" }, "ynn", SVC_SERVING },
	{ "fallback ignores hints", false, { "stnz", "stNZ" }, "yy", SVC_SERVING },
};

static void row_check(const struct row *row)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = service(t, "web", "10.96.0.1");
	struct svc_port *p = port(t, s, 80, SVC_TCP);
	size_t n = strlen(row->chosen);

	s->internal_local = s->external_local = row->local;
	external_ip(s, "203.0.113.7");
	for (size_t i = 0; i < n; i++) {
		char addr[ADDR_TEXT_MAX];

		snprintf(addr, sizeof(addr), "10.1.0.%zu", i + 1);
		endpoint(t, p, addr, 8080, row->endpoints[i]);
	}
	assert_int_equal(svc_select(t), 0);
	if (p->result[0] != row->result)
		fail_msg("%s: %s", row->what, svc_result_name(p->result[0]));
	if (p->frontends[0].outside != row->result)
		fail_msg("%s: outside %s", row->what, svc_result_name(p->frontends[0].outside));
	for (size_t i = 0; i < n; i++) {
		const struct svc_endpoint *e = &p->endpoints[i];
		bool is = row->chosen[i] == 'y';

		if (e->chosen != is || e->chosen_outside != is)
			fail_msg("%s: endpoint %zu", row->what, i);
	}
}

static void endpoints_are_chosen_as_kube_proxy_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		row_check(&rows[i]);
}

static void families_are_chosen_apart(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = service(t, "web", "10.96.0.1");
	struct svc_port *p = port(t, s, 80, SVC_TCP);

	(void)state;
	s->cluster_ips[s->n_cluster_ips++] = ip("fd00::1");
	endpoint(t, p, "fd01::5", 8080, "st");
	endpoint(t, p, "10.1.0.5", 8080, "rs");
	endpoint(t, p, "10.1.0.6", 8080, "st");
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(p->result[0], SVC_SERVING);
	assert_int_equal(p->result[1], SVC_SERVING); /* its own fallback */
	assert_true(p->endpoints[0].chosen);
	assert_false(p->endpoints[1].chosen);
	assert_true(p->endpoints[2].chosen);
}

/* Every order of arrival must give the same. */
static void of_duplicates_the_running_pod_wins(void **state)
{
	static const char *const orders[][3] = {
		{ "st", "rs", "s" }, { "rs", "st", "s" }, { "s", "rs", "st" }, { "st", "s", "rs" }
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		cleanup(svc_table_free) struct svc_table *t = table();
		struct svc_port *p = port(t, service(t, "web", "10.96.0.1"), 80, SVC_TCP);

		for (size_t k = 0; k < 3; k++)
			endpoint(t, p, "10.1.0.5", 8080, orders[i][k]);
		endpoint(t, p, "10.1.0.5", 8081, "rs"); /* another port is another endpoint */
		assert_int_equal(svc_select(t), 0);
		assert_int_equal(p->n_endpoints, 2);
		assert_true(p->endpoints[0].ready);
		assert_false(p->endpoints[0].terminating);
		assert_true(p->endpoints[0].chosen);
	}
}

static void of_duplicates_one_that_terminates_never_wins(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_port *p = port(t, service(t, "web", "10.96.0.1"), 80, SVC_TCP);

	(void)state;
	endpoint(t, p, "10.1.0.5", 8080, "s");
	endpoint(t, p, "10.1.0.5", 8080, "rst"); /* ready by publishNotReadyAddresses */
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(p->n_endpoints, 1);
	assert_false(p->endpoints[0].terminating);
	assert_int_equal(p->result[0], SVC_REFUSED);
}

static void first_service_in_order_has_a_disputed_vip(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *late = service(t, "b", "10.96.0.1");
	struct svc_service *early = service(t, "a", "10.96.0.1");
	struct svc_port *lost = port(t, late, 80, SVC_TCP), *other = port(t, late, 81, SVC_TCP);
	struct svc_port *udp = port(t, late, 80, SVC_UDP), *won = port(t, early, 80, SVC_TCP);
	const char *names[SVC_PENDING_MAX];

	(void)state;
	endpoint(t, lost, "10.1.0.5", 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(lost->result[0], SVC_CONFLICT);
	assert_false(lost->endpoints[0].chosen);
	assert_int_equal(won->result[0], SVC_REFUSED);
	assert_int_equal(other->result[0], SVC_REFUSED);
	assert_int_equal(udp->result[0], SVC_REFUSED);
	assert_int_equal(svc_pending(late, names), 1);
	assert_string_equal(names[0], "conflict");
	assert_int_equal(svc_pending(early, names), 0);
}

static void a_cluster_ip_is_not_taken_by_naming_it(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *thief = service(t, "a", "10.96.0.1");
	struct svc_port *stolen = port(t, thief, 80, SVC_TCP);
	struct svc_port *mine = port(t, service(t, "b", "10.96.0.2"), 80, SVC_TCP);
	const char *names[SVC_PENDING_MAX];

	(void)state;
	external_ip(thief, "10.96.0.2");
	external_ip(thief, "10.96.0.1"); /* its own: nothing new */
	external_ip(thief, "2001:db8::1"); /* no cluster IP of this family */
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(mine->result[0], SVC_REFUSED);
	assert_int_equal(stolen->n_frontends, 1);
	assert_int_equal(stolen->frontends[0].result, SVC_CONFLICT);
	assert_int_equal(svc_pending(thief, names), 1);
	assert_string_equal(names[0], "conflict");
	assert_int_equal(svc_select(t), 0); /* and once more, the same */
	assert_int_equal(stolen->n_frontends, 1);
}

static void each_policy_is_for_its_own_clients_alone(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = service(t, "a", "10.96.0.1");
	struct svc_port *p = port(t, s, 80, SVC_TCP);
	const struct svc_endpoint *there;

	(void)state;
	external_ip(s, "203.0.113.7");
	endpoint(t, p, "10.1.0.1", 8080, "rsl");
	endpoint(t, p, "10.1.0.2", 8080, "rs");
	for (int i = 0; i < 4; i++) {
		s->internal_local = i & 1;
		s->external_local = i & 2;
		assert_int_equal(svc_select(t), 0);
		there = &p->endpoints[1];
		assert_int_equal(there->chosen, !s->internal_local);
		assert_int_equal(there->chosen_outside, !s->external_local);
		assert_true(there->chosen_external);
	}
	p->endpoints[0].local = false;
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(p->result[0], SVC_DROPPED);
	assert_int_equal(p->frontends[0].result, SVC_SERVING);
	assert_int_equal(p->frontends[0].outside, SVC_DROPPED);
}

static void nobody_outside_is_served_at_loopback(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_port *p = port(t, service(t, "a", "10.96.0.1"), 80, SVC_TCP);

	(void)state;
	p->node_port = 30080;
	node_addr(t, "127.0.0.1");
	node_addr(t, "192.0.2.1");
	endpoint(t, p, "10.1.0.1", 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(p->frontends[0].result, SVC_SERVING);
	assert_int_equal(p->frontends[0].outside, SVC_NOT_SERVED);
	assert_int_equal(p->frontends[1].outside, SVC_SERVING);
}

static void sctp_is_served_like_the_others(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_service *s = service(t, "web", "10.96.0.1");
	struct svc_port *p = port(t, s, 80, SVC_SCTP), *tcp = port(t, s, 80, SVC_TCP);
	const char *names[SVC_PENDING_MAX];

	(void)state;
	endpoint(t, p, "10.1.0.5", 8080, "rs");
	assert_int_equal(svc_select(t), 0);
	assert_int_equal(p->result[0], SVC_SERVING);
	assert_true(p->endpoints[0].chosen);
	assert_int_equal(tcp->result[0], SVC_REFUSED); /* no conflict with another protocol */
	assert_int_equal(svc_pending(s, names), 0);
}

static void selecting_twice_changes_nothing(void **state)
{
	cleanup(svc_table_free) struct svc_table *t = table();
	struct svc_port *p;

	(void)state;
	port(t, service(t, "b", "10.96.0.1"), 80, SVC_TCP);
	p = port(t, service(t, "a", "10.96.0.2"), 80, SVC_TCP);
	endpoint(t, p, "10.1.0.6", 8080, "rs");
	endpoint(t, p, "10.1.0.5", 8080, "st");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(svc_select(t), 0);
		assert_true(t->selected);
		assert_string_equal(t->services[0]->name, "a");
		assert_int_equal(p->n_endpoints, 2);
		assert_false(p->endpoints[0].chosen);
		assert_true(p->endpoints[1].chosen);
	}
	endpoint(t, p, "10.1.0.7", 8080, "rs");
	assert_false(t->selected);
}

static void hints_name_here_elsewhere_or_nothing(void **state)
{
	static const char *const zones[] = { "z1", "z2" };
	static const char *const empty[] = { "" };

	(void)state;
	assert_int_equal(svc_hint(NULL, 0, "z1"), SVC_HINT_NONE);
	assert_int_equal(svc_hint(zones, 2, "z2"), SVC_HINT_HERE);
	assert_int_equal(svc_hint(zones, 2, "z3"), SVC_HINT_OTHER);
	assert_int_equal(svc_hint(zones, 2, "z"), SVC_HINT_OTHER);
	assert_int_equal(svc_hint(zones, 2, NULL), SVC_HINT_OTHER);
	assert_int_equal(svc_hint(empty, 1, ""), SVC_HINT_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_are_chosen_as_kube_proxy_does),
		cmocka_unit_test(families_are_chosen_apart),
		cmocka_unit_test(of_duplicates_the_running_pod_wins),
		cmocka_unit_test(of_duplicates_one_that_terminates_never_wins),
		cmocka_unit_test(first_service_in_order_has_a_disputed_vip),
		cmocka_unit_test(a_cluster_ip_is_not_taken_by_naming_it),
		cmocka_unit_test(each_policy_is_for_its_own_clients_alone),
		cmocka_unit_test(nobody_outside_is_served_at_loopback),
		cmocka_unit_test(sctp_is_served_like_the_others),
		cmocka_unit_test(selecting_twice_changes_nothing),
		cmocka_unit_test(hints_name_here_elsewhere_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
