/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/cli/run.h"
#include "unit/takeover/space.h"

static void nothing_to_remove_is_an_empty_list_and_one_sentence(void **state)
{
	struct run *f = *state;

	enter_space(state);
	run_ok(f, "-j", "datapath", "takeover");
	assert_string_equal(f->out, "[]\n");
	run_ok(f, "datapath", "takeover", "--dry-run");
	assert_string_equal(f->out, "nothing of kube-proxy's is on this node\n");
}

static void a_dry_run_says_what_the_next_one_does(void **state)
{
	struct run *f = *state;

	enter_space(state);
	assert_int_equal(command("iptables-legacy -t mangle -N KUBE-PROXY-CANARY"), 0);
	run_ok(f, "datapath", "takeover", "--dry-run");
	assert_non_null(strstr(f->out, "iptables-legacy  ip      mangle  chain  delete  no "));
	run_ok(f, "datapath", "takeover");
	assert_non_null(strstr(f->out, "iptables-legacy  ip      mangle  chain  delete  yes "));
	assert_non_null(strstr(f->out, "KUBE-PROXY-CANARY"));
	run_ok(f, "-j", "datapath", "takeover");
	assert_string_equal(f->out, "[]\n");
}

static void a_failure_is_in_the_list_and_in_the_exit_status(void **state)
{
	struct run *f = *state;

	enter_space(state);
	assert_int_equal(
		command("ipset create KUBE-CLUSTER-IP hash:ip,port; iptables-legacy -A INPUT "
			"-m set --match-set KUBE-CLUSTER-IP dst,dst"),
		0);
	assert_int_equal(run(f, "datapath", "takeover"), 1);
	assert_non_null(strstr(f->out, "KUBE-CLUSTER-IP"));
	assert_non_null(strstr(f->out, "a rule uses the set"));
	assert_string_equal(f->err, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_TEST(nothing_to_remove_is_an_empty_list_and_one_sentence),
		RUN_TEST(a_dry_run_says_what_the_next_one_does),
		RUN_TEST(a_failure_is_in_the_list_and_in_the_exit_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
