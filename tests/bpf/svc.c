/* SPDX-License-Identifier: Apache-2.0 */
/* The Service table against the real kernel: changes under load, restart, comparison. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "svc/plan.h"
#include "svc/svc.h"

#define VIP "10.96.3.10"
#define BACKENDS 3
#define CHANGES 2000
#define GRACE_MS 20 /* short, so that slots and ids are reused often */
#define NEVER_MS 3600000 /* nothing comes to its end within the test, however slow */

struct server {
	int fd;
	uint16_t port;
};

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* The Service with those of the servers whose bit is set; a second one that never changes. */
static struct svc_table *table_of(const struct server *servers, unsigned int mask)
{
	struct svc_table *t = NULL;
	struct err err = {};

	assert_int_equal(svc_table_new(&t), 0);
	for (int k = 0; k < 2; k++) {
		struct svc_service spec = { .ns = "default",
					    .name = k ? "still" : "web",
					    .cluster_ips = { addr_of(k ? "10.96.3.11" : VIP) },
					    .n_cluster_ips = 1 };
		struct svc_service *s;
		struct svc_port *p;

		assert_int_equal(svc_service_add(t, &spec, &s, &err), 0);
		assert_int_equal(
			svc_port_add(t, s,
				     &(struct svc_port){ .name = "", .proto = SVC_TCP, .port = 80 },
				     &p, &err),
			0);
		for (unsigned int i = 0; i < BACKENDS; i++) {
			struct svc_endpoint e = { .addr = addr_of("127.0.0.1"),
						  .port = servers[i].port,
						  .ready = true,
						  .serving = true };

			if ((k ? 1U : mask) & (1U << i))
				assert_int_equal(svc_endpoint_add(t, p, &e, &err), 0);
		}
	}
	assert_int_equal(svc_select(t), 0);
	return t;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static size_t sync_table(struct bed *b, const struct svc_table *t, struct svc_idle *idle)
{
	cleanup(svc_plan_free) struct svc_plan *plan = NULL;
	struct err err = {};

	if (svc_sync(b->dp, t, idle, now_ms(), &plan, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(plan->full.code, 0);
	return plan->n_ops;
}

static size_t sync_to(struct bed *b, const struct server *servers, unsigned int mask,
		      struct svc_idle *idle)
{
	cleanup(svc_table_free) struct svc_table *t = table_of(servers, mask);

	return sync_table(b, t, idle);
}

static void servers_open(struct server *servers)
{
	for (int i = 0; i < BACKENDS; i++)
		servers[i].fd =
			bed_listen("127.0.0.1", SOCK_STREAM | SOCK_NONBLOCK, &servers[i].port);
}

static int drain(struct server *servers)
{
	int n = 0;

	for (int i = 0; i < BACKENDS; i++)
		for (int fd; (fd = accept4(servers[i].fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; n++)
			close_fd(&fd);
	return n;
}

struct load {
	atomic_bool stop;
	struct server *servers;
	int dials, failed;
};

static void *dial(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&l->stop)) {
		cleanup(close_fd) int fd = bed_connect(VIP, 80, SOCK_STREAM);

		l->dials++;
		l->failed += fd < 0;
		drain(l->servers);
	}
	return NULL;
}

static void no_dial_fails_while_the_backend_set_changes(void **state)
{
	struct bed *b = bed_of(state);
	struct server servers[BACKENDS];
	struct load load = { .servers = servers };
	struct svc_idle *idle = NULL;
	uint64_t lost = bed_reason(b, WEIR_REASON_SLOT_LOST);
	pthread_t thread;

	servers_open(servers);
	assert_int_equal(svc_idle_new(GRACE_MS, &idle), 0);
	assert_true(sync_to(b, servers, 7, idle) > 0);
	assert_int_equal(pthread_create(&thread, NULL, dial, &load), 0);
	for (unsigned int i = 0; i < bed_times(CHANGES); i++)
		sync_to(b, servers, i % 7 + 1, idle);
	atomic_store(&load.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);

	assert_int_equal(load.failed, 0);
	assert_true(load.dials > 50);
	assert_int_equal(bed_reason(b, WEIR_REASON_SLOT_LOST), lost);
	svc_idle_free(&idle);
	for (int i = 0; i < BACKENDS; i++)
		close_fd(&servers[i].fd);
}

static uint32_t id_of(struct bed *b, const char *vip)
{
	struct weir_vip want = bed_vip(vip, 80, IPPROTO_TCP);
	cleanup(free_ptr) struct dp_frontend *f = NULL;
	size_t n;

	assert_int_equal(dp_frontends(b->dp, &f, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		if (!memcmp(&f[i].vip, &want, sizeof(want)))
			return f[i].svc.id;
	return 0;
}

static void a_full_resync_changes_nothing_and_ids_live_over_a_restart(void **state)
{
	struct bed *b = bed_of(state);
	struct server servers[BACKENDS];
	struct svc_idle *idle = NULL;
	uint32_t web, still;

	servers_open(servers);
	assert_int_equal(svc_idle_new(NEVER_MS, &idle), 0);
	sync_to(b, servers, 3, idle);
	web = id_of(b, VIP);
	still = id_of(b, "10.96.3.11");
	assert_true(web && still && web != still);
	svc_idle_free(&idle); /* the next process knows nothing but the kernel's tables */
	assert_int_equal(svc_idle_new(NEVER_MS, &idle), 0);
	assert_int_equal(sync_to(b, servers, 3, idle), 0);
	sync_to(b, servers, 5, idle);
	assert_int_equal(id_of(b, VIP), web);
	assert_int_equal(id_of(b, "10.96.3.11"), still);
	svc_idle_free(&idle);
	for (int i = 0; i < BACKENDS; i++)
		close_fd(&servers[i].fd);
}

static void a_difference_is_found_and_mended(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(svc_table_free) struct svc_table *t = NULL;
	cleanup(json_free) struct json *lines = NULL;
	struct weir_vip vip = bed_vip(VIP, 80, IPPROTO_TCP);
	struct svc_actual actual = {};
	struct server servers[BACKENDS];
	struct svc_idle *idle = NULL;
	struct err err = {};

	servers_open(servers);
	t = table_of(servers, 3);
	assert_int_equal(svc_idle_new(NEVER_MS, &idle), 0);
	sync_to(b, servers, 3, idle);
	assert_int_equal(dp_frontend_del(b->dp, &vip, &err), 0);
	assert_int_equal(svc_actual_read(b->dp, &actual, &err), 0);
	assert_int_equal(svc_diff(t, &actual, &lines, &err), 0);
	assert_int_equal(json_len(lines), 1);
	assert_non_null(strstr(json_text(json_at(lines, 0), ""), VIP));
	svc_actual_fini(&actual);
	assert_true(sync_to(b, servers, 3, idle) > 0);
	assert_int_equal(sync_to(b, servers, 3, idle), 0);
	svc_idle_free(&idle);
	for (int i = 0; i < BACKENDS; i++)
		close_fd(&servers[i].fd);
}

#define INGRESS "203.0.113.8"

/* A load balancer of all three servers for clients outside, of which the first is here and the last
 * terminates, and a range of clients. */
static struct svc_table *edge(const struct server *servers, const char *range)
{
	struct addr ingress = addr_of(INGRESS);
	struct cidr from;
	struct svc_service spec = { .ns = "default",
				    .name = "edge",
				    .type = SVC_LOAD_BALANCER,
				    .cluster_ips = { addr_of("10.96.3.12") },
				    .n_cluster_ips = 1,
				    .external_local = true,
				    .ingress_ips = &ingress,
				    .n_ingress_ips = 1,
				    .source_ranges = &from,
				    .n_source_ranges = 1 };
	struct svc_table *t = NULL;
	struct svc_service *s;
	struct svc_port *p;
	struct err err = {};

	assert_int_equal(cidr_parse(range, &from), 0);
	assert_int_equal(svc_table_new(&t), 0);
	assert_int_equal(svc_service_add(t, &spec, &s, &err), 0);
	assert_int_equal(
		svc_port_add(t, s, &(struct svc_port){ .proto = SVC_TCP, .port = 80 }, &p, &err),
		0);
	for (int i = 0; i < BACKENDS; i++) {
		struct svc_endpoint e = { .addr = addr_of("127.0.0.1"),
					  .port = servers[i].port,
					  .ready = i < BACKENDS - 1,
					  .serving = true,
					  .terminating = i == BACKENDS - 1,
					  .local = i == 0 };

		assert_int_equal(svc_endpoint_add(t, p, &e, &err), 0);
	}
	t->maglev = true;
	assert_int_equal(svc_select(t), 0);
	return t;
}

/* The backend of a server as the kernel has it; proto 0: it has not. */
static struct weir_backend backend_of(struct bed *b, const struct server *server)
{
	cleanup(free_ptr) struct dp_backend *all = NULL;
	size_t n;

	assert_int_equal(dp_backends(b->dp, &all, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		if (all[i].be.port == htons(server->port))
			return all[i].be;
	return (struct weir_backend){};
}

static struct weir_svc value_of(struct bed *b, enum weir_scope scope)
{
	struct weir_vip want = bed_vip(INGRESS, 80, IPPROTO_TCP);
	cleanup(free_ptr) struct dp_frontend *f = NULL;
	size_t n;

	want.scope = scope;
	assert_int_equal(dp_frontends(b->dp, &f, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		if (!memcmp(&f[i].vip, &want, sizeof(want)))
			return f[i].svc;
	return (struct weir_svc){};
}

static void nothing_differs(struct bed *b, const struct svc_table *t)
{
	cleanup(svc_actual_fini) struct svc_actual actual = {};
	cleanup(json_free) struct json *lines = NULL;
	struct err err = {};

	assert_int_equal(svc_actual_read(b->dp, &actual, &err), 0);
	assert_int_equal(svc_diff(t, &actual, &lines, &err), 0);
	if (json_len(lines))
		fail_msg("%s", json_text(json_at(lines, 0), ""));
}

static void the_tables_of_the_edge_are_as_meant(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(svc_table_free) struct svc_table *t = NULL;
	cleanup(free_ptr) struct weir_range *ranges = NULL;
	struct server servers[BACKENDS];
	struct svc_idle *idle = NULL;
	struct weir_svc all, outside;
	size_t n = 0;

	servers_open(servers);
	t = edge(servers, "198.51.100.0/24");
	assert_int_equal(svc_idle_new(NEVER_MS, &idle), 0);
	sync_table(b, t, idle);
	nothing_differs(b, t);
	assert_int_equal(sync_table(b, t, idle), 0);

	all = value_of(b, WEIR_SCOPE_ALL);
	outside = value_of(b, WEIR_SCOPE_OUTSIDE);
	assert_int_equal(all.flags, WEIR_SVC_OUTSIDE | WEIR_SVC_RANGES);
	assert_int_equal(all.count, 2);
	assert_int_equal(all.ring, 251);
	for (uint32_t i = 0; i < all.ring; i++) {
		uint32_t at = all.ring_first + i / 4;

		assert_true(dp_ring(b->dp)[at].at[i % 4] < all.count);
	}
	assert_int_equal(outside.flags, WEIR_SVC_KEEP | WEIR_SVC_RANGES);
	assert_int_equal(outside.count, 1);
	assert_int_equal(dp_ranges(b->dp, &ranges, &n, NULL), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(ranges[i].bits, 32 + 96 + 24);
		assert_true(ranges[i].svc == all.id || ranges[i].svc == outside.id);
	}
	assert_int_equal(backend_of(b, &servers[2]).proto, IPPROTO_TCP); /* serves, in no set */
	assert_int_equal(backend_of(b, &servers[2]).gone, 0);
	svc_idle_free(&idle);
	for (int i = 0; i < BACKENDS; i++)
		close_fd(&servers[i].fd);
}

static void what_serves_no_more_is_marked_and_source_ranges_hold(void **state)
{
	struct bed *b = bed_of(state);
	cleanup(svc_table_free) struct svc_table *shut = NULL, *open = NULL;
	cleanup(close_fd) int fd = -1;
	struct server servers[BACKENDS];
	struct svc_idle *idle = NULL;
	uint32_t id;

	servers_open(servers);
	shut = edge(servers, "198.51.100.0/24");
	open = edge(servers, "127.0.0.0/8");
	for (int i = 0; i < BACKENDS; i++)
		open->services[0]->ports[0]->endpoints[i].serving =
			!open->services[0]->ports[0]->endpoints[i].terminating;
	assert_int_equal(svc_select(open), 0);
	assert_int_equal(svc_idle_new(NEVER_MS, &idle), 0);
	sync_table(b, shut, idle);
	id = value_of(b, WEIR_SCOPE_ALL).id;
	assert_int_equal(bed_connect(INGRESS, 80, SOCK_STREAM), -EHOSTUNREACH);
	sync_table(b, open, idle);
	nothing_differs(b, open);
	assert_int_equal(value_of(b, WEIR_SCOPE_ALL).id, id);
	fd = bed_connect(INGRESS, 80, SOCK_STREAM);
	assert_true(fd >= 0);
	assert_int_equal(backend_of(b, &servers[2]).gone, 1);
	sync_table(b, shut, idle);
	assert_int_equal(backend_of(b, &servers[2]).gone, 0);
	assert_int_equal(bed_connect(INGRESS, 80, SOCK_STREAM), -EHOSTUNREACH);
	svc_idle_free(&idle);
	for (int i = 0; i < BACKENDS; i++)
		close_fd(&servers[i].fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_dial_fails_while_the_backend_set_changes),
		cmocka_unit_test(a_full_resync_changes_nothing_and_ids_live_over_a_restart),
		cmocka_unit_test(a_difference_is_found_and_mended),
		cmocka_unit_test(the_tables_of_the_edge_are_as_meant),
		cmocka_unit_test(what_serves_no_more_is_marked_and_source_ranges_hold),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
