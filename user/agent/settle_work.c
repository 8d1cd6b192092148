/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settle_work.h"

#include <errno.h>

#include "core/err.h"
#include "core/json.h"
#include "walrus/blobname.h"

static int missing(const char *what, struct err *err)
{
	return err_set(err, -EBADMSG, "the lease on chain does not say its %s", what);
}

static int read_id(const struct json *fields, const char *name, uint8_t ret[OBJECT_ID_LEN],
		   struct err *err)
{
	return address_parse(json_str(fields, name, ""), ret) < 0 ? missing(name, err) : 0;
}

/* A vector of bytes, which travels as base64. */
static int read_bytes(const struct json *work, const char *name, uint8_t *ret, size_t size,
		      size_t *ret_len, struct err *err)
{
	const char *text = json_str(work, name, NULL);

	return !text || base64_decode(text, ret, size, ret_len) < 0 ? missing(name, err) : 0;
}

int settle_read_work(const struct json *fields, struct settle_work *ret, struct err *err)
{
	const struct json *work = json_get(fields, "work");
	struct settle_work w = {};
	size_t sri_len = 0;
	int r = read_id(fields, "market", w.market, err);

	if (r == 0)
		r = read_id(fields, "provider", w.provider, err);
	if (r == 0 && blobname_parse(json_str(work, "blob_id", ""), w.blob_id, NULL) < 0)
		r = missing("blob_id", err);
	if (r == 0)
		r = read_bytes(work, "sri", w.sri, sizeof(w.sri), &sri_len, err);
	if (r == 0)
		r = read_bytes(work, "seal_id", w.seal_id, sizeof(w.seal_id), &w.seal_id_len, err);
	if (r == 0 && sri_len && sri_len != sizeof(w.sri))
		r = missing("sri", err);
	if (r < 0)
		return r;
	w.has_sri = sri_len;
	*ret = w;
	return 0;
}
