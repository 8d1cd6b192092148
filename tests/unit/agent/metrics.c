/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/histogram.h"
#include "agent/metrics.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

enum { CPU, PODS, BYTES, TOOK };

static const char *const pod_labels[] = { "namespace", "pod", NULL };
static const char *const class_labels[] = { "class", NULL };

static const struct metric table[] = {
	[CPU] = { "weir_pod_cpu_seconds_total", METRIC_COUNTER, "CPU time\nof a pod, C:\\x \"q\"",
		  pod_labels },
	[PODS] = { "weir_pods", METRIC_GAUGE, "pods that are measured", NULL },
	[BYTES] = { "weir_bytes_total", METRIC_COUNTER, "bytes by class", class_labels },
	[TOOK] = { "kubeproxy_took_seconds", METRIC_HISTOGRAM, "how long", class_labels },
};

struct fixture {
	struct buf out;
	struct metrics m;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->out = (struct buf)BUF_INIT(1 << 20);
	metrics_begin(&f->m, &f->out, table, ARRAY_LEN(table));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	buf_fini(&f->out);
	free(f);
	return 0;
}

/* ---- The format's grammar, held strictly ---------------------------------------------------- */

#define NAME "(weir|kubeproxy)_[a-z0-9_]+"
#define LABEL "[a-z_][a-z0-9_]*=\"([^\"\\]|\\\\[\"\\n])*\""

static bool matches(const char *pattern, const char *line, regmatch_t *name)
{
	regex_t re;
	regmatch_t m[2];
	bool yes;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED), 0);
	yes = regexec(&re, line, 2, m, 0) == 0;
	regfree(&re);
	*name = m[1];
	return yes;
}

static bool same(const char *line, regmatch_t at, const char *name)
{
	size_t len = (size_t)(at.rm_eo - at.rm_so);

	return strlen(name) == len && strncmp(line + at.rm_so, name, len) == 0;
}

/* HELP, TYPE, samples of one family in a row, and no family twice; returns the samples. */
static size_t check_grammar(const char *text)
{
	char seen[8][128] = {}, *copy = strdup(text), *rest = copy, *line;
	size_t families = 0, samples = 0;
	bool typed = true;
	regmatch_t at;

	assert_true(*text && text[strlen(text) - 1] == '\n');
	while ((line = strsep(&rest, "\n")) && rest) {
		if (matches("^# HELP (" NAME ") [^ ].*$", line, &at)) {
			for (size_t i = 0; i < families; i++)
				assert_false(same(line, at, seen[i]));
			assert_true(typed && families < ARRAY_LEN(seen));
			snprintf(seen[families++], sizeof(seen[0]), "%.*s",
				 (int)(at.rm_eo - at.rm_so), line + at.rm_so);
			typed = false;
		} else if (matches("^# TYPE (" NAME ") (counter|gauge)$", line, &at)) {
			assert_true(!typed && same(line, at, seen[families - 1]));
			typed = true;
		} else {
			assert_true(matches("^(" NAME ")(\\{" LABEL "(," LABEL
					    ")*\\})? [0-9]+(\\.[0-9]+)?$",
					    line, &at));
			assert_true(typed && families && same(line, at, seen[families - 1]));
			samples++;
		}
	}
	free(copy);
	return samples;
}

static void a_page_keeps_the_grammar(void **state)
{
	struct fixture *f = *state;

	metric_family(&f->m, PODS);
	metric_sample(&f->m, NULL, 2);
	metric_family(&f->m, CPU);
	metric_sample_scaled(&f->m, METRIC_LABELS("default", "a"), 1500000000, 9);
	metric_sample_scaled(&f->m, METRIC_LABELS("default", "b\n\"\\"), 1, 9);
	metric_family(&f->m, BYTES);
	assert_int_equal(metrics_end(&f->m), 0);
	assert_int_equal(check_grammar(f->out.data), 3);
	assert_string_equal(
		f->out.data,
		"# HELP weir_pods pods that are measured\n"
		"# TYPE weir_pods gauge\n"
		"weir_pods 2\n"
		"# HELP weir_pod_cpu_seconds_total CPU time\\nof a pod, C:\\\\x \"q\"\n"
		"# TYPE weir_pod_cpu_seconds_total counter\n"
		"weir_pod_cpu_seconds_total{namespace=\"default\",pod=\"a\"} 1.500000000\n"
		"weir_pod_cpu_seconds_total{namespace=\"default\",pod=\"b\\n\\\"\\\\\"} 0.000000001\n"
		"# HELP weir_bytes_total bytes by class\n"
		"# TYPE weir_bytes_total counter\n");
}

static void integers_stay_exact_to_128_bits(void **state)
{
	struct fixture *f = *state;

	metric_family(&f->m, PODS);
	metric_sample(&f->m, NULL, ~(unsigned __int128)0);
	metric_sample(&f->m, NULL, 0);
	metric_sample_scaled(&f->m, NULL, ~(unsigned __int128)0, 18);
	metric_sample_scaled(&f->m, NULL, UINT64_MAX, 1);
	assert_int_equal(metrics_end(&f->m), 0);
	assert_non_null(strstr(f->out.data, "weir_pods 340282366920938463463374607431768211455\n"
					    "weir_pods 0\n"
					    "weir_pods 340282366920938463463.374607431768211455\n"
					    "weir_pods 1844674407370955161.5\n"));
}

static void bytes_that_are_no_utf8_become_question_marks(void **state)
{
	struct fixture *f = *state;

	metric_family(&f->m, BYTES);
	metric_sample(&f->m, METRIC_LABELS("a\xff\xc3\xa9\xed\xa0\x80"), 1);
	assert_int_equal(metrics_end(&f->m), 0);
	assert_non_null(strstr(f->out.data, "{class=\"a?\xc3\xa9???\"} 1\n"));
}

static const uint64_t bounds[] = { 0, 1000000, 250000000, 16384000000, 60000000000 };

static struct histogram sample_histogram(void)
{
	static const uint64_t ns[] = { 0, 1, 1000000, 1000001, 300000000, 61000000000 };
	struct histogram h = { .bounds = bounds, .n = ARRAY_LEN(bounds) };

	for (size_t i = 0; i < ARRAY_LEN(ns); i++)
		histogram_add(&h, ns[i]);
	return h;
}

static void a_histogram_counts_each_class_with_all_before_it(void **state)
{
	const struct histogram h = sample_histogram();
	struct fixture *f = *state;

	metric_family(&f->m, TOOK);
	metric_histogram(&f->m, METRIC_LABELS("x"), &h);
	assert_int_equal(metrics_end(&f->m), 0);
	assert_string_equal(f->out.data,
			    "# HELP kubeproxy_took_seconds how long\n"
			    "# TYPE kubeproxy_took_seconds histogram\n"
			    "kubeproxy_took_seconds_bucket{class=\"x\",le=\"0\"} 1\n"
			    "kubeproxy_took_seconds_bucket{class=\"x\",le=\"0.001\"} 3\n"
			    "kubeproxy_took_seconds_bucket{class=\"x\",le=\"0.25\"} 4\n"
			    "kubeproxy_took_seconds_bucket{class=\"x\",le=\"16.384\"} 5\n"
			    "kubeproxy_took_seconds_bucket{class=\"x\",le=\"60\"} 5\n"
			    "kubeproxy_took_seconds_bucket{class=\"x\",le=\"+Inf\"} 6\n"
			    "kubeproxy_took_seconds_sum{class=\"x\"} 61.302000002\n"
			    "kubeproxy_took_seconds_count{class=\"x\"} 6\n");
}

static void a_histogram_and_a_sample_do_not_mix(void **state)
{
	const struct histogram h = sample_histogram();
	struct fixture *f = *state;
	size_t len;

	metric_family(&f->m, TOOK);
	len = f->out.len;
	metric_sample(&f->m, METRIC_LABELS("x"), 1);
	assert_int_equal(metrics_end(&f->m), -EINVAL);
	assert_int_equal(f->out.len, len);

	metrics_begin(&f->m, &f->out, table, ARRAY_LEN(table));
	metric_family(&f->m, BYTES);
	len = f->out.len;
	metric_histogram(&f->m, METRIC_LABELS("x"), &h);
	assert_int_equal(metrics_end(&f->m), -EINVAL);
	assert_int_equal(f->out.len, len);
}

static void misuse_is_an_error_and_writes_nothing(void **state)
{
	struct fixture *f = *state;
	size_t len;

	metric_sample(&f->m, NULL, 1); /* outside a family */
	assert_int_equal(metrics_end(&f->m), -EINVAL);
	assert_int_equal(f->out.len, 0);

	metrics_begin(&f->m, &f->out, table, ARRAY_LEN(table));
	metric_family(&f->m, PODS);
	len = f->out.len;
	metric_family(&f->m, PODS); /* twice */
	assert_int_equal(metrics_end(&f->m), -EINVAL);
	metric_sample(&f->m, NULL, 1);
	assert_int_equal(f->out.len, len);

	metrics_begin(&f->m, &f->out, table, ARRAY_LEN(table));
	metric_family(&f->m, ARRAY_LEN(table));
	assert_int_equal(metrics_end(&f->m), -EINVAL);
}

static void wrong_labels_and_digits_are_errors(void **state)
{
	struct fixture *f = *state;
	size_t len;

	metric_family(&f->m, CPU);
	len = f->out.len;
	metric_sample(&f->m, METRIC_LABELS("default"), 1);
	assert_int_equal(metrics_end(&f->m), -EINVAL);
	assert_int_equal(f->out.len, len);

	metrics_begin(&f->m, &f->out, table, ARRAY_LEN(table));
	metric_family(&f->m, PODS);
	len = f->out.len;
	metric_sample(&f->m, METRIC_LABELS("x"), 1);
	assert_int_equal(metrics_end(&f->m), -EINVAL);
	assert_int_equal(f->out.len, len);

	metrics_begin(&f->m, &f->out, table, ARRAY_LEN(table));
	metric_family(&f->m, PODS);
	len = f->out.len;
	metric_sample_scaled(&f->m, NULL, 1, 19);
	assert_int_equal(metrics_end(&f->m), -EINVAL);
	assert_int_equal(f->out.len, len);
}

static void a_full_buffer_is_reported_at_the_end(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_fini) struct buf small = BUF_INIT(30);

	metrics_begin(&f->m, &small, table, ARRAY_LEN(table));
	metric_family(&f->m, PODS);
	metric_sample(&f->m, NULL, 1);
	assert_int_equal(metrics_end(&f->m), -E2BIG);
}

static void tables_are_held_to_the_naming_rules(void **state)
{
	static const char *const bad_label[] = { "Pod", NULL };
	static const struct metric bad[] = {
		{ "pods", METRIC_GAUGE, "h", NULL },
		{ "weir_Pods", METRIC_GAUGE, "h", NULL },
		{ "weir_pods_total", METRIC_GAUGE, "h", NULL },
		{ "weir_packets", METRIC_COUNTER, "h", NULL },
		{ "weir_cpu_ns_total", METRIC_COUNTER, "h", NULL },
		{ "weir_sync_ms", METRIC_GAUGE, "h", NULL },
		{ "weir_pods", METRIC_GAUGE, "", NULL },
		{ "weir_pods", METRIC_GAUGE, "h", bad_label },
	};
	static const struct metric theirs = { "kubeproxy_no_local_total", METRIC_GAUGE, "h", NULL };
	struct metric twice[] = { table[PODS], table[CPU], table[PODS] };
	struct err err = {};

	(void)state;
	assert_int_equal(metrics_check(table, ARRAY_LEN(table), &err), 0);
	assert_int_equal(metrics_check(&theirs, 1, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(metrics_check(&bad[i], 1, &err), -EINVAL);
	assert_int_equal(metrics_check(twice, ARRAY_LEN(twice), &err), -EINVAL);
	assert_string_equal(err.text, "metric 2, weir_pods: a name stands once in the table");
}

static void promtool_accepts_a_page(void **state)
{
	const struct histogram h = sample_histogram();
	struct fixture *f = *state;
	FILE *tool;
	int status;

	metric_family(&f->m, CPU);
	metric_sample_scaled(&f->m, METRIC_LABELS("default", "\n\"\\"), 1, 9);
	metric_family(&f->m, TOOK);
	metric_histogram(&f->m, METRIC_LABELS("x"), &h);
	assert_int_equal(metrics_end(&f->m), 0);
	signal(SIGPIPE, SIG_IGN);
	tool = popen("promtool check metrics", "w");
	assert_non_null(tool);
	fwrite(f->out.data, 1, f->out.len, tool);
	status = pclose(tool);
	if (WEXITSTATUS(status) == 127) {
		print_message("no promtool; make deps installs it\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_keeps_the_grammar),
		TEST(integers_stay_exact_to_128_bits),
		TEST(bytes_that_are_no_utf8_become_question_marks),
		TEST(a_histogram_counts_each_class_with_all_before_it),
		TEST(a_histogram_and_a_sample_do_not_mix),
		TEST(misuse_is_an_error_and_writes_nothing),
		TEST(wrong_labels_and_digits_are_errors),
		TEST(a_full_buffer_is_reported_at_the_end),
		TEST(tables_are_held_to_the_naming_rules),
		TEST(promtool_accepts_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
