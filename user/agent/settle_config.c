/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settle_config.h"

#include <errno.h>
#include <string.h>

#include "agent/config.h"
#include "agent/settle.h"
#include "chain/sign.h"
#include "core/cleanup.h"

static int read_ids(const struct config *cfg, struct settle *s, struct err *err)
{
	const struct {
		const char *key, *text;
		uint8_t *to;
	} ids[] = {
		{ "chain.package", cfg->chain.package, s->package },
		{ "chain.market", cfg->chain.market, s->market.id },
		{ "chain.provider", cfg->chain.provider, s->provider.id },
	};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (address_parse(ids[i].text, ids[i].to) < 0)
			return err_set(err, -EINVAL,
				       "%s: '%.70s' is no id; want 0x and up to 64 hex digits",
				       ids[i].key, ids[i].text);
	return 0;
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

int settle_configure(const struct config *cfg, struct settle *ret, struct err *err)
{
	int r = read_ids(cfg, ret, err);

	return r < 0 ? r : read_network(cfg->chain.network, ret->genesis, err);
}
