/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/deed_int.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"

#define FILE_MAX (4U * TX_LEN_MAX)

void deed_file_fini(struct deed_file *f)
{
	buf_fini(&f->tx);
}

/* Decodes a member in base64. */
static int read_bytes(const struct json *o, const char *key, uint8_t *ret, size_t size,
		      size_t *ret_len)
{
	return base64_decode(json_str(o, key, ""), ret, size, ret_len);
}

static int parse_file(const struct deed *d, const struct json *o, struct deed_file *f)
{
	cleanup(free_ptr) uint8_t *tx = malloc(TX_LEN_MAX);
	uint8_t pub[PUBKEY_LEN], chain[HASH_LEN];
	size_t len = 0, sig_len = 0;

	if (!tx)
		return -ENOMEM;
	snprintf(f->what, sizeof(f->what), "%s", json_str(o, "what", ""));
	if (read_bytes(o, "tx", tx, TX_LEN_MAX, &len) < 0 ||
	    read_bytes(o, "signature", f->signature, SUI_SIG_LEN, &sig_len) < 0 ||
	    json_u64(o, "max_epoch", &f->max_epoch) < 0 ||
	    digest_parse(json_str(o, "chain", ""), chain) < 0 ||
	    sui_verify(INTENT_TRANSACTION, tx, len, f->signature, sig_len, pub) < 0 ||
	    memcmp(pub, key_public(d->key), PUBKEY_LEN) != 0)
		return -EBADMSG;
	if (memcmp(chain, d->site.genesis, HASH_LEN) != 0)
		return -EXDEV;
	tx_digest(tx, len, f->digest);
	return buf_append(&f->tx, tx, len);
}

int deed_file_read(const struct deed *d, struct deed_file *ret, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(FILE_MAX);
	cleanup(deed_file_fini) struct deed_file f = { .tx = BUF_INIT(TX_LEN_MAX) };
	cleanup(json_free) struct json *o = NULL;
	int r;

	if (access(d->path, F_OK) < 0 && errno == ENOENT)
		return -ENOENT;
	r = file_read(d->path, &text, err);
	if (r == 0)
		r = json_parse(text.data ? text.data : "", text.len, FILE_MAX, d->path, &o, err);
	if (r < 0)
		return r;
	r = parse_file(d, o, &f);
	if (r == -EXDEV)
		return err_set(err, r,
			       "%s: its transaction is of another chain than chain.network; finish "
			       "it there",
			       d->path);
	if (r < 0)
		return err_set(err, r,
			       "%s: is not an open transaction of this key; look at it before you "
			       "remove it: it may have been sent",
			       d->path);
	*ret = f;
	f.tx = (struct buf)BUF_INIT(0);
	return 0;
}

int deed_file_write(const struct deed *d, const struct deed_file *f, struct err *err)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(FILE_MAX);
	cleanup(json_free) struct json *o = json_new_object();
	char digest[DIGEST_SIZE], chain[DIGEST_SIZE];
	int r;

	digest_format(f->digest, digest);
	digest_format(d->site.genesis, chain);
	json_set_str(o, "what", f->what);
	json_set_str(o, "chain", chain);
	json_set_str(o, "digest", digest);
	json_set_u64(o, "max_epoch", f->max_epoch);
	json_set_base64(o, "tx", f->tx.data, f->tx.len);
	json_set_base64(o, "signature", f->signature, SUI_SIG_LEN);
	r = json_print(o, false, &text);
	if (r == 0)
		r = buf_puts(&text, "\n");
	if (r < 0)
		return err_errno(err, r, "%s", d->path);
	return file_create_atomic(d->path, text.data, text.len, 0600, err);
}

int deed_file_remove(const struct deed *d, struct err *err)
{
	return unlink(d->path) == 0 || errno == ENOENT ?
		       0 :
		       err_errno(err, -errno, "%s: cannot remove", d->path);
}
