/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/file.h"
#include "core/http.h"
#include "core/json.h"
#include "walrus/blobname.h"

#define ANSWER_MAX 65536u
#define TRIES 4
#define PAUSE_MS 1000u
#define TOTAL_MS (30u * 60 * 1000)
#define IDLE_MS 120000u /* it answers when the storage nodes have confirmed */

static int copy_object(const char *id, struct publish_result *ret)
{
	if (!id)
		return 0;
	if (strncmp(id, "0x", 2) != 0 || strlen(id) >= sizeof(ret->object) ||
	    id[2 + strspn(id + 2, "0123456789abcdef")])
		return -EBADMSG;
	memcpy(ret->object, id, strlen(id) + 1);
	return 0;
}

static int check_id(const char *answered, const struct blobid *blob, struct err *err)
{
	char name[BLOBNAME_MAX];

	if (answered && strcmp(answered, blobname_format(blob->id, name)) == 0)
		return 0;
	return err_set(err, -EBADMSG, "it says that it stored %.60s, but the content is %s",
		       answered ? answered : "nothing", blobname_format(blob->id, name));
}

static int bad_answer(const char *key, struct err *err)
{
	return err_set(err, -EBADMSG, "its answer has no proper \"%s\"", key);
}

static int read_created(const struct json *created, const struct blobid *blob,
			struct publish_result *ret, struct err *err)
{
	const struct json *object = json_get(created, "blobObject");
	const struct json *storage = json_get(object, "storage");
	struct publish_result result = { .deletable = json_bool(object, "deletable", false) };
	uint64_t size = 0;
	int r = check_id(json_str(object, "blobId", NULL), blob, err);

	if (r < 0)
		return r;
	if (json_u64(object, "size", &size) < 0 || size != blob->size)
		return bad_answer("size", err);
	if (strcmp(json_str(object, "encodingType", ""), "RS2") != 0)
		return bad_answer("encodingType", err);
	if (json_u64(storage, "startEpoch", &result.start_epoch) < 0 ||
	    json_u64(storage, "endEpoch", &result.end_epoch) < 0 ||
	    result.end_epoch <= result.start_epoch)
		return bad_answer("storage", err);
	if (json_u64(created, "cost", &result.cost) < 0)
		return bad_answer("cost", err);
	if (copy_object(json_str(object, "id", NULL), &result) < 0)
		return bad_answer("id", err);
	json_u64(storage, "storageSize", &result.encoded_bytes);
	*ret = result;
	return 0;
}

static int read_certified(const struct json *certified, const struct blobid *blob,
			  struct publish_result *ret, struct err *err)
{
	struct publish_result result = { .was_stored = true };
	int r = check_id(json_str(certified, "blobId", NULL), blob, err);

	if (r < 0)
		return r;
	if (json_u64(certified, "endEpoch", &result.end_epoch) < 0)
		return bad_answer("endEpoch", err);
	if (copy_object(json_str(certified, "object", NULL), &result) < 0)
		return bad_answer("object", err);
	*ret = result;
	return 0;
}

/* A publisher answers 200 to what failed as well: the key tells. */
int publish_answer(const char *text, size_t len, const struct blobid *blob,
		   struct publish_result *ret, struct err *err)
{
	cleanup(json_free) struct json *answer = NULL;
	const struct json *part;

	if (json_parse(text, len, ANSWER_MAX, "answer", &answer, NULL) < 0)
		return err_set(
			err, -EBADMSG,
			"its answer is no JSON; is there a proxy or a login page before it?");
	part = json_get(answer, "newlyCreated");
	if (part)
		return read_created(part, blob, ret, err);
	part = json_get(answer, "alreadyCertified");
	if (part)
		return read_certified(part, blob, ret, err);
	part = json_get(answer, "error");
	if (part)
		return err_set(err, -EREMOTEIO, "it failed at \"%.64s\": %.200s",
			       json_str(part, "failurePhase", "?"),
			       json_str(part, "errorMsg", "?"));
	return bad_answer("newlyCreated", err);
}

/* "status 413: what it says"; what may pass is -EAGAIN. */
static int read_status(unsigned int status, const struct buf *body, struct err *err)
{
	cleanup(json_free) struct json *answer = NULL;
	const struct json *error = NULL;
	const char *reason;
	int code = http_status_error(status);

	if (body->len > 0 &&
	    json_parse(body->data, body->len, ANSWER_MAX, "answer", &answer, NULL) == 0)
		error = json_get(answer, "error");
	reason = json_str(json_at(json_get(error, "details"), 0), "reason", "");
	if (status >= 500 || status == 408 || status == 429)
		code = -EAGAIN;
	/* These stay as they are: a token that has run out, or was used. */
	if (strcmp(reason, "EXPIRED_SIGNATURE") == 0 || strcmp(reason, "TOKEN_ALREADY_USED") == 0)
		code = -EACCES;
	if (status == 451)
		code = -EPERM;
	if (status >= 300 && status < 400)
		return err_set(err, code,
			       "status %u: redirects are not followed; set "
			       "walrus.publisher to where it leads",
			       status);
	if (status == 413)
		return err_set(err, code, "status 413: it takes no blobs of this size");
	return err_set(err, code, "status %u %.40s %.200s", status, reason,
		       json_str(error, "message", ""));
}

static int put(struct http *http, const struct publish *p, const uint8_t *data,
	       uint32_t remaining_ms, struct publish_result *ret, struct err *err)
{
	cleanup(buf_fini) struct buf body = BUF_INIT(ANSWER_MAX);
	char url[HTTP_URL_MAX];
	unsigned int status = 0;
	size_t len = strlen(p->url);
	int r;

	while (len > 0 && p->url[len - 1] == '/')
		len--;
	if (path_format(url, sizeof(url), "%.*s/v1/blobs?epochs=%" PRIu32 "%s%s%s", (int)len,
			p->url, p->epochs, p->permanent ? "&permanent=true" : "",
			p->send_object_to ? "&send_object_to=" : "",
			p->send_object_to ? p->send_object_to : "") < 0)
		return err_set(err, -EINVAL, "its URL is too long");
	r = http_do(http,
		    &(struct http_request){
			    .method = "PUT",
			    .url = url,
			    .data = data,
			    .data_len = p->blob->size,
			    .tls = p->tls,
			    .idle_ms = IDLE_MS,
			    .total_ms = remaining_ms,
			    .max_body = ANSWER_MAX,
			    .body = http_to_buf,
			    .arg = &body,
		    },
		    &status, err);
	if (r < 0)
		return r;
	if (status != 200)
		return read_status(status, &body, err);
	return publish_answer(body.data ? body.data : "", body.len, p->blob, ret, err);
}

static bool may_pass(int code)
{
	return code == -EAGAIN || code == -ECONNREFUSED || code == -ECONNRESET ||
	       code == -EHOSTUNREACH;
}

static uint64_t now_ms(void)
{
	return clock_boot_ns() / 1000000;
}

static int put_patiently(const struct publish *p, const uint8_t *data, struct publish_result *ret,
			 struct err *err)
{
	uint64_t deadline = now_ms() + (p->total_ms ? p->total_ms : TOTAL_MS);
	uint32_t pause_ms = p->pause_ms ? p->pause_ms : PAUSE_MS;
	cleanup(http_free) struct http *http = NULL;
	struct err fault = {};
	int r = http_new(&http, err);

	if (r < 0)
		return r;
	for (int i = 0; i < TRIES && (i == 0 || may_pass(r)); i++, pause_ms *= 2) {
		uint64_t now = now_ms(), pause = i == 0 ? 0 : pause_ms;
		struct timespec wait = { .tv_sec = (time_t)(pause / 1000),
					 .tv_nsec = (long)(pause % 1000) * 1000000 };

		if (now + pause >= deadline)
			break;
		nanosleep(&wait, NULL);
		r = put(http, p, data, (uint32_t)(deadline - now - pause), ret, &fault);
	}
	return r < 0 ? err_set(err, r, "%s", fault.text) : 0;
}

static int read_content(const struct publish *p, uint8_t **ret)
{
	cleanup(free_ptr) uint8_t *data = malloc(p->blob->size + 1);

	if (!data)
		return -ENOMEM;
	for (uint64_t done = 0; done < p->blob->size;) {
		ssize_t n = pread(p->fd, data + done, p->blob->size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ESTALE;
		done += (uint64_t)n;
	}
	*ret = take_ptr(data);
	return 0;
}

int publish_blob(const struct publish *p, struct publish_result *ret, struct err *err)
{
	cleanup(free_ptr) uint8_t *data = NULL;
	struct publish_result result = {};
	int r = read_content(p, &data);

	if (r < 0)
		return err_errno(err, r, "reading what is to be published");
	r = put_patiently(p, data, &result, err);
	if (r < 0) {
		err_wrap(err, "publisher %s", p->url);
		return r;
	}
	*ret = result;
	return 0;
}
