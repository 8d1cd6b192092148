/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions: bytes to the fields that the SDK shows and back, fields to bytes, digests and
 * signatures.
 */
#include <string.h>

#include <sodium.h>

#include "chain/tx.h"
#include "interop/vectors/sui.h"

static void want_encoded(struct run *r, const char *what, const struct tx *tx,
			 const struct buf *wanted)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(VECTOR_BYTES_MAX);

	if (want(r, tx_encode(tx, &bytes) == 0, "%s: error %d", what, tx->error))
		want_bytes(r, what, bytes.data, bytes.len, wanted->data, wanted->len);
}

static void check_decoded(struct run *r, const struct json *v, const struct buf *bytes)
{
	cleanup(tx_fini) struct tx tx = {};
	cleanup(json_free) struct json *shown = NULL;
	char difference[512];
	struct err err = {};

	if (!want(r, tx_decode(bytes->data, bytes->len, &tx, &err) == 0, "%s", err.text))
		return;
	shown = tx_to_json(&tx);
	json_difference(shown, json_get(v, "transaction_data"), difference, sizeof(difference));
	want(r, !difference[0], "decoded: %s", difference);
	want_encoded(r, "encoded again", &tx, bytes);
}

static void check_encoded(struct run *r, const struct json *v, const struct buf *bytes)
{
	cleanup(tx_fini) struct tx tx = {};

	if (tx_from_json(r, json_get(v, "transaction_data"), &tx))
		want_encoded(r, "encoded from its fields", &tx, bytes);
}

static void check_digests(struct run *r, const struct json *v, const struct buf *bytes)
{
	static const uint8_t prefix[] = { INTENT_TRANSACTION, 0, 0 };
	uint8_t hash[HASH_LEN], again[HASH_LEN] = {};
	char text[DIGEST_SIZE];

	want_hex(r, v, "intent_prefix_hex", prefix, sizeof(prefix));
	intent_hash(INTENT_TRANSACTION, bytes->data, bytes->len, hash);
	want_hex(r, v, "signing_digest_hex", hash, sizeof(hash));
	tx_digest(bytes->data, bytes->len, hash);
	want_hex(r, v, "transaction_digest_hex", hash, sizeof(hash));
	digest_format(hash, text);
	want_text(r, "transaction_digest_base58", text,
		  json_str(v, "transaction_digest_base58", "(missing)"));
	want(r, digest_parse(text, again) == 0, "digest: not read again");
	want_bytes(r, "digest", again, sizeof(again), hash, sizeof(hash));
}

static void check_signature(struct run *r, const struct json *s, const struct buf *bytes)
{
	cleanup(key_free) struct key *key = signer_key(r, s);
	uint8_t sig[SUI_SIG_LEN], id[OBJECT_ID_LEN];

	if (!key)
		return;
	want_signed(r, s, INTENT_TRANSACTION, bytes->data, bytes->len);
	sui_sign(INTENT_TRANSACTION, bytes->data, bytes->len, key, sig);
	want_hex(r, s, "ed25519_signature_hex", sig + 1, SIG_LEN);
	address_of_key(key_public(key), id);
	want_address(r, s, "address", id);
}

static void check_transaction(struct run *r, const struct json *v)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(VECTOR_BYTES_MAX);
	uint8_t sha256[crypto_hash_sha256_BYTES];
	uint64_t len = 0;

	if (!read_base64(r, v, "tx_bytes_base64", &bytes))
		return;
	want(r, json_u64(v, "tx_bytes_len", &len) == 0 && len == bytes.len, "tx_bytes_len: %zu",
	     bytes.len);
	crypto_hash_sha256(sha256, (const uint8_t *)bytes.data, bytes.len);
	want_hex(r, v, "tx_bytes_sha256_hex", sha256, sizeof(sha256));
	check_decoded(r, v, &bytes);
	check_encoded(r, v, &bytes);
	check_digests(r, v, &bytes);
	json_foreach(s, json_get(v, "signatures"))
		check_signature(r, s, &bytes);
}

void run_sui_transactions(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		vector(r, "transactions", i++, json_str(v, "name", ""));
		check_transaction(r, v);
	}
}
