/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a kubeconfig. What is accepted has a server with TLS, and a key to each certificate;
 * what is refused says why. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/err.h"
#include "k8s/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                           \
	do {                              \
		if (!(x))                 \
			__builtin_trap(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_config *cfg = NULL;
	struct err err = {};
	char path[64];
	int fd = memfd_create("kubeconfig", MFD_CLOEXEC), r;

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = kube_config_load(path, &cfg, &err);
	MUST(r == 0 ? cfg != NULL : !cfg && err.code == r && *err.text);
	if (cfg) {
		MUST(strncmp(cfg->server, "https://", 8) == 0);
		MUST(cfg->server[strlen(cfg->server) - 1] != '/');
		MUST(!(cfg->cert || cfg->cert_file) == !(cfg->key || cfg->key_file));
		MUST(!cfg->by_service);
	}
	kube_config_free(&cfg);
	close(fd);
	return 0;
}
