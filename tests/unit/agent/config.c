/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/config.h"
#include "core/buf.h"
#include "core/cgroup.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "walrus/seal/pins.h"

struct fixture {
	char dir[64], path[96];
	struct config *cfg;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/weir-config-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/c.yaml", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	config_free(&f->cfg);
	dir_remove(f->dir, NULL);
	free(f);
	return 0;
}

static void write_file(struct fixture *f, const char *text)
{
	assert_int_equal(file_write_atomic(f->path, text, strlen(text), 0600, &f->err), 0);
}

/* paths.cgroup is given, so that the test does not depend on the host's mounts. */
static int load(struct fixture *f, const char *text)
{
	static char cgroup[] = "--paths-cgroup=/sys/fs/cgroup";
	char *argv[] = { cgroup };
	char *env[] = { NULL };

	config_free(&f->cfg);
	f->err = (struct err){};
	write_file(f, text);
	return config_load(f->path, 1, argv, env, &f->cfg, &f->err);
}

static void defaults_are_those_of_the_design(void **state)
{
	struct fixture *f = *state;
	const struct config *c;
	char text[LISTEN_TEXT_MAX];

	assert_int_equal(load(f, ""), 0);
	c = f->cfg;
	assert_int_equal(c->source.kind, CONFIG_SOURCE_FILES);
	assert_string_equal(c->source.path, "./manifests");
	assert_int_equal(c->source.servers.n, 0);
	assert_string_equal(c->paths.bpffs, "/sys/fs/bpf");
	assert_string_equal(c->paths.state, "/var/lib/weir");
	assert_string_equal(c->paths.run, "/run/weir");
	assert_int_equal(c->datapath.mode, CONFIG_MODE_SNAT);
	assert_int_equal(c->datapath.algorithm, CONFIG_ALGORITHM_RANDOM);
	assert_int_equal(c->meter.sample_ms, 1000);
	assert_int_equal(c->meter.window_ms, 60000);
	assert_string_equal(c->meter.pod_cgroup, "kubepods");
	assert_int_equal(c->chain.kind, CONFIG_CHAIN_LOCAL);
	assert_int_equal(c->walrus.max_blob_bytes, 256 << 20);
	assert_string_equal(option_listen_format(&c->listen.healthz, text), "0.0.0.0:10256");
	assert_string_equal(option_listen_format(&c->listen.metrics, text), "127.0.0.1:10249");
	assert_string_equal(option_listen_format(&c->listen.web, text), "127.0.0.1:10290");
	assert_string_equal(c->key.file, "/var/lib/weir/provider.key");
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	assert_int_equal(c->warnings.n, 0);
}

static void the_name_is_the_hosts_in_lower_case(void **state)
{
	struct fixture *f = *state;
	char host[HOST_NAME_MAX + 1] = "";

	assert_int_equal(load(f, "node: {name: ''}\n"), 0);
	gethostname(host, sizeof(host) - 1);
	assert_int_equal(strcasecmp(f->cfg->node.name, host), 0);
	for (const char *c = f->cfg->node.name; *c; c++)
		assert_false(*c >= 'A' && *c <= 'Z');
	assert_int_equal(load(f, "node: {name: Node-A}\n"), 0);
	assert_string_equal(f->cfg->node.name, "Node-A");
}

static void every_key_of_the_design_is_read(void **state)
{
	struct fixture *f = *state;
	const struct config *c;

	assert_int_equal(
		load(f,
		     "node:\n"
		     "  name: node-a\n"
		     "  addresses: [192.0.2.10, \"2001:db8::10\"]\n"
		     "  zone: z1\n"
		     "source:\n"
		     "  kind: files\n"
		     "  path: /m\n"
		     "  kubeconfig: \"\"\n"
		     "  servers: []\n"
		     "paths: {cgroup: \"\", bpffs: /b, state: /s, run: /r}\n"
		     "datapath:\n"
		     "  devices: [eth0]\n"
		     "  nodePortAddresses: [primary, 192.0.2.0/24]\n"
		     "  mode: snat\n"
		     "  algorithm: random\n"
		     "meter: {sample: 100ms, window: 100ms, clusterCIDRs: [10.0.0.0/8], podCgroup: k}\n"
		     "chain: {kind: local, graphql: ['https://g'], package: '0x1', market: '0x2',\n"
		     "  keyFile: /k, gasBudget: 5}\n"
		     "walrus: {aggregators: [], publisher: \"\", maxBlobBytes: 1GiB}\n"
		     "listen: {healthz: \"\", metrics: \"[::1]:1\", web: \"\"}\n"
		     "key: {file: /key}\n"
		     "log: {level: debug}\n"),
		0);
	c = f->cfg;
	assert_string_equal(c->node.name, "node-a");
	assert_int_equal(c->node.addresses.n, 2);
	assert_string_equal(c->node.zone, "z1");
	assert_string_equal(c->source.path, "/m");
	assert_string_equal(c->paths.state, "/s");
	assert_string_equal(c->datapath.devices.v[0], "eth0");
	assert_int_equal(c->datapath.node_port_addresses.n, 2);
	assert_int_equal(c->datapath.node_port_addresses.v[0].word, CONFIG_NODE_PORT_PRIMARY);
	assert_int_equal(c->datapath.node_port_addresses.v[1].word, -1);
	assert_int_equal(c->meter.sample_ms, 100);
	assert_int_equal(c->meter.cluster_cidrs.n, 1);
	assert_string_equal(c->meter.pod_cgroup, "k");
	assert_string_equal(c->chain.graphql.v[0], "https://g");
	assert_string_equal(c->chain.market, "0x2");
	assert_int_equal(c->chain.gas_budget, 5);
	assert_int_equal(c->walrus.max_blob_bytes, 1 << 30);
	assert_false(c->listen.healthz.on);
	assert_true(c->listen.metrics.on);
	assert_string_equal(c->key.file, "/key");
	assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
}

static void file_environment_and_flags_in_this_order(void **state)
{
	struct fixture *f = *state;
	char flag[] = "--meter-window", value[] = "3s", cgroup[] = "--paths-cgroup=/c";
	char window[] = "WEIR_METER_WINDOW=2s", sample[] = "WEIR_METER_SAMPLE=200ms",
	     wrong[] = "WEIR_METER_SAMPLES=1s";
	char *argv[] = { flag, value, cgroup }, *env[] = { window, sample, wrong, NULL };

	write_file(f, "meter: {window: 1s, sample: 100ms, podCgroup: a/b}\n");
	assert_int_equal(config_load(f->path, ARRAY_LEN(argv), argv, env, &f->cfg, &f->err), 0);
	assert_int_equal(f->cfg->meter.window_ms, 3000);
	assert_int_equal(f->cfg->meter.sample_ms, 200);
	assert_string_equal(f->cfg->meter.pod_cgroup, "a/b");
	assert_int_equal(f->cfg->warnings.n, 1);
	assert_string_equal(
		f->cfg->warnings.v[0],
		"WEIR_METER_SAMPLES: no such variable; did you mean WEIR_METER_SAMPLE, ignored");
}

static void no_file_is_fine_and_a_missing_one_is_not(void **state)
{
	struct fixture *f = *state;
	char cgroup[] = "--paths-cgroup=/c";
	char *argv[] = { cgroup }, *env[] = { NULL };

	assert_int_equal(config_load(NULL, 1, argv, env, &f->cfg, &f->err), 0);
	config_free(&f->cfg);
	assert_int_equal(config_load(f->path, 1, argv, env, &f->cfg, &f->err), -ENOENT);
	assert_null(f->cfg);
	assert_non_null(strstr(f->err.text, f->path));
}

static void faults_are_one_line_that_names_the_key(void **state)
{
	static const struct {
		const char *yaml, *text;
	} cases[] = {
		{ "source: {path: ''}\n", "source.path: is empty; name the folder of manifests" },
		{ "chain: {kind: sui}\n", "chain.network: is empty; chain.kind sui needs it" },
		{ "chain: {kind: sui, network: testnet, package: '0x1', market: '0x2',\n"
		  "  provider: '0x3', keyFile: /k}\n",
		  "chain.graphql: is empty; chain.kind sui needs it" },
		{ "meter: {sample: 2s, window: 1s}\n",
		  "meter.window: 1000ms is shorter than meter.sample, 2000ms; make it at least as "
		  "long" },
		{ "meter: {podCgroup: /kubepods}\n",
		  "meter.podCgroup: \"/kubepods\" must be a path below paths.cgroup, without / in "
		  "front and without .." },
		{ "meter: {podCgroup: a/../../b}\n",
		  "meter.podCgroup: \"a/../../b\" must be a path below paths.cgroup, without / in "
		  "front and without .." },
		{ "meter: {podCgroup: ''}\n", "meter.podCgroup: is empty; name a directory" },
		{ "paths: {state: ''}\n", "paths.state: is empty; name a directory" },
		{ "walrus: {publisher: 'ftp://x'}\n",
		  "walrus.publisher: \"ftp://x\" is not a URL such as https://host:port" },
		{ "walrus: {aggregators: ['https://a', 'https:///x']}\n",
		  "walrus.aggregators: \"https:///x\" is not a URL such as https://host:port" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(load(f, cases[i].yaml), -EINVAL);
		assert_string_equal(f->err.text, cases[i].text);
		assert_null(f->cfg);
	}
}

static void faults_of_the_file_name_path_and_line(void **state)
{
	struct fixture *f = *state;
	char text[256];

	assert_int_equal(load(f, "meter:\n  sample: 50ms\n"), -ERANGE);
	snprintf(text, sizeof(text),
		 "%s:2: meter.sample: \"50ms\" is out of range; use 100ms to 1h", f->path);
	assert_string_equal(f->err.text, text);
	assert_int_equal(load(f, "datapath:\n  nodePortAddresses: [primary, eth0]\n"), -EINVAL);
	snprintf(text, sizeof(text),
		 "%s:2: datapath.nodePortAddresses: item 2: \"eth0\" is not a CIDR such as "
		 "10.0.0.0/8 without host bits, or primary",
		 f->path);
	assert_string_equal(f->err.text, text);
	assert_int_equal(load(f, "node: {}\nlisten: {healthz: \"0.0.0.0:99999\"}\n"), -EINVAL);
	snprintf(text, sizeof(text), "%s:2: listen.healthz: ", f->path);
	assert_ptr_equal(strstr(f->err.text, text), f->err.text);
}

/* A server of tests/vectors/seal-vectors.json. */
#define SERVER_ID "0x623fb30cc0a9a840d789b2821119f7cb0a3514b8957094842782f8172f6a0bba"
#define SERVER_KEY                                                         \
	"9667212ea49140d16f0e7cba530cbf1cacfceb69dbeccf938fc8a654bf0d0c44" \
	"bf63574e5d37aedf5af57230b632d6f60600a4bc1287c696610a430ffc8aa564" \
	"91e9bae30ec7d36a54c1dc8f6046c12082673d813e356fa4fb7cb4a06ea62585"
#define SERVER SERVER_ID " https://s " SERVER_KEY

static void key_servers_are_pinned_whole_or_refused(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "seal:\n  servers:\n    - " SERVER "\n    - 0x1 https://s " SERVER_KEY "\n",
		  ":2: seal.servers: item 2: \"0x1\" is no id of a key server; want 0x and 64 hex "
		  "digits" },
		{ "seal: {servers: ['" SERVER " 2', '" SERVER "'], threshold: 2}\n",
		  "seal.servers: item 2: this key server is there already; give it more shares" },
		{ "seal: {servers: ['" SERVER " 3'], package: '0x7'}\n",
		  "seal.threshold: is 0, and the servers hold 3 shares; use 1 to 3" },
		{ "seal: {servers: ['" SERVER " 3'], package: '0x7', threshold: 4}\n",
		  "seal.threshold: is 4, and the servers hold 3 shares; use 1 to 3" },
		{ "seal: {servers: ['" SERVER "'], threshold: 1}\n",
		  "seal.package: is empty, and chain.package too; name the package that says who may "
		  "decrypt" },
		{ "seal:\n  package: 7x\n",
		  ":2: seal.package: \"7x\" is no id; want 0x and up to 64 hex digits" },
		{ "seal: {keys: 3}\n",
		  "seal.keys: unknown key; use one of servers, threshold, package" },
	};
	struct fixture *f = *state;
	struct seal_pins pins;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(load(f, cases[i].yaml), -EINVAL);
		if (!strstr(f->err.text, cases[i].says))
			fail_msg("%s\n%s", cases[i].says, f->err.text);
	}
	assert_int_equal(load(f, "seal: {servers: ['" SERVER " 3'], threshold: 2}\n"
				 "chain: {package: '0x7'}\n"),
			 0);
	assert_string_equal(f->cfg->seal.package, "0x7");
	assert_int_equal(config_key_servers(f->cfg, &pins, &f->err), 0);
	assert_int_equal(pins.shares, 3);
	assert_int_equal(load(f, ""), 0);
	assert_int_equal(config_key_servers(f->cfg, &pins, &f->err), -EINVAL);
	assert_string_equal(f->err.text,
			    "seal.servers: is empty; pin the key servers that you trust");
}

static void a_long_run_directory_is_refused(void **state)
{
	struct fixture *f = *state;
	char yaml[256];
	int n = snprintf(yaml, sizeof(yaml), "paths: {run: /");

	memset(yaml + n, 'x', 98);
	memcpy(yaml + n + 98, "}\n", 3);
	assert_int_equal(load(f, yaml), -EINVAL);
	assert_string_equal(f->err.text,
			    "paths.run: is over 97 bytes long, too much for a Unix socket");
	memset(yaml + n, 'x', 96);
	memcpy(yaml + n + 96, "}\n", 3);
	assert_int_equal(load(f, yaml), 0);
}

static void labels_have_a_bound_that_bills_can_hold(void **state)
{
	struct fixture *f = *state;
	char yaml[4096] = "meter: {labels: [";

	assert_int_equal(load(f, "meter: {labels: [app, example.com/team]}\n"), 0);
	assert_int_equal(f->cfg->meter.labels.n, 2);
	assert_string_equal(f->cfg->meter.labels.v[1], "example.com/team");
	for (int i = 0; i < 16; i++)
		snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml), "l%d, ", i);
	snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml), "l16]}\n");
	assert_int_equal(load(f, yaml), -EINVAL);
	assert_non_null(strstr(f->err.text, "meter.labels: at most 16"));
}

static void the_rendered_configuration_loads_to_the_same(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_fini) struct buf first = BUF_INIT(16384), second = BUF_INIT(16384);
	struct option_set set;

	assert_int_equal(load(f, "node: {name: n, zone: 'a \"b\"'}\nmeter: {window: 90s}\n"), 0);
	set = config_options(f->cfg);
	assert_int_equal(option_render(&set, &first), 0);
	assert_int_equal(load(f, first.data), 0);
	set = config_options(f->cfg);
	assert_int_equal(option_render(&set, &second), 0);
	assert_string_equal(first.data, second.data);
	assert_string_equal(f->cfg->node.zone, "a \"b\"");
}

/* YAML 1.1 reads a bare off as false */
static void the_datapath_can_be_off(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f, "datapath: {mode: off}\n"), 0);
	assert_int_equal(f->cfg->datapath.mode, CONFIG_MODE_OFF);
}

static void help_needs_no_configuration(void **state)
{
	cleanup(buf_fini) struct buf out = BUF_INIT(16384);
	struct option_set set = config_options(NULL);

	(void)state;
	assert_int_equal(option_help(&set, &out), 0);
	assert_non_null(strstr(out.data, "--datapath-node-port-addresses CIDR|WORD,..."));
	assert_non_null(strstr(out.data, "datapath.nodePortAddresses, "
					 "WEIR_DATAPATH_NODE_PORT_ADDRESSES\n"));
	assert_non_null(strstr(out.data, "(default 0.0.0.0:10256)"));
}

static void an_empty_cgroup_is_the_hosts_mount(void **state)
{
	struct fixture *f = *state;
	char *env[] = { NULL }, point[PATH_MAX];
	int found = cgroup2_mount(CGROUP_MOUNTINFO, point, sizeof(point), &f->err);

	assert_int_equal(config_load(NULL, 0, NULL, env, &f->cfg, &f->err), found);
	if (found == 0)
		assert_string_equal(f->cfg->paths.cgroup, point);
	else
		assert_ptr_equal(strstr(f->err.text, "paths.cgroup: "), f->err.text);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_are_those_of_the_design),
		TEST(the_name_is_the_hosts_in_lower_case),
		TEST(every_key_of_the_design_is_read),
		TEST(file_environment_and_flags_in_this_order),
		TEST(no_file_is_fine_and_a_missing_one_is_not),
		TEST(faults_are_one_line_that_names_the_key),
		TEST(faults_of_the_file_name_path_and_line),
		TEST(key_servers_are_pinned_whole_or_refused),
		TEST(a_long_run_directory_is_refused),
		TEST(labels_have_a_bound_that_bills_can_hold),
		TEST(the_rendered_configuration_loads_to_the_same),
		TEST(the_datapath_can_be_off),
		TEST(help_needs_no_configuration),
		TEST(an_empty_cgroup_is_the_hosts_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
