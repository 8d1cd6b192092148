/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lease_follow.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

static bool same_terms(const struct lease_terms *a, const struct lease_terms *b)
{
	return !memcmp(a->id, b->id, sizeof(a->id)) &&
	       !memcmp(a->market, b->market, sizeof(a->market)) &&
	       !memcmp(a->tenant, b->tenant, sizeof(a->tenant)) &&
	       !price_diff(&a->prices, &b->prices) && a->opened_ms == b->opened_ms &&
	       a->grace_ms == b->grace_ms;
}

/* F2: what would be taken back; NULL: nothing. */
static const char *fault(const struct lease *mine, const struct lease *now)
{
	const struct {
		const char *name;
		uint64_t mine, now;
	} rising[] = {
		{ "deposited falls", mine->deposited, now->deposited },
		{ "paid falls", mine->paid, now->paid },
		{ "refunded falls", mine->refunded, now->refunded },
		{ "total_due falls", mine->total_due, now->total_due },
		{ "what is released falls", mine->total_due - mine->chain.waiting,
		  now->total_due - now->chain.waiting },
		{ "struck falls", mine->chain.struck, now->chain.struck },
		{ "seq falls", mine->seq, now->seq },
		{ "last_to_ms falls", mine->last_to_ms, now->last_to_ms },
	};

	for (size_t i = 0; i < ARRAY_LEN(rising); i++)
		if (rising[i].now < rising[i].mine)
			return rising[i].name;
	if (!same_terms(&mine->terms, &now->terms))
		return "has other terms";
	if (mine->closing_ms && mine->closing_ms != now->closing_ms)
		return "was told to end at another time";
	if (mine->state == LEASE_CLOSED && now->state != LEASE_CLOSED)
		return "is open again";
	return NULL;
}

static bool same(const struct lease *a, const struct lease *b)
{
	cleanup(buf_fini) struct buf one = BUF_INIT(LEASE_LEN_MAX), two = BUF_INIT(LEASE_LEN_MAX);

	lease_encode(a, &one);
	lease_encode(b, &two);
	return !buf_error(&one) && !buf_error(&two) && one.len == two.len &&
	       !memcmp(one.data, two.data, one.len);
}

/* F3. */
static void confirm(const struct lease *mine, struct lease *now, unsigned int *news)
{
	struct lease_on_chain *c = &now->chain;

	c->confirmations = mine->chain.confirmations;
	if (!now->closing_ms || c->confirmations == LEASE_CONFIRMATIONS)
		return;
	if (!c->confirmations || c->checkpoint > mine->chain.checkpoint) {
		c->confirmations++;
		*news |= LEASE_NEWS_KEEP;
	}
	*news |= c->confirmations == LEASE_CONFIRMATIONS ? LEASE_NEWS_ENDED : LEASE_NEWS_AGAIN;
}

/* The same version again: only its confirmations can be more. */
static int again(const struct lease *mine, struct lease *now, unsigned int *news)
{
	uint64_t checkpoint = now->chain.checkpoint;

	now->chain.checkpoint = mine->chain.checkpoint;
	now->chain.confirmations = mine->chain.confirmations;
	if (!same(mine, now))
		return -EBADMSG;
	if (checkpoint > mine->chain.checkpoint)
		now->chain.checkpoint = checkpoint;
	confirm(mine, now, news);
	if (!*news)
		*now = *mine; /* the checkpoint alone is not worth a write */
	return 0;
}

int lease_follow(const struct lease *mine, const struct lease *seen, struct lease *ret,
		 unsigned int *ret_news, struct err *err)
{
	struct lease now = *seen;
	unsigned int news = 0;
	const char *why;
	int r;

	memcpy(now.terms.label, mine->terms.label, sizeof(now.terms.label));
	memcpy(now.terms.provider, mine->terms.provider, sizeof(now.terms.provider));
	if (now.chain.version < mine->chain.version)
		return err_set(err, -ESTALE, "lease %s: the server is behind version %" PRIu64,
			       mine->terms.label, mine->chain.version);
	now.chain.confirmations = 0;
	r = lease_check(&now, err);
	if (r < 0)
		return r;
	why = fault(mine, &now);
	if (!why && now.chain.version == mine->chain.version && again(mine, &now, &news) < 0)
		why = "has two contents of one version";
	if (why)
		return err_set(err, -EBADMSG, "lease %s: a server says that it %s",
			       mine->terms.label, why);
	if (now.chain.version > mine->chain.version) {
		news = LEASE_NEWS_KEEP;
		confirm(mine, &now, &news);
	}
	if (now.deposited > mine->deposited ||
	    (mine->chain.disputed_until_ms && !now.chain.disputed_until_ms))
		news |= LEASE_NEWS_RETRY;
	if (now.closing_ms && !mine->closing_ms)
		news |= LEASE_NEWS_CLOSING;
	*ret = now;
	*ret_news = news;
	return 0;
}

const char *lease_call_name(enum lease_call call)
{
	static const char *const names[] = {
		[LEASE_CALL_SETTLE] = "settle",
		[LEASE_CALL_FINISH] = "finish",
		[LEASE_CALL_TIME_OUT] = "time_out",
	};

	_Static_assert(ARRAY_LEN(names) == LEASE_CALL_MAX_, "each call has a name");
	return (unsigned int)call < LEASE_CALL_MAX_ ? names[call] : NULL;
}

static bool idle_since(uint64_t at_ms, uint64_t now_ms)
{
	return now_ms >= at_ms && now_ms - at_ms >= LEASE_CALL_IDLE_MS;
}

enum lease_call lease_call_due(const struct lease *l, uint64_t now_ms)
{
	const struct lease_on_chain *c = &l->chain;
	uint64_t last_ms = c->nclaims ? c->claims[c->nclaims - 1].release_ms : 0;
	bool reported = l->last_to_ms >= l->closing_ms;

	if (!c->version || !l->seq || l->state == LEASE_CLOSED)
		return LEASE_CALL_NONE;
	if (c->disputed_until_ms)
		return idle_since(c->disputed_until_ms, now_ms) ? LEASE_CALL_TIME_OUT :
								  LEASE_CALL_NONE;
	if (l->closing_ms && last_ms <= now_ms &&
	    (reported || (now_ms >= l->closing_ms && now_ms - l->closing_ms >= l->terms.grace_ms)))
		return LEASE_CALL_FINISH;
	if (c->nclaims && lease_escrow(l) && idle_since(c->claims[0].release_ms, now_ms))
		return LEASE_CALL_SETTLE;
	return LEASE_CALL_NONE;
}
