/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/pull.h"

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
#include "core/parse.h"
#include "walrus/blobname.h"

#define ERROR_BODY_MAX 4096
#define HEADER_MAX 128
#define TOO_LARGE "what it sends is larger than the limit (walrus.maxBlobBytes)"

/* The blob on its way. */
struct download {
	const struct pull *pull;
	struct aggregators *aggregators;
	struct http *http;
	struct incoming *incoming;
	char name[BLOBNAME_MAX];
	uint64_t have, size; /* size 0: not known */
	const struct aggregator *from; /* of all bytes so far */
	bool mixed; /* no: of several */
	bool whole_only; /* a mixed one was wrong: no more of those */
	uint64_t deadline_ms;
};

/* One request. */
struct attempt {
	struct download *d;
	struct aggregator *from;
	unsigned int status;
	uint64_t began_ms, began_have;
	uint64_t wait_ms; /* Retry-After */
	int local; /* a fault of ours: no other aggregator would help */
	const char *note; /* why we ended it */
	bool enough; /* heard of its error */
	struct buf error; /* the body of a reply that is no blob */
	struct err fault;
};

static void attempt_fini(struct attempt *t)
{
	buf_fini(&t->error);
}

static uint64_t now_ms(void)
{
	return clock_boot_ns() / 1000000;
}

static int restart(struct download *d)
{
	d->have = d->size = 0;
	d->from = NULL;
	d->mixed = false;
	return ftruncate(incoming_fd(d->incoming), 0) < 0 ? -errno : 0;
}

static uint64_t header_number(struct http_call *call, const char *name, uint64_t fallback)
{
	const char *text = http_header(call, name);
	uint64_t v;

	return text && parse_u64(text, 0, UINT64_MAX, &v) == 0 ? v : fallback;
}

/* "bytes 5-9/10" must go on where we are, to the end. */
static bool is_our_range(const struct download *d, const char *text)
{
	char want[HEADER_MAX];

	return text &&
	       path_format(want, sizeof(want), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, d->have,
			   d->size - 1, d->size) == 0 &&
	       strcmp(text, want) == 0;
}

static int give_up(struct attempt *t, int code, const char *note)
{
	t->note = note;
	return code;
}

static int on_head(void *arg, struct http_call *call, unsigned int status)
{
	struct attempt *t = arg;
	struct download *d = t->d;

	t->status = status;
	if (status == 206)
		return is_our_range(d, http_header(call, "content-range")) ?
			       0 :
			       give_up(t, -EPROTO,
				       "it answers another range than it was asked for");
	if (status != 200) {
		t->wait_ms = header_number(call, "retry-after", 0) * 1000;
		return 0;
	}
	if (d->have > 0)
		t->local = restart(d); /* it begins anew, whatever was asked */
	t->began_have = 0;
	d->size = header_number(call, "content-length", 0);
	if (d->size > d->pull->limits.max_bytes)
		return give_up(t, -E2BIG, TOO_LARGE);
	return t->local;
}

static int write_blob(struct download *d, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = pwrite(incoming_fd(d->incoming), data, len, (off_t)d->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		d->have += (uint64_t)n;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static bool is_slow(const struct attempt *t)
{
	const struct pull_limits *limits = &t->d->pull->limits;
	uint64_t took_ms = now_ms() - t->began_ms;

	return took_ms > limits->slow_after_ms &&
	       (t->d->have - t->began_have) * 1000 / took_ms < limits->slow_bytes_s;
}

static int on_body(void *arg, const void *data, size_t len)
{
	struct attempt *t = arg;
	struct download *d = t->d;

	if (t->status != 200 && t->status != 206) {
		/* What is over the limit does not matter, and may have no end. */
		t->enough = buf_append(&t->error, data, len) < 0;
		return t->enough ? -E2BIG : 0;
	}
	if (len > d->pull->limits.max_bytes - d->have)
		return give_up(t, -E2BIG, TOO_LARGE);
	if (d->from != t->from) {
		d->mixed = d->from != NULL;
		d->from = t->from;
	}
	t->local = write_blob(d, data, len);
	if (t->local < 0)
		return t->local;
	if (d->pull->progress)
		d->pull->progress(d->pull->arg, t->from->url, d->have, d->size);
	return is_slow(t) ? give_up(t, -ETIMEDOUT, "it sends too slowly") : 0;
}

static uint32_t remaining_ms(const struct download *d)
{
	uint64_t now = now_ms();

	return now < d->deadline_ms ? (uint32_t)(d->deadline_ms - now) : 0;
}

static int request(struct attempt *t)
{
	struct download *d = t->d;
	const struct pull_limits *limits = &d->pull->limits;
	char url[HTTP_URL_MAX], range[HEADER_MAX];
	const char *headers[2] = {};
	uint32_t left_ms = remaining_ms(d);

	if (left_ms == 0) /* to http.h no limit at all */
		return give_up(t, -ETIMEDOUT, "there was no time left to ask it");
	if (path_format(url, sizeof(url), "%s/v1/blobs/%s", t->from->url, d->name) < 0)
		return give_up(t, -EINVAL, "its URL is too long");
	if (d->have > 0 && path_format(range, sizeof(range), "Range: bytes=%" PRIu64 "-%" PRIu64,
				       d->have, d->size - 1) == 0)
		headers[0] = range;
	return http_do(d->http,
		       &(struct http_request){
			       .url = url,
			       .headers = headers,
			       .tls = d->pull->tls,
			       .connect_ms = limits->connect_ms,
			       .idle_ms = limits->idle_ms,
			       .total_ms = left_ms,
			       .head = on_head,
			       .body = on_body,
			       .arg = t,
		       },
		       NULL, &t->fault);
}

/* "503 UNAVAILABLE: what the server says", from Walrus' JSON when it is some. */
static void tell_status(const struct attempt *t, char *ret, size_t size)
{
	cleanup(json_free) struct json *body = NULL;
	const struct json *error = NULL;

	if (t->status >= 300 && t->status < 400) {
		snprintf(ret, size, "status %u: redirects are not followed", t->status);
		return;
	}
	if (t->error.len > 0 &&
	    json_parse(t->error.data, t->error.len, ERROR_BODY_MAX, "reply", &body, NULL) == 0)
		error = json_get(body, "error");
	snprintf(ret, size, "status %u%s%.64s%s%.96s", t->status, error ? " " : "",
		 json_str(error, "status", ""), error ? ": " : "", json_str(error, "message", ""));
}

/* What http.c says, without the URL in front: that stands before each aggregator's part anyway. */
static void tell_fault(const struct attempt *t, char *ret, size_t size)
{
	const char *at = strstr(t->fault.text, t->d->name);

	at = at ? at + strlen(t->d->name) + strspn(at + strlen(t->d->name), ": ") : t->fault.text;
	snprintf(ret, size, "%.190s", t->note ? t->note : at);
}

static enum answer answer_of_fault(int code)
{
	return code == -EKEYREJECTED || code == -EINVAL || code == -E2BIG ? ANSWER_REFUSED :
									    ANSWER_BUSY;
}

/* Decides over what was received whole. 0 with *ret_answer, or a fault of ours. */
static int verify(struct attempt *t, struct pull_result *ret, enum answer *ret_answer)
{
	struct download *d = t->d;
	const struct store_name name = {
		.blob_id = d->pull->blob_id,
		.shards = d->pull->shards,
		.sri = d->pull->sri,
	};
	int r = store_keep(d->incoming, &name, ret->digest, &t->fault);

	if (r < 0 && r != -EBADMSG)
		return r;
	*ret_answer = r == 0 ? ANSWER_WHOLE : d->mixed ? ANSWER_BUSY : ANSWER_WRONG;
	if (r == 0) {
		ret->bytes = d->have;
		ret->url = t->from->url;
		return 0;
	}
	d->whole_only = d->whole_only || d->mixed;
	d->size = 0; /* nothing of it is gone on with */
	return 0;
}

/* What is half there can be gone on with if it is known how much is missing. */
static int keep_part(struct attempt *t)
{
	struct download *d = t->d;

	return t->status != 416 && d->have > 0 && d->have < d->size ? 0 : restart(d);
}

/* Asks one, and notes what came of it. 0, or a fault of ours. */
static int ask(struct download *d, struct aggregator *g, struct pull_result *ret, struct err *err)
{
	cleanup(attempt_fini) struct attempt t = {
		.d = d,
		.from = g,
		.began_ms = now_ms(),
		.error = BUF_INIT(ERROR_BODY_MAX),
	};
	enum answer answer;
	char why[sizeof(g->why)];
	int r = d->whole_only && d->from != g ? restart(d) : 0;

	t.began_have = d->have;
	if (r == 0)
		r = request(&t);
	if (t.local < 0)
		return err_errno(err, t.local, "writing a download");
	if (r == 0 && (t.status == 200 || t.status == 206)) {
		r = verify(&t, ret, &answer);
		if (r < 0)
			return err_set(err, r, "%s", t.fault.text);
		snprintf(why, sizeof(why), "%.190s", t.fault.text);
	} else if (r == 0 || t.enough) {
		answer = t.status == 416 ? ANSWER_BUSY : answer_of_status(t.status);
		tell_status(&t, why, sizeof(why));
	} else {
		answer = answer_of_fault(r);
		tell_fault(&t, why, sizeof(why));
	}
	aggregators_note(d->aggregators, g, answer, why, now_ms(), t.wait_ms);
	r = ret->url ? 0 : keep_part(&t);
	return r < 0 ? err_errno(err, r, "emptying a download") : 0;
}

static void pause_for(uint64_t ms)
{
	struct timespec left = { .tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* Why nobody served it. */
static int tell_all(const struct download *d, struct err *err)
{
	const struct aggregators *a = d->aggregators;
	cleanup(buf_fini) struct buf text = BUF_INIT(sizeof(err->text));
	size_t absent = 0, wrong = 0;
	int code = remaining_ms(d) == 0 ? -ETIMEDOUT : -EAGAIN;

	for (size_t i = 0; i < a->len; i++) {
		const struct aggregator *g = &a->at[i];

		absent += g->absent;
		wrong += g->left;
		if (strncmp(g->why, "status 451", 10) == 0)
			code = -EPERM;
		buf_printf(&text, "%s%s: %s%s", i ? "; " : "", g->url,
			   g->why[0] ? g->why : "not asked", g->left ? " (left)" : "");
	}
	if (absent > 0 && aggregators_settled(a))
		code = -ENOENT;
	else if (wrong == a->len)
		code = -EBADMSG;
	return err_set(err, code, "no aggregator served %s: %s", d->name,
		       text.data ? text.data : "there is none; set walrus.aggregators");
}

static int download(struct download *d, struct pull_result *ret, struct err *err)
{
	while (remaining_ms(d) > 0) {
		uint64_t wait_ms = 0;
		struct aggregator *g = aggregators_next(d->aggregators, now_ms(), &wait_ms);

		if (!g || wait_ms >= remaining_ms(d))
			break;
		pause_for(wait_ms);
		int r = ask(d, g, ret, err);

		if (r < 0 || ret->url)
			return r;
	}
	return tell_all(d, err);
}

static void download_fini(struct download *d)
{
	incoming_free(&d->incoming);
	http_free(&d->http);
}

/* 0 and *ret filled when it is there, whole, and has the integrity that is asked for. */
static int find_stored(struct store *s, const struct pull *pull, struct pull_result *ret)
{
	cleanup(close_fd) int fd = -1;
	struct sri sri = { .len = 1 };
	struct blob blob;
	int r = store_find(s, pull->blob_id, sri.digest[0], NULL);

	if (r < 0 || (pull->sri && !sri_has(pull->sri, sri.digest[0])))
		return -ENOENT;
	r = store_get(s, &sri, &blob, &fd, NULL);
	if (r < 0)
		return r;
	memcpy(ret->digest, blob.digest, sizeof(ret->digest));
	ret->bytes = blob.size;
	return 0;
}

int pull_blob(struct store *s, struct aggregators *a, const struct pull *pull,
	      struct pull_result *ret, struct err *err)
{
	cleanup(download_fini) struct download d = {
		.pull = pull,
		.aggregators = a,
		.deadline_ms = now_ms() + pull->limits.total_ms,
	};
	struct pull_result result = {};
	int r;

	blobname_format(pull->blob_id, d.name);
	if (find_stored(s, pull, &result) == 0) {
		*ret = result;
		return 0;
	}
	r = http_new(&d.http, err);
	if (r == 0)
		r = store_incoming(s, &d.incoming, err);
	if (r < 0)
		return r;
	aggregators_begin(a);
	r = download(&d, &result, err);
	if (r == 0)
		*ret = result;
	return r;
}
