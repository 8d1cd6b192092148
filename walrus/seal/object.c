/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/object.h"

#include <errno.h>
#include <string.h>

#include "core/bcs.h"
#include "core/buf.h"
#include "core/err.h"

static void get_services(struct bcs *in, struct seal_object *o)
{
	o->n_services = (uint8_t)bcs_get_uleb(in, SEAL_SERVICES_MAX);
	for (size_t i = 0; i < o->n_services; i++) {
		bcs_copy_fixed(in, o->services[i].server, SEAL_OBJECT_ID_LEN);
		o->services[i].index = bcs_get_u8(in);
	}
	o->threshold = bcs_get_u8(in);
}

/* The number of shares; another than that of services is a fault of the object. */
static uint32_t get_shares(struct bcs *in, struct seal_object *o)
{
	uint32_t n;

	bcs_copy_fixed(in, o->nonce, sizeof(o->nonce));
	n = bcs_get_uleb(in, SEAL_SERVICES_MAX);
	for (size_t i = 0; i < n; i++)
		bcs_copy_fixed(in, o->services[i].encrypted_share, SHARE_LEN);
	bcs_copy_fixed(in, o->encrypted_randomness, sizeof(o->encrypted_randomness));
	return n;
}

static void get_ciphertext(struct bcs *in, uint32_t max_blob, struct seal_object *o)
{
	o->cipher = bcs_get_uleb(in, SEAL_CIPHER_MAX_ - 1);
	if (o->cipher == SEAL_PLAIN)
		return;
	o->blob = bcs_get_bytes(in, max_blob, &o->blob_len);
	o->has_aad = bcs_get_bool(in);
	if (o->has_aad)
		o->aad = bcs_get_bytes(in, SEAL_AAD_MAX, &o->aad_len);
	if (o->cipher == SEAL_HMAC_CTR)
		bcs_copy_fixed(in, o->mac, sizeof(o->mac));
}

static const char *fault_of(const struct seal_object *o, uint32_t shares)
{
	bool seen[SEAL_SERVICES_MAX + 1] = { [0] = true };

	if (!o->threshold || o->threshold > o->n_services)
		return "the threshold is not between 1 and the number of key servers";
	if (shares != o->n_services)
		return "there is not one share for each key server";
	for (size_t i = 0; i < o->n_services; i++) {
		if (seen[o->services[i].index])
			return "two shares have one index, or one has index 0";
		seen[o->services[i].index] = true;
	}
	return NULL;
}

int seal_object_decode(const void *data, size_t len, uint32_t max_blob, struct seal_object *ret,
		       struct err *err)
{
	struct seal_object o = {};
	uint8_t version, ibe;
	const char *fault;
	uint32_t shares;
	struct bcs in;

	if (len > (size_t)max_blob + SEAL_AAD_MAX + (1 << 16))
		return err_set(err, -E2BIG, "an encrypted object of %zu bytes; %u are the limit",
			       len, max_blob);
	bcs_init(&in, data, len);
	version = bcs_get_u8(&in);
	bcs_copy_fixed(&in, o.package, sizeof(o.package));
	o.id = bcs_get_bytes(&in, SEAL_ID_MAX, &o.id_len);
	get_services(&in, &o);
	ibe = (uint8_t)bcs_get_uleb(&in, 255);
	shares = get_shares(&in, &o);
	get_ciphertext(&in, max_blob, &o);
	if (bcs_end(&in) < 0 || version || ibe)
		return err_set(err, -EBADMSG,
			       "not an encrypted object of Seal, or of another version");
	fault = fault_of(&o, shares);
	if (fault)
		return err_set(err, -EBADMSG, "an encrypted object: %s", fault);
	*ret = o;
	return 0;
}

void seal_object_encode(const struct seal_object *o, struct buf *out)
{
	bcs_put_u8(out, 0);
	bcs_put_fixed(out, o->package, sizeof(o->package));
	bcs_put_bytes(out, o->id, o->id_len);
	bcs_put_uleb(out, o->n_services);
	for (size_t i = 0; i < o->n_services; i++) {
		bcs_put_fixed(out, o->services[i].server, SEAL_OBJECT_ID_LEN);
		bcs_put_u8(out, o->services[i].index);
	}
	bcs_put_u8(out, o->threshold);
	bcs_put_uleb(out, 0);
	bcs_put_fixed(out, o->nonce, sizeof(o->nonce));
	bcs_put_uleb(out, o->n_services);
	for (size_t i = 0; i < o->n_services; i++)
		bcs_put_fixed(out, o->services[i].encrypted_share, SHARE_LEN);
	bcs_put_fixed(out, o->encrypted_randomness, sizeof(o->encrypted_randomness));
	bcs_put_uleb(out, o->cipher);
	if (o->cipher == SEAL_PLAIN)
		return;
	bcs_put_bytes(out, o->blob, o->blob_len);
	bcs_put_bool(out, o->has_aad);
	if (o->has_aad)
		bcs_put_bytes(out, o->aad, o->aad_len);
	if (o->cipher == SEAL_HMAC_CTR)
		bcs_put_fixed(out, o->mac, sizeof(o->mac));
}

size_t seal_full_id(const uint8_t package[SEAL_OBJECT_ID_LEN], const uint8_t *id, size_t id_len,
		    uint8_t ret[SEAL_FULL_ID_MAX])
{
	memcpy(ret, package, SEAL_OBJECT_ID_LEN);
	memcpy(ret + SEAL_OBJECT_ID_LEN, id, id_len);
	return SEAL_OBJECT_ID_LEN + id_len;
}
