/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read vectors of Seal share. */
#pragma once

#include "interop/vectors/run.h"
#include "walrus/seal/request.h"

/* The key server with that object id, as the file has it; NULL (a fault is told) when it has none. */
const struct json *seal_server_json(struct run *r, const char *id);
bool seal_server_read(struct run *r, const struct json *v, struct seal_server *ret,
		      struct seal_user_key *ret_key);
/* "full_id_hex" of the file. */
bool seal_read_full_id(struct run *r, struct buf *ret);

/* Sessions, requests and answers (seal_request.c). */
void check_session(struct run *r, const struct json *group);
void check_exchanges(struct run *r, const struct json *group);
void check_deterministic(struct run *r, const struct json *group);
