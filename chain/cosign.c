/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/cosign.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"

int cosign_make(const uint8_t report[REPORT_LEN], const struct key *key, struct cosign *ret,
		struct err *err)
{
	struct cosign c = {};
	int r = report_decode(report, REPORT_LEN, &c.fields, err);

	if (r < 0)
		return r;
	memcpy(c.report, report, REPORT_LEN);
	memcpy(c.key, key_public(key), PUBKEY_LEN);
	report_cosign(report, key, c.sig);
	*ret = c;
	return 0;
}

int cosign_render(const struct cosign *c, struct buf *out)
{
	cleanup(json_free) struct json *o = json_new_object();
	char text[2 * REPORT_LEN + 1];
	int r;

	json_set_str(o, "version", COSIGN_VERSION);
	format_hex(c->report, REPORT_LEN, text);
	json_set_str(o, "report", text);
	format_hex(c->key, PUBKEY_LEN, text);
	json_set_str(o, "key", text);
	format_hex(c->sig, SIG_LEN, text);
	json_set_str(o, "signature", text);
	r = json_print(o, false, out);
	return r < 0 ? r : buf_puts(out, "\n");
}

int cosign_parse(const char *text, size_t len, struct cosign *ret, struct err *err)
{
	cleanup(json_free) struct json *o = NULL;
	struct cosign c = {};
	const struct {
		const char *key;
		uint8_t *to;
		size_t len;
	} members[] = {
		{ "report", c.report, REPORT_LEN },
		{ "key", c.key, PUBKEY_LEN },
		{ "signature", c.sig, SIG_LEN },
	};
	int r = json_parse(text, len, COSIGN_LEN_MAX, "co-signature", &o, err);

	if (r < 0)
		return r;
	if (strcmp(json_str(o, "version", ""), COSIGN_VERSION) != 0)
		return err_set(err, -EBADMSG, "co-signature: its version is not " COSIGN_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (parse_hex(json_str(o, members[i].key, ""), members[i].to, members[i].len) < 0)
			return err_set(err, -EBADMSG,
				       "co-signature: %s: want %zu lower-case hex digits",
				       members[i].key, 2 * members[i].len);
	if (!report_cosigned(c.report, c.sig, c.key))
		return err_set(err, -EBADMSG,
			       "co-signature: signature: not of this report by this key");
	r = report_decode(c.report, REPORT_LEN, &c.fields, err);
	if (r == 0)
		*ret = c;
	return r < 0 ? err_wrap(err, "co-signature") : 0;
}
