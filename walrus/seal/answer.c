/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"

enum seal_answer seal_answer_of_fault(int code)
{
	return code == -EKEYREJECTED || code == -EINVAL || code == -E2BIG ? SEAL_REFUSED :
									    SEAL_BUSY;
}

/* What may pass. An object that is newer than what the server has seen is refused like anything else (403), but for
 * some seconds only. */
static bool is_busy(unsigned int status, const char *name)
{
	return status >= 500 || status == 408 || status == 425 || status == 429 ||
	       strcmp(name, "InvalidParameter") == 0;
}

/* "status 403 NoAccess: what it says", from {"error":"NoAccess","message":"..."} when it is that. */
static enum seal_answer read_refusal(unsigned int status, const char *text, size_t len,
				     char ret_why[SEAL_WHY_MAX])
{
	cleanup(json_free) struct json *body = NULL;
	const char *name, *message;

	if (status >= 300 && status < 400) {
		snprintf(ret_why, SEAL_WHY_MAX, "status %u: redirects are not followed", status);
		return SEAL_REFUSED;
	}
	if (len)
		json_parse(text, len, SEAL_REPLY_MAX, "reply", &body, NULL);
	name = json_str(body, "error", "");
	message = json_str(body, "message", "");
	snprintf(ret_why, SEAL_WHY_MAX, "status %u%s%.32s%s%.120s", status, *name ? " " : "", name,
		 *message ? ": " : "", message);
	return is_busy(status, name) ? SEAL_BUSY : SEAL_REFUSED;
}

enum seal_answer seal_answer_read(unsigned int status, const char *text, size_t len,
				  const struct seal_query *q, struct seal_user_key *ret_key,
				  char ret_why[SEAL_WHY_MAX])
{
	cleanup(json_free) struct json *body = NULL;
	struct err err = {};
	int rc;

	if (status != 200)
		return read_refusal(status, text, len, ret_why);
	rc = len ? json_parse(text, len, SEAL_REPLY_MAX, "its reply", &body, &err) :
		   err_set(&err, -EBADMSG, "its reply is empty");
	if (rc == 0)
		rc = seal_answer_key(body, q, ret_key, &err);
	if (rc == 0)
		return SEAL_GAVE;
	snprintf(ret_why, SEAL_WHY_MAX, "%.190s", err.text);
	return rc == -EKEYREJECTED ? SEAL_WRONG : SEAL_REFUSED;
}
