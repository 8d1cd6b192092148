/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/provider_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/members.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"

static int missing(const char *what, struct err *err)
{
	return err_set(err, -EBADMSG, "the provider or market on chain does not say its %s", what);
}

static int get_u64(const struct json *o, const char *key, uint64_t *ret, struct err *err)
{
	return json_u64(o, key, ret) == 0 ? 0 : missing(key, err);
}

int provider_read(const struct json *provider, const struct json *market,
		  struct provider_state *ret, struct err *err)
{
	const char *owner = json_str(provider, "owner", NULL);
	struct provider_state s = {};
	int r = get_u64(provider, "stake", &s.stake, err);

	if (r == 0)
		r = get_u64(json_get(market, "params"), "min_stake", &s.min_stake, err);
	if (r == 0 && (!owner || strlen(owner) >= sizeof(s.owner)))
		r = missing("owner", err);
	if (r < 0)
		return r;
	memcpy(s.owner, owner, strlen(owner));
	*ret = s;
	return 0;
}

static int get_key(const struct json *key, uint8_t ret[PUBKEY_LEN], struct err *err)
{
	size_t len = 0;

	if (base64_decode(json_str(key, "key", ""), ret, PUBKEY_LEN, &len) == 0 &&
	    len == PUBKEY_LEN)
		return 0;
	return missing("keys", err);
}

int provider_current_key(const struct json *provider, uint8_t *ret, struct err *err)
{
	const struct json *keys = json_get(provider, "keys");

	return get_key(json_at(keys, json_len(keys) ? json_len(keys) - 1 : 0), ret, err);
}

struct look {
	const uint8_t *own_key;
	uint64_t now_ms, unbond_ms;
	const char *own; /* what the own key is there */
};

static int add_unbonding(const struct json *u, const struct look *look, struct json *list,
			 struct err *err)
{
	struct json *o = json_new_object();
	uint64_t amount = 0, release_ms = 0;
	int r = get_u64(u, "amount", &amount, err);

	if (r == 0)
		r = get_u64(u, "release_ms", &release_ms, err);
	member_mist(o, "amount", amount);
	member_time(o, "release", release_ms);
	json_set_bool(o, "free", release_ms <= look->now_ms);
	json_add(list, o);
	return r;
}

/* The last of them is the current one. */
static int add_key(const struct json *k, struct look *look, struct json *list, struct err *err)
{
	const char *state = json_next(k) ? "retired" : "current";
	struct json *o = json_new_object();
	uint8_t key[PUBKEY_LEN] = {};
	uint64_t retired_ms = 0;
	int r = get_key(k, key, err);

	if (r == 0 && json_next(k))
		r = get_u64(k, "retired_ms", &retired_ms, err);
	if (r == 0 && look->own_key && memcmp(key, look->own_key, sizeof(key)) == 0)
		look->own = state;
	member_hex(o, "key", key, sizeof(key));
	json_set_str(o, "state", state);
	member_time(o, "retired", retired_ms);
	/* till then what it signed costs stake */
	member_time(o, "counts_until", retired_ms ? retired_ms + look->unbond_ms : 0);
	json_set_bool(o, "slashed", json_bool(k, "slashed", false));
	json_add(list, o);
	return r;
}

static int set_capacity(struct json *o, const struct json *list, struct err *err)
{
	static const char *const keys[] = { "cpu_millis", "memory_bytes", "net_bytes_s" };
	const struct json *last = json_at(list, json_len(list) ? json_len(list) - 1 : 0);
	struct json *capacity = json_new_object();
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(keys); i++) {
		uint64_t v = 0;

		r = get_u64(last, keys[i], &v, err);
		json_set_u64(capacity, keys[i], v);
	}
	json_set(o, "capacity", capacity);
	return r;
}

static int set_texts(struct json *o, const struct json *provider, struct err *err)
{
	static const struct {
		const char *from, *to;
	} texts[] = { { "id", "provider" }, { "market", "market" }, { "owner", "owner" },
		      { "agent", "agent" }, { "payout", "payout" }, { "endpoint", "endpoint" } };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text = json_str(provider, texts[i].from, NULL);

		if (!text)
			return missing(texts[i].from, err);
		member_text(o, texts[i].to, text);
	}
	return 0;
}

static int set_lists(struct json *o, const struct json *provider, struct look *look,
		     struct err *err)
{
	struct json *unbonding = json_new_array(), *keys = json_new_array();
	int r = 0;

	json_foreach(u, json_get(provider, "unbonding"))
		r = r == 0 ? add_unbonding(u, look, unbonding, err) : r;
	json_foreach(k, json_get(provider, "keys"))
		r = r == 0 ? add_key(k, look, keys, err) : r;
	if (r == 0 && json_len(keys) == 0)
		r = missing("keys", err);
	json_set(o, "unbonding", unbonding);
	json_set(o, "keys", keys);
	return r;
}

int provider_view(const struct json *provider, const struct json *market, const uint8_t *own_key,
		  uint64_t now_ms, struct json **ret, struct err *err)
{
	cleanup(json_free) struct json *o = json_new_object();
	struct look look = { .own_key = own_key, .now_ms = now_ms, .own = "none of its keys" };
	bool jailed = json_bool(provider, "jailed", true);
	struct provider_state s;
	int r = provider_read(provider, market, &s, err);

	if (r == 0)
		r = get_u64(json_get(market, "params"), "unbond_ms", &look.unbond_ms, err);
	if (r == 0)
		r = set_texts(o, provider, err);
	if (r < 0)
		return r;
	member_mist(o, "stake", s.stake);
	member_mist(o, "minimum_stake", s.min_stake);
	json_set_bool(o, "jailed", jailed);
	json_set_bool(o, "backed", !jailed && s.stake >= s.min_stake);
	r = set_capacity(o, json_get(provider, "capacities"), err);
	if (r == 0)
		r = set_lists(o, provider, &look, err);
	if (r < 0)
		return r;
	json_set_str(o, "report_key", own_key ? look.own : NULL);
	*ret = take_ptr(o);
	return 0;
}
