/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"

/* Standard error goes to a file in memory while a test runs. */
static int saved = -1, captured = -1;
static char text[1 << 16];

static int capture(void **state)
{
	(void)state;
	captured = memfd_create("stderr", MFD_CLOEXEC);
	saved = dup(STDERR_FILENO);
	/* As logs are opened: the kernel doesn't lock the offset of a memfd, so writes would meet. */
	if (fcntl(captured, F_SETFL, O_APPEND) < 0)
		return -1;
	return captured < 0 || saved < 0 || dup2(captured, STDERR_FILENO) < 0 ? -1 : 0;
}

static int release(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(captured);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static const char *output(void)
{
	ssize_t n = pread(captured, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void a_line_is_logfmt_with_its_time(void **state)
{
	const char *out;
	uint64_t ms;
	char ts[64];

	(void)state;
	log_info("svc", "synced all", "services=%d node=%s", 12, "a");
	out = output();
	assert_int_equal(sscanf(out, "ts=%63s", ts), 1);
	assert_int_equal(time_parse(ts, &ms), 0);
	assert_string_equal(strchr(out, ' '),
			    " level=info mod=svc msg=\"synced all\" services=12 node=a\n");
}

static void a_line_needs_no_fields(void **state)
{
	(void)state;
	log_error("svc", "failed", "");
	assert_non_null(strstr(output(), "level=error mod=svc msg=\"failed\"\n"));
}

static void what_is_below_the_level_is_silent(void **state)
{
	(void)state;
	log_debug("svc", "quiet", "a=%d", 1);
	assert_string_equal(output(), "");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("svc", "quiet", "a=%d", 1);
	assert_string_equal(output(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("svc", "loud", "a=%d", 1);
	assert_non_null(strstr(output(), "level=debug mod=svc msg=\"loud\" a=1\n"));
}

static size_t lines(const char *out)
{
	size_t n = 0;

	for (; *out; out++)
		n += *out == '\n';
	return n;
}

static void equal_lines_are_held_back_and_others_not(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		log_warn("repeat", "same", "pod=%s", "a");
	assert_int_equal(lines(output()), 1);
	log_warn("repeat", "same", "pod=%s", "b");
	log_error("repeat", "same", "pod=%s", "a");
	assert_int_equal(lines(output()), 3);
}

static void an_event_is_one_line_whatever_is_in_it(void **state)
{
	(void)state;
	log_info("one", "a\nb\"c\\", "x=%s\ny=2 z=%s", "1", log_quote("p\nq\t\"r\" \x01\x7f"));
	assert_int_equal(lines(output()), 1);
	assert_non_null(
		strstr(output(), "msg=\"a\\nb\\\"c\\\\\" x=1 y=2 z=\"p\\nq\\t\\\"r\\\" ??\"\n"));
}

static void a_long_line_is_cut(void **state)
{
	static char fields[6000];
	const char *out;

	(void)state;
	memset(fields, 'x', sizeof(fields) - 1);
	log_info("long", "cut", "f=%s", fields);
	out = output();
	assert_true(strlen(out) < 4300);
	assert_string_equal(out + strlen(out) - 5, "x...\n");
}

static void quotes_are_cut_and_rotate(void **state)
{
	char in[1000];
	const char *a, *b, *c, *d;

	(void)state;
	memset(in, '"', sizeof(in) - 1);
	in[sizeof(in) - 1] = '\0';
	a = log_quote("a");
	b = log_quote("b");
	c = log_quote(NULL);
	d = log_quote(in);
	assert_string_equal(a, "\"a\"");
	assert_string_equal(b, "\"b\"");
	assert_string_equal(c, "\"\"");
	assert_true(strlen(d) < 512);
	assert_string_equal(d + strlen(d) - 6, "\\\"...\"");
	assert_ptr_equal(log_quote("e"), a);
}

static void level_names_are_read(void **state)
{
	enum log_level level = LOG_LEVEL_MAX_;

	(void)state;
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("error", &level), 0);
	assert_int_equal(level, LOG_LEVEL_ERROR);
	assert_int_equal(log_level_parse("Error", &level), -EINVAL);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_ERROR);
}

static void *write_many(void *mod)
{
	for (int i = 0; i < 100; i++)
		log_info(mod, "from a thread", "i=%d end=1", i);
	return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
	char mods[4][8] = { "t0", "t1", "t2", "t3" };
	pthread_t threads[4];
	char *at, *save = text;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, mods[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	output();
	assert_int_equal(lines(text), 400);
	while ((at = strsep(&save, "\n")) && *at) {
		assert_memory_equal(at, "ts=", 3);
		assert_string_equal(at + strlen(at) - 6, " end=1");
		assert_null(strstr(at + 3, "ts="));
	}
}

int main(void)
{
#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, capture, release)
	const struct CMUnitTest tests[] = {
		LOG_TEST(a_line_is_logfmt_with_its_time),
		LOG_TEST(a_line_needs_no_fields),
		LOG_TEST(what_is_below_the_level_is_silent),
		LOG_TEST(equal_lines_are_held_back_and_others_not),
		LOG_TEST(an_event_is_one_line_whatever_is_in_it),
		LOG_TEST(a_long_line_is_cut),
		LOG_TEST(quotes_are_cut_and_rotate),
		LOG_TEST(level_names_are_read),
		LOG_TEST(lines_of_threads_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
