/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/servers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "k8s/kubeconfig.h"

struct server {
	char *url;
	enum kube_server_from from;
};

struct kube_servers {
	struct server v[KUBE_SERVERS_MAX];
	size_t n, current;
};

int kube_servers_new(struct kube_servers **ret)
{
	struct kube_servers *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}

void kube_servers_free(struct kube_servers **servers)
{
	struct kube_servers *s = take_ptr(*servers);

	for (size_t i = 0; s && i < s->n; i++)
		free(s->v[i].url);
	free(s);
}

size_t kube_servers_len(const struct kube_servers *s)
{
	return s->n;
}

const char *kube_servers_current(const struct kube_servers *s)
{
	return s->n ? s->v[s->current].url : NULL;
}

static size_t find(const struct kube_servers *s, const char *url)
{
	size_t i = 0;

	while (i < s->n && strcmp(s->v[i].url, url) != 0)
		i++;
	return i;
}

/* The current one stays current; its successor follows if it is that which goes. */
static void drop(struct kube_servers *s, size_t i)
{
	free(s->v[i].url);
	s->n--;
	memmove(&s->v[i], &s->v[i + 1], (s->n - i) * sizeof(s->v[0]));
	if (s->current > i)
		s->current--;
	if (s->current >= s->n)
		s->current = 0;
}

static void drop_stopgaps(struct kube_servers *s)
{
	size_t others = 0;

	for (size_t i = 0; i < s->n; i++)
		others += s->v[i].from != KUBE_SERVER_SERVICE;
	for (size_t i = s->n; others && i-- > 0;)
		if (s->v[i].from == KUBE_SERVER_SERVICE)
			drop(s, i);
}

int kube_servers_add(struct kube_servers *s, const char *text, enum kube_server_from from,
		     struct err *err)
{
	cleanup(free_ptr) char *url = NULL;
	int r = kube_url(text, &url, err);

	if (r < 0)
		return r;
	if (find(s, url) < s->n)
		return 0;
	if (s->n == KUBE_SERVERS_MAX)
		return err_set(err, -E2BIG, "%s: more than %d API servers; leave some out", url,
			       KUBE_SERVERS_MAX);
	s->v[s->n++] = (struct server){ take_ptr(url), from };
	drop_stopgaps(s);
	return 0;
}

void kube_servers_failed(struct kube_servers *s, const char *url)
{
	if (s->n && strcmp(s->v[s->current].url, url) == 0)
		s->current = (s->current + 1) % s->n;
}

static bool is_among(const char *url, const char *const *urls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(urls[i], url) == 0)
			return true;
	return false;
}

int kube_servers_learn(struct kube_servers *s, const char *const *urls, size_t n, struct err *err)
{
	int r = 0;

	if (n == 0)
		return 0;
	for (size_t i = s->n; i-- > 0;)
		if (s->v[i].from == KUBE_SERVER_LEARNED && !is_among(s->v[i].url, urls, n))
			drop(s, i);
	for (size_t i = 0; r == 0 && i < n && s->n < KUBE_SERVERS_MAX; i++)
		r = kube_servers_add(s, urls[i], KUBE_SERVER_LEARNED, err);
	return r;
}

/* The host of a URL that kube_url() made is this address. */
static bool is_at(const char *url, const struct addr *addr)
{
	char host[ADDR_TEXT_MAX];
	const char *from = url + sizeof("https://") - 1;
	bool v6 = *from == '[';
	size_t len;
	struct addr at;

	from += v6;
	len = strcspn(from, v6 ? "]" : ":/");
	if (len >= sizeof(host))
		return false;
	memcpy(host, from, len);
	host[len] = '\0';
	return addr_parse(host, &at) == 0 && addr_eq(&at, addr);
}

bool kube_servers_shun(struct kube_servers *s, const struct addr *addr)
{
	size_t others = 0;
	bool went = false;

	for (size_t i = 0; i < s->n; i++)
		others += !is_at(s->v[i].url, addr);
	for (size_t i = s->n; others && i-- > 0;) {
		if (is_at(s->v[i].url, addr)) {
			drop(s, i);
			went = true;
		}
	}
	return went;
}

/* ---- Remembering ------------------------------------------------------------------------------ */

int kube_servers_print(const struct kube_servers *s, struct buf *out)
{
	cleanup(json_free) struct json *root = json_new_object();
	struct json *list = json_new_array();

	for (size_t i = 0; i < s->n; i++) {
		const struct server *at = &s->v[(s->current + i) % s->n];

		if (at->from != KUBE_SERVER_SERVICE)
			json_add_str(list, at->url);
	}
	json_set(root, "servers", list);
	int r = json_print(root, false, out);
	return r < 0 ? r : buf_puts(out, "\n");
}

int kube_servers_parse(struct kube_servers *s, const char *text, size_t len, const char *name,
		       struct err *err)
{
	cleanup(json_free) struct json *root = NULL;
	const char *first = NULL;
	int r = json_parse(text, len, KUBE_SERVERS_TEXT_MAX, name, &root, err);

	if (r < 0)
		return r;
	json_foreach(at, json_get(root, "servers")) {
		const char *url = json_text(at, NULL);

		r = url ? kube_servers_add(s, url, KUBE_SERVER_LEARNED, err) :
			  err_set(err, -EBADMSG, "servers: is not a list of URLs");
		if (r < 0) {
			err_wrap(err, "%s", name);
			return r;
		}
		if (!first)
			first = url;
	}
	if (first && find(s, first) < s->n)
		s->current = find(s, first);
	return 0;
}
