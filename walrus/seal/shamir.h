/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shamir's secret sharing, byte by byte over GF(2^8) with the polynomial of AES, as Seal splits its keys:
 * any `threshold` of the shares give the secret, fewer say nothing of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHARE_LEN 32

struct seal_share {
	uint8_t index; /* from 1, each its own */
	uint8_t bytes[SHARE_LEN];
};

/* Of shares with distinct indices, none of them 0. */
void shamir_join(const struct seal_share *shares, size_t n, uint8_t ret[SHARE_LEN]);
/* The share with that index of the polynomials through the given ones. */
void shamir_at(const struct seal_share *shares, size_t n, uint8_t index, uint8_t ret[SHARE_LEN]);
/* Fills in the bytes for the indices that are there. */
void shamir_split(const uint8_t secret[SHARE_LEN], size_t threshold, struct seal_share *shares,
		  size_t n);
