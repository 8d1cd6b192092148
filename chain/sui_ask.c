/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints, requests, replies and their error classes. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain/sui_int.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/http.h"

#define READ_MS 45000 /* servers give up after 40 s */
#define WRITE_MS 90000 /* and after 74 s for a transaction */
#define REQUEST_MAX (1U << 20)

struct endpoint {
	char *url;
	bool known; /* said that it is of our chain */
};

struct sui {
	struct http *http;
	struct endpoint endpoints[SUI_URLS_MAX];
	size_t nendpoints, current;
	char chain[DIGEST_SIZE];
	char *ca;
	uint32_t read_ms, write_ms;
};

void sui_free(struct sui **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < (*s)->nendpoints; i++)
		free((*s)->endpoints[i].url);
	http_free(&(*s)->http);
	free((*s)->ca);
	free(*s);
	*s = NULL;
}

static int add_endpoint(struct sui *s, const char *url, struct err *err)
{
	char *copy;

	if (s->nendpoints == SUI_URLS_MAX)
		return err_set(err, -E2BIG, "Sui: more than %d endpoints", SUI_URLS_MAX);
	copy = strdup(url);
	if (!copy)
		return err_errno(err, -ENOMEM, "Sui");
	s->endpoints[s->nendpoints++].url = copy;
	return 0;
}

int sui_new(const struct sui_config *config, struct sui **ret, struct err *err)
{
	cleanup(sui_free) struct sui *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (!s)
		return err_errno(err, -ENOMEM, "Sui");
	digest_format(config->chain, s->chain);
	s->read_ms = config->read_ms ? config->read_ms : READ_MS;
	s->write_ms = config->write_ms ? config->write_ms : WRITE_MS;
	s->ca = config->ca ? strdup(config->ca) : NULL;
	if (config->ca && !s->ca)
		return err_errno(err, -ENOMEM, "Sui");
	for (const char *const *url = config->urls; rc == 0 && *url; url++)
		rc = add_endpoint(s, *url, err);
	if (rc == 0 && !s->nendpoints)
		rc = err_set(err, -EINVAL, "Sui: no endpoint; name one at least");
	if (rc == 0)
		rc = http_new(&s->http, err);
	if (rc == 0)
		*ret = take_ptr(s);
	return rc;
}

static int post(struct sui *s, const struct endpoint *e, const struct buf *body, bool mutation,
		struct buf *reply, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/json",
					       "Accept: application/json", NULL };
	const struct http_tls tls = { .ca = s->ca };
	const struct http_request request = {
		.method = "POST",
		.url = e->url,
		.headers = headers,
		.data = body->data,
		.data_len = body->len,
		.tls = &tls,
		.total_ms = mutation ? s->write_ms : s->read_ms,
		.max_body = SUI_REPLY_MAX,
		.gzip = true,
		.body = http_to_buf,
		.arg = reply,
	};
	unsigned int status = 0;
	int rc = http_do(s->http, &request, &status, err);

	if (rc == 0)
		rc = http_status_error(status);
	if (rc < 0 && status)
		return err_set(err, rc == -EAGAIN || rc == -ETIMEDOUT ? rc : -EIO,
			       "%s: HTTP status %u", e->url, status);
	return rc;
}

/* Which chain the endpoint is of: as the reply says, if it does. */
static int check_chain(struct sui *s, struct endpoint *e, const struct json *data, struct err *err)
{
	const char *chain = json_str(data, "chainIdentifier", NULL);

	if (!chain)
		return 0;
	e->known = strcmp(chain, s->chain) == 0;
	if (e->known)
		return 0;
	return err_set(err, -EXDEV, "%s: is of the chain %s, want %s", e->url, chain, s->chain);
}

static int ask_endpoint(struct sui *s, struct endpoint *e, const struct buf *body,
			const char *wanted, bool mutation, struct json **ret, struct err *err)
{
	cleanup(buf_fini) struct buf reply = BUF_INIT(SUI_REPLY_MAX);
	cleanup(json_free) struct json *data = NULL;
	int rc = post(s, e, body, mutation, &reply, err);

	if (rc == 0)
		rc = sui_reply_data(reply.data, reply.len, e->url, wanted, &data, err);
	if (rc == 0)
		rc = check_chain(s, e, data, err);
	if (rc == 0)
		*ret = take_ptr(data);
	return rc;
}

static int learn_chain(struct sui *s, struct endpoint *e, struct err *err)
{
	cleanup(buf_fini) struct buf body = BUF_INIT(REQUEST_MAX);
	cleanup(json_free) struct json *data = NULL;
	int rc;

	if (e->known)
		return 0;
	rc = buf_puts(&body, "{\"query\":\"query{chainIdentifier}\"}");
	if (rc == 0)
		rc = ask_endpoint(s, e, &body, "chainIdentifier", false, &data, err);
	if (rc == 0 && !e->known)
		rc = err_set(err, -EBADMSG, "%s: does not say which chain it is of", e->url);
	return rc;
}

bool sui_undecided(int code)
{
	static const int never_sent[] = {
		0, -EINVAL, -EXDEV, -EPROTO, -EKEYREJECTED, -ECONNREFUSED, -EHOSTUNREACH
	};

	for (size_t i = 0; i < ARRAY_LEN(never_sent); i++)
		if (code == never_sent[i])
			return false;
	return true;
}

static int ask_all(struct sui *s, const struct buf *body, const char *wanted, bool mutation,
		   struct json **ret, struct err *err)
{
	struct err open = {}; /* of a mutation that an endpoint may have taken */
	struct err last = {};

	for (size_t i = 0; i < s->nendpoints; i++) {
		size_t at = (s->current + i) % s->nendpoints;
		struct endpoint *e = &s->endpoints[at];
		int rc;

		last = (struct err){};
		rc = mutation ? learn_chain(s, e, &last) : 0;
		if (rc == 0) {
			rc = ask_endpoint(s, e, body, wanted, mutation, ret, &last);
			if (rc < 0 && mutation && sui_undecided(rc))
				open = last;
		}
		if (rc == 0)
			s->current = at;
		/* an answer: another server would say the same */
		if (rc == 0 || rc == -EINVAL)
			break;
	}
	if (!last.code)
		return 0;
	/* an endpoint that refuses now says nothing about the one that did not answer */
	last = open.code ? open : last;
	return err_set(err, last.code, "%s", last.text);
}

int sui_ask(struct sui *s, const char *query, const struct json *variables, const char *wanted,
	    bool mutation, struct json **ret, struct err *err)
{
	cleanup(buf_fini) struct buf body = BUF_INIT(REQUEST_MAX);
	cleanup(json_free) struct json *request = json_new_object();
	int rc;

	json_set_str(request, "query", query);
	if (variables)
		json_set(request, "variables", json_dup(variables));
	rc = json_print(request, false, &body);
	if (rc < 0)
		return err_errno(err, rc, "Sui: writing a request");
	return ask_all(s, &body, wanted, mutation, ret, err);
}
