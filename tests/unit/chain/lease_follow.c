/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from what the ledger knows of a lease and what a server says of it. */
#include "chain/lease_follow.h"

#include <errno.h>

#include "unit/chain/lease.h"

#define KEEP LEASE_NEWS_KEEP
#define RETRY LEASE_NEWS_RETRY
#define CLOSING LEASE_NEWS_CLOSING
#define AGAIN LEASE_NEWS_AGAIN
#define ENDED LEASE_NEWS_ENDED

/* A lease on chain as it was read: version 10 as of checkpoint 100, 500 of 1000 due and paid. */
static struct lease known(void)
{
	cleanup(key_free) struct key *key = sample_key(1);
	struct lease l = open_lease(key, 1000);

	l.total_due = l.paid = 500;
	l.seq = 3;
	l.last_to_ms = T0 + 3000;
	l.chain.version = 10;
	l.chain.checkpoint = 100;
	return l;
}

/* A change on chain, from one version to the next. */
typedef void change(struct lease *l);

static void nothing(struct lease *l)
{
	(void)l;
}

static void touched(struct lease *l) /* a call that changed nothing but the version */
{
	l->chain.version++;
}

static void topped_up(struct lease *l)
{
	touched(l);
	l->deposited += 300;
}

static void reported(struct lease *l)
{
	touched(l);
	l->seq++;
	l->last_to_ms += 1000;
	l->total_due = 600;
	l->chain.waiting = 100;
	l->chain.nclaims = 1;
	l->chain.claims[0] = (struct lease_claim){ 600, T0 + 90000 };
}

static void exhausted(struct lease *l)
{
	touched(l);
	l->seq++;
	l->total_due = 1200;
	l->paid = 1000;
	l->state = LEASE_EXHAUSTED;
}

static void disputed(struct lease *l)
{
	reported(l);
	l->chain.nclaims = 0;
	memset(l->chain.claims, 0, sizeof(l->chain.claims));
	l->chain.disputed_until_ms = T0 + 99000;
}

static void struck(struct lease *l) /* half of what was disputed */
{
	reported(l);
	l->chain = (struct lease_on_chain){ .version = 12, .struck = 50 };
	l->paid = 550;
}

static void closing(struct lease *l)
{
	touched(l);
	l->state = LEASE_CLOSING;
	l->closing_ms = T0 + 4000;
}

static void closed(struct lease *l)
{
	closing(l);
	touched(l);
	l->state = LEASE_CLOSED;
	l->refunded = 500;
}

static const struct {
	const char *name;
	change *mine, *seen;
	uint64_t confirmed, checkpoint; /* of mine; of seen */
	unsigned int news;
	uint64_t then_confirmed;
} follows[] = {
	{ "the same again", nothing, nothing, 0, 100, 0, 0 },
	{ "the same, later", nothing, nothing, 0, 200, 0, 0 },
	{ "a call that changes nothing", nothing, touched, 0, 101, KEEP, 0 },
	{ "a top-up", nothing, topped_up, 0, 101, KEEP | RETRY, 0 },
	{ "a top-up, read before", topped_up, topped_up, 0, 101, 0, 0 },
	{ "a report", nothing, reported, 0, 101, KEEP, 0 },
	{ "the deposit is used up", nothing, exhausted, 0, 101, KEEP, 0 },
	{ "a dispute", nothing, disputed, 0, 101, KEEP, 0 },
	{ "a dispute that is over", disputed, struck, 0, 101, KEEP | RETRY, 0 },
	{ "closing", nothing, closing, 0, 101, KEEP | CLOSING | AGAIN, 1 },
	{ "closing, as of the checkpoint before", closing, closing, 1, 100, AGAIN, 1 },
	{ "closing, as of an older one", closing, closing, 1, 99, AGAIN, 1 },
	{ "closing, twice", closing, closing, 1, 101, KEEP | AGAIN, 2 },
	{ "closing, three times", closing, closing, 2, 101, KEEP | ENDED, 3 },
	{ "closing, and that is old", closing, closing, 3, 102, 0, 3 },
	{ "closing, then closed", closing, closed, 2, 101, KEEP | ENDED, 3 },
	{ "closed, at the same checkpoint", closing, closed, 2, 100, KEEP | AGAIN, 2 },
	{ "closed at once", nothing, closed, 0, 101, KEEP | CLOSING | AGAIN, 1 },
	{ "closed, and that is old", closed, closed, 3, 102, 0, 3 },
};

static void each_read_has_its_news(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(follows); i++) {
		struct lease mine = known(), seen = known(), ret;
		struct err err = {};
		unsigned int news = 99;

		follows[i].mine(&mine);
		mine.chain.checkpoint = 100;
		mine.chain.confirmations = follows[i].confirmed;
		follows[i].seen(&seen);
		seen.chain.checkpoint = follows[i].checkpoint;
		seen.chain.confirmations = 3; /* whatever is there */
		memset(seen.terms.label, 0, sizeof(seen.terms.label));
		memset(seen.terms.provider, 0, sizeof(seen.terms.provider));
		if (lease_follow(&mine, &seen, &ret, &news, &err) < 0)
			fail_msg("%s: %s", follows[i].name, err.text);
		if (news != follows[i].news || ret.chain.confirmations != follows[i].then_confirmed)
			fail_msg("%s: news %u, confirmed %d", follows[i].name, news,
				 (int)ret.chain.confirmations);
		assert_int_equal(lease_check(&ret, NULL), 0);
		assert_string_equal(ret.terms.label, "acme-web");
		assert_int_equal(ret.deposited, seen.deposited);
		assert_int_equal(ret.closing_ms, seen.closing_ms);
		/* level-triggered: what was kept, read once more at once, has no news that were told */
		mine = ret;
		assert_int_equal(lease_follow(&mine, &seen, &ret, &news, &err), 0);
		assert_int_equal(news & ~(unsigned int)AGAIN, 0);
	}
}

/* Order and number of reads don't matter: after all of them the newest is known. */
static void reads_may_come_in_any_order(void **state)
{
	static change *const story[] = { nothing, touched, closing, closed };
	unsigned int orders = 0;

	(void)state;
	for (unsigned int n = 0; n < 256; n++) {
		struct lease mine = known(), last = known();
		unsigned int seen_mask = 0;

		for (unsigned int k = 0; k < 4; k++) {
			struct lease seen = known();
			unsigned int at = n >> (2 * k) & 3, news;

			story[at](&seen);
			seen.chain.checkpoint = 100 + at;
			seen_mask |= 1U << at;
			(void)lease_follow(&mine, &seen, &mine, &news, NULL);
		}
		if (!(seen_mask & 8))
			continue;
		closed(&last);
		orders++;
		assert_int_equal(mine.state, LEASE_CLOSED);
		assert_int_equal(mine.refunded, last.refunded);
		assert_int_equal(mine.chain.version, last.chain.version);
		assert_true(mine.chain.confirmations >= 1 && mine.chain.confirmations <= 2);
	}
	assert_int_equal(orders, 175);
}

static void older(struct lease *l)
{
	l->chain.version = 9;
	l->deposited = 2000;
}

static void twofold(struct lease *l)
{
	l->deposited = 2000;
}

static void fallen(struct lease *l)
{
	touched(l);
	l->deposited = 900;
}

static void retold(struct lease *l)
{
	touched(l);
	l->seq--;
}

static void repriced(struct lease *l)
{
	touched(l);
	l->terms.prices.core_s++;
}

static void another(struct lease *l)
{
	touched(l);
	l->terms.id[3] ^= 1;
}

static void false_sum(struct lease *l)
{
	touched(l);
	l->paid--;
}

static void reopened(struct lease *l)
{
	closed(l);
	touched(l);
	l->state = LEASE_CLOSING;
	l->refunded = 0;
}

static void later(struct lease *l)
{
	closing(l);
	touched(l);
	l->closing_ms++;
}

static void taken_back(struct lease *l) /* what was released waits again */
{
	touched(l);
	l->chain.waiting = 100;
	l->paid = 400;
	l->chain.disputed_until_ms = T0;
}

static void what_can_not_be_changes_nothing(void **state)
{
	static const struct {
		change *mine, *seen;
		int code;
		const char *word;
	} cases[] = {
		{ nothing, older, -ESTALE, "behind version 10" },
		{ closing, nothing, -ESTALE, "behind version 11" },
		{ nothing, twofold, -EBADMSG, "two contents" },
		{ nothing, fallen, -EBADMSG, "deposited falls" },
		{ nothing, retold, -EBADMSG, "seq falls" },
		{ nothing, repriced, -EBADMSG, "other terms" },
		{ nothing, another, -EBADMSG, "other terms" },
		{ nothing, false_sum, -EBADMSG, "paid" },
		{ nothing, taken_back, -EBADMSG, "falls" },
		{ closed, reopened, -EBADMSG, "falls" },
		{ closing, later, -EBADMSG, "another time" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lease mine = known(), seen = known(), ret = { .seq = 4242 };
		unsigned int news = 4242;
		struct err err = {};

		cases[i].mine(&mine);
		cases[i].seen(&seen);
		seen.chain.checkpoint = 200;
		assert_int_equal(lease_follow(&mine, &seen, &ret, &news, &err), cases[i].code);
		if (!strstr(err.text, cases[i].word))
			fail_msg("\"%s\" does not say %s", err.text, cases[i].word);
		assert_int_equal(ret.seq, 4242);
		assert_int_equal(news, 4242);
	}
}

/* Taken over by an earlier version of the program, which kept no version of the object. */
static void a_lease_that_was_never_read_takes_what_it_is_told(void **state)
{
	struct lease mine = known(), seen = known();
	unsigned int news = 0;

	(void)state;
	mine.chain = (struct lease_on_chain){};
	mine.seq = mine.total_due = mine.paid = 0;
	mine.last_to_ms = T0;
	topped_up(&seen);
	assert_int_equal(lease_follow(&mine, &seen, &mine, &news, NULL), 0);
	assert_int_equal(news, KEEP | RETRY);
	assert_int_equal(mine.deposited, 1300);
	assert_int_equal(mine.seq, 3);
}

static void only_a_confirmed_end_is_one(void **state)
{
	struct lease l = known();

	(void)state;
	assert_false(lease_ended(&l));
	closing(&l);
	for (l.chain.confirmations = 0; l.chain.confirmations < LEASE_CONFIRMATIONS;
	     l.chain.confirmations++)
		assert_false(lease_ended(&l));
	assert_true(lease_ended(&l));
	/* one that the ledger keeps needs none */
	l.chain = (struct lease_on_chain){};
	assert_true(lease_ended(&l));
	l.closing_ms = 0;
	assert_false(lease_ended(&l));
}

/* 100 of what is due waits until second 60; told to end at second 4, with a grace of 50 s. */
static struct lease ending(void)
{
	struct lease l = known();

	l.terms.grace_ms = 50000;
	reported(&l);
	l.chain.claims[0].release_ms = T0 + 60000;
	l.state = LEASE_CLOSING;
	l.closing_ms = l.last_to_ms = T0 + 4000;
	return l;
}

static void a_call_is_due_when_it_does_something(void **state)
{
	const uint64_t idle = 60000 + LEASE_CALL_IDLE_MS;
	static const struct {
		const char *name;
		uint64_t closing, last_to, disputed, version, at;
		enum lease_call call;
	} cases[] = {
		{ "a claim waits", 0, 4000, 0, 1, 59999, LEASE_CALL_NONE },
		{ "it is released", 0, 4000, 0, 1, 60000, LEASE_CALL_NONE },
		{ "and nobody calls", 0, 4000, 0, 1, idle - 1, LEASE_CALL_NONE },
		{ "for long", 0, 4000, 0, 1, idle, LEASE_CALL_SETTLE },
		{ "in the ledger", 0, 4000, 0, 0, idle, LEASE_CALL_NONE },
		{ "a dispute is open", 4000, 4000, 99000, 1, 99000, LEASE_CALL_NONE },
		{ "its time is over", 0, 4000, 99000, 1, 98999 + LEASE_CALL_IDLE_MS,
		  LEASE_CALL_NONE },
		{ "for long", 0, 4000, 99000, 1, 99000 + LEASE_CALL_IDLE_MS, LEASE_CALL_TIME_OUT },
		{ "reported to its end, a claim waits", 4000, 4000, 0, 1, 59999, LEASE_CALL_NONE },
		{ "reported to its end", 4000, 4000, 0, 1, 60000, LEASE_CALL_FINISH },
		{ "not reported, in its grace", 40000, 4000, 0, 1, 89999, LEASE_CALL_NONE },
		{ "its grace is over", 40000, 4000, 0, 1, 90000, LEASE_CALL_FINISH },
		{ "a clock before its end", 99999999, 4000, 0, 1, 61000, LEASE_CALL_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lease l = ending();

		l.closing_ms = cases[i].closing ? T0 + cases[i].closing : 0;
		l.last_to_ms = T0 + cases[i].last_to;
		l.chain.version = cases[i].version;
		l.chain.disputed_until_ms = cases[i].disputed ? T0 + cases[i].disputed : 0;
		if (lease_call_due(&l, T0 + cases[i].at) != cases[i].call)
			fail_msg("%s", cases[i].name);
	}
}

static void who_is_closed_or_was_never_reported_to_is_not_called(void **state)
{
	struct lease l = ending();

	(void)state;
	l.seq = 0;
	assert_int_equal(lease_call_due(&l, T0 + 99999999), LEASE_CALL_NONE);
	l = ending();
	l.state = LEASE_CLOSED;
	assert_int_equal(lease_call_due(&l, T0 + 99999999), LEASE_CALL_NONE);
	/* an empty escrow pays nothing */
	l = ending();
	l.closing_ms = 0;
	l.deposited = l.paid;
	assert_int_equal(lease_call_due(&l, T0 + 99999999), LEASE_CALL_NONE);
	assert_string_equal(lease_call_name(LEASE_CALL_FINISH), "finish");
	assert_null(lease_call_name(LEASE_CALL_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_read_has_its_news),
		cmocka_unit_test(reads_may_come_in_any_order),
		cmocka_unit_test(what_can_not_be_changes_nothing),
		cmocka_unit_test(a_lease_that_was_never_read_takes_what_it_is_told),
		cmocka_unit_test(only_a_confirmed_end_is_one),
		cmocka_unit_test(a_call_is_due_when_it_does_something),
		cmocka_unit_test(who_is_closed_or_was_never_reported_to_is_not_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
