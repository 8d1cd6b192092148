/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: simulated, executed, looked up; and what became of them. */
#include <errno.h>
#include <string.h>

#include "chain/sui_int.h"
#include "core/cleanup.h"
#include "core/err.h"

#define EFFECTS(more)                                                                            \
	"effects{status checkpoint{sequenceNumber} executionError{message abortCode identifier " \
	"constant module{name} function{name}} gasEffects{gasSummary{computationCost "           \
	"storageCost storageRebate nonRefundableStorageFee}}" more "}"
#define CREATED                                             \
	" objectChanges(first:50){nodes{address idCreated " \
	"outputState{asMoveObject{contents{type{repr}}}}}}"

int sui_simulate(struct sui *s, const void *tx, size_t len, struct sui_effects *ret,
		 struct json **ret_outputs, struct err *err)
{
	static const char query[] =
		"query($tx:JSON!){chainIdentifier simulateTransaction(transaction:$tx,"
		"checksEnabled:true,doGasSelection:false){" EFFECTS(
			"") " outputs{returnValues{value{bcs}}}}}";
	cleanup(json_free) struct json *variables = json_new_object();
	cleanup(json_free) struct json *data = NULL;
	cleanup(json_free) struct json *outputs = NULL;
	struct json *bytes = json_new_object(), *transaction = json_new_object();
	int rc;

	json_set_base64(bytes, "value", tx, len);
	json_set(transaction, "bcs", bytes);
	json_set(variables, "tx", transaction);
	rc = sui_ask(s, query, variables, "simulateTransaction.effects", false, &data, err);
	if (rc < 0)
		return rc;
	if (ret_outputs) {
		outputs = json_dup(json_path(data, "simulateTransaction.outputs"));
		if (!outputs)
			return err_errno(err, -ENOMEM, "Sui");
	}
	rc = sui_reply_effects(json_path(data, "simulateTransaction.effects"), ret, err);
	if (rc == 0 && ret_outputs)
		*ret_outputs = take_ptr(outputs);
	return rc;
}

int sui_execute(struct sui *s, const void *tx, size_t len, const uint8_t (*sigs)[SUI_SIG_LEN],
		size_t nsigs, struct sui_effects *ret, struct err *err)
{
	static const char query[] =
		"mutation($tx:Base64!,$sigs:[Base64!]!){executeTransaction(transactionDataBcs:$tx,"
		"signatures:$sigs){" EFFECTS(CREATED) "}}";
	cleanup(json_free) struct json *variables = json_new_object();
	cleanup(json_free) struct json *data = NULL;
	struct json *list = json_new_array();
	char text[SUI_SIG_SIZE];
	int rc;

	json_set_base64(variables, "tx", tx, len);
	for (size_t i = 0; i < nsigs; i++) {
		base64_encode(sigs[i], SUI_SIG_LEN, text);
		json_add_str(list, text);
	}
	json_set(variables, "sigs", list);
	rc = sui_ask(s, query, variables, "executeTransaction.effects", true, &data, err);
	if (rc < 0)
		return rc;
	return sui_reply_effects(json_path(data, "executeTransaction.effects"), ret, err);
}

int sui_get_transaction(struct sui *s, const uint8_t digest[HASH_LEN], struct sui_effects *ret,
			uint64_t *ret_epoch, struct err *err)
{
	static const char query[] =
		"query($d:String!){chainIdentifier epoch{epochId} transaction(digest:$d){" EFFECTS(
			CREATED) "}}";
	cleanup(json_free) struct json *variables = json_new_object();
	cleanup(json_free) struct json *data = NULL;
	char text[DIGEST_SIZE];
	uint64_t epoch = 0;
	int rc;

	digest_format(digest, text);
	json_set_str(variables, "d", text);
	rc = sui_ask(s, query, variables, "transaction", false, &data, err);
	if (rc < 0)
		return rc;
	if (json_u64(json_get(data, "epoch"), "epochId", &epoch) < 0)
		return err_set(err, -EBADMSG, "Sui: a reply without its epoch");
	if (json_type(json_get(data, "transaction")) == JSON_NULL)
		rc = err_set(err, -ENOENT, "Sui: transaction %s is not known", text);
	else
		rc = sui_reply_effects(json_path(data, "transaction.effects"), ret, err);
	if (rc == 0 || rc == -ENOENT)
		*ret_epoch = epoch;
	return rc;
}

uint64_t sui_gas_cost(const struct sui_gas *gas)
{
	uint64_t net = gas->storage > gas->rebate ? gas->storage - gas->rebate : 0, cost;

	return __builtin_add_overflow(gas->computation, net, &cost) ? UINT64_MAX : cost;
}

int sui_budget(const struct sui_gas *gas, uint64_t price, uint64_t *ret)
{
	unsigned __int128 sum = (unsigned __int128)gas->computation +
				(gas->storage > gas->rebate ? gas->storage - gas->rebate : 0);

	/* at least what a computation of no size costs */
	if (sum < (unsigned __int128)1000 * price)
		sum = (unsigned __int128)1000 * price;
	sum += sum / 2;
	if (sum > UINT64_MAX)
		return -EOVERFLOW;
	*ret = (uint64_t)sum;
	return 0;
}
