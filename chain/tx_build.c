/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/tx_build.h"

#include <errno.h>
#include <string.h>

#include "chain/type_tag.h"
#include "core/bcs.h"
#include "core/buf.h"
#include "core/cleanup.h"

#define LIST_MIN 8

static void fail(struct tx *tx, int code)
{
	if (!tx->error)
		tx->error = code;
}

static void *copy_list(struct tx *tx, const void *list, size_t n, size_t size)
{
	void *copy = tx_alloc(tx, n, size);

	if (copy)
		memcpy(copy, list, n * size);
	return copy;
}

/* The list with room for one more; the old one stays in its block. NULL after a failure. */
static void *grow(struct tx *tx, void *list, size_t n, size_t *cap, size_t size)
{
	void *more;

	if (n < *cap)
		return list;
	more = tx_alloc(tx, n < LIST_MIN ? LIST_MIN : 2 * n, size);
	if (!more)
		return NULL;
	if (n)
		memcpy(more, list, n * size);
	*cap = n < LIST_MIN ? LIST_MIN : 2 * n;
	return more;
}

struct tx_arg tx_add_input(struct tx *tx, const struct tx_input *input)
{
	struct tx_input *list = NULL;

	if (tx->ninputs > UINT16_MAX)
		fail(tx, -E2BIG);
	if (!tx->error)
		list = grow(tx, tx->inputs, tx->ninputs, &tx->inputs_cap, sizeof(*list));
	if (!list)
		return (struct tx_arg){ TX_INPUT, 0, 0 };
	tx->inputs = list;
	list[tx->ninputs] = *input;
	return (struct tx_arg){ TX_INPUT, (uint16_t)tx->ninputs++, 0 };
}

struct tx_arg tx_add_command(struct tx *tx, const struct tx_command *command)
{
	struct tx_command *list = NULL;

	if (tx->ncommands > UINT16_MAX)
		fail(tx, -E2BIG);
	if (!tx->error)
		list = grow(tx, tx->commands, tx->ncommands, &tx->commands_cap, sizeof(*list));
	if (!list)
		return (struct tx_arg){ TX_RESULT, 0, 0 };
	tx->commands = list;
	list[tx->ncommands] = *command;
	return (struct tx_arg){ TX_RESULT, (uint16_t)tx->ncommands++, 0 };
}

struct tx_arg tx_pure(struct tx *tx, const void *bcs, size_t len)
{
	return tx_add_input(tx, &(struct tx_input){ TX_PURE, .pure = tx_copy(tx, bcs, len) });
}

/* What was written to value is an input, or its failure is the transaction's. */
static struct tx_arg pure_value(struct tx *tx, const struct buf *value)
{
	if (buf_error(value))
		fail(tx, buf_error(value));
	return tx_pure(tx, value->data, value->len);
}

struct tx_arg tx_pure_bool(struct tx *tx, bool v)
{
	return tx_pure(tx, &(const uint8_t){ v }, 1);
}

struct tx_arg tx_pure_u64(struct tx *tx, uint64_t v)
{
	cleanup(buf_fini) struct buf value = BUF_INIT(sizeof(v));

	bcs_put_u64(&value, v);
	return pure_value(tx, &value);
}

struct tx_arg tx_pure_id(struct tx *tx, const uint8_t id[OBJECT_ID_LEN])
{
	return tx_pure(tx, id, OBJECT_ID_LEN);
}

struct tx_arg tx_pure_bytes(struct tx *tx, const void *data, size_t len)
{
	cleanup(buf_fini) struct buf value = BUF_INIT(TX_LEN_MAX);

	if (len > TX_LEN_MAX) {
		fail(tx, -E2BIG);
		len = 0;
	}
	bcs_put_bytes(&value, data, (uint32_t)len);
	return pure_value(tx, &value);
}

struct tx_arg tx_shared(struct tx *tx, const uint8_t id[OBJECT_ID_LEN], uint64_t initial_version,
			bool mutable)
{
	struct tx_input input = { TX_SHARED, .shared = { .initial_version = initial_version,
							 .mutable = mutable } };

	for (size_t i = 0; i < tx->ninputs; i++) {
		struct tx_input *other = &tx->inputs[i];

		if (other->kind != TX_SHARED || memcmp(other->shared.id, id, OBJECT_ID_LEN) != 0)
			continue;
		other->shared.mutable |= mutable;
		return (struct tx_arg){ TX_INPUT, (uint16_t)i, 0 };
	}
	memcpy(input.shared.id, id, OBJECT_ID_LEN);
	return tx_add_input(tx, &input);
}

struct tx_arg tx_owned(struct tx *tx, const struct object_ref *ref)
{
	return tx_add_input(tx, &(struct tx_input){ TX_OWNED, .object = *ref });
}

struct tx_arg tx_receiving(struct tx *tx, const struct object_ref *ref)
{
	return tx_add_input(tx, &(struct tx_input){ TX_RECEIVING, .object = *ref });
}

struct tx_arg tx_clock(struct tx *tx)
{
	const uint8_t id[OBJECT_ID_LEN] = { [OBJECT_ID_LEN - 1] = 6 };

	return tx_shared(tx, id, 1, false);
}

struct tx_arg tx_gas_coin(void)
{
	return (struct tx_arg){ TX_GAS_COIN, 0, 0 };
}

struct tx_arg tx_nested(struct tx_arg result, uint16_t nested)
{
	return (struct tx_arg){ TX_NESTED, result.index, nested };
}

static struct tx_bytes parse_type(struct tx *tx, const char *text)
{
	cleanup(buf_fini) struct buf bcs = BUF_INIT(TYPE_TAG_LEN_MAX);
	int rc = type_tag_parse(text, &bcs, NULL);

	if (rc < 0)
		fail(tx, rc);
	return tx_copy(tx, bcs.data, bcs.len);
}

struct tx_arg tx_funds(struct tx *tx, const char *type, uint64_t amount)
{
	struct tx_input input = { TX_FUNDS, .funds = { .amount = amount } };

	input.funds.type = parse_type(tx, type);
	return tx_add_input(tx, &input);
}

static struct tx_bytes copy_name(struct tx *tx, const char *name)
{
	return tx_copy(tx, name, strlen(name));
}

struct tx_arg tx_call(struct tx *tx, const uint8_t package[OBJECT_ID_LEN], const char *module,
		      const char *function, const char *const *types, size_t ntypes,
		      const struct tx_arg *args, size_t n)
{
	struct tx_command c = {
		.kind = TX_MOVE_CALL,
		.module = copy_name(tx, module),
		.function = copy_name(tx, function),
		.args = copy_list(tx, args, n, sizeof(*args)),
		.nargs = n,
		.types = tx_alloc(tx, ntypes, sizeof(*c.types)),
		.ntypes = ntypes,
	};

	memcpy(c.package, package, OBJECT_ID_LEN);
	for (size_t i = 0; c.types && i < ntypes; i++)
		c.types[i] = parse_type(tx, types[i]);
	return tx_add_command(tx, &c);
}

static struct tx_arg over_args(struct tx *tx, enum tx_command_kind kind, struct tx_arg target,
			       const struct tx_arg *args, size_t n)
{
	struct tx_command c = {
		.kind = kind,
		.target = target,
		.args = copy_list(tx, args, n, sizeof(*args)),
		.nargs = n,
	};

	return tx_add_command(tx, &c);
}

struct tx_arg tx_transfer(struct tx *tx, const struct tx_arg *objects, size_t n, struct tx_arg to)
{
	return over_args(tx, TX_TRANSFER, to, objects, n);
}

struct tx_arg tx_split(struct tx *tx, struct tx_arg coin, const struct tx_arg *amounts, size_t n)
{
	return over_args(tx, TX_SPLIT, coin, amounts, n);
}

struct tx_arg tx_merge(struct tx *tx, struct tx_arg into, const struct tx_arg *coins, size_t n)
{
	return over_args(tx, TX_MERGE, into, coins, n);
}

struct tx_arg tx_make_vec(struct tx *tx, const char *type, const struct tx_arg *elements, size_t n)
{
	struct tx_command c = {
		.kind = TX_MAKE_VEC,
		.args = copy_list(tx, elements, n, sizeof(*elements)),
		.nargs = n,
		.types = type ? tx_alloc(tx, 1, sizeof(*c.types)) : NULL,
	};

	if (c.types) {
		*c.types = parse_type(tx, type);
		c.ntypes = 1;
	}
	return tx_add_command(tx, &c);
}

static void pay(struct tx *tx, const uint8_t owner[OBJECT_ID_LEN], uint64_t price, uint64_t budget)
{
	memcpy(tx->gas_owner, owner, OBJECT_ID_LEN);
	tx->gas_price = price;
	tx->gas_budget = budget;
}

void tx_pay_from_balance(struct tx *tx, const uint8_t owner[OBJECT_ID_LEN], uint64_t price,
			 uint64_t budget, const struct tx_window *window)
{
	pay(tx, owner, price, budget);
	tx->payment = NULL;
	tx->npayment = 0;
	tx->expiration = (struct tx_expiration){
		.kind = TX_VALID_DURING,
		.min_epoch = { true, window->epoch },
		/* one epoch later it still is: a change of epoch under way does not kill it */
		.max_epoch = { true, window->epoch + 1 },
		.nonce = window->nonce,
	};
	memcpy(tx->expiration.chain, window->chain, HASH_LEN);
}

void tx_pay_from_coins(struct tx *tx, const uint8_t owner[OBJECT_ID_LEN], uint64_t price,
		       uint64_t budget, const struct object_ref *coins, size_t n)
{
	pay(tx, owner, price, budget);
	tx->payment = copy_list(tx, coins, n, sizeof(*coins));
	tx->npayment = tx->payment ? n : 0;
}
