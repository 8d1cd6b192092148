/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/interfaces.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/addr.h"
#include "core/cleanup.h"
#include "core/err.h"

static void list_free(struct ifaddrs **list)
{
	if (*list)
		freeifaddrs(*list);
}

static bool read_one(const struct sockaddr *sa, struct addr *ret)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa && sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		*ret = (struct addr){ { [10] = 0xff, [11] = 0xff } };
		memcpy(ret->b + 12, &v4.sin_addr, 4);
		return true;
	}
	if (sa && sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		memcpy(ret->b, &v6.sin6_addr, 16);
		return true;
	}
	return false;
}

int interfaces_addresses(struct addr **ret, size_t *ret_n, struct err *err)
{
	cleanup(list_free) struct ifaddrs *list = NULL;
	cleanup(free_ptr) struct addr *out = NULL;
	size_t n = 0;

	if (getifaddrs(&list) < 0)
		return err_errno(err, -errno, "reading the interfaces' addresses");
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		n++;
	if (n > INTERFACES_MAX)
		return err_set(err, -E2BIG, "the interfaces have more than %d addresses",
			       INTERFACES_MAX);
	out = calloc(n + 1, sizeof(*out));
	if (!out)
		return err_errno(err, -ENOMEM, "reading the interfaces' addresses");
	n = 0;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		n += read_one(i->ifa_addr, &out[n]);
	*ret = take_ptr(out);
	*ret_n = n;
	return 0;
}
