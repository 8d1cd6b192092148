/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/http.h"
#include "core/parse.h"

#define TOTAL_MS 60000
#define EACH_MS 15000
#define CONNECT_MS 5000
#define PAUSE_MS 250
#define PAUSE_MAX_MS 10000
#define BODY_MAX (180u << 10) /* what servers take */
#define REQUEST_ID_LEN 36
/* Servers want the name and version of an SDK, and those of committees know three names. The format is that
 * of this one. */
#define SDK_TYPE "Client-Sdk-Type: typescript"
#define SDK_VERSION "Client-Sdk-Version: 1.4.12"

struct asking;

/* One server; a request to it while call is there. */
struct one {
	struct asking *all;
	struct seal_asked *asked;
	struct http_call *call;
	struct seal_request request; /* its secret is this request's */
	struct buf body, reply;
	unsigned int status;
	uint64_t wait_ms; /* Retry-After */
	uint64_t again_ms; /* not before */
	bool over; /* gave, or won't */
	bool enough; /* of an error that has no end */
};

struct asking {
	const struct seal_ask *ask;
	struct http *http;
	struct one v[SEAL_PINS_MAX];
	size_t n;
	uint8_t full_id[SEAL_FULL_ID_MAX];
	size_t full_id_len;
	uint64_t deadline_ms;
};

void seal_answers_wipe(struct seal_answers *a)
{
	wipe(a, sizeof(*a));
}

static uint64_t now_ms(void)
{
	return clock_boot_ns() / 1000000;
}

static void end_request(struct one *o)
{
	wipe(&o->request, sizeof(o->request));
	buf_fini(&o->body);
	buf_fini(&o->reply);
	o->call = NULL;
}

static void asking_fini(struct asking *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].call)
			http_cancel(a->v[i].call);
		end_request(&a->v[i]);
	}
	http_free(&a->http);
}

/* ---- One request ---------------------------------------------------------------------------- */

static int on_head(void *arg, struct http_call *call, unsigned int status)
{
	struct one *o = arg;
	const char *after = http_header(call, "retry-after");
	uint64_t s = 0;

	o->status = status;
	if (after && parse_u64(after, 0, UINT64_MAX, &s) == 0)
		o->wait_ms = s < PAUSE_MAX_MS / 1000 ? s * 1000 : PAUSE_MAX_MS;
	return 0;
}

/* What is over the limit makes an error no worse, and an answer none. */
static int on_body(void *arg, const void *data, size_t len)
{
	struct one *o = arg;
	int rc = buf_append(&o->reply, data, len);

	o->enough = rc < 0 && o->status != 200;
	return rc;
}

static void note(struct one *o, enum seal_answer answer)
{
	struct seal_asked *a = o->asked;
	uint64_t pause = PAUSE_MS;

	if (answer == SEAL_GAVE) {
		a->gave = o->over = true;
		a->why[0] = '\0';
		return;
	}
	a->failed++;
	a->wrong += answer == SEAL_WRONG;
	a->left = answer == SEAL_WRONG;
	o->over = answer != SEAL_BUSY || a->asked >= SEAL_TRIES;
	for (uint32_t i = 1; i < a->asked && pause < PAUSE_MAX_MS; i++)
		pause *= 2;
	o->again_ms = now_ms() + (pause > o->wait_ms ? pause : o->wait_ms);
}

static void on_done(void *arg, int code, const struct err *err)
{
	struct one *o = arg;
	const struct asking *all = o->all;
	const struct seal_query q = {
		.request = &o->request,
		.server = &o->asked->pin->server,
		.full_id = all->full_id,
		.full_id_len = all->full_id_len,
	};
	enum seal_answer answer;

	if (code == 0 || o->enough) {
		answer = seal_answer_read(o->status, o->enough ? NULL : o->reply.data,
					  o->enough ? 0 : o->reply.len, &q, &o->asked->key,
					  o->asked->why);
	} else {
		answer = seal_answer_of_fault(code);
		snprintf(o->asked->why, sizeof(o->asked->why), "%.190s",
			 code == -E2BIG ? "its reply has no end within the limit" : err->text);
	}
	note(o, answer);
	end_request(o);
}

/* In the form of a UUID; only its being another each time counts. */
static void request_id(char *ret, size_t size)
{
	uint8_t r[16];
	char hex[2 * sizeof(r) + 1];

	random_bytes(r, sizeof(r));
	format_hex(r, sizeof(r), hex);
	snprintf(ret, size, "Request-Id: %.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 13,
		 hex + 17, hex + 20);
}

static uint32_t remaining_ms(const struct asking *all)
{
	uint64_t now = now_ms();

	return now < all->deadline_ms ? (uint32_t)(all->deadline_ms - now) : 0;
}

static int send_one(struct one *o, struct err *err)
{
	const struct asking *all = o->all;
	uint32_t each_ms = all->ask->each_ms ? all->ask->each_ms : EACH_MS;
	char url[SEAL_URL_MAX + sizeof("/v1/fetch_key")], id[REQUEST_ID_LEN + 16];
	const char *const headers[] = { "Content-Type: application/json", SDK_TYPE, SDK_VERSION, id,
					NULL };
	uint32_t left_ms = remaining_ms(all) + 1; /* 0 is no limit to http.h */

	snprintf(url, sizeof(url), "%s/v1/fetch_key", o->asked->pin->url);
	request_id(id, sizeof(id));
	return http_start(all->http,
			  &(struct http_request){
				  .method = "POST",
				  .url = url,
				  .headers = headers,
				  .data = o->body.data,
				  .data_len = o->body.len,
				  .tls = all->ask->tls,
				  .connect_ms = CONNECT_MS,
				  .total_ms = left_ms < each_ms ? left_ms : each_ms,
				  .head = on_head,
				  .body = on_body,
				  .done = on_done,
				  .arg = o,
			  },
			  &o->call, err);
}

/* 0, or a fault of ours. What can't be sent to this one is its own. */
static int start_one(struct one *o, struct err *err)
{
	const struct seal_ask *ask = o->all->ask;
	struct err why = {};
	int rc;

	o->body = (struct buf)BUF_INIT(BODY_MAX);
	o->reply = (struct buf)BUF_INIT(SEAL_REPLY_MAX);
	o->request = (struct seal_request){ .ptb = ask->ptb, .ptb_len = ask->ptb_len };
	o->status = 0;
	o->wait_ms = 0;
	o->enough = false;
	bls_scalar_random(o->request.secret);
	rc = seal_request_body(&o->request, ask->session, ask->user, &o->body, err);
	if (rc < 0)
		return rc;
	o->asked->asked++;
	rc = send_one(o, &why);
	if (rc < 0) {
		snprintf(o->asked->why, sizeof(o->asked->why), "%.190s", why.text);
		note(o, seal_answer_of_fault(rc));
		end_request(o);
	}
	return 0;
}

/* ---- All of them ---------------------------------------------------------------------------- */

static unsigned int shares_given(const struct asking *all)
{
	unsigned int shares = 0;

	for (size_t i = 0; i < all->n; i++)
		shares += all->v[i].asked->gave ? all->v[i].asked->shares : 0;
	return shares;
}

/* Of those that gave, and may still give. */
static unsigned int shares_in_sight(const struct asking *all)
{
	unsigned int shares = shares_given(all);

	for (size_t i = 0; i < all->n; i++)
		shares += all->v[i].over ? 0 : all->v[i].asked->shares;
	return shares;
}

/* Starts what is to be started; *ret_wait_ms: when to look again at the latest. */
static int start_due(struct asking *all, uint32_t *ret_wait_ms, struct err *err)
{
	uint64_t now = now_ms(), next = all->deadline_ms;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < all->n; i++) {
		struct one *o = &all->v[i];

		if (o->over || o->call)
			continue;
		if (o->again_ms <= now)
			rc = start_one(o, err);
		else if (o->again_ms < next)
			next = o->again_ms;
	}
	next = next < now + PAUSE_MAX_MS ? next : now + PAUSE_MAX_MS;
	*ret_wait_ms = now < next ? (uint32_t)(next - now) : 0;
	return rc;
}

static int work(struct asking *all, struct err *err)
{
	unsigned int threshold = all->ask->object->threshold;
	struct pollfd ready = { .fd = http_fd(all->http), .events = POLLIN };

	while (shares_given(all) < threshold && shares_in_sight(all) >= threshold &&
	       remaining_ms(all) > 0) {
		uint32_t wait_ms = 0;
		int rc = start_due(all, &wait_ms, err);

		if (rc < 0)
			return rc;
		if (poll(&ready, 1, (int)wait_ms) < 0 && errno != EINTR)
			return err_errno(err, -errno, "waiting for key servers");
		http_work(all->http);
	}
	return 0;
}

/* Which of the object's shares each pinned server holds. */
static void count_shares(struct asking *all, struct seal_answers *answers)
{
	const struct seal_ask *ask = all->ask;

	for (size_t i = 0; i < ask->pins->n; i++) {
		struct seal_asked *a = &answers->v[answers->n++];

		a->pin = &ask->pins->v[i];
		for (size_t s = 0; s < ask->object->n_services; s++)
			a->shares += memcmp(ask->object->services[s].server, a->pin->server.id,
					    SEAL_OBJECT_ID_LEN) == 0;
		if (a->shares)
			all->v[all->n++] = (struct one){ .all = all, .asked = a };
	}
}

static int code_of(const struct asking *all)
{
	size_t wrong = 0;

	if (remaining_ms(all) == 0)
		return -ETIMEDOUT;
	for (size_t i = 0; i < all->n; i++) {
		wrong += all->v[i].asked->left;
		if (all->v[i].over && all->v[i].asked->asked >= SEAL_TRIES)
			return -EAGAIN;
	}
	return wrong == all->n ? -EBADMSG : -EACCES;
}

/* Why there is no threshold. */
static int tell(const struct asking *all, struct err *err)
{
	const char *silent = remaining_ms(all) ? "was not waited for" : "did not answer in time";
	const struct seal_object *o = all->ask->object;
	cleanup(buf_fini) struct buf text = BUF_INIT(sizeof(err->text));

	for (size_t i = 0; i < all->n; i++) {
		const struct seal_asked *a = all->v[i].asked;

		buf_printf(&text, "%s%.120s: %.150s%s", i ? "; " : "", a->pin->url,
			   a->gave   ? "gave its key" :
			   a->why[0] ? a->why :
				       silent,
			   a->left ? " (left)" : "");
	}
	return err_set(err, code_of(all), "keys for %u of %u shares came, and %u are needed: %s",
		       shares_given(all), o->n_services, o->threshold,
		       text.data ? text.data : "nobody was asked");
}

int seal_ask(const struct seal_ask *ask, struct seal_answers *ret, struct err *err)
{
	cleanup(asking_fini) struct asking all = { .ask = ask };
	const struct seal_object *o = ask->object;
	int rc;

	*ret = (struct seal_answers){};
	count_shares(&all, ret);
	if (shares_in_sight(&all) < o->threshold)
		return err_set(
			err, -ENOKEY,
			"the pinned key servers (seal.servers) hold %u of its %u shares, and "
			"%u are needed; pin those it was encrypted for",
			shares_in_sight(&all), o->n_services, o->threshold);
	all.full_id_len = seal_full_id(o->package, o->id, o->id_len, all.full_id);
	all.deadline_ms = now_ms() + (ask->total_ms ? ask->total_ms : TOTAL_MS);
	rc = http_new(&all.http, err);
	if (rc == 0)
		rc = work(&all, err);
	if (rc < 0)
		return rc;
	return shares_given(&all) < o->threshold ? tell(&all, err) : 0;
}
