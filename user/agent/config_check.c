/* SPDX-License-Identifier: Apache-2.0 */
/* What no single key shows: whether the configuration is one as a whole. */
#include "agent/config.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "chain/address.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "meter/podtab.h"
#include "walrus/seal/pins.h"

static int check_source(const struct config *cfg, struct err *err)
{
	if (cfg->source.kind == CONFIG_SOURCE_FILES && !*cfg->source.path)
		return err_set(err, -EINVAL, "source.path: is empty; name the folder of manifests");
	return 0;
}

static int check_paths(const struct config *cfg, struct err *err)
{
	const struct {
		const char *key, *value;
	} needed[] = {
		{ "paths.bpffs", cfg->paths.bpffs },
		{ "paths.state", cfg->paths.state },
		{ "paths.run", cfg->paths.run },
		{ "meter.podCgroup", cfg->meter.pod_cgroup },
	};
	size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof("/weir.sock");

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!*needed[i].value)
			return err_set(err, -EINVAL, "%s: is empty; name a directory",
				       needed[i].key);
	if (strlen(cfg->paths.run) > most)
		return err_set(err, -EINVAL,
			       "paths.run: is over %zu bytes long, too much for a Unix socket",
			       most);
	return 0;
}

/* A pod cgroup outside of paths.cgroup would be metered but never found again. */
static int check_pod_cgroup(const struct config *cfg, struct err *err)
{
	const char *path = cfg->meter.pod_cgroup, *part = path;
	bool bad = *path == '/';

	while (part && !bad) {
		bad = strcmp(part, "..") == 0 || strncmp(part, "../", 3) == 0;
		part = strchr(part, '/');
		part = part ? part + 1 : NULL;
	}
	if (bad)
		return err_set(err, -EINVAL,
			       "meter.podCgroup: \"%.64s\" must be a path below paths.cgroup, "
			       "without / in front and without ..",
			       path);
	return 0;
}

/* So that what is booked of them always fits: meter/podtab.h. */
static int check_labels(const struct config *cfg, struct err *err)
{
	const struct option_strings *labels = &cfg->meter.labels;
	size_t size = 3;

	for (size_t i = 0; i < labels->n; i++)
		size += strlen(labels->v[i]) + 63 + sizeof("'':'',") - 1;
	if (labels->n > METER_LABELS || size > METER_LABELS_MAX)
		return err_set(err, -EINVAL,
			       "meter.labels: at most %d labels, with values of 63 characters in "
			       "%d bytes",
			       METER_LABELS, METER_LABELS_MAX);
	return 0;
}

static int check_meter(const struct config *cfg, struct err *err)
{
	if (cfg->meter.window_ms < cfg->meter.sample_ms)
		return err_set(err, -EINVAL,
			       "meter.window: %" PRIu64 "ms is shorter than meter.sample, %" PRIu64
			       "ms; make it at least as long",
			       cfg->meter.window_ms, cfg->meter.sample_ms);
	return 0;
}

/* What all who deal with the chain need. A tenant has no provider, a new provider none yet. */
static int check_chain(const struct config *cfg, struct err *err)
{
	const struct {
		const char *key, *value;
	} needed[] = {
		{ "chain.network", cfg->chain.network },
		{ "chain.package", cfg->chain.package },
		{ "chain.market", cfg->chain.market },
		{ "chain.graphql", cfg->chain.graphql.n ? "there" : "" },
	};

	for (size_t i = 0; cfg->chain.kind == CONFIG_CHAIN_SUI && i < ARRAY_LEN(needed); i++)
		if (!needed[i].value[0])
			return err_set(err, -EINVAL, "%s: is empty; chain.kind sui needs it",
				       needed[i].key);
	return 0;
}

static int check_offers(const struct config *cfg, struct err *err)
{
	uint8_t id[OBJECT_ID_LEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < cfg->offers.tenants.n; i++)
		if (strcmp(cfg->offers.tenants.v[i], "any") != 0 &&
		    address_parse(cfg->offers.tenants.v[i], id) < 0)
			r = err_set(err, -EINVAL,
				    "offers.tenants: '%.70s' is no address; want 0x and up to 64 "
				    "hex digits, or any",
				    cfg->offers.tenants.v[i]);
	if (r == 0 && cfg->offers.tenants.n &&
	    (cfg->chain.kind != CONFIG_CHAIN_SUI || cfg->source.kind != CONFIG_SOURCE_KUBERNETES ||
	     !cfg->walrus.aggregators.n))
		r = err_set(err, -EINVAL,
			    "offers.tenants: needs chain.kind sui, source.kind kubernetes and "
			    "walrus.aggregators");
	return r;
}

static int check_url(const char *key, const char *url, struct err *err)
{
	size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : 7;

	if ((scheme == 7 && strncmp(url, "http://", 7) != 0) || strcspn(url + scheme, "/ ") == 0)
		return err_set(err, -EINVAL, "%s: \"%.64s\" is not a URL such as https://host:port",
			       key, url);
	return 0;
}

static int check_urls(const struct config *cfg, struct err *err)
{
	const struct {
		const char *key;
		const struct option_strings *urls;
	} lists[] = {
		{ "source.servers", &cfg->source.servers },
		{ "chain.graphql", &cfg->chain.graphql },
		{ "walrus.aggregators", &cfg->walrus.aggregators },
	};
	int r = *cfg->walrus.publisher ? check_url("walrus.publisher", cfg->walrus.publisher, err) :
					 0;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (size_t j = 0; r == 0 && j < lists[i].urls->n; j++)
			r = check_url(lists[i].key, lists[i].urls->v[j], err);
	return r;
}

int config_key_servers(const struct config *cfg, struct seal_pins *ret, struct err *err)
{
	int r;

	if (!cfg->seal.servers.n)
		return err_set(err, -EINVAL,
			       "seal.servers: is empty; pin the key servers that you trust");
	r = seal_pins_read((const char *const *)cfg->seal.servers.v, cfg->seal.servers.n, ret, err);
	return r < 0 ? err_wrap(err, "seal.servers") : 0;
}

static int check_seal(const struct config *cfg, struct err *err)
{
	struct seal_pins pins;
	int r;

	if (!cfg->seal.servers.n)
		return 0;
	r = config_key_servers(cfg, &pins, err);
	if (r < 0)
		return r;
	if (!cfg->seal.threshold || cfg->seal.threshold > pins.shares)
		return err_set(err, -EINVAL,
			       "seal.threshold: is %u, and the servers hold %u shares; use 1 to %u",
			       cfg->seal.threshold, pins.shares, pins.shares);
	if (!*cfg->seal.package && config_check_id(cfg->chain.package, err) < 0)
		return err_wrap(err, "chain.package");
	if (!*cfg->seal.package && !*cfg->chain.package)
		return err_set(err, -EINVAL,
			       "seal.package: is empty, and chain.package too; name the package "
			       "that says who may decrypt");
	return 0;
}

int config_check(const struct config *cfg, struct err *err)
{
	static int (*const checks[])(const struct config *, struct err *) = {
		check_source, check_paths,  check_pod_cgroup, check_labels, check_meter,
		check_chain,  check_offers, check_urls,	      check_seal,
	};

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		int r = checks[i](cfg, err);

		if (r < 0)
			return r;
	}
	return 0;
}
