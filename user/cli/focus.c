/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/focus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain/amount.h"
#include "chain/charge.h"
#include "chain/lease.h"
#include "cli/csv.h"
#include "cli/members.h"
#include "cli/window.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"
#include "core/json.h"
#include "core/parse.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/receipt.h"

/* The order of the specification, ours behind it. */
static const char *const keys[] = {
	"BilledCost",
	"BillingAccountId",
	"BillingAccountName",
	"BillingAccountType",
	"BillingCurrency",
	"BillingPeriodEnd",
	"BillingPeriodStart",
	"ChargeCategory",
	"ChargeClass",
	"ChargeDescription",
	"ChargeFrequency",
	"ChargePeriodEnd",
	"ChargePeriodStart",
	"ConsumedQuantity",
	"ConsumedUnit",
	"ContractedCost",
	"ContractedUnitPrice",
	"EffectiveCost",
	"HostProviderName",
	"InvoiceId",
	"InvoiceIssuerName",
	"ListCost",
	"ListUnitPrice",
	"PricingCategory",
	"PricingQuantity",
	"PricingUnit",
	"ProviderName",
	"PublisherName",
	"ResourceId",
	"ResourceName",
	"ResourceType",
	"ServiceCategory",
	"ServiceName",
	"ServiceProviderName",
	"ServiceSubcategory",
	"SkuId",
	"SkuMeter",
	"SkuPriceId",
	"SubAccountId",
	"SubAccountName",
	"SubAccountType",
	"Tags",
	"x_Market",
	"x_Node",
	"x_ReceiptHash",
	"x_ReceiptSeq",
	NULL,
};

#define COMPUTE "Compute", "Containers"
#define NETWORK "Networking", "Network Connectivity"

static const struct {
	const char *id, *meter, *category, *subcategory, *consumed, *pricing;
} skus[PRICE_ITEM_MAX_] = {
	[PRICE_CPU] = { "cpu", "CPU", COMPUTE, "Core-Nanoseconds", "Core-Seconds" },
	[PRICE_MEMORY] = { "memory", "Memory", COMPUTE, "Byte-Nanoseconds", "GiB-Seconds" },
	[PRICE_RX +
		USAGE_EXTERNAL] = { "rx_external", "Received, external", NETWORK, "Bytes", "GiB" },
	[PRICE_RX + USAGE_CLUSTER] = { "rx_cluster", "Received, cluster", NETWORK, "Bytes", "GiB" },
	[PRICE_RX + USAGE_LOCAL] = { "rx_local", "Received, same node", NETWORK, "Bytes", "GiB" },
	[PRICE_TX + USAGE_EXTERNAL] = { "tx_external", "Sent, external", NETWORK, "Bytes", "GiB" },
	[PRICE_TX + USAGE_CLUSTER] = { "tx_cluster", "Sent, cluster", NETWORK, "Bytes", "GiB" },
	[PRICE_TX + USAGE_LOCAL] = { "tx_local", "Sent, same node", NETWORK, "Bytes", "GiB" },
};

struct focus {
	struct ledger *ledger;
	const struct window *window;
	struct buf *out;
	struct err *err;
	/* of the receipt at hand */
	const struct ledger_receipt *receipt;
	const struct record *record;
	struct report report;
	struct ledger_lease row;
	struct lease lease;
};

/* number / unit with nine digits behind the point, the rest cut off, no zeros at the end. */
static void member_decimal(struct json *o, const char *key, bool minus, unsigned __int128 number,
			   uint64_t unit)
{
	char text[80], digits[64];
	uint64_t part = (uint64_t)(number % unit * MIST_PER_SUI / unit);
	size_t len;

	format_u128(number / unit, digits);
	snprintf(text, sizeof(text), "%s%s.%09llu", minus ? "-" : "", digits,
		 (unsigned long long)part);
	len = strlen(text);
	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	text[len] = '\0';
	json_set_str(o, key, text);
}

/* "0x..." as Sui writes it. */
static void member_sui_id(struct json *o, const char *key, const uint8_t id[OBJECT_ID_LEN])
{
	char text[2 + 2 * OBJECT_ID_LEN + 1] = "0x";

	format_hex(id, OBJECT_ID_LEN, text + 2);
	json_set_str(o, key, text);
}

static void set_parties(struct json *o, const struct focus *e)
{
	member_sui_id(o, "BillingAccountId", e->lease.terms.tenant);
	json_set_str(o, "BillingAccountType", "Sui address");
	json_set_str(o, "BillingCurrency", "SUI");
	member_sui_id(o, "SubAccountId", e->row.id);
	json_set_str(o, "SubAccountName", e->row.label);
	json_set_str(o, "SubAccountType", "Lease");
	member_sui_id(o, "x_Market", e->row.market);
	json_set_str(o, "InvoiceIssuerName", json_str(o, "x_Market", ""));
	member_hex(o, "ProviderName", e->row.provider, sizeof(e->row.provider));
	for (size_t i = 0; i < 3; i++) {
		static const char *const same[] = { "PublisherName", "ServiceProviderName",
						    "HostProviderName" };

		json_set_str(o, same[i], json_str(o, "ProviderName", ""));
	}
	json_set_str(o, "ServiceName", "Weir workload");
	member_text(o, "x_Node", e->record->node);
}

static void set_period(struct json *o, const struct focus *e)
{
	struct window month = window_month(e->receipt->from_ms);

	member_time(o, "BillingPeriodStart", month.from_ms);
	member_time(o, "BillingPeriodEnd", month.to_ms);
	member_time(o, "ChargePeriodStart", e->receipt->from_ms);
	member_time(o, "ChargePeriodEnd", e->receipt->to_ms);
	json_set_str(o, "ChargeFrequency", "Usage-Based");
	json_set_u64(o, "x_ReceiptSeq", e->receipt->seq);
	member_hex(o, "x_ReceiptHash", e->receipt->hash, sizeof(e->receipt->hash));
}

/* No discounts: the list price is what is agreed and billed. */
static void set_cost(struct json *o, const struct charge *c)
{
	static const char *const costs[] = { "BilledCost", "ContractedCost", "EffectiveCost",
					     "ListCost" };

	for (size_t i = 0; i < ARRAY_LEN(costs); i++)
		member_decimal(o, costs[i], c->credit, c->mist, MIST_PER_SUI);
}

static void set_pod(struct json *o, const struct record_pod *pod)
{
	char id[sizeof(pod->boot_id) + 24];

	snprintf(id, sizeof(id), "%s/%llu", pod->boot_id, (unsigned long long)pod->cgroup_id);
	json_set_str(o, "ResourceId", *pod->uid ? pod->uid : id);
	member_name(o, "ResourceName", pod->namespace, pod->name);
	json_set_str(o, "ResourceType", "Pod");
}

static void set_usage(struct json *o, const struct focus *e, const struct charge *c)
{
	uint64_t mist = price_item_mist(&e->record->prices, c->item);
	char text[128];

	set_pod(o, c->pod);
	json_set_str(o, "ChargeCategory", "Usage");
	snprintf(text, sizeof(text), "%s of %.60s", skus[c->item].meter, c->pod->name);
	json_set_str(o, "ChargeDescription", text);
	json_set_str(o, "ServiceCategory", skus[c->item].category);
	json_set_str(o, "ServiceSubcategory", skus[c->item].subcategory);
	json_set_u128(o, "ConsumedQuantity", c->amount);
	json_set_str(o, "ConsumedUnit", skus[c->item].consumed);
	member_decimal(o, "PricingQuantity", false, c->amount, price_item_unit(c->item));
	json_set_str(o, "PricingUnit", skus[c->item].pricing);
	json_set_str(o, "PricingCategory", "Standard");
	member_decimal(o, "ListUnitPrice", false, mist, MIST_PER_SUI);
	member_decimal(o, "ContractedUnitPrice", false, mist, MIST_PER_SUI);
	json_set_str(o, "SkuId", skus[c->item].id);
	json_set_str(o, "SkuMeter", skus[c->item].meter);
	snprintf(text, sizeof(text), "%s/%s", e->row.label, skus[c->item].id);
	json_set_str(o, "SkuPriceId", text);
}

static int add_charge(const struct charge *c, void *arg)
{
	cleanup(json_free) struct json *o = json_new_object();
	struct focus *e = arg;

	if (!o)
		return -ENOMEM;
	set_parties(o, e);
	set_period(o, e);
	set_cost(o, c);
	if (c->pod) {
		set_usage(o, e, c);
	} else {
		json_set_str(o, "ChargeCategory", "Adjustment");
		json_set_str(o, "ChargeDescription",
			     c->credit ? "Above the lease's cap" : "Below the lease's cap again");
		json_set_str(o, "ServiceCategory", "Compute");
		json_set_str(o, "ServiceSubcategory", "Containers");
	}
	return csv_row(o, keys, e->out);
}

static int read_lease(struct focus *e, const char *label)
{
	int rc;

	if (strcmp(e->row.label, label) == 0)
		return 0;
	rc = ledger_lease_get(e->ledger, label, &e->row, e->err);
	if (rc == 0)
		rc = lease_decode(e->row.account, e->row.account_len, &e->lease, e->err);
	return rc < 0 ? err_wrap(e->err, "lease %s in the ledger", label) : 0;
}

static int add_receipt(const struct ledger_receipt *r, void *arg)
{
	cleanup(record_fini) struct record record = {};
	struct focus *e = arg;
	int rc;

	if (e->window->to_ms && (r->from_ms < e->window->from_ms || r->from_ms >= e->window->to_ms))
		return 0;
	rc = read_lease(e, r->lease);
	if (rc == 0)
		rc = record_decode(r->record, r->record_len, &record, e->err);
	if (rc < 0)
		return rc;
	e->receipt = r;
	e->record = &record;
	rc = charges(&record, add_charge, e, e->err);
	return rc < 0 ? err_wrap(e->err, "receipt %llu of %s", (unsigned long long)r->seq,
				 r->lease) :
			rc;
}

int focus_export(struct ledger *ledger, const struct window *window, const char *lease,
		 struct buf *out, struct err *err)
{
	struct focus e = { .ledger = ledger, .window = window, .out = out, .err = err };
	int rc;

	csv_head(keys, out);
	rc = ledger_receipt_list(ledger, lease, 0, add_receipt, &e, err);
	if (rc == -E2BIG)
		return err_set(
			err, rc,
			"more than %zu bytes of charges; ask for a shorter --window or for one --lease",
			out->limit);
	return rc < 0 ? rc : buf_error(out);
}
