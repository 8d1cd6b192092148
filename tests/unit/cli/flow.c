/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of flows in the kernel, against its real tables. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "unit/cli/kernel.h"

#define WEB "10.96.0.10"

static struct weir_addr address(const char *text)
{
	struct weir_addr ret;
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	memcpy(&ret, a.b, sizeof(ret));
	return ret;
}

/* The id of the frontend at the first cluster IP of default/web. */
static uint32_t web_id(struct kernel *k)
{
	cleanup(free_ptr) struct dp_frontend *frontends = NULL;
	cleanup(dp_close) struct dp *dp = NULL;
	struct err err = {};
	size_t n;

	kernel_must(dp_open_pinned(k->run.bpffs, &dp, &err), &err);
	kernel_must(dp_frontends(dp, &frontends, &n, &err), &err);
	assert_int_equal(n, 1);
	return frontends[0].svc.id;
}

static void conn_put(struct kernel *k, const struct weir_tuple *from, const struct weir_conn *c)
{
	cleanup(close_fd) int map = -1;
	char path[200];

	snprintf(path, sizeof(path), "%s/weir/v%d/maps/weir_conn", k->run.bpffs, WEIR_ABI);
	map = bpf_obj_get(path);
	assert_int_equal(bpf_map_update_elem(map, from, c, BPF_ANY), 0);
}

/* A connection from outside to a node port of the Service, masked, answered, idle for a minute. */
static void connection(struct kernel *k, uint32_t svc)
{
	struct weir_tuple from = { .src = address("2001:db8::9"),
				   .dst = address("2001:db8::1"),
				   .sport = htons(40000),
				   .dport = htons(30080),
				   .proto = IPPROTO_TCP };
	struct weir_conn c = {
		.to = { .src = address("fd00::1"),
			.dst = address("fd00::5"),
			.sport = htons(20000),
			.dport = htons(8080),
			.proto = IPPROTO_TCP },
		.seen = clock_boot_ns() - 60000000000,
		.svc = svc,
		.backend = 9999,
		.flags = WEIR_CONN_ANSWERED,
	};

	c.since_s = (uint32_t)(c.seen / 1000000000) - 30;
	conn_put(k, &from, &c);
	/* and its answers */
	conn_put(k, &c.to, &(struct weir_conn){ .to = from, .flags = WEIR_CONN_REPLY });
}

/* The same client's by another node. */
static void connection_away(struct kernel *k, uint32_t svc)
{
	struct weir_tuple from = { .src = address("2001:db8::9"),
				   .dst = address("2001:db8::1"),
				   .sport = htons(40001),
				   .dport = htons(30080),
				   .proto = IPPROTO_TCP };
	struct weir_conn c = { .to = from,
			       .seen = clock_boot_ns(),
			       .svc = svc,
			       .flags = WEIR_CONN_ANSWERED | WEIR_CONN_AWAY,
			       .next = address("fd77::2") };

	c.to.dst = address("fd00::6");
	c.to.dport = htons(8080);
	conn_put(k, &from, &c);
}

static uint64_t number(const struct json *o, const char *key)
{
	uint64_t ret = 0;

	assert_int_equal(json_u64(o, key, &ret), 0);
	return ret;
}

static void none_is_an_empty_list(void **state)
{
	struct run *f = &kernel_of(state)->run;

	run_ok(f, "-j", "flow", "show");
	assert_string_equal(f->out, "[]\n");
	run_ok(f, "flow", "show");
	assert_memory_equal(f->out, "PATH  ", 6);
	assert_int_equal(strcspn(f->out, "\n"), strlen(f->out) - 1);
}

static void one_that_another_node_answers_names_it(void **state)
{
	struct kernel *k = kernel_of(state);
	cleanup(json_free) struct json *j = NULL;

	connection_away(k, web_id(k));
	run_ok(&k->run, "-j", "flow", "show");
	j = run_json(&k->run);
	assert_int_equal(json_len(j), 1);
	assert_string_equal(json_str(json_at(j, 0), "node", ""), "fd77::2");
	assert_int_equal(json_type(json_get(json_at(j, 0), "source")), JSON_NULL);
}

static void a_connection_of_packets_is_shown_once(void **state)
{
	struct kernel *k = kernel_of(state);
	struct run *f = &k->run;
	cleanup(json_free) struct json *j = NULL;
	const struct json *o;

	connection(k, web_id(k));
	run_ok(f, "-j", "flow", "show");
	j = run_json(f);
	assert_int_equal(json_len(j), 1);
	o = json_at(j, 0);
	assert_string_equal(json_str(o, "path", ""), "packet");
	assert_string_equal(json_str(o, "protocol", ""), "TCP");
	assert_string_equal(json_str(o, "client", ""), "[2001:db8::9]:40000");
	assert_string_equal(json_str(o, "vip", ""), "2001:db8::1");
	assert_int_equal(number(o, "vipPort"), 30080);
	assert_string_equal(json_str(o, "backend", ""), "fd00::5");
	assert_int_equal(number(o, "backendPort"), 8080);
	assert_string_equal(json_str(o, "source", ""), "[fd00::1]:20000");
	assert_int_equal(json_type(json_get(o, "node")), JSON_NULL);
	assert_string_equal(json_str(o, "service", ""), "default/web");
	assert_string_equal(json_str(o, "state", ""), "established");
	assert_true(json_bool(o, "draining", false)); /* there is no backend 9999 */
	assert_in_range(number(o, "ageSeconds"), 90, 99);
	assert_in_range(number(o, "idleSeconds"), 60, 69);
	assert_int_equal(json_type(json_get(o, "cgroup_id")), JSON_NULL);
	run_ok(f, "flow", "show");
	assert_non_null(strstr(f->out, "\npacket  TCP       [2001:db8::9]:40000  "));
}

/* In a child within the pod's cgroup; a UDP connect sends nothing. */
static void dial(struct kernel *k, int said, int go)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };
	char path[320], pid[16], byte;
	int fd, procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", k->pod);
	snprintf(pid, sizeof(pid), "%d", getpid());
	procs = open(path, O_WRONLY | O_CLOEXEC);
	if (procs < 0 || write(procs, pid, strlen(pid)) < 0)
		_exit(1);
	to.sin_addr.s_addr = inet_addr(WEB);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || write(said, "", 1) < 0)
		_exit(2);
	_exit(read(go, &byte, 1) != 0);
}

/* Port 53/UDP of default/web with a backend on the loopback: in the kernel only. */
static void serve_udp(struct kernel *k)
{
	const struct weir_backend be = { address("127.0.0.1"), htons(9), IPPROTO_UDP, 0, {} };
	const struct weir_vip vip = { address(WEB), htons(53), IPPROTO_UDP, 0 };
	const struct weir_svc svc = { .id = 9000, .gen = 9000, .first = 900, .count = 1 };
	cleanup(dp_close) struct dp *dp = NULL;
	struct err err = {};

	kernel_must(kernel_attach(k, &dp, &err), &err);
	kernel_must(dp_backend_put(dp, 900, &be, &err), &err);
	dp_slot_put(dp, 900, (struct weir_slot){ 900, 9000 });
	kernel_must(dp_frontend_put(dp, &vip, &svc, &err), &err);
}

static void a_socket_is_shown_as_long_as_it_is_open(void **state)
{
	struct kernel *k = kernel_of(state);
	struct run *f = &k->run;
	cleanup(json_free) struct json *j = NULL;
	int said[2], go[2], status;
	const struct json *o;
	struct stat pod;
	char byte;
	pid_t pid;

	serve_udp(k);
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		dial(k, said[1], go[0]);
	}
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	run_ok(f, "-j", "flow", "show");
	close(go[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	j = run_json(f);
	assert_int_equal(json_len(j), 1);
	o = json_at(j, 0);
	assert_string_equal(json_str(o, "path", ""), "socket");
	assert_string_equal(json_str(o, "protocol", ""), "UDP");
	assert_memory_equal(json_str(o, "client", ""), "127.0.0.1:", 10);
	assert_string_equal(json_str(o, "vip", ""), WEB);
	assert_string_equal(json_str(o, "backend", ""), "127.0.0.1");
	assert_int_equal(number(o, "backendPort"), 9);
	assert_int_equal(json_type(json_get(o, "source")), JSON_NULL);
	assert_int_equal(json_type(json_get(o, "service")),
			 JSON_NULL); /* the table has no port 53 */
	assert_string_equal(json_str(o, "state", ""), "established");
	assert_false(json_bool(o, "draining", true));
	assert_int_equal(json_type(json_get(o, "idleSeconds")), JSON_NULL);
	assert_int_equal(stat(k->pod, &pod), 0);
	assert_int_equal(number(o, "cgroup_id"), pod.st_ino);
	close(said[0]);
	close(go[0]);
	run_ok(f, "-j", "flow", "show");
	assert_string_equal(f->out, "[]\n");
}

static void one_services_flows_are_shown_by_its_name(void **state)
{
	struct kernel *k = kernel_of(state);
	struct run *f = &k->run;
	cleanup(json_free) struct json *all = NULL, *one = NULL;
	const struct weir_tuple other = { .proto = IPPROTO_UDP };
	const struct weir_conn c = { .to.proto = IPPROTO_UDP,
				     .seen = clock_boot_ns(),
				     .svc = UINT32_MAX };

	connection(k, web_id(k));
	conn_put(k, &other, &c);
	run_ok(f, "-j", "flow", "show");
	all = run_json(f);
	assert_int_equal(json_len(all), 2);
	run_ok(f, "-j", "flow", "show", "default/web");
	one = run_json(f);
	assert_int_equal(json_len(one), 1);
	assert_string_equal(json_str(json_at(one, 0), "service", ""), "default/web");

	assert_int_equal(run(f, "flow", "show", "default/we"), 1);
	assert_string_equal(f->err,
			    "weir: no Service default/we here; 'weir service show' lists all\n");
	assert_int_equal(run(f, "flow", "show", "web"), 2);
	assert_non_null(strstr(f->err, "default/web"));
}

static void without_a_frontend_or_a_table_flows_have_no_names(void **state)
{
	const struct weir_vip vip = { address(WEB), htons(80), IPPROTO_TCP, 0 };
	struct kernel *k = kernel_of(state);
	struct run *f = &k->run;
	cleanup(json_free) struct json *gone = NULL, *none = NULL;
	cleanup(dp_close) struct dp *dp = NULL;
	struct err err = {};
	char path[160];

	connection(k, web_id(k));
	kernel_must(kernel_attach(k, &dp, &err), &err);
	kernel_must(dp_frontend_del(dp, &vip, &err), &err);
	run_ok(f, "-j", "flow", "show");
	gone = run_json(f);
	assert_int_equal(json_len(gone), 1);
	assert_int_equal(json_type(json_get(json_at(gone, 0), "service")), JSON_NULL);

	snprintf(path, sizeof(path), "%s/%s", f->state, SVC_SAVED_NAME);
	assert_int_equal(unlink(path), 0);
	run_ok(f, "-j", "flow", "show");
	none = run_json(f);
	assert_int_equal(json_len(none), 1);
	assert_int_equal(json_type(json_get(json_at(none, 0), "service")), JSON_NULL);
	assert_int_equal(run(f, "flow", "show", "default/web"), 1);
	assert_non_null(strstr(f->err, "no table of Services"));
}

static void without_a_datapath_there_is_an_error(void **state)
{
	struct run *f = &kernel_of(state)->run;

	run_ok(f, "datapath", "detach");
	assert_int_equal(run(f, "flow", "show"), 1);
	assert_non_null(strstr(f->err, "no datapath is pinned"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_TEST(none_is_an_empty_list),
		KERNEL_TEST(a_connection_of_packets_is_shown_once),
		KERNEL_TEST(one_that_another_node_answers_names_it),
		KERNEL_TEST(a_socket_is_shown_as_long_as_it_is_open),
		KERNEL_TEST(one_services_flows_are_shown_by_its_name),
		KERNEL_TEST(without_a_frontend_or_a_table_flows_have_no_names),
		KERNEL_TEST(without_a_datapath_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
