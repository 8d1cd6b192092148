/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of @mysten/sui but transactions (sui_tx.c). */
#include "interop/vectors/sui.h"

#include <stdlib.h>
#include <string.h>

#include "chain/address.h"
#include "chain/base58.h"
#include "chain/report.h"
#include "chain/sign.h"
#include "chain/suikey.h"
#include "chain/type_tag.h"
#include "core/bcs.h"
#include "core/parse.h"

static const char *label_of(const struct json *v, const char *key)
{
	return json_str(v, key, "");
}

struct key *signer_key(struct run *r, const struct json *v)
{
	const char *label = label_of(v, "signer");
	uint8_t seed[KEY_SEED_LEN];
	struct key *key = NULL;

	json_foreach(k, json_get(r->file, "keys")) {
		if (strcmp(label_of(k, "label"), label) != 0)
			continue;
		if (read_fixed(r, k, "seed_hex", seed, sizeof(seed)))
			want(r, key_from_seed(seed, &key) == 0, "no memory");
		return key;
	}
	want(r, false, "signer \"%s\" is not among the keys", label);
	return NULL;
}

bool want_address(struct run *r, const struct json *v, const char *key,
		  const uint8_t id[OBJECT_ID_LEN])
{
	char text[ADDRESS_SIZE];
	uint8_t again[OBJECT_ID_LEN];

	address_format(id, text);
	return want_text(r, key, text, json_str(v, key, "(missing)")) &&
	       want(r, address_parse(text, again) == 0, "%s: not read again", key) &&
	       want_bytes(r, key, again, sizeof(again), id, OBJECT_ID_LEN);
}

/* One key from its seed, and from its text: the same. */
static void check_key(struct run *r, const struct json *v)
{
	cleanup(key_free) struct key *key = NULL;
	cleanup(key_free) struct key *imported = NULL;
	uint8_t seed[KEY_SEED_LEN], id[OBJECT_ID_LEN], flagged[1 + PUBKEY_LEN] = {};
	const char *text = json_str(v, "suiprivkey", "");
	char again[SUIKEY_SIZE];
	struct err err = {};

	if (!read_fixed(r, v, "seed_hex", seed, sizeof(seed)) ||
	    !want(r, key_from_seed(seed, &key) == 0, "no memory"))
		return;
	memcpy(flagged + 1, key_public(key), PUBKEY_LEN);
	address_of_key(key_public(key), id);
	want_hex(r, v, "public_key_hex", key_public(key), PUBKEY_LEN);
	want_base64(r, v, "public_key_base64", key_public(key), PUBKEY_LEN);
	want_base64(r, v, "sui_public_key_base64", flagged, sizeof(flagged));
	want_address(r, v, "address", id);
	suikey_format(key, again);
	want_text(r, "suiprivkey", again, text);
	if (!want(r, suikey_parse(text, &imported, &err) == 0, "suiprivkey: %s", err.text))
		return;
	key_seed(imported, seed);
	want_hex(r, v, "seed_hex", seed, sizeof(seed));
	want_bytes(r, "public key", key_public(imported), PUBKEY_LEN, key_public(key), PUBKEY_LEN);
}

static void check_keys(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		vector(r, "keys", i++, label_of(v, "label"));
		check_key(r, v);
	}
}

/* Texts that must be refused, for the flag alone or for anything. */
static void check_foreign_keys(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		cleanup(key_free) struct key *key = NULL;
		struct err err = {};

		vector(r, "foreign_keys", i++, label_of(v, "scheme"));
		want(r, suikey_parse(json_str(v, "suiprivkey", ""), &key, &err) == -ENOTSUP,
		     "not refused for its scheme: %s", err.text);
	}
}

static void check_invalid_keys(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		cleanup(key_free) struct key *key = NULL;

		vector(r, "invalid_suiprivkeys", i++, label_of(v, "why"));
		want(r, suikey_parse(json_str(v, "value", ""), &key, NULL) < 0, "taken");
	}
}

static void check_uleb128(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		cleanup(buf_fini) struct buf bytes = BUF_INIT(16);
		uint64_t value = 0;
		struct bcs in;

		vector(r, "uleb128", i++, "");
		if (!want(r, json_u64(v, "value", &value) == 0 && value <= UINT32_MAX,
			  "value: not 32 bits"))
			continue;
		bcs_put_uleb(&bytes, (uint32_t)value);
		want_hex(r, v, "hex", bytes.data, bytes.len);
		if (!read_hex(r, v, "hex", &bytes))
			continue;
		bcs_init(&in, bytes.data, bytes.len);
		want(r, bcs_get_uleb(&in, UINT32_MAX) == value && bcs_end(&in) == 0,
		     "not read to its value");
	}
}

static void check_base58(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		cleanup(buf_fini) struct buf bytes = BUF_INIT(BASE58_BYTES_MAX);
		char text[BASE58_SIZE(BASE58_BYTES_MAX)];
		const char *wanted = json_str(v, "base58", "(missing)");
		uint8_t again[BASE58_BYTES_MAX];
		size_t len = 0;

		vector(r, "base58", i++, wanted);
		if (!read_hex(r, v, "hex", &bytes))
			continue;
		base58_encode(bytes.data, bytes.len, text);
		want_text(r, "base58", text, wanted);
		want(r, base58_decode(wanted, again, sizeof(again), &len) == 0, "not read");
		want_bytes(r, "hex", again, len, bytes.data, bytes.len);
	}
}

bool read_type(struct run *r, const char *text, struct buf *ret)
{
	struct err err = {};

	return want(r, type_tag_parse(text, ret, &err) == 0, "%s", err.text);
}

/* The text to bytes, the bytes to the long form of the text, and that to the same bytes. */
static void check_type(struct run *r, const struct json *v)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(TYPE_TAG_LEN_MAX);
	cleanup(buf_fini) struct buf again = BUF_INIT(TYPE_TAG_LEN_MAX);
	cleanup(buf_fini) struct buf text = BUF_INIT(VECTOR_BYTES_MAX);
	struct err err = {};

	if (!read_type(r, json_str(v, "type", ""), &bytes))
		return;
	want_hex(r, v, "bcs_hex", bytes.data, bytes.len);
	if (read_hex(r, v, "bcs_hex", &bytes) &&
	    want(r, type_tag_format(bytes.data, bytes.len, &text, &err) == 0, "%s", err.text) &&
	    read_type(r, text.data, &again))
		want_bytes(r, "bcs_hex again", again.data, again.len, bytes.data, bytes.len);
}

static void check_types(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		vector(r, "type_tags", i++, label_of(v, "type"));
		check_type(r, v);
	}
}

static void check_child_id(struct run *r, const struct json *v, const char *result, bool derived)
{
	cleanup(buf_fini) struct buf type = BUF_INIT(TYPE_TAG_LEN_MAX);
	cleanup(buf_fini) struct buf key = BUF_INIT(VECTOR_BYTES_MAX);
	uint8_t parent[OBJECT_ID_LEN], id[OBJECT_ID_LEN] = {};

	if (!read_fixed(r, v, "parent", parent, sizeof(parent)) ||
	    !read_type(r, json_str(v, "key_type", ""), &type) ||
	    !read_hex(r, v, "key_bcs_hex", &key))
		return;
	if (derived)
		want(r, derived_object_id(parent, &type, key.data, key.len, id) == 0, "no memory");
	else
		dynamic_field_id(parent, &type, key.data, key.len, id);
	want_address(r, v, result, id);
}

static void check_dynamic_fields(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		vector(r, "dynamic_field_ids", i++, label_of(v, "key_type"));
		check_child_id(r, v, "field_object_id", false);
	}
}

static void check_derived_objects(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		vector(r, "derived_object_ids", i++, label_of(v, "key_type"));
		check_child_id(r, v, "derived_object_id", true);
	}
}

void want_signed(struct run *r, const struct json *v, enum intent scope, const void *message,
		 size_t len)
{
	cleanup(buf_fini) struct buf sig = BUF_INIT(VECTOR_BYTES_MAX);
	cleanup(key_free) struct key *key = signer_key(r, v);
	uint8_t bytes[SUI_SIG_LEN], pub[PUBKEY_LEN] = {};

	if (!key)
		return;
	sui_sign(scope, message, len, key, bytes);
	want_base64(r, v, "signature_base64", bytes, sizeof(bytes));
	if (!read_base64(r, v, "signature_base64", &sig))
		return;
	want(r, sui_verify(scope, message, len, sig.data, sig.len, pub) == 0, "does not verify");
	want_bytes(r, "key in the signature", pub, sizeof(pub), key_public(key), PUBKEY_LEN);
	sig.data[1] ^= 1;
	want(r, sui_verify(scope, message, len, sig.data, sig.len, pub) < 0,
	     "another signature verifies as well");
}

static void check_personal_message(struct run *r, const struct json *v)
{
	cleanup(buf_fini) struct buf message = BUF_INIT(VECTOR_BYTES_MAX);
	cleanup(buf_fini) struct buf bcs = BUF_INIT(VECTOR_BYTES_MAX);
	cleanup(buf_fini) struct buf wanted = BUF_INIT(VECTOR_BYTES_MAX);
	uint8_t hash[HASH_LEN];

	if (!read_hex(r, v, "message_hex", &message) ||
	    !read_hex(r, v, "intent_message_hex", &wanted))
		return;
	bcs_put_bytes(&bcs, message.data, (uint32_t)message.len);
	if (want(r, wanted.len > 3 && memcmp(wanted.data, "\3\0\0", 3) == 0, "another intent"))
		want_bytes(r, "intent message", bcs.data, bcs.len, wanted.data + 3, wanted.len - 3);
	intent_hash(INTENT_PERSONAL_MESSAGE, bcs.data, bcs.len, hash);
	want_hex(r, v, "signing_digest_hex", hash, sizeof(hash));
	want_signed(r, v, INTENT_PERSONAL_MESSAGE, bcs.data, bcs.len);
}

static void check_personal_messages(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		vector(r, "personal_messages", i++, label_of(v, "signer"));
		check_personal_message(r, v);
	}
}

static bool read_report(struct run *r, const struct json *fields, struct report *ret)
{
	return read_fixed(r, fields, "market", ret->market, sizeof(ret->market)) &&
	       read_fixed(r, fields, "lease", ret->lease, sizeof(ret->lease)) &&
	       read_fixed(r, fields, "usage_hash", ret->usage_hash, sizeof(ret->usage_hash)) &&
	       want(r,
		    json_u64(fields, "seq", &ret->seq) == 0 &&
			    json_u64(fields, "from_ms", &ret->from_ms) == 0 &&
			    json_u64(fields, "to_ms", &ret->to_ms) == 0 &&
			    json_u64(fields, "total_due", &ret->total_due) == 0,
		    "a number is missing");
}

static void check_report(struct run *r, const struct json *v)
{
	cleanup(key_free) struct key *key = signer_key(r, v);
	cleanup(buf_fini) struct buf message = BUF_INIT(VECTOR_BYTES_MAX);
	uint8_t bytes[REPORT_LEN], sig[SIG_LEN], hash[HASH_LEN];
	struct report report = {}, again = {};
	struct err err = {};

	if (!key || !read_report(r, json_get(v, "fields"), &report))
		return;
	report_sign(&report, key, bytes, sig);
	want_hex(r, v, "message_hex", bytes, sizeof(bytes));
	want_hex(r, json_get(v, "fields"), "domain", bytes, 16);
	want_hex(r, v, "ed25519_signature_hex", sig, sizeof(sig));
	want_hex(r, v, "public_key_hex", key_public(key), PUBKEY_LEN);
	report_hash(bytes, hash);
	want_hex(r, v, "message_blake2b256_hex", hash, sizeof(hash));
	if (!read_hex(r, v, "message_hex", &message) ||
	    !read_fixed(r, v, "ed25519_signature_hex", sig, sizeof(sig)) ||
	    !want(r,
		  report_verify(message.data, message.len, sig, key_public(key), &again, &err) == 0,
		  "%s", err.text))
		return;
	report_encode(&again, bytes);
	want_hex(r, v, "message_hex", bytes, sizeof(bytes));
}

static void check_reports(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		vector(r, "usage_reports", i++, label_of(v, "signer"));
		check_report(r, v);
	}
}

void run_sui(struct run *r)
{
	static const struct group groups[] = {
		{ "made_with", NULL },
		{ "conventions", NULL },
		{ "keys", check_keys },
		{ "foreign_keys", check_foreign_keys },
		{ "invalid_suiprivkeys", check_invalid_keys },
		{ "uleb128", check_uleb128 },
		{ "base58", check_base58 },
		{ "type_tags", check_types },
		{ "dynamic_field_ids", check_dynamic_fields },
		{ "derived_object_ids", check_derived_objects },
		{ "personal_messages", check_personal_messages },
		{ "usage_reports", check_reports },
		{ "transactions", run_sui_transactions },
		{},
	};

	run_groups(r, groups);
}
