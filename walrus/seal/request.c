/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"

#define ED25519_FLAG 0x00

void seal_personal_message(const struct seal_session *s, char ret[SEAL_MESSAGE_MAX])
{
	char package[2 * SEAL_OBJECT_ID_LEN + 1], key[BASE64_LEN(PUBKEY_LEN)];
	time_t at = (time_t)(s->created_ms / 1000);
	struct tm tm;

	gmtime_r(&at, &tm);
	format_hex(s->package, sizeof(s->package), package);
	base64_encode(key_public(s->key), PUBKEY_LEN, key);
	snprintf(
		ret, SEAL_MESSAGE_MAX,
		"Accessing keys of package 0x%s for %u mins from %04d-%02d-%02d %02d:%02d:%02d UTC, "
		"session key %s",
		package, s->ttl_min, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, key);
}

/* Sui's signature of a personal message: flag, signature, public key. */
static int sign_message(const struct key *user, const char *message,
			uint8_t ret[1 + SIG_LEN + PUBKEY_LEN])
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(SEAL_MESSAGE_MAX + 16);
	static const uint8_t intent[] = { 3, 0, 0 };
	uint8_t hash[HASH_LEN];

	bcs_put_fixed(&bytes, intent, sizeof(intent));
	bcs_put_bytes(&bytes, message, (uint32_t)strlen(message));
	if (buf_error(&bytes))
		return buf_error(&bytes);
	blake2b256(bytes.data, bytes.len, hash);
	ret[0] = ED25519_FLAG;
	key_sign(user, hash, sizeof(hash), ret + 1);
	memcpy(ret + 1 + SIG_LEN, key_public(user), PUBKEY_LEN);
	return 0;
}

static void set_base64(struct json *o, const char *name, const void *data, size_t len)
{
	char text[BASE64_LEN(128)];

	base64_encode(data, len, text);
	json_set_str(o, name, text);
}

struct json *seal_certificate(const struct seal_session *s, const uint8_t user[SEAL_OBJECT_ID_LEN])
{
	char message[SEAL_MESSAGE_MAX], address[2 + 2 * SEAL_OBJECT_ID_LEN + 1] = "0x";
	uint8_t signature[1 + SIG_LEN + PUBKEY_LEN];
	struct json *o = json_new_object();

	format_hex(user, SEAL_OBJECT_ID_LEN, address + 2);
	seal_personal_message(s, message);
	if (sign_message(s->user, message, signature) < 0)
		json_free(&o);
	json_set_str(o, "user", address);
	set_base64(o, "session_vk", key_public(s->key), PUBKEY_LEN);
	json_set_u64(o, "creation_time", s->created_ms);
	json_set_u64(o, "ttl_min", s->ttl_min);
	set_base64(o, "signature", signature, sizeof(signature));
	return o;
}

void seal_request_bytes(const struct seal_request *r, struct buf *out)
{
	uint8_t enc_key[BLS_G1_LEN], verification[BLS_G2_LEN];

	bls_g1_of(r->secret, enc_key);
	bls_g2_of(r->secret, verification);
	bcs_put_bytes(out, r->ptb, (uint32_t)r->ptb_len);
	bcs_put_bytes(out, enc_key, sizeof(enc_key));
	bcs_put_bytes(out, verification, sizeof(verification));
}

static int set_ptb(struct json *o, const struct seal_request *r)
{
	cleanup(free_ptr) char *text = malloc(BASE64_LEN(r->ptb_len));

	if (!text)
		return -ENOMEM;
	base64_encode(r->ptb, r->ptb_len, text);
	return json_set_str(o, "ptb", text);
}

int seal_request_body(const struct seal_request *r, const struct seal_session *s,
		      const uint8_t user[SEAL_OBJECT_ID_LEN], struct buf *out, struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(SEAL_PTB_MAX + 512);
	cleanup(json_free) struct json *o = json_new_object();
	uint8_t enc_key[BLS_G1_LEN], verification[BLS_G2_LEN], signature[SIG_LEN];
	int rc;

	if (r->ptb_len > SEAL_PTB_MAX)
		return err_set(err, -E2BIG, "a transaction of %zu bytes; %d are the limit",
			       r->ptb_len, SEAL_PTB_MAX);
	seal_request_bytes(r, &bytes);
	if (!o || buf_error(&bytes))
		return err_errno(err, -ENOMEM, "a request to a key server");
	key_sign(s->key, bytes.data, bytes.len, signature);
	bls_g1_of(r->secret, enc_key);
	bls_g2_of(r->secret, verification);
	rc = set_ptb(o, r);
	set_base64(o, "enc_key", enc_key, sizeof(enc_key));
	set_base64(o, "enc_verification_key", verification, sizeof(verification));
	set_base64(o, "request_signature", signature, sizeof(signature));
	json_set(o, "certificate", seal_certificate(s, user));
	if (rc == 0)
		rc = json_print(o, false, out);
	return rc < 0 ? err_errno(err, rc, "a request to a key server") : 0;
}

static bool is_id(const struct json *list, const uint8_t *full_id, size_t len)
{
	size_t i = 0;

	json_foreach(byte, list) {
		uint64_t v;

		if (i >= len || json_number(byte, &v) < 0 || v != full_id[i])
			return false;
		i++;
	}
	return i == len;
}

static int read_point(const struct json *list, size_t i, uint8_t ret[BLS_G1_LEN])
{
	const char *text = json_text(json_at(list, i), NULL);
	size_t len;
	int rc = text ? base64_decode(text, ret, BLS_G1_LEN, &len) : -EINVAL;

	if (rc < 0 || len != BLS_G1_LEN)
		return -EBADMSG;
	return bls_g1_check(ret);
}

/* key = c1 - secret * c0 */
static int decrypt_key(const struct json *pair, const struct seal_request *r,
		       uint8_t ret[BLS_G1_LEN])
{
	uint8_t c0[BLS_G1_LEN], c1[BLS_G1_LEN], mask[BLS_G1_LEN];
	int rc = json_len(pair) == 2 ? read_point(pair, 0, c0) : -EBADMSG;

	if (rc == 0)
		rc = read_point(pair, 1, c1);
	if (rc == 0)
		rc = bls_g1_mul(c0, r->secret, mask);
	if (rc == 0)
		rc = bls_g1_sub(c1, mask, ret);
	wipe(mask, sizeof(mask));
	return rc;
}

int seal_answer_key(const struct json *answer, const struct seal_query *q,
		    struct seal_user_key *ret, struct err *err)
{
	cleanup(seal_user_key_wipe) struct seal_user_key got = {};
	int rc;

	json_foreach(item, json_get(answer, "decryption_keys")) {
		if (!is_id(json_get(item, "id"), q->full_id, q->full_id_len))
			continue;
		if (decrypt_key(json_get(item, "encrypted_key"), q->request, got.key) < 0)
			return err_set(err, -EBADMSG,
				       "the key server's answer holds no two points");
		rc = seal_key_check(q->server, q->full_id, q->full_id_len, got.key, err);
		if (rc < 0)
			return rc;
		memcpy(got.server, q->server->id, sizeof(got.server));
		*ret = got;
		return 0;
	}
	return err_set(err, -EBADMSG, "the key server's answer holds no key for this id");
}
