/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/site.h"

#include <errno.h>
#include <string.h>

#include "agent/config.h"
#include "chain/sui.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/file.h"

#define CA_MAX (1U << 20)

int site_id(const char *what, const char *text, uint8_t ret[OBJECT_ID_LEN], struct err *err)
{
	if (address_parse(text, ret) == 0)
		return 0;
	return err_set(err, -EINVAL, "%s: '%.70s' is no id; want 0x and up to 64 hex digits", what,
		       text);
}

static int read_network(const char *name, uint8_t ret[HASH_LEN], struct err *err)
{
	static const struct {
		const char *name, *genesis;
	} known[] = {
		{ "mainnet", "4btiuiMPvEENsttpZC7CZ53DruC3MAgfznDbASZ7DR6S" },
		{ "testnet", "69WiPg3DAQiwdxfncX6wYQ2siKwAe6L9BZthQea3JNMD" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].name, name) == 0)
			name = known[i].genesis;
	if (digest_parse(name, ret) == 0)
		return 0;
	return err_set(err, -EINVAL,
		       "chain.network: '%.60s' is neither mainnet nor testnet nor a digest in "
		       "base58",
		       name);
}

int site_read(const struct config *cfg, struct site *ret, struct err *err)
{
	struct site site = {};
	int r;

	if (cfg->chain.kind != CONFIG_CHAIN_SUI)
		return err_set(err, -EINVAL,
			       "chain.kind is local: there is no chain; set it to sui, with "
			       "chain.network, graphql, package and market");
	r = site_id("chain.package", cfg->chain.package, site.package, err);
	if (r == 0)
		r = site_id("chain.market", cfg->chain.market, site.market, err);
	if (r == 0 && cfg->chain.provider[0])
		r = site_id("chain.provider", cfg->chain.provider, site.provider, err);
	if (r == 0)
		r = read_network(cfg->chain.network, site.genesis, err);
	if (r == 0)
		*ret = site;
	return r;
}

int site_connect(const struct config *cfg, const struct site *site, uint32_t read_ms,
		 uint32_t write_ms, struct sui **ret, struct err *err)
{
	cleanup(buf_fini) struct buf ca = BUF_INIT(CA_MAX);
	const char *urls[SUI_URLS_MAX + 1] = {};
	struct sui_config config = { .urls = urls, .read_ms = read_ms, .write_ms = write_ms };
	int r;

	if (cfg->chain.graphql.n > SUI_URLS_MAX)
		return err_set(err, -E2BIG, "chain.graphql: more than %d URLs", SUI_URLS_MAX);
	for (size_t i = 0; i < cfg->chain.graphql.n; i++)
		urls[i] = cfg->chain.graphql.v[i];
	memcpy(config.chain, site->genesis, HASH_LEN);
	r = cfg->chain.ca_file[0] ? file_read(cfg->chain.ca_file, &ca, err) : 0;
	if (r < 0)
		return err_wrap(err, "chain.caFile");
	config.ca = ca.len ? ca.data : NULL;
	return sui_new(&config, ret, err);
}
