/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/offers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "core/cleanup.h"
#include "core/crypto.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parse.h"
#include "walrus/blobname.h"

#define LABEL_PREFIX "lease-"
#define LABEL_BYTES 20 /* of the id: more than anyone can make two of */

static int read_sri(const struct json *work, struct sri *ret)
{
	size_t len = 0;

	if (base64_decode(json_str(work, "sri", "?"), ret->digest[0], SHA512_LEN, &len) < 0 ||
	    (len && len != SHA512_LEN))
		return -EBADMSG;
	ret->len = len ? 1 : 0;
	return 0;
}

int offer_read(const struct json *work, struct offer_work *ret, struct err *err)
{
	const char *entry = json_str(work, "entry", NULL), *seal = json_str(work, "seal_id", NULL);
	struct offer_work w = { .sealed = seal && *seal };
	const char *missing = NULL;

	if (blobname_parse(json_str(work, "blob_id", ""), w.blob_id, NULL) < 0)
		missing = "blob_id";
	else if (read_sri(work, &w.sri) < 0)
		missing = "sri";
	else if (!entry || path_format(w.entry, sizeof(w.entry), "%s", entry))
		missing = "entry";
	else if (json_u64(work, "cpu_millis", &w.cpu_millis) < 0)
		missing = "cpu_millis";
	else if (json_u64(work, "memory_bytes", &w.memory_bytes) < 0)
		missing = "memory_bytes";
	else if (!seal)
		missing = "seal_id";
	if (missing)
		return err_set(err, -EBADMSG, "the lease on chain does not say its work's %s",
			       missing);
	*ret = w;
	return 0;
}

static bool is_named(const uint8_t tenant[OBJECT_ID_LEN], const struct config *cfg)
{
	uint8_t id[OBJECT_ID_LEN];

	for (size_t i = 0; i < cfg->offers.tenants.n; i++) {
		const char *text = cfg->offers.tenants.v[i];

		if (strcmp(text, "any") == 0 ||
		    (address_parse(text, id) == 0 && !memcmp(id, tenant, sizeof(id))))
			return true;
	}
	return false;
}

static int check_limit(const char *what, uint64_t asked, uint64_t most, struct err *err)
{
	if (asked && asked <= most)
		return 0;
	return err_set(err, -EPERM, "asks for %" PRIu64 " %s; offers.* allows 1 to %" PRIu64, asked,
		       what, most);
}

int offer_check(const struct lease *lease, const struct offer_work *work, const struct config *cfg,
		struct err *err)
{
	const struct prices *p = &lease->terms.prices;
	const struct {
		const char *what;
		uint64_t is, least;
	} amounts[] = {
		{ "coreSecond", p->core_s, cfg->offers.core_s },
		{ "gibSecond", p->gib_s, cfg->offers.gib_s },
		{ "gibExternal", p->tx_gib[USAGE_EXTERNAL], cfg->offers.gib_external },
		{ "deposit", lease->deposited, cfg->offers.deposit },
	};
	int r;

	if (!is_named(lease->terms.tenant, cfg))
		return err_set(err, -EPERM, "its tenant is not of offers.tenants");
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++)
		if (amounts[i].is < amounts[i].least)
			return err_set(err, -EPERM,
				       "%" PRIu64 " MIST are less than offers.%s, %" PRIu64,
				       amounts[i].is, amounts[i].what, amounts[i].least);
	r = check_limit("cpu_millis", work->cpu_millis, cfg->offers.cpu_millis, err);
	if (r == 0)
		r = check_limit("memory_bytes", work->memory_bytes, cfg->offers.memory_bytes, err);
	if (r == 0 && work->sealed)
		r = err_set(err, -EPERM, "its code is encrypted, and is not started by itself");
	return r;
}

void offer_label(const uint8_t id[OBJECT_ID_LEN], char ret[LEDGER_LABEL_MAX])
{
	char hex[2 * LABEL_BYTES + 1];

	format_hex(id, LABEL_BYTES, hex);
	snprintf(ret, LEDGER_LABEL_MAX, LABEL_PREFIX "%s", hex);
}

void offer_key(const char *label, char ret[OFFER_KEY_SIZE])
{
	snprintf(ret, OFFER_KEY_SIZE, "offer.%s", label);
}
