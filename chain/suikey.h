/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text in which Sui wallets hand out a private key: bech32 (BIP-173) with the prefix
 * "suiprivkey" over a byte that names the scheme and the 32-byte seed. Only Ed25519 (flag 0) is
 * taken. Copies of the secret are wiped, and no error quotes it.
 */
#pragma once

#include "core/crypto.h"

#define SUIKEY_SIZE 71 /* with the NUL; wipe() it */

/* -EINVAL: not such a text. -ENOTSUP: a key of another scheme. -ENOMEM. */
int suikey_parse(const char *text, struct key **ret, struct err *err);
/* A key file of a person: with such a text, or of ours (core/crypto.h); refused unless it is theirs
 * alone. The first line counts. */
int suikey_load(const char *path, struct key **ret, struct err *err);
void suikey_format(const struct key *k, char ret[SUIKEY_SIZE]);
