/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to reach an API server and who we are there: a kubeconfig file, or what a pod finds in itself.
 *
 * kube_config_load() reads what is fixed: places, and the names of files. kube_config_login() reads
 * the files, each time anew, so a token, a certificate or an authority that is rotated is used with
 * the next request.
 *
 * Read are contexts, certificate-authority(-data), tls-server-name, client-certificate(-data),
 * client-key(-data), token and tokenFile (before token, as kubectl has it). File names are relative
 * to the kubeconfig. Refused, each with what to write instead: insecure-skip-tls-verify: true,
 * proxy-url, exec, auth-provider, username and password, impersonation (as), servers without https.
 *
 * Errors: "FILE:LINE: users.admin.exec: ..."; -EINVAL, -EBADMSG not YAML, -ENOENT and others of
 * reading, -E2BIG over a limit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define KUBE_URL_MAX 1024
#define KUBE_PEM_MAX (1u << 20) /* of one file; a bundle of authorities can be long */
#define KUBE_TOKEN_MAX (64u << 10)

#define KUBE_POD_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

struct err;

struct kube_config {
	char *server; /* "https://host:port", a path may follow; NULL: not known */
	bool by_service; /* server is the Service `kubernetes`, as a pod's environment has it */
	char *server_name; /* that certificates must have; NULL: the host of the URL */
	char *ca, *cert, *key, *token; /* PEM and text from the file itself, or NULL and: */
	char *ca_file, *cert_file, *key_file, *token_file; /* NULL: none */
};

/* path of a kubeconfig. */
int kube_config_load(const char *path, struct kube_config **ret, struct err *err);
/* A pod's own: token and ca.crt in dir, host and port from its environment (NULL: it has none). */
int kube_config_pod(const char *dir, const char *host, const char *port, struct kube_config **ret,
		    struct err *err);
void kube_config_free(struct kube_config **cfg);

/* PEM texts, and the token without a newline; NULL where there is none. kube_login_fini() wipes. */
struct kube_login {
	char *ca, *cert, *key, *token;
};
int kube_config_login(const struct kube_config *cfg, struct kube_login *ret, struct err *err);
void kube_login_fini(struct kube_login *login);

/* A URL as it is kept: https, a host, no user, query or fragment, no / at the end; free() it. */
int kube_url(const char *text, char **ret, struct err *err);
