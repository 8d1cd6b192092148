/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "k8s/kubeconfig.h"
#include "unit/k8s/sample.h"

#define HEAD                                                    \
	"apiVersion: v1\nkind: Config\ncurrent-context: here\n" \
	"contexts:\n- {name: there, context: {cluster: x, user: y}}\n- {name: here, context: {cluster: c, user: u}}\n"
#define CLUSTER(more) "clusters:\n- name: c\n  cluster: {server: \"https://h:6443/\"" more "}\n"
#define USER(more) "users:\n- name: u\n  user: {" more "}\n"

struct fixture {
	char dir[64], path[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	memcpy(f->dir, "/tmp/weir-kube-XXXXXX", sizeof("/tmp/weir-kube-XXXXXX"));
	*state = f;
	return !mkdtemp(f->dir) || path_format(f->path, sizeof(f->path), "%s/config", f->dir);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r = dir_remove(f->dir, NULL);

	free(f);
	return r;
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	char path[128];

	assert_int_equal(path_format(path, sizeof(path), "%s/%s", f->dir, name), 0);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static struct kube_config *load(const struct fixture *f, const char *text)
{
	struct kube_config *cfg = NULL;
	struct err err = {};

	put(f, "config", text);
	if (kube_config_load(f->path, &cfg, &err) < 0)
		fail_msg("%s", err.text);
	return cfg;
}

static void the_current_context_says_where_and_who(void **state)
{
	struct fixture *f = *state;
	cleanup(kube_config_free) struct kube_config *cfg = load(
		f,
		HEAD CLUSTER(", certificate-authority-data: Q0E=, tls-server-name: kubernetes")
			USER("client-certificate-data: Q1JU, client-key-data: S0VZ, token: abc"));
	cleanup(kube_login_fini) struct kube_login login = {};

	assert_string_equal(cfg->server, "https://h:6443");
	assert_string_equal(cfg->server_name, "kubernetes");
	assert_false(cfg->by_service);
	assert_int_equal(kube_config_login(cfg, &login, NULL), 0);
	assert_string_equal(login.ca, "CA");
	assert_string_equal(login.cert, "CRT");
	assert_string_equal(login.key, "KEY");
	assert_string_equal(login.token, "abc");
}

static void files_are_beside_the_kubeconfig_and_read_anew(void **state)
{
	struct fixture *f = *state;
	cleanup(kube_config_free) struct kube_config *cfg =
		load(f, HEAD CLUSTER(", certificate-authority: ca.pem")
				USER("client-certificate: c.pem, client-key: k.pem, tokenFile: "
				     "token, token: not-this"));
	cleanup(kube_login_fini) struct kube_login first = {}, second = {}, third = {};
	struct err err = {};

	put(f, "ca.pem", "CA1");
	put(f, "c.pem", "C1");
	put(f, "k.pem", "K1");
	put(f, "token", "one\n");
	assert_int_equal(kube_config_login(cfg, &first, NULL), 0);
	assert_string_equal(first.token, "one");
	assert_string_equal(first.cert, "C1");
	put(f, "token", "two");
	put(f, "c.pem", "C2");
	assert_int_equal(kube_config_login(cfg, &second, NULL), 0);
	assert_string_equal(second.token, "two");
	assert_string_equal(second.cert, "C2");
	assert_string_equal(second.ca, "CA1");

	put(f, "token", "two\nX-Injected: yes");
	assert_int_equal(kube_config_login(cfg, &third, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/token: is not a token"));
	assert_null(third.token);
	put(f, "token", "\n");
	assert_int_equal(kube_config_login(cfg, &third, NULL), -EINVAL);
	put(f, "c.pem", "");
	assert_int_equal(kube_config_login(cfg, &third, NULL), -EINVAL);
}

static void without_credentials_there_are_none(void **state)
{
	struct fixture *f = *state;
	cleanup(kube_config_free) struct kube_config *cfg = load(
		f, HEAD CLUSTER(", insecure-skip-tls-verify: false, proxy-url: \"\"") USER(""));
	cleanup(kube_login_fini) struct kube_login login = {};

	assert_int_equal(kube_config_login(cfg, &login, NULL), 0);
	assert_true(!login.ca && !login.cert && !login.key && !login.token);
}

/* Each with the line, the place, and what to do instead. */
static void what_is_not_done_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ HEAD CLUSTER(", insecure-skip-tls-verify: true") USER(""),
		  ":9: clusters.c.insecure-skip-tls-verify: is refused: certificates are always "
		  "verified; name the authority by certificate-authority" },
		{ HEAD CLUSTER(", proxy-url: \"http://p\"") USER(""),
		  ":9: clusters.c.proxy-url: is not supported; give a server that is reached "
		  "directly" },
		{ HEAD CLUSTER("") USER("exec: {command: login}"),
		  ":12: users.u.exec: is not supported: no program is run to log in; use a token, a "
		  "tokenFile or a client certificate" },
		{ HEAD CLUSTER("") USER("auth-provider: {name: gcp}"),
		  ":12: users.u.auth-provider: is not supported; use a token, a tokenFile or a "
		  "client certificate" },
		{ HEAD CLUSTER("") USER("username: a, password: b"),
		  ":12: users.u.username: is not supported; use a token, a tokenFile or a client "
		  "certificate" },
		{ HEAD CLUSTER("") USER("token: t, as: root"),
		  ":12: users.u.as: is not supported; use credentials of that user" },
		{ HEAD CLUSTER("") USER("client-certificate: c.pem"),
		  ":12: users.u.client-key: is missing; a certificate and its key go together" },
		{ HEAD CLUSTER("") USER("client-key: c.pem"),
		  ":12: users.u.client-certificate: is missing; a certificate and its key go "
		  "together" },
		{ HEAD CLUSTER("") USER("client-key-data: c.pem, client-certificate-data: Q0E="),
		  ":12: users.u.client-key-data: is not PEM in base64, without line breaks" },
		{ HEAD CLUSTER("") USER("token: 7"),
		  ":12: users.u.token: is not a text; write it in quotes" },
		{ HEAD "clusters:\n- name: c\n  cluster: {server: \"http://h\"}\n" USER(""),
		  ":9: clusters.c.server: \"http://h\": a server without TLS is refused; use https" },
		{ HEAD "clusters:\n- name: c\n  cluster: {}\n" USER(""),
		  ":9: clusters.c.server: is missing; use the form https://host:6443" },
		{ HEAD USER(""), ": clusters: there is no \"c\"; correct the name" },
		{ HEAD CLUSTER(""), ": users: there is no \"u\"; correct the name" },
		{ "current-context: x\n", ": contexts: there is no \"x\"; correct the name" },
		{ "kind: Config\n", ": current-context: is missing; name the context to use" },
		{ "[]",
		  ": is not one document; write apiVersion: v1, kind: Config, clusters, users "
		  "and contexts" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_config *cfg = NULL;
		struct err err = {};

		put(f, "config", rows[i].text);
		assert_int_equal(kube_config_load(f->path, &cfg, &err), -EINVAL);
		assert_null(cfg);
		assert_int_equal(strncmp(err.text, f->path, strlen(f->path)), 0);
		assert_string_equal(err.text + strlen(f->path), rows[i].error);
	}
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(kube_config_load(f->path, &(struct kube_config *){ NULL }, NULL), -ENOENT);
}

static void a_pod_finds_its_own(void **state)
{
	struct fixture *f = *state;
	cleanup(kube_config_free) struct kube_config *v4 = NULL, *v6 = NULL, *none = NULL,
						     *bad = NULL;
	struct err err = {};

	assert_int_equal(kube_config_pod(f->dir, "10.96.0.1", "443", &v4, &err), -ENOENT);
	assert_non_null(strstr(err.text, ": no service account of a pod here; name a kubeconfig"));
	put(f, "token", "t");
	put(f, "ca.crt", "CA");
	assert_int_equal(kube_config_pod(f->dir, "10.96.0.1", "443", &v4, NULL), 0);
	assert_string_equal(v4->server, "https://10.96.0.1:443");
	assert_true(v4->by_service);
	assert_int_equal(kube_config_pod(f->dir, "fd00::1", NULL, &v6, NULL), 0);
	assert_string_equal(v6->server, "https://[fd00::1]:443");
	assert_int_equal(kube_config_pod(f->dir, NULL, NULL, &none, NULL), 0);
	assert_null(none->server);
	assert_int_equal(kube_config_pod(f->dir, "a b", "443", &bad, NULL), -EINVAL);
	cleanup(kube_login_fini) struct kube_login login = {};
	assert_int_equal(kube_config_login(v4, &login, NULL), 0);
	assert_string_equal(login.token, "t");
	assert_string_equal(login.ca, "CA");
}

static void urls_have_one_form(void **state)
{
	static const char *const bad[] = { "",
					   "h:6443",
					   "https://",
					   "https:///x",
					   "https://u@h",
					   "https://h?x",
					   "https://h#x",
					   "https://h\nX: y",
					   "ftp://h",
					   "https://:6443",
					   "http://h" };
	char *url = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(kube_url(bad[i], &url, NULL), -EINVAL);
	assert_null(url);
	assert_int_equal(kube_url("https://h/k8s/clusters/c1//", &url, NULL), 0);
	assert_string_equal(url, "https://h/k8s/clusters/c1");
	free(url);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_current_context_says_where_and_who),
		TEST(files_are_beside_the_kubeconfig_and_read_anew),
		TEST(without_credentials_there_are_none),
		TEST(what_is_not_done_is_refused),
		TEST(a_pod_finds_its_own),
		TEST(urls_have_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
