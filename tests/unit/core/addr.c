/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/core/test.h"

#include <arpa/inet.h>

#include "core/addr.h"
#include "unit/core/random.h"

static struct addr parsed(const char *text)
{
	struct addr a = {};

	if (addr_parse(text, &a) < 0)
		fail_msg("\"%s\" is refused", text);
	return a;
}

/* What is read, and how it is written: RFC 5952 and the sloppiness of Kubernetes. */
static void addresses_are_read_and_written_in_one_form(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1" },
		{ "010.000.00.1", "10.0.0.1" }, /* decimal, not octal */
		{ "0000000000010.0.0.1", "10.0.0.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::ffff:1.2.3.4", "1.2.3.4" },
		{ "::ffff:01.2.3.04", "1.2.3.4" },
		{ "::FFFF:102:304", "1.2.3.4" },
		{ "0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4" },
		{ "0000:0000:0000:0000:0000:ffff:192.168.100.228", "192.168.100.228" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "::1.2.3.4", "::102:304" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		/* RFC 5952, section 1 and 4 */
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8::1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:0db8::1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8:0:0:1::1", "2001:db8::1:0:0:1" },
		{ "2001:db8:0000:0:1::1", "2001:db8::1:0:0:1" },
		{ "2001:DB8:0:0:1::1", "2001:db8::1:0:0:1" },
		{ "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, /* one group stays */
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" }, /* the longer run */
		{ "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1" },
		{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
		{ "0:0:3:4:5:6:7:8", "::3:4:5:6:7:8" },
		{ "0:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:0" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = parsed(cases[i].text);

		assert_string_equal(addr_format(&a, text), cases[i].want);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		".",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"256.1.1.1",
		"1.1.1.256",
		"1.1.1.99999999999999999999",
		"1.2.3.",
		".1.2.3",
		"1..2.3",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.4x",
		"0x1.2.3.4",
		"1.2.3.-4",
		"+1.2.3.4",
		"a.b.c.d",
		"1.2.3.4/32",
		"1.2.3.4:80",
		":",
		":::",
		"1:2:3:4:5:6:7",
		"::1::",
		"1:2:3:4:5:6:7:8:9",
		"12345::",
		"00001::",
		"g::",
		"fe80::1%eth0",
		"[::1]",
		"::1 ",
		"::1.2.3",
		"::256.2.3.4",
		"::1.2.3.4.5",
		"1.2.3.4::",
		"1:2:3:4:5:6:7:1.2.3.4",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:1.2.3.4",
	};
	struct addr a, was;

	(void)state;
	memset(&was, 0xa5, sizeof(was));
	a = was;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (addr_parse(cases[i], &a) != -EINVAL)
			fail_msg("\"%s\" is accepted", cases[i]);
		assert_memory_equal(&a, &was, sizeof(a));
	}
}

static void ipv4_is_held_mapped(void **state)
{
	struct addr a = parsed("1.2.3.4"), b = parsed("::ffff:1.2.3.4"), c = parsed("::1.2.3.4");

	(void)state;
	assert_memory_equal(a.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4", 16);
	assert_true(addr_is_v4(&a));
	assert_false(addr_is_v4(&c));
	assert_true(addr_eq(&a, &b));
	assert_false(addr_eq(&a, &c));
	assert_true(addr_cmp(&c, &a) < 0);
	assert_true(addr_cmp(&a, &c) > 0);
	assert_int_equal(addr_cmp(&a, &b), 0);
}

static void random_addresses_come_back_and_agree_with_libc(void **state)
{
	struct random r = { 3 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char text[ADDR_TEXT_MAX];
		struct addr a, back, libc;
		uint64_t zero_groups = random_next(&r);

		random_fill(&r, a.b, sizeof(a.b));
		for (int k = 0; k < 8; k++)
			if (zero_groups >> k & 1)
				a.b[2 * k] = a.b[2 * k + 1] = 0;
		if (i % 5 == 0)
			memcpy(a.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		back = parsed(addr_format(&a, text));
		assert_memory_equal(&back, &a, sizeof(a));
		if (!addr_is_v4(&a)) {
			assert_int_equal(inet_pton(AF_INET6, text, &libc), 1);
			assert_memory_equal(&libc, &a, sizeof(a));
		}
	}
}

static void prefixes_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *want;
		uint8_t bits;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", 104 },
		{ "010.0.0.0/08", "10.0.0.0/8", 104 },
		{ "0.0.0.0/0", "0.0.0.0/0", 96 },
		{ "1.2.3.4/32", "1.2.3.4/32", 128 },
		{ "::/0", "::/0", 0 },
		{ "2001:db8::/33", "2001:db8::/33", 33 },
		{ "::1/128", "::1/128", 128 },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8", 104 },
	};
	char text[CIDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cidr c;

		assert_int_equal(cidr_parse(cases[i].text, &c), 0);
		assert_int_equal(c.bits, cases[i].bits);
		assert_string_equal(cidr_format(&c, text), cases[i].want);
	}
}

static void what_is_no_prefix_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"/",
		"/8",
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/8 ",
		"10.0.0.1/8",
		"10.0.0.0/8/8",
		"::/129",
		"::1/127",
		"2001:db9::/31",
		"10.0/8",
		"::ffff:0:0/90",
	};
	struct cidr c, was;

	(void)state;
	memset(&was, 0xa5, sizeof(was));
	c = was;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (cidr_parse(cases[i], &c) != -EINVAL)
			fail_msg("\"%s\" is accepted", cases[i]);
		assert_memory_equal(&c, &was, sizeof(c));
	}
}

static void a_prefix_has_its_addresses_and_no_others(void **state)
{
	static const struct {
		const char *cidr, *addr;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "10.1.2.128/25", "10.1.2.127", false },
		{ "10.1.2.128/25", "10.1.2.128", true },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "10.0.0.1", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::1/128", "::1", true },
		{ "::1/128", "::2", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a = parsed(cases[i].addr);
		struct cidr c;

		assert_int_equal(cidr_parse(cases[i].cidr, &c), 0);
		if (cidr_has(&c, &a) != cases[i].has)
			fail_msg("%s in %s", cases[i].addr, cases[i].cidr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_are_read_and_written_in_one_form),
		TEST(what_is_no_address_is_refused),
		TEST(ipv4_is_held_mapped),
		TEST(random_addresses_come_back_and_agree_with_libc),
		TEST(prefixes_are_read_and_written),
		TEST(what_is_no_prefix_is_refused),
		TEST(a_prefix_has_its_addresses_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
