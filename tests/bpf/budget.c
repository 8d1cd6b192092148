/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs cost the verifier, against budget.tsv: verified instructions and bytes of stack.
 * More than 10 % over the table fails on the kernel series that the table's head names; elsewhere, whose
 * verifier prunes differently, more than 100 %. When a change is worth its price, write the new figures
 * there: the failure prints the line.
 */
#include <bpf/libbpf.h>
#include <sys/utsname.h>

#include "bpf/bed.h"
#include "core/cleanup.h"
#include "weir.skel.h"

#define TABLE "tests/bpf/budget.tsv"
#define PROGRAMS_MAX 64
#define OVER_AT_HOME 10 /* percent */
#define OVER_ABROAD 100

struct cost {
	char name[32];
	unsigned int insns, stack;
};

/* "Linux 6.18" in the head against "6.18.44-..." */
static unsigned int over_allowed(const char *head)
{
	const char *series = strstr(head, "Linux ");
	struct utsname u;
	size_t n;

	assert_non_null(series);
	series += strlen("Linux ");
	n = strspn(series, "0123456789.");
	assert_true(n > 0 && !uname(&u));
	return !strncmp(u.release, series, n) && strchr(".-", u.release[n]) ? OVER_AT_HOME :
									      OVER_ABROAD;
}

static size_t table_read(struct cost *ret, unsigned int *ret_over)
{
	cleanup(close_file) FILE *f = fopen(TABLE, "re");
	char line[128];
	size_t n = 0;

	if (!f)
		fail_msg("%s: not found; run from the top of the tree", TABLE);
	assert_non_null(fgets(line, sizeof(line), f));
	*ret_over = over_allowed(line);
	while (fgets(line, sizeof(line), f) && n < PROGRAMS_MAX)
		if (sscanf(line, "%31s %u %u", ret[n].name, &ret[n].insns, &ret[n].stack) == 3)
			n++;
	return n;
}

/* "processed 812 insns (limit ...) ..." and "stack depth 160+0", of which the sum counts. */
static struct cost said(const char *name, const char *log)
{
	const char *insns = strstr(log, "processed "), *stack = strstr(log, "stack depth ");
	struct cost c = {};
	unsigned int part;
	int used;

	snprintf(c.name, sizeof(c.name), "%s", name);
	if (!insns || !stack || sscanf(insns, "processed %u", &c.insns) != 1)
		fail_msg("%s: the verifier said nothing of its cost: %s", name, log);
	for (stack += strlen("stack depth "); sscanf(stack, "%u%n", &part, &used) == 1;) {
		c.stack += part;
		stack += used;
		if (*stack++ != '+')
			break;
	}
	return c;
}

static void no_program_costs_more_than_its_budget(void **state)
{
	static char logs[PROGRAMS_MAX][4096];
	struct cost table[PROGRAMS_MAX];
	unsigned int more;
	size_t n = table_read(table, &more), i = 0, seen = 0, over = 0;
	struct weir_bpf *skel = weir_bpf__open();
	struct bpf_program *p;

	bed_of(state);
	assert_non_null(skel);
	skel->rodata->weir_flush = WEIR_FLUSH_NONE; /* the kfunc differs per kernel */
	bpf_object__for_each_program(p, skel->obj)
	{
		assert_true(i < PROGRAMS_MAX);
		bpf_program__set_log_buf(p, logs[i++], sizeof(logs[0]));
		bpf_program__set_log_level(p, 4);
	}
	assert_int_equal(weir_bpf__load(skel), 0);

	i = 0;
	bpf_object__for_each_program(p, skel->obj)
	{
		struct cost c = said(bpf_program__name(p), logs[i++]);
		size_t k = 0;

		while (k < n && strcmp(table[k].name, c.name))
			k++;
		seen += k < n;
		if (k < n && c.insns * 100 <= table[k].insns * (100 + more) &&
		    c.stack * 100 <= table[k].stack * (100 + more))
			continue;
		print_error("%s: over budget or not in %s; its line now would be:\n%s\t%u\t%u\n",
			    c.name, TABLE, c.name, c.insns, c.stack);
		over++;
	}
	weir_bpf__destroy(skel);
	assert_int_equal(over, 0);
	assert_int_equal(seen, n); /* and no line without a program */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_program_costs_more_than_its_budget),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
