/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, requests and answers of @mysten/seal's key servers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/bcs.h"
#include "core/crypto.h"
#include "core/parse.h"
#include "interop/vectors/seal.h"

#define BODY_MAX (1U << 20)

static bool read_user(struct run *r, struct key **ret, uint8_t ret_address[SEAL_OBJECT_ID_LEN])
{
	uint8_t seed[KEY_SEED_LEN];

	return read_fixed(r, r->file, "user_ed25519_seed_hex", seed, sizeof(seed)) &&
	       read_fixed(r, r->file, "user_address", ret_address, SEAL_OBJECT_ID_LEN) &&
	       want(r, key_from_seed(seed, ret) == 0, "no memory");
}

/* A session of the certificate's time and length; its key stands in for the one that is not in the file. */
static bool read_session(struct run *r, const struct json *certificate, const struct key *user,
			 const struct key *key, struct seal_session *ret)
{
	uint64_t ttl = 0;

	ret->user = user;
	ret->key = key;
	if (!read_fixed(r, r->file, "package_id", ret->package, sizeof(ret->package)))
		return false;
	want(r, json_u64(certificate, "creation_time", &ret->created_ms) == 0, "creation_time");
	want(r, json_u64(certificate, "ttl_min", &ttl) == 0, "ttl_min");
	ret->ttl_min = (uint32_t)ttl;
	return true;
}

/* Signature of a personal message by the user, as the certificate has it. */
static void check_certificate(struct run *r, const struct json *certificate, const char *message)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(SEAL_MESSAGE_MAX + 16);
	cleanup(buf_fini) struct buf signature = BUF_INIT(1024);
	static const uint8_t intent[] = { 3, 0, 0 };
	uint8_t hash[HASH_LEN];

	bcs_put_fixed(&bytes, intent, sizeof(intent));
	bcs_put_bytes(&bytes, message, (uint32_t)strlen(message));
	blake2b256(bytes.data, bytes.len, hash);
	if (!read_base64(r, certificate, "signature", &signature) ||
	    !want(r, signature.len == 1 + SIG_LEN + PUBKEY_LEN && signature.data[0] == 0,
		  "signature: not one by Ed25519"))
		return;
	want(r,
	     sig_valid((const uint8_t *)signature.data + 1 + SIG_LEN, hash, sizeof(hash),
		       (const uint8_t *)signature.data + 1),
	     "the certificate's signature is not valid");
}

/* The text with the session's public key in place of the one at its end. */
static void check_message(struct run *r, const struct seal_session *s, const char *wanted)
{
	char message[SEAL_MESSAGE_MAX];
	size_t len = strlen(wanted), tail = BASE64_LEN(PUBKEY_LEN) - 1;

	seal_personal_message(s, message);
	want(r, len > tail && strlen(message) == len && memcmp(message, wanted, len - tail) == 0,
	     "personal message: got '%s'", message);
}

void check_session(struct run *r, const struct json *v)
{
	const struct json *certificate = json_get(v, "certificate");
	const char *message = json_str(v, "personal_message_utf8", "");
	cleanup(key_free) struct key *user = NULL;
	cleanup(key_free) struct key *other = NULL;
	uint8_t address[SEAL_OBJECT_ID_LEN];
	struct seal_session s = {};

	vector(r, "session", 0, "");
	if (!read_user(r, &user, address) || !want(r, key_new(&other) == 0, "no memory") ||
	    !read_session(r, certificate, user, other, &s))
		return;
	check_message(r, &s, message);
	check_certificate(r, certificate, message);
}

/* ---- What was recorded ---------------------------------------------------------------------- */

static void check_signed_bytes(struct run *r, const struct json *v, const struct json *body)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(BODY_MAX);
	cleanup(buf_fini) struct buf part = BUF_INIT(BODY_MAX);
	cleanup(buf_fini) struct buf signature = BUF_INIT(1024);
	cleanup(buf_fini) struct buf key = BUF_INIT(1024);
	static const char *const parts[] = { "ptb", "enc_key", "enc_verification_key" };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (read_base64(r, body, parts[i], &part))
			bcs_put_bytes(&bytes, part.data, (uint32_t)part.len);
	want_hex(r, v, "request_signed_bytes_hex", bytes.data, bytes.len);
	if (read_base64(r, body, "request_signature", &signature) &&
	    read_base64(r, json_get(body, "certificate"), "session_vk", &key) &&
	    want(r, signature.len == SIG_LEN && key.len == PUBKEY_LEN, "signature or key"))
		want(r,
		     sig_valid((const uint8_t *)key.data, bytes.data, bytes.len,
			       (const uint8_t *)signature.data),
		     "request_signature is not valid");
}

static bool read_g1(struct run *r, const struct json *text, uint8_t ret[BLS_G1_LEN])
{
	size_t len = 0;

	return want(r,
		    base64_decode(json_text(text, ""), ret, BLS_G1_LEN, &len) == 0 &&
			    len == BLS_G1_LEN,
		    "not a point");
}

/* The server's side of ElGamal: c0 = g1 r, c1 = key + enc_key r, with the r that the file tells. */
static void check_answer(struct run *r, const struct json *server, const struct json *body,
			 const struct json *answer)
{
	const struct json *pair =
		json_get(json_at(json_get(answer, "decryption_keys"), 0), "encrypted_key");
	uint8_t c0[BLS_G1_LEN], c1[BLS_G1_LEN], enc_key[BLS_G1_LEN], mask[BLS_G1_LEN];
	uint8_t scalar[BLS_SCALAR_LEN], point[BLS_G1_LEN];

	if (!read_g1(r, json_at(pair, 0), c0) || !read_g1(r, json_at(pair, 1), c1) ||
	    !read_g1(r, json_get(body, "enc_key"), enc_key) ||
	    !read_fixed(r, server, "elgamal_r_hex", scalar, sizeof(scalar)))
		return;
	bls_g1_of(scalar, point);
	want_bytes(r, "c0", point, sizeof(point), c0, sizeof(c0));
	if (want(r, bls_g1_mul(enc_key, scalar, mask) == 0 && bls_g1_sub(c1, mask, point) == 0,
		 "no points"))
		want_hex(r, server, "user_secret_key_hex", point, sizeof(point));
}

void check_exchanges(struct run *r, const struct json *group)
{
	size_t i = 0;

	json_foreach(v, group) {
		const struct json *body = json_get(v, "request_body"), *server;

		vector(r, "fetch_key_exchanges", i++, json_str(v, "url", ""));
		check_signed_bytes(r, v, body);
		server = seal_server_json(r, json_str(v, "server", ""));
		if (server)
			check_answer(r, server, body, json_get(v, "response_body"));
	}
}

/* ---- A request with nothing random in it ---------------------------------------------------- */

static void check_request(struct run *r, const struct json *v, const struct seal_session *s,
			  const uint8_t *user, const struct seal_request *request)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(BODY_MAX);
	cleanup(buf_fini) struct buf text = BUF_INIT(BODY_MAX);
	cleanup(json_free) struct json *body = NULL;
	cleanup(json_free) struct json *certificate = seal_certificate(s, user);
	char message[SEAL_MESSAGE_MAX];
	struct err err = {};

	seal_request_bytes(request, &bytes);
	want_hex(r, v, "request_format_bcs_hex", bytes.data, bytes.len);
	seal_personal_message(s, message);
	want_text(r, "personal_message_utf8", message, json_str(v, "personal_message_utf8", ""));
	for (size_t i = 0; i < 2; i++) {
		static const char *const names[] = { "session_vk", "signature" };

		want_text(r, names[i], json_str(certificate, names[i], ""),
			  json_str(json_get(v, "certificate"), names[i], ""));
	}
	if (!want(r, seal_request_body(request, s, user, &text, &err) == 0, "%s", err.text) ||
	    !want(r, json_parse(text.data, text.len, BODY_MAX, "body", &body, &err) == 0, "%s",
		  err.text))
		return;
	want_text(r, "request_signature", json_str(body, "request_signature", ""),
		  json_str(v, "request_signature_b64", ""));
}

static void check_response(struct run *r, const struct json *v, const struct seal_request *request)
{
	cleanup(buf_fini) struct buf id = BUF_INIT(SEAL_FULL_ID_MAX);
	struct seal_server server;
	struct seal_user_key key, got;
	struct err err = {};

	if (!seal_server_read(r, seal_server_json(r, json_str(v, "server", "")), &server, &key) ||
	    !seal_read_full_id(r, &id))
		return;
	const struct seal_query q = {
		.request = request,
		.server = &server,
		.full_id = (const uint8_t *)id.data,
		.full_id_len = id.len,
	};

	if (!want(r, seal_answer_key(v, &q, &got, &err) == 0, "%s", err.text))
		return;
	want_hex(r, v, "decrypts_to_user_secret_key_hex", got.key, sizeof(got.key));
	server.public_key[0] ^= 0x20; /* another's: the negative point */
	want(r, seal_answer_key(v, &q, &got, NULL) == -EKEYREJECTED,
	     "a key of another server was accepted");
}

void check_deterministic(struct run *r, const struct json *v)
{
	cleanup(buf_fini) struct buf ptb = BUF_INIT(SEAL_PTB_MAX);
	cleanup(key_free) struct key *user = NULL;
	cleanup(key_free) struct key *key = NULL;
	uint8_t address[SEAL_OBJECT_ID_LEN], seed[KEY_SEED_LEN], g1[BLS_G1_LEN], g2[BLS_G2_LEN];
	struct seal_request request = {};
	struct seal_session s = {};

	vector(r, "deterministic_request", 0, "");
	if (!read_user(r, &user, address) ||
	    !read_fixed(r, v, "session_ed25519_seed_hex", seed, sizeof(seed)) ||
	    !read_fixed(r, v, "elgamal_secret_hex", request.secret, sizeof(request.secret)) ||
	    !read_hex(r, json_get(r->file, "ptb"), "ptb_bcs_hex", &ptb) ||
	    !want(r, key_from_seed(seed, &key) == 0, "no memory") ||
	    !read_session(r, json_get(v, "certificate"), user, key, &s))
		return;
	request.ptb = (const uint8_t *)ptb.data;
	request.ptb_len = ptb.len;
	bls_g1_of(request.secret, g1);
	bls_g2_of(request.secret, g2);
	want_hex(r, v, "enc_key_hex", g1, sizeof(g1));
	want_hex(r, v, "enc_verification_key_hex", g2, sizeof(g2));
	check_request(r, v, &s, address, &request);
	json_foreach(response, json_get(v, "responses"))
		check_response(r, response, &request);
}
