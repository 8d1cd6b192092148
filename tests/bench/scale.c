/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale FOLDER PODS LEASES WINDOWS: the books of a node whose pods all use something in each window, signed, stated
 * and settled by a chain that takes everything; then what all that weighs.
 *
 * Prints one JSON object: times in ns, sizes in bytes.
 */
#include <sys/stat.h>

#include "agent/book.h"
#include "agent/book_totals.h"
#include "agent/guard.h"
#include "agent/settle.h"
#include "bench/tool.h"
#include "chain/proof.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "ledger/lease.h"
#include "ledger/ledger.h"
#include "ledger/receipt.h"

#define MINUTE 60000ULL
#define FIRST (19700 * 1440 * MINUTE) /* a midnight in 2023 */

static struct err err;

static void ok(int r)
{
	errno = -r;
	must(r >= 0, err.text);
}

struct node {
	struct book book;
	struct book_reading *readings;
	char ledger[256], key_file[256];
	uint32_t pods, leases;
	size_t tx_len; /* of the transaction that was sent last */
	size_t txs;
};

/* ---- A chain that takes everything ------------------------------------------------------------- */

static int chain_epoch(void *arg, struct sui_epoch *ret, struct err *e)
{
	(void)arg;
	(void)e;
	*ret = (struct sui_epoch){ .epoch = 100, .gas_price = 1000, .protocol = 138 };
	return 0;
}

static int chain_lease(void *arg, const uint8_t id[OBJECT_ID_LEN], struct settle_lease *ret,
		       struct err *e)
{
	(void)arg;
	(void)id;
	(void)e;
	*ret = (struct settle_lease){ .initial_version = 5 };
	return 0;
}

static int chain_simulate(void *arg, const void *tx, size_t len, struct sui_effects *ret,
			  struct json **ret_outputs, struct err *e)
{
	const struct node *n = arg;
	struct json *outputs = json_new_array();

	(void)tx;
	(void)len;
	for (uint32_t i = 0; i < n->leases; i++) {
		const char *taken = "{\"returnValues\":[{\"value\":{\"bcs\":\"AQ==\"}}]}";
		struct json *output = NULL;

		ok(json_parse(taken, strlen(taken), 4096, "output", &output, e));
		json_add(outputs, output);
	}
	*ret = (struct sui_effects){ .success = true, .gas.computation = 1000000 };
	*ret_outputs = outputs;
	return 0;
}

static int chain_execute(void *arg, const void *tx, size_t len, const uint8_t sig[SUI_SIG_LEN],
			 struct sui_effects *ret, struct err *e)
{
	struct node *n = arg;

	(void)tx;
	(void)sig;
	(void)e;
	n->tx_len = len;
	n->txs++;
	*ret = (struct sui_effects){ .success = true, .checkpoint = 1 };
	return 0;
}

static int chain_find(void *arg, const uint8_t digest[HASH_LEN], struct sui_effects *ret,
		      uint64_t *ret_epoch, struct err *e)
{
	(void)arg;
	(void)digest;
	(void)ret;
	*ret_epoch = 100;
	return err_set(e, -ENOENT, "nobody asks");
}

static const struct settle_chain chain = { chain_epoch, chain_lease, chain_simulate, chain_execute,
					   chain_find };

/* What is due, in one transaction. */
static void settle(struct node *n, uint64_t now_ms, struct key *gas)
{
	struct settle s = { .ledger = n->book.ledger,
			    .key = gas,
			    .chain = &chain,
			    .arg = n,
			    .coin = "0x2::sui::SUI",
			    .gas_max = UINT32_MAX,
			    .fee_max = UINT32_MAX };
	struct settle_result result;

	for (size_t sent = n->txs; n->txs == sent;) {
		result = (struct settle_result){};
		ok(settle_step(&s, now_ms + SETTLE_LAG_MS, &result, &err));
		must(result.more || n->txs > sent, "nothing is sent");
	}
}

/* ---- The books ---------------------------------------------------------------------------------- */

static void label_of(uint32_t i, char ret[LEDGER_LABEL_MAX])
{
	snprintf(ret, LEDGER_LABEL_MAX, "lease-%u", i);
}

static void open_books(struct node *n, const char *folder, struct key **key)
{
	snprintf(n->ledger, sizeof(n->ledger), "%s/ledger.db", folder);
	snprintf(n->key_file, sizeof(n->key_file), "%s/provider.key", folder);
	ok(dir_make(folder, 0700, &err));
	ok(ledger_open(n->ledger, &n->book.ledger, &err));
	ok(key_new(key));
	ok(key_save(*key, n->key_file, &err));
	ok(guard_open(n->key_file, *key, &n->book.guard, &err));
	n->book.key = *key;
	n->book.node = "node-a";
	n->book.started_ms = FIRST;
	snprintf(n->book.boot, sizeof(n->book.boot), "01234567-89ab-cdef-0123-456789abcdef");
	n->readings = calloc(n->pods, sizeof(*n->readings));
	must(n->readings, "memory");
}

/* Cumulative after w windows; another rate for each pod. */
static void use(struct node *n, uint64_t w)
{
	for (uint32_t i = 0; i < n->pods; i++) {
		struct book_reading *r = &n->readings[i];

		r->cgroup_id = 1000 + i;
		snprintf(r->pod.ns, sizeof(r->pod.ns), "team-%02u", i % 20);
		snprintf(r->pod.name, sizeof(r->pod.name), "web-7d4b9c6f5-%05u", i);
		snprintf(r->pod.uid, sizeof(r->pod.uid), "3f1e5d5c-1111-4222-8333-%012u", i);
		label_of(i % n->leases, r->pod.lease);
		r->total.cpu_ns = w * (10000000 + i * 7919);
		r->total.memory_byte_ns = (unsigned __int128)w * 60000000000 * (20000000 + i);
		r->total.memory_peak_bytes = 30000000 + i;
		for (size_t c = 0; c < USAGE_CLASS_MAX_; c++)
			r->total.tx.wire[c] = (struct usage_count){ w * (9000 + i), w * 2 };
	}
}

static void open_leases(struct node *n, uint64_t at_ms)
{
	for (uint32_t i = 0; i < n->leases; i++) {
		cleanup(json_free) struct json *view = NULL;
		struct book_lease lease = { .tenant = "ada",
					    .deposit = INT64_MAX,
					    .prices = { .core_s = 1000, .gib_s = 20 } };
		char label[LEDGER_LABEL_MAX];

		label_of(i, label);
		lease.label = label;
		ok(book_lease_open(&n->book, &lease, at_ms, &view, &err));
	}
}

static void window(struct node *n, uint64_t w)
{
	struct book_signed sign;
	struct book_window done;

	use(n, w);
	ok(book_window(&n->book, FIRST + (w + 1) * MINUTE, n->readings, n->pods, &done, &err));
	ok(book_sign(&n->book, &sign, &err));
	must(!sign.held && !done.unsaid, "all is signed and stated");
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	must(stat(path, &st) == 0, path);
	return (uint64_t)st.st_size;
}

/* Closed, the ledger is one file. */
static uint64_t ledger_size(struct node *n)
{
	ledger_close(&n->book.ledger);
	ok(ledger_open(n->ledger, &n->book.ledger, &err));
	return size_of(n->ledger);
}

static int add_receipt(const struct ledger_receipt *r, void *arg)
{
	struct receipt *to;

	ok(receipts_add(arg, &to));
	memcpy(to->report, r->report, REPORT_LEN);
	memcpy(to->sig, r->signature, SIG_LEN);
	ok(record_decode(r->record, r->record_len, &to->record, &err));
	return 0;
}

/* The file of one lease, with proofs, and what verifying it takes. */
static void show_proofs(struct node *n, uint64_t windows)
{
	cleanup(buf_fini) struct buf text = BUF_INIT(RECEIPTS_LEN_MAX);
	cleanup(receipts_fini) struct receipts file = {};
	cleanup(proofs_fini) struct proofs proofs = {};
	struct receipts_summary said;
	struct proofs_summary proven;
	struct ledger_lease row;
	uint64_t began;
	size_t receipts;

	ok(ledger_lease_get(n->book.ledger, "lease-0", &row, &err));
	memcpy(file.provider, row.provider, sizeof(file.provider));
	memcpy(file.market, row.market, sizeof(file.market));
	ok(ledger_receipt_list(n->book.ledger, row.label, 1, add_receipt, &file, &err));
	ok(book_prove(n->book.ledger, &file, &proofs, &err));
	ok(receipts_render(&file, &text, &err));
	receipts = text.len;
	ok(proofs_render(&proofs, &text, &err));
	began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	ok(receipts_verify(text.data, receipts, key_public(n->book.key), &said, &err));
	ok(proofs_verify(&proofs, &file, &proven, &err));
	must(proven.proven == windows && said.count == windows, "all is proven");
	printf("\"receipts_bytes\":%zu,\"proofs_bytes\":%zu,\"verify\":%" PRIu64 ",", receipts,
	       text.len - receipts, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began);
}

int main(int argc, char **argv)
{
	struct node n = {};
	struct key *key = NULL, *gas = NULL;
	uint64_t windows, half, before, began;
	char path[300];

	must(argc == 5 && crypto_init() == 0, "FOLDER PODS LEASES WINDOWS");
	n.pods = number(argv[2], BOOK_PODS_MAX);
	n.leases = number(argv[3], SETTLE_BATCH_MAX);
	windows = number(argv[4], 10000);
	open_books(&n, argv[1], &key);
	ok(key_new(&gas));
	window(&n, 0);
	open_leases(&n, FIRST + MINUTE);
	half = windows / 2;
	for (uint64_t w = 1; w <= half; w++)
		window(&n, w);
	before = ledger_size(&n);
	began = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (uint64_t w = half + 1; w <= windows; w++)
		window(&n, w);
	printf("{\"window\":%" PRIu64 ",",
	       (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began) / (windows - half));
	printf("\"window_bytes\":%" PRIu64 ",", (ledger_size(&n) - before) / (windows - half));
	show_proofs(&n, windows);
	settle(&n, FIRST + (windows + 1) * MINUTE, gas);
	snprintf(path, sizeof(path), "%s.signed", n.key_file);
	printf("\"guard_bytes\":%" PRIu64 ",\"tx_bytes\":%zu}\n", size_of(path),
	       n.tx_len + SUI_SIG_LEN);
	ledger_close(&n.book.ledger);
	guard_close(&n.book.guard);
	key_free(&key);
	key_free(&gas);
	free(n.readings);
	return 0;
}
