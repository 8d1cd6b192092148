/* SPDX-License-Identifier: Apache-2.0 */
#include "k8s/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/err.h"
#include "core/file.h"
#include "core/json.h"
#include "core/yaml.h"

static void wipe_free(char **text)
{
	if (*text)
		wipe(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void kube_config_free(struct kube_config **cfg)
{
	struct kube_config *c = take_ptr(*cfg);

	if (!c)
		return;
	wipe_free(&c->key);
	wipe_free(&c->token);
	free(c->server);
	free(c->server_name);
	free(c->ca);
	free(c->cert);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c->token_file);
	free(c);
}

int kube_url(const char *text, char **ret, struct err *err)
{
	static const char scheme[] = "https://";
	size_t len = strlen(text), from = sizeof(scheme) - 1;

	if (strncmp(text, "http://", 7) == 0)
		return err_set(err, -EINVAL,
			       "\"%.128s\": a server without TLS is refused; use https", text);
	if (strncmp(text, scheme, from) != 0 || !strcspn(text + from, "/:") ||
	    strpbrk(text, "@?# \t\r\n\"\\"))
		return err_set(err, -EINVAL, "\"%.128s\" is not a URL such as https://host:6443",
			       text);
	if (len > KUBE_URL_MAX)
		return err_set(err, -E2BIG, "a URL has %zu characters; use at most %d", len,
			       KUBE_URL_MAX);
	while (len > from && text[len - 1] == '/')
		len--;
	*ret = strndup(text, len);
	return *ret ? 0 : err_errno(err, -ENOMEM, "a URL");
}

/* ---- The file ------------------------------------------------------------------------------- */

/* One list of the file ("clusters", "users", "contexts") and what an element holds. */
enum section { CLUSTER, USER, CONTEXT, SECTION_MAX_ };
static const struct {
	const char *list, *body;
} sections[] = {
	[CLUSTER] = { "clusters", "cluster" },
	[USER] = { "users", "user" },
	[CONTEXT] = { "contexts", "context" },
};
_Static_assert(ARRAY_LEN(sections) == SECTION_MAX_, "a row for each");

struct kubeconfig_text {
	const char *path;
	const struct yaml *yaml;
	const struct json *doc;
	struct err *err;
};

/* A part of the file by its name; its body may be missing, which is an empty one. */
struct entry {
	const struct kubeconfig_text *r;
	enum section section;
	const char *name;
	const struct json *body;
};

static int entry_fail(const struct entry *e, const char *key, const char *what)
{
	const struct json *at = json_get(e->body, key);

	return err_set(e->r->err, -EINVAL, "%s:%u: %s.%.64s.%s: %s", e->r->path,
		       yaml_line(e->r->yaml, at ? at : e->body), sections[e->section].list, e->name,
		       key, what);
}

static int entry_find(const struct kubeconfig_text *r, enum section section, const char *name,
		      struct entry *ret)
{
	json_foreach(at, json_get(r->doc, sections[section].list)) {
		if (strcmp(json_str(at, "name", ""), name) != 0)
			continue;
		*ret = (struct entry){ r, section, name, json_get(at, sections[section].body) };
		return 0;
	}
	return err_set(r->err, -EINVAL, "%s: %s: there is no \"%.64s\"; correct the name", r->path,
		       sections[section].list, name);
}

/* What must not be there: a text or an object that is not empty, or true. */
static int entry_refuse(const struct entry *e, const char *key, const char *what)
{
	const struct json *j = json_get(e->body, key);
	bool is_false = json_type(j) == JSON_BOOL && !json_bool(e->body, key, true);

	if (json_type(j) == JSON_NULL || is_false || strcmp(json_text(j, "."), "") == 0)
		return 0;
	return entry_fail(e, key, what);
}

static int entry_text(const struct entry *e, const char *key, size_t max, char **ret)
{
	const struct json *j = json_get(e->body, key);
	const char *text = json_text(j, NULL);

	if (json_type(j) == JSON_NULL || (text && !*text))
		return 0;
	if (!text)
		return entry_fail(e, key, "is not a text; write it in quotes");
	if (strlen(text) > max)
		return entry_fail(e, key, "is too long");
	*ret = strdup(text);
	return *ret ? 0 : err_errno(e->r->err, -ENOMEM, "%s", e->r->path);
}

/* The name of a file, relative to the kubeconfig. */
static int entry_file(const struct entry *e, const char *key, char **ret)
{
	cleanup(free_ptr) char *name = NULL;
	const char *path = e->r->path, *slash = strrchr(path, '/');
	int r = entry_text(e, key, 4096, &name);

	if (r < 0 || !name)
		return r;
	if (*name == '/' || !slash) {
		*ret = take_ptr(name);
		return 0;
	}
	if (asprintf(ret, "%.*s/%s", (int)(slash - path), path, name) < 0)
		return err_errno(e->r->err, -ENOMEM, "%s", path);
	return 0;
}

/* Text in base64. */
static int entry_data(const struct entry *e, const char *key, char **ret)
{
	cleanup(wipe_free) char *text = NULL, *data = NULL;
	int r = entry_text(e, key, KUBE_PEM_MAX, &text);
	size_t size, len = 0;

	if (r < 0 || !text)
		return r;
	size = strlen(text) / 4 * 3 + 1;
	data = calloc(1, size + 1);
	if (!data)
		return err_errno(e->r->err, -ENOMEM, "%s", e->r->path);
	r = base64_decode(text, (uint8_t *)data, size, &len);
	if (r < 0 || strlen(data) != len)
		return entry_fail(e, key, "is not PEM in base64, without line breaks");
	*ret = take_ptr(data);
	return 0;
}

static int read_cluster(const struct entry *e, struct kube_config *cfg)
{
	cleanup(free_ptr) char *server = NULL;
	int r;

	if ((r = entry_refuse(e, "insecure-skip-tls-verify",
			      "is refused: certificates are always verified; name the authority "
			      "by certificate-authority")) < 0 ||
	    (r = entry_refuse(e, "proxy-url",
			      "is not supported; give a server that is reached directly")) < 0 ||
	    (r = entry_text(e, "server", KUBE_URL_MAX, &server)) < 0 ||
	    (r = entry_text(e, "tls-server-name", 255, &cfg->server_name)) < 0 ||
	    (r = entry_data(e, "certificate-authority-data", &cfg->ca)) < 0 ||
	    (r = entry_file(e, "certificate-authority", &cfg->ca_file)) < 0)
		return r;
	if (!server)
		return entry_fail(e, "server", "is missing; use the form https://host:6443");
	r = kube_url(server, &cfg->server, e->r->err);
	if (r < 0)
		err_wrap(e->r->err, "%s:%u: clusters.%.64s.server", e->r->path,
			 yaml_line(e->r->yaml, json_get(e->body, "server")), e->name);
	return r;
}

static int read_user(const struct entry *e, struct kube_config *cfg)
{
	static const struct {
		const char *key, *what;
	} refused[] = {
		{ "exec", "is not supported: no program is run to log in; use a token, a tokenFile "
			  "or a client certificate" },
		{ "auth-provider", "is not supported; use a token, a tokenFile or a client "
				   "certificate" },
		{ "username",
		  "is not supported; use a token, a tokenFile or a client certificate" },
		{ "password",
		  "is not supported; use a token, a tokenFile or a client certificate" },
		{ "as", "is not supported; use credentials of that user" },
		{ "as-uid", "is not supported; use credentials of that user" },
		{ "as-groups", "is not supported; use credentials of that group" },
		{ "as-user-extra", "is not supported; use credentials that have it" },
	};
	int r;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if ((r = entry_refuse(e, refused[i].key, refused[i].what)) < 0)
			return r;
	if ((r = entry_data(e, "client-certificate-data", &cfg->cert)) < 0 ||
	    (r = entry_data(e, "client-key-data", &cfg->key)) < 0 ||
	    (r = entry_file(e, "client-certificate", &cfg->cert_file)) < 0 ||
	    (r = entry_file(e, "client-key", &cfg->key_file)) < 0 ||
	    (r = entry_text(e, "token", KUBE_TOKEN_MAX, &cfg->token)) < 0 ||
	    (r = entry_file(e, "tokenFile", &cfg->token_file)) < 0)
		return r;
	if (!(cfg->cert || cfg->cert_file) != !(cfg->key || cfg->key_file))
		return entry_fail(e,
				  cfg->cert || cfg->cert_file ? "client-key" : "client-certificate",
				  "is missing; a certificate and its key go together");
	return 0;
}

static int read_context(const struct kubeconfig_text *r, struct kube_config *cfg)
{
	const char *current = json_str(r->doc, "current-context", "");
	struct entry context, cluster, user;
	int e;

	if (!*current)
		return err_set(r->err, -EINVAL,
			       "%s: current-context: is missing; name the context to use", r->path);
	e = entry_find(r, CONTEXT, current, &context);
	if (e == 0)
		e = entry_find(r, CLUSTER, json_str(context.body, "cluster", ""), &cluster);
	if (e == 0)
		e = read_cluster(&cluster, cfg);
	if (e == 0)
		e = entry_find(r, USER, json_str(context.body, "user", ""), &user);
	return e ? e : read_user(&user, cfg);
}

int kube_config_load(const char *path, struct kube_config **ret, struct err *err)
{
	cleanup(kube_config_free) struct kube_config *cfg = calloc(1, sizeof(*cfg));
	cleanup(buf_fini) struct buf text = BUF_INIT(YAML_MAX_BYTES);
	cleanup(yaml_free) struct yaml *yaml = NULL;
	int r = cfg ? file_read(path, &text, err) : err_errno(err, -ENOMEM, "%s", path);

	if (r == 0)
		r = yaml_parse(text.data ? text.data : "", text.len, path, &yaml, err);
	if (text.data)
		wipe(text.data, text.len);
	if (r < 0)
		return r;
	if (yaml_len(yaml) != 1 || json_type(yaml_doc(yaml, 0)) != JSON_OBJECT)
		return err_set(err, -EINVAL,
			       "%s: is not one document; write apiVersion: v1, "
			       "kind: Config, clusters, users and contexts",
			       path);
	r = read_context(&(struct kubeconfig_text){ path, yaml, yaml_doc(yaml, 0), err }, cfg);
	if (r < 0)
		return r;
	*ret = take_ptr(cfg);
	return 0;
}

/* ---- A pod ---------------------------------------------------------------------------------- */

int kube_config_pod(const char *dir, const char *host, const char *port, struct kube_config **ret,
		    struct err *err)
{
	cleanup(kube_config_free) struct kube_config *cfg = calloc(1, sizeof(*cfg));
	cleanup(free_ptr) char *server = NULL;
	bool v6 = host && strchr(host, ':');

	if (!cfg || asprintf(&cfg->token_file, "%s/token", dir) < 0 ||
	    asprintf(&cfg->ca_file, "%s/ca.crt", dir) < 0)
		return err_errno(err, -ENOMEM, "%s", dir);
	if (access(cfg->token_file, R_OK) < 0 || access(cfg->ca_file, R_OK) < 0)
		return err_errno(err, -errno,
				 "%s: no service account of a pod here; name a kubeconfig", dir);
	if (host && *host) {
		if (asprintf(&server, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
			     port && *port ? port : "443") < 0)
			return err_errno(err, -ENOMEM, "%s", dir);
		cfg->by_service = true;
		int r = kube_url(server, &cfg->server, err);
		if (r < 0) {
			err_wrap(err, "KUBERNETES_SERVICE_HOST");
			return r;
		}
	}
	*ret = take_ptr(cfg);
	return 0;
}

/* ---- What is read each time ------------------------------------------------------------------ */

void kube_login_fini(struct kube_login *login)
{
	wipe_free(&login->key);
	wipe_free(&login->token);
	free(login->ca);
	free(login->cert);
	*login = (struct kube_login){};
}

static int read_text(const char *file, const char *text, size_t max, char **ret, struct err *err)
{
	struct buf out = BUF_INIT(max);
	int r = file ? file_read(file, &out, err) : 0;

	if (file && r == 0) {
		r = out.len && strlen(out.data) == out.len ? 0 : -EINVAL;
		if (r < 0)
			err_set(err, r, "%s: is empty or not a text", file);
	}
	if (r == 0 && (file || text)) {
		*ret = file ? buf_take(&out) : strdup(text);
		if (!*ret)
			r = err_errno(err, -ENOMEM, "credentials");
	}
	if (out.data)
		wipe(out.data, out.len);
	buf_fini(&out);
	return r;
}

/* One header's value: what else is in the file would become headers of its own. */
static int trim_token(char *token, const char *file, struct err *err)
{
	size_t len = strlen(token);

	while (len && strchr(" \t\r\n", token[len - 1]))
		token[--len] = '\0';
	for (const char *c = token; *c; c++)
		if (*c <= ' ' || *c > '~')
			return err_set(err, -EINVAL, "%s: is not a token", file ? file : "token");
	return len ? 0 : err_set(err, -EINVAL, "%s: is empty", file ? file : "token");
}

int kube_config_login(const struct kube_config *cfg, struct kube_login *ret, struct err *err)
{
	cleanup(kube_login_fini) struct kube_login now = {};
	int r;

	/* data comes before a file's name, but a token's file before a token: kubectl's order */
	if ((r = read_text(cfg->ca ? NULL : cfg->ca_file, cfg->ca, KUBE_PEM_MAX, &now.ca, err)) <
		    0 ||
	    (r = read_text(cfg->cert ? NULL : cfg->cert_file, cfg->cert, KUBE_PEM_MAX, &now.cert,
			   err)) < 0 ||
	    (r = read_text(cfg->key ? NULL : cfg->key_file, cfg->key, KUBE_PEM_MAX, &now.key,
			   err)) < 0 ||
	    (r = read_text(cfg->token_file, cfg->token, KUBE_TOKEN_MAX, &now.token, err)) < 0)
		return r;
	if (now.token && (r = trim_token(now.token, cfg->token_file, err)) < 0)
		return r;
	*ret = now;
	now = (struct kube_login){};
	return 0;
}
