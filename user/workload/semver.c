/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/semver.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/cleanup.h"

#define NUMBER_BITS 20
#define NUMBER_MAX ((1u << NUMBER_BITS) - 1)
#define KEY_MAX UINT64_MAX

/* A version as a number that orders as it does: three numbers, and a release behind its prereleases. */
static uint64_t key_of(const uint32_t n[3], bool release)
{
	uint64_t key = n[0];

	key = key << NUMBER_BITS | n[1];
	key = key << NUMBER_BITS | n[2];
	return key << 1 | release;
}

/* "20", "20.1", "20.1.2-rc.1", "20.x", "*" */
struct partial {
	uint32_t n[3]; /* 0 where it says nothing */
	unsigned int given; /* how many numbers it has */
	bool release;
};

/* Versions from `from` to before `to`. */
struct versions {
	uint64_t from, to;
};

/* ---- Reading -------------------------------------------------------------------------------- */

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

static bool take(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

/* 1: a number, 0: any ("x"), -EINVAL: neither. */
static int take_number(const char **at, uint32_t *ret)
{
	uint32_t n = 0;

	if (**at && strchr("xX*", **at)) {
		(*at)++;
		return 0;
	}
	if (**at < '0' || **at > '9' || (**at == '0' && (*at)[1] >= '0' && (*at)[1] <= '9'))
		return -EINVAL;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		n = 10 * n + (uint32_t)(**at - '0');
		if (n > NUMBER_MAX)
			return -EINVAL;
	}
	*ret = n;
	return 1;
}

/* "-rc.1", "+build": what they say beyond that they are there does not matter here. */
static int take_qualifier(const char **at, struct partial *p)
{
	static const char word[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	for (const char *sign = "-+"; *sign; sign++) {
		size_t len = **at == *sign ? strspn(*at + 1, word) : 0;

		if (**at != *sign)
			continue;
		if (len == 0)
			return -EINVAL;
		p->release &= *sign == '+';
		*at += 1 + len;
	}
	return 0;
}

static int take_partial(const char **at, struct partial *ret)
{
	struct partial p = { .release = true };
	bool any = false, whole = false;

	if (!take(at, "v"))
		take(at, "V");
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t n = 0;
		int r = take_number(at, &n);

		if (r < 0)
			return r;
		any |= r == 0;
		if (!any) {
			p.n[i] = n;
			p.given = i + 1;
		}
		whole = i == 2;
		if (!whole && !take(at, "."))
			break;
	}
	int r = whole ? take_qualifier(at, &p) : 0;

	if (p.given < 3)
		p.release = true;
	if (r == 0)
		*ret = p;
	return r;
}

/* ---- Spans ---------------------------------------------------------------------------------- */

static uint64_t floor_of(const struct partial *p)
{
	return key_of(p->n, p->release);
}

/* The first version behind all that agree with the first `n` numbers. */
static uint64_t behind(const struct partial *p, unsigned int n)
{
	uint32_t up[3] = { p->n[0], p->n[1], p->n[2] };

	if (n == 0)
		return KEY_MAX;
	up[n - 1]++;
	for (unsigned int i = n; i < 3; i++)
		up[i] = 0;
	return key_of(up, false);
}

/* Behind all that it stands for. */
static uint64_t end_of(const struct partial *p)
{
	return p->given == 3 ? floor_of(p) + 1 : behind(p, p->given);
}

static struct versions equal(const struct partial *p)
{
	return (struct versions){ floor_of(p), end_of(p) };
}

static struct versions at_least(const struct partial *p)
{
	return (struct versions){ floor_of(p), KEY_MAX };
}

static struct versions more(const struct partial *p)
{
	return (struct versions){ end_of(p), KEY_MAX };
}

static struct versions at_most(const struct partial *p)
{
	return (struct versions){ 0, end_of(p) };
}

static struct versions less(const struct partial *p)
{
	return (struct versions){ 0, p->given == 0 ? 0 : floor_of(p) };
}

static struct versions tilde(const struct partial *p)
{
	return (struct versions){ floor_of(p), behind(p, p->given > 2 ? 2 : p->given) };
}

/* What leaves the first number that is not 0 as it is. */
static struct versions caret(const struct partial *p)
{
	unsigned int n = 0;

	while (n < p->given && n < 2 && p->n[n] == 0)
		n++;
	return (struct versions){ floor_of(p), behind(p, n < p->given ? n + 1 : p->given) };
}

static const struct {
	const char *sign;
	struct versions (*span)(const struct partial *p);
} operators[] = { /* a longer one before those it begins with */
		  { ">=", at_least }, { "<=", at_most }, { "~>", tilde },
		  { ">", more },      { "<", less },	 { "=", equal },
		  { "~", tilde },     { "^", caret },	 { "", equal }
};

static int take_comparator(const char **at, struct versions *ret)
{
	struct partial p = {}, to = {};
	size_t i = 0;

	while (!take(at, operators[i].sign))
		i++;
	skip_blanks(at);
	int r = take_partial(at, &p);

	if (r < 0)
		return r;
	*ret = operators[i].span(&p);
	const char *hyphen = *at;

	skip_blanks(&hyphen);
	if (operators[i].sign[0] || hyphen == *at || !take(&hyphen, "- "))
		return 0;
	skip_blanks(&hyphen);
	r = take_partial(&hyphen, &to);
	if (r < 0)
		return r;
	*at = hyphen;
	*ret = (struct versions){ floor_of(&p), end_of(&to) };
	return 0;
}

/* Comparators that all hold, up to "||" or the end. */
static int take_all(const char **at, struct versions *ret)
{
	struct versions all = { 0, KEY_MAX };

	for (skip_blanks(at); **at && **at != '|'; skip_blanks(at)) {
		struct versions one = {};
		int r = take_comparator(at, &one);

		if (r < 0)
			return r;
		if (**at && !strchr(" \t|", **at))
			return -EINVAL;
		all.from = one.from > all.from ? one.from : all.from;
		all.to = one.to < all.to ? one.to : all.to;
	}
	*ret = all;
	return 0;
}

int semver_satisfies(const char *version, const char *range, bool *ret)
{
	struct partial v = {};
	bool found = false;

	if (strnlen(range, SEMVER_RANGE_MAX) == SEMVER_RANGE_MAX ||
	    take_partial(&version, &v) < 0 || v.given != 3)
		return -EINVAL;
	uint64_t key = key_of(v.n, true);

	for (;;) {
		struct versions all = {};
		int r = take_all(&range, &all);

		if (r < 0)
			return r;
		found |= key >= all.from && key < all.to;
		if (!*range)
			break;
		if (!take(&range, "||"))
			return -EINVAL;
	}
	*ret = found;
	return 0;
}
