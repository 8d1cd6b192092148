/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain/tx.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/err.h"

static int too_many(struct err *err, const char *what, size_t n, size_t max)
{
	return err_set(err, -E2BIG, "transaction: %zu %s, at most %zu may be", n, what, max);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, OBJECT_ID_LEN);
}

static const uint8_t *object_of(const struct tx_input *input)
{
	switch (input->kind) {
	case TX_OWNED:
	case TX_RECEIVING:
		return input->object.id;
	case TX_SHARED:
		return input->shared.id;
	case TX_PURE:
	case TX_FUNDS:
	case TX_INPUT_MAX_:
		break;
	}
	return NULL;
}

/* No object twice, gas coins among them. */
static int check_objects(const struct tx *tx, struct err *err)
{
	size_t n = 0, room = tx->ninputs + tx->npayment;
	cleanup(free_ptr) const uint8_t **ids = calloc(room ? room : 1, sizeof(*ids));
	char text[ADDRESS_SIZE];

	if (!ids)
		return err_errno(err, -ENOMEM, "transaction");
	for (size_t i = 0; i < tx->ninputs; i++) {
		ids[n] = object_of(&tx->inputs[i]);
		n += ids[n] ? 1 : 0;
	}
	if (n > TX_OBJECTS_MAX)
		return too_many(err, "objects", n, TX_OBJECTS_MAX);
	for (size_t i = 0; i < tx->npayment; i++)
		ids[n++] = tx->payment[i].id;
	qsort(ids, n, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < n; i++)
		if (compare_ids(&ids[i - 1], &ids[i]) == 0) {
			address_format(ids[i], text);
			return err_set(err, -EINVAL, "transaction: object %s is there twice", text);
		}
	return 0;
}

static int check_arg(const struct tx *tx, size_t command, const struct tx_arg *arg, struct err *err)
{
	size_t max = arg->kind == TX_INPUT ? tx->ninputs : command;

	if (arg->kind == TX_GAS_COIN || arg->index < max)
		return 0;
	return err_set(err, -EINVAL, "transaction: command %zu uses %s %u, which is not there",
		       command, arg->kind == TX_INPUT ? "input" : "the result of command",
		       arg->index);
}

static int check_command(const struct tx *tx, size_t i, struct err *err)
{
	const struct tx_command *c = &tx->commands[i];
	int rc = 0;

	if (c->nargs > TX_ARGS_MAX)
		return too_many(err, "arguments", c->nargs, TX_ARGS_MAX);
	if (c->ntypes > TX_TYPE_ARGS_MAX)
		return too_many(err, "type arguments", c->ntypes, TX_TYPE_ARGS_MAX);
	if (c->kind == TX_MAKE_VEC && !c->nargs && !c->ntypes)
		return err_set(err, -EINVAL, "transaction: command %zu: an empty vector of no type",
			       i);
	for (size_t n = 0; rc == 0 && n < c->nargs; n++)
		rc = check_arg(tx, i, &c->args[n], err);
	return rc < 0 ? rc : check_arg(tx, i, &c->target, err);
}

/* Nothing but its window keeps a transaction without an object of its own from running again. */
static int check_payment(const struct tx *tx, struct err *err)
{
	const struct tx_expiration *e = &tx->expiration;

	if (tx->npayment > TX_PAYMENT_MAX)
		return too_many(err, "gas coins", tx->npayment, TX_PAYMENT_MAX);
	if (tx->npayment)
		return 0;
	if ((e->kind != TX_VALID_DURING && e->kind != TX_VALIDITY) || !e->min_epoch.set ||
	    !e->max_epoch.set || e->max_epoch.value < e->min_epoch.value ||
	    e->max_epoch.value - e->min_epoch.value > 1)
		return err_set(err, -EINVAL,
			       "transaction: gas from an address balance needs a window of one or "
			       "two epochs");
	return 0;
}

static int check_size(const struct tx *tx, struct err *err)
{
	cleanup(buf_fini) struct buf bytes = BUF_INIT(TX_LEN_MAX);
	int rc = tx_encode(tx, &bytes);

	return rc < 0 ? err_errno(err, rc, "transaction: over %u bytes", TX_LEN_MAX) : 0;
}

int tx_validate(const struct tx *tx, struct err *err)
{
	int rc;

	if (tx->error)
		return err_errno(err, tx->error, "transaction");
	if (tx->ncommands > TX_COMMANDS_MAX)
		return too_many(err, "commands", tx->ncommands, TX_COMMANDS_MAX);
	for (size_t i = 0; i < tx->ninputs; i++)
		if (tx->inputs[i].kind == TX_PURE && tx->inputs[i].pure.len > TX_PURE_MAX)
			return too_many(err, "bytes in a pure input", tx->inputs[i].pure.len,
					TX_PURE_MAX);
	rc = check_objects(tx, err);
	for (size_t i = 0; rc == 0 && i < tx->ncommands; i++)
		rc = check_command(tx, i, err);
	if (rc == 0)
		rc = check_payment(tx, err);
	return rc < 0 ? rc : check_size(tx, err);
}
