/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/option_sample.h"

static void defaults_fill_every_type(void **state)
{
	struct fixture *f = *state;
	char cidr[CIDR_TEXT_MAX];

	assert_string_equal(f->s.name, "none");
	assert_null(f->s.urls.v);
	assert_int_equal(f->s.urls.n, 0);
	assert_int_equal(f->s.wait_ms, 60000);
	assert_int_equal(f->s.bytes, 65536);
	assert_int_equal(f->s.count, 7);
	assert_int_equal(f->s.limit, 8);
	assert_false(f->s.fast);
	assert_int_equal(f->s.colour, COLOUR_RED);
	assert_int_equal(f->s.addrs.n, 0);
	assert_int_equal(f->s.cidrs.n, 1);
	assert_string_equal(cidr_format(&f->s.cidrs.v[0], cidr), "10.0.0.0/8");
	check_listen(f, "127.0.0.1:80");
}

static void yaml_sets_every_type(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(yaml(f, "node:\n"
				 "  name: \"a\\\"b\"\n"
				 "  urls: [http://a, 'http://b,c']\n"
				 "meter:\n"
				 "  wait: 500ms\n"
				 "  maxBytes: 4096\n"
				 "  count: \"18446744073709551615\"\n"
				 "  limit: 2\n"
				 "  fast: true\n"
				 "  colour: green\n"
				 "net:\n"
				 "  nodePortAddresses: [192.0.2.1, \"2001:db8::1\"]\n"
				 "  clusterCIDRs: []\n"
				 "  places: [there, 10.0.0.0/8]\n"
				 "  listen: \"[::1]:443\"\n"),
			 0);
	assert_string_equal(f->s.name, "a\"b");
	assert_int_equal(f->s.urls.n, 2);
	assert_string_equal(f->s.urls.v[1], "http://b,c");
	assert_int_equal(f->s.wait_ms, 500);
	assert_int_equal(f->s.bytes, 4096);
	assert_true(f->s.count == UINT64_MAX);
	assert_int_equal(f->s.limit, 2);
	assert_true(f->s.fast);
	assert_int_equal(f->s.colour, COLOUR_GREEN);
	assert_int_equal(f->s.addrs.n, 2);
	check_addr(&f->s.addrs.v[0], "192.0.2.1");
	check_addr(&f->s.addrs.v[1], "2001:db8::1");
	assert_int_equal(f->s.cidrs.n, 0);
	assert_int_equal(f->s.places.n, 2);
	assert_int_equal(f->s.places.v[0].word, 1);
	assert_int_equal(f->s.places.v[1].word, -1);
	assert_int_equal(f->s.places.v[1].cidr.bits, 104);
	check_listen(f, "[::1]:443");
}

static void empty_yaml_and_null_change_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(yaml(f, ""), 0);
	assert_int_equal(yaml(f, "# nothing\n"), 0);
	assert_int_equal(yaml(f, "node:\nmeter:\n  wait:\nnet: {clusterCIDRs: null}\n"), 0);
	assert_string_equal(f->s.name, "none");
	assert_int_equal(f->s.wait_ms, 60000);
	assert_int_equal(f->s.cidrs.n, 1);
}

static void yaml_faults_name_line_key_and_remedy(void **state)
{
	static const struct {
		const char *yaml, *text;
		int code;
	} cases[] = {
		{ "meter:\n  wiat: 5s\n",
		  "t.yaml:2: meter.wiat: unknown key; did you mean meter.wait", -EINVAL },
		{ "wait: 5s\n", "t.yaml:1: wait: unknown key; did you mean meter.wait", -EINVAL },
		{ "net: {clustercidrs: []}\n",
		  "t.yaml:1: net.clustercidrs: unknown key; did you mean net.clusterCIDRs",
		  -EINVAL },
		{ "net:\n\n  zebra: 1\n",
		  "t.yaml:3: net.zebra: unknown key; use one of nodePortAddresses, clusterCIDRs, places, listen, pairs",
		  -EINVAL },
		{ "zebra: 1\n", "t.yaml:1: zebra: unknown key; use one of node, meter, net",
		  -EINVAL },
		{ "node: {name: a}\nmeter.wait: 5s\n",
		  "t.yaml:2: meter.wait: unknown key; did you mean meter.wait", -EINVAL },
		{ "node: a\n", "t.yaml:1: node: must be a mapping of keys to values", -EINVAL },
		{ "- node\n", "t.yaml:1: must be a mapping of sections, such as meter:", -EINVAL },
		{ "node: {name: 12}\n",
		  "t.yaml:1: node.name: must be a string without control characters, not a number; "
		  "put it in quotes",
		  -EINVAL },
		{ "node: {name: [a]}\n",
		  "t.yaml:1: node.name: must be a string without control characters, not a list",
		  -EINVAL },
		{ "node: {name: \"a\\u0007\"}\n",
		  "t.yaml:1: node.name: \"a?\" is not a string without control characters",
		  -EINVAL },
		{ "node: {urls: a}\n",
		  "t.yaml:1: node.urls: must be a list, each item a string without control "
		  "characters, not text",
		  -EINVAL },
		{ "node: {urls: [a, 3]}\n",
		  "t.yaml:1: node.urls: must be a string without control characters, not a number; "
		  "put it in quotes",
		  -EINVAL },
		{ "node: {urls: [a, '']}\n", "t.yaml:1: node.urls: item 2: is empty", -EINVAL },
		{ "node: {urls: [a, b, c, d]}\n",
		  "t.yaml:1: node.urls: has 4 items; 3 are the limit", -ERANGE },
		{ "net:\n  pairs: [ab, abc]\n", "t.yaml:2: net.pairs: item 2: has an odd length",
		  -EINVAL },
		{ "meter:\n  wait: 5x\n",
		  "t.yaml:2: meter.wait: \"5x\" is not a duration such as 500ms, 60s or 5m",
		  -EINVAL },
		{ "meter: {wait: 60}\n",
		  "t.yaml:1: meter.wait: must be a duration such as 500ms, 60s or 5m, not a number",
		  -EINVAL },
		{ "meter: {wait: 99ms}\n",
		  "t.yaml:1: meter.wait: \"99ms\" is out of range; use 100ms to 1d", -ERANGE },
		{ "meter: {maxBytes: 2GiB}\n",
		  "t.yaml:1: meter.maxBytes: \"2GiB\" is out of range; use 0 to 1GiB", -ERANGE },
		{ "meter: {maxBytes: 2MB}\n",
		  "t.yaml:1: meter.maxBytes: \"2MB\" is not a size such as 4096, 64KiB or 256MiB",
		  -EINVAL },
		{ "meter: {limit: 1}\n",
		  "t.yaml:1: meter.limit: \"1\" is out of range; use 2 to 4294967295", -ERANGE },
		{ "meter: {limit: \"3\"}\n",
		  "t.yaml:1: meter.limit: must be a whole number, not text", -EINVAL },
		{ "meter: {fast: yes}\n", "t.yaml:1: meter.fast: must be true or false, not text",
		  -EINVAL },
		{ "meter: {colour: blue}\n",
		  "t.yaml:1: meter.colour: \"blue\" is not one of red, green", -EINVAL },
		{ "net: {nodePortAddresses: [192.0.2.1, 192.0.2.300]}\n",
		  "t.yaml:1: net.nodePortAddresses: item 2: \"192.0.2.300\" is not an IP address",
		  -EINVAL },
		{ "net: {clusterCIDRs: [10.0.0.1/8]}\n",
		  "t.yaml:1: net.clusterCIDRs: item 1: \"10.0.0.1/8\" is not a CIDR such as "
		  "10.0.0.0/8 without host bits",
		  -EINVAL },
		{ "net: {places: [here, nowhere]}\n",
		  "t.yaml:1: net.places: item 2: \"nowhere\" is not a CIDR such as 10.0.0.0/8 "
		  "without host bits, or here, there",
		  -EINVAL },
		{ "net: {listen: \"localhost:80\"}\n",
		  "t.yaml:1: net.listen: \"localhost:80\" is not an address such as 127.0.0.1:80 or "
		  "[::1]:80, or empty",
		  -EINVAL },
		{ "node: {name: a}\n---\nnode: {name: b}\n", "t.yaml:3: a second document; use one",
		  -EINVAL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		f->err = (struct err){};
		assert_int_equal(yaml(f, cases[i].yaml), cases[i].code);
		assert_string_equal(f->err.text, cases[i].text);
		assert_int_equal(f->err.code, cases[i].code);
	}
	assert_int_equal(f->s.wait_ms, 60000); /* no faulty value was taken */
	assert_int_equal(f->s.urls.n, 0);
	assert_int_equal(f->s.cidrs.n, 1);
	assert_string_equal(f->s.name, "a"); /* what stood before a fault was */
}

static void malformed_yaml_is_not_a_configuration(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(yaml(f, "node: [a\n"), -EBADMSG);
	assert_ptr_equal(strstr(f->err.text, "t.yaml:"), f->err.text);
}

static void listen_takes_addresses_only(void **state)
{
	static const struct {
		const char *text, *normal;
	} good[] = {
		{ "0.0.0.0:10256", "0.0.0.0:10256" },
		{ "[::]:1", "[::]:1" },
		{ "127.0.0.1:0", "127.0.0.1:0" },
		{ "[2001:DB8::1]:65535", "[2001:db8::1]:65535" },
		{ "", "" },
	};
	static const char *const bad[] = {
		"80",
		":80",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"::1:80",
		"[::1]",
		"[::1:80",
		"[]:80",
		"[:80",
		"]:80",
		"127.0.0.1:80 ",
		"*:80",
		"[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:80",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char arg[64];
		char *argv[] = { arg };

		snprintf(arg, sizeof(arg), "--net-listen=%s", good[i].text);
		assert_int_equal(option_flags(&f->set, 1, argv, &f->err), 0);
		check_listen(f, good[i].normal);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char arg[96];
		char *argv[] = { arg };

		snprintf(arg, sizeof(arg), "--net-listen=%s", bad[i]);
		assert_int_equal(option_flags(&f->set, 1, argv, &f->err), -EINVAL);
		check_listen(f, "");
	}
}

static void names_split_camel_case(void **state)
{
	struct fixture *f = *state;
	char name[OPTION_NAME_MAX];

	assert_string_equal(option_flag(&table[2], name), "--meter-wait");
	assert_string_equal(option_flag(&table[8], name), "--net-node-port-addresses");
	assert_string_equal(option_flag(&table[9], name), "--net-cluster-cidrs");
	assert_string_equal(option_variable(&f->set, &table[8], name),
			    "WEIR_NET_NODE_PORT_ADDRESSES");
	assert_string_equal(option_variable(&f->set, &table[9], name), "WEIR_NET_CLUSTER_CIDRS");
}

static void later_sources_win(void **state)
{
	struct fixture *f = *state;
	struct option_strings warnings = {};
	char env1[] = "WEIR_METER_WAIT=2s", env2[] = "WEIR_METER_LIMIT=20", env3[] = "PATH=/bin";
	char *env[] = { env1, env2, env3, NULL };
	char flag1[] = "--meter-wait", flag2[] = "3s", flag3[] = "--meter-fast";
	char *argv[] = { flag1, flag2, flag3 };

	assert_int_equal(yaml(f, "meter: {wait: 1s, limit: 10, maxBytes: 1KiB}\n"), 0);
	assert_int_equal(option_env(&f->set, env, &warnings, &f->err), 0);
	assert_int_equal(option_flags(&f->set, ARRAY_LEN(argv), argv, &f->err), 0);
	assert_int_equal(f->s.wait_ms, 3000);
	assert_int_equal(f->s.limit, 20);
	assert_int_equal(f->s.bytes, 1024);
	assert_int_equal(f->s.count, 7);
	assert_true(f->s.fast);
	assert_int_equal(warnings.n, 0);
}

static void flags_with_equals_lists_and_repeats(void **state)
{
	struct fixture *f = *state;
	char a[] = "--node-urls=http://a,http://b", b[] = "--meter-fast=false",
	     c[] = "--node-name=", d[] = "--node-urls", e[] = "http://c=d";
	char *argv[] = { a, b, c, d, e };

	assert_int_equal(option_flags(&f->set, ARRAY_LEN(argv), argv, &f->err), 0);
	assert_int_equal(f->s.urls.n, 1);
	assert_string_equal(f->s.urls.v[0], "http://c=d");
	assert_string_equal(f->s.name, "");
}

static void flag_faults_name_the_flag(void **state)
{
	static const struct {
		const char *arg, *text;
	} cases[] = {
		{ "--meter-wiat=5s", "--meter-wiat: unknown option; did you mean --meter-wait" },
		{ "--zebra", "--zebra: unknown option; see help" },
		{ "--meter-wait", "--meter-wait: needs a value" },
		{ "--meter-wait=5x",
		  "--meter-wait: \"5x\" is not a duration such as 500ms, 60s or 5m" },
		{ "--node-urls=a,,b", "--node-urls: item 2: is empty" },
		{ "--meter-fast=1", "--meter-fast: \"1\" is not true or false" },
		{ "meter", "meter: unexpected argument; use --SECTION-KEY VALUE" },
		{ "-m", "-m: unexpected argument; use --SECTION-KEY VALUE" },
		{ "--meter.wait=5s", "--meter.wait: unknown option; did you mean --meter-wait" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char arg[64];
		char *argv[] = { arg };

		snprintf(arg, sizeof(arg), "%s", cases[i].arg);
		assert_int_equal(option_flags(&f->set, 1, argv, &f->err), -EINVAL);
		assert_string_equal(f->err.text, cases[i].text);
	}
	assert_int_equal(f->s.wait_ms, 60000);
	assert_int_equal(f->s.urls.n, 0);
}

static void unknown_variables_of_a_section_warn(void **state)
{
	struct fixture *f = *state;
	struct option_strings warnings = {};
	char a[] = "WEIR_METER_WIAT=5s", b[] = "WEIR_REQUIRE_KERNEL=1", c[] = "WEIR_NET_X_Y=1",
	     d[] = "WEIR_METERS=1", e[] = "XWEIR_METER_WAIT=5s", g[] = "WEIR_METER_WAIT";
	char *env[] = { a, b, c, d, e, g, NULL };

	assert_int_equal(option_env(&f->set, env, &warnings, &f->err), 0);
	assert_int_equal(warnings.n, 2);
	assert_string_equal(
		warnings.v[0],
		"WEIR_METER_WIAT: no such variable; did you mean WEIR_METER_WAIT, ignored");
	assert_string_equal(warnings.v[1], "WEIR_NET_X_Y: no such variable, ignored");
	assert_int_equal(f->s.wait_ms, 60000);
	option_strings_free(&warnings);
	assert_null(warnings.v);
}

static void faulty_variable_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct option_strings warnings = {};
	char a[] = "WEIR_METER_COLOUR=blue";
	char *env[] = { a, NULL };

	assert_int_equal(option_env(&f->set, env, &warnings, &f->err), -EINVAL);
	assert_string_equal(f->err.text, "WEIR_METER_COLOUR: \"blue\" is not one of red, green");
	assert_int_equal(f->s.colour, COLOUR_RED);
}

static void strings_are_bounded_and_utf8(void **state)
{
	struct fixture *f = *state;
	char arg[OPTION_STRING_MAX + 32];
	char *argv[] = { arg };
	int n = snprintf(arg, sizeof(arg), "--node-name=");

	memset(arg + n, 'x', OPTION_STRING_MAX + 1);
	arg[n + OPTION_STRING_MAX] = '\0';
	assert_int_equal(option_flags(&f->set, 1, argv, &f->err), 0);
	assert_int_equal(strlen(f->s.name), OPTION_STRING_MAX);
	arg[n + OPTION_STRING_MAX] = 'x';
	arg[n + OPTION_STRING_MAX + 1] = '\0';
	assert_int_equal(option_flags(&f->set, 1, argv, &f->err), -ERANGE);
	assert_string_equal(f->err.text, "--node-name: is over 4095 bytes long");
	snprintf(arg, sizeof(arg), "--node-name=caf\xe9");
	assert_int_equal(option_flags(&f->set, 1, argv, &f->err), -EINVAL);
	assert_int_equal(strlen(f->s.name), OPTION_STRING_MAX);
	snprintf(arg, sizeof(arg), "--node-urls=%s", "caf\xc3\xa9");
	assert_int_equal(option_flags(&f->set, 1, argv, &f->err), 0);
	assert_string_equal(f->s.urls.v[0], "caf\xc3\xa9");
}

static void rendering_reads_back_to_the_same(void **state)
{
	static const char *const texts[] = {
		"",
		"node: {name: \"q\\\"\\\\ \\u00e9 # : {}\", urls: ['a,b', \"true\", \"12\"]}\n"
		"meter: {wait: 90s, maxBytes: 1025, count: 9007199254740993, limit: 4294967295,\n"
		"  fast: true, colour: green}\n"
		"net: {nodePortAddresses: ['::'], clusterCIDRs: ['2001:db8::/32', 0.0.0.0/0],\n"
		"  places: [here, '::/0', there], listen: ''}\n",
		"node: {name: \"\\u2028\\ufeff\\ufffe\\u0000x\"}\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		cleanup(buf_fini) struct buf first = BUF_INIT(8192);
		cleanup(buf_fini) struct buf second = BUF_INIT(8192);
		struct sample other = {};
		struct option_set set = set_of(&other);

		assert_int_equal(yaml(f, texts[i]), 0);
		assert_int_equal(option_render(&f->set, &first), 0);
		assert_int_equal(option_defaults(&set, &f->err), 0);
		assert_int_equal(option_yaml(&set, first.data, first.len, "r", &f->err), 0);
		assert_int_equal(option_render(&set, &second), 0);
		assert_string_equal(first.data, second.data);
		assert_string_equal(other.name, f->s.name);
		assert_true(other.count == f->s.count);
		option_free(&set);
		assert_null(other.name);
	}
	assert_true(yaml(f, texts[2]) < 0); /* a NUL is no text */
}

static void rendering_is_yaml_in_table_order(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_fini) struct buf out = BUF_INIT(8192);

	assert_int_equal(option_render(&f->set, &out), 0);
	assert_string_equal(out.data, "node:\n"
				      "  name: \"none\"\n"
				      "  urls: []\n"
				      "meter:\n"
				      "  wait: 1m\n"
				      "  maxBytes: 64KiB\n"
				      "  count: 7\n"
				      "  limit: 8\n"
				      "  fast: false\n"
				      "  colour: red\n"
				      "net:\n"
				      "  nodePortAddresses: []\n"
				      "  clusterCIDRs: [\"10.0.0.0/8\"]\n"
				      "  places: []\n"
				      "  listen: \"127.0.0.1:80\"\n"
				      "  pairs: []\n");
}

static void help_names_flag_key_variable_and_default(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_fini) struct buf out = BUF_INIT(8192);

	assert_int_equal(option_help(&f->set, &out), 0);
	assert_non_null(strstr(out.data, "  --meter-wait DURATION\n"
					 "      help of meter.wait (default 60s)\n"
					 "      meter.wait, WEIR_METER_WAIT\n"));
	assert_non_null(strstr(out.data,
			       "  --meter-colour NAME\n"
			       "      help of meter.colour: red | green (default red)\n"));
	assert_non_null(strstr(out.data, "help of node.urls (no default)\n"));
}

static void rendering_into_a_full_buffer_says_so(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_fini) struct buf out = BUF_INIT(20);

	assert_int_equal(option_render(&f->set, &out), -E2BIG);
}

static void a_faulty_default_names_its_key(void **state)
{
	static const struct option_spec bad[] = {
		ROW("meter.wait", OPTION_DURATION, wait_ms, "sixty"),
	};
	struct fixture *f = *state;
	struct sample s = {};
	struct option_set set = { .specs = bad, .n = 1, .env_prefix = "X_", .base = &s };

	assert_int_equal(option_defaults(&set, &f->err), -EINVAL);
	assert_ptr_equal(strstr(f->err.text, "default of meter.wait: "), f->err.text);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_fill_every_type),
		TEST(yaml_sets_every_type),
		TEST(empty_yaml_and_null_change_nothing),
		TEST(yaml_faults_name_line_key_and_remedy),
		TEST(malformed_yaml_is_not_a_configuration),
		TEST(listen_takes_addresses_only),
		TEST(names_split_camel_case),
		TEST(later_sources_win),
		TEST(flags_with_equals_lists_and_repeats),
		TEST(flag_faults_name_the_flag),
		TEST(unknown_variables_of_a_section_warn),
		TEST(faulty_variable_is_an_error),
		TEST(strings_are_bounded_and_utf8),
		TEST(rendering_reads_back_to_the_same),
		TEST(rendering_is_yaml_in_table_order),
		TEST(help_names_flag_key_variable_and_default),
		TEST(rendering_into_a_full_buffer_says_so),
		TEST(a_faulty_default_names_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
