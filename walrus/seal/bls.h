/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The curve BLS12-381, by blst: as much of it as Seal needs. Points travel in ZCash's compressed form,
 * scalars big-endian and canonical (below the group's order). What is read is on its curve, in its subgroup
 * and not the point at infinity, or it is refused.
 *
 * bls.c is the only file that includes blst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLS_G1_LEN 48
#define BLS_G2_LEN 96
#define BLS_SCALAR_LEN 32
#define BLS_GT_LEN 576

/* A scalar other than 0: -EBADMSG if it is not canonical. */
int bls_scalar_check(const uint8_t s[BLS_SCALAR_LEN]);
void bls_scalar_random(uint8_t ret[BLS_SCALAR_LEN]);

int bls_g1_check(const uint8_t p[BLS_G1_LEN]); /* -EBADMSG */
int bls_g2_check(const uint8_t p[BLS_G2_LEN]);

/* RFC 9380: BLS12381G1_XMD:SHA-256_SSWU_RO_ with Seal's DST. */
void bls_hash_to_g1(const void *msg, size_t len, uint8_t ret[BLS_G1_LEN]);
/* The group's generator, that many times. */
void bls_g1_of(const uint8_t s[BLS_SCALAR_LEN], uint8_t ret[BLS_G1_LEN]);
void bls_g2_of(const uint8_t s[BLS_SCALAR_LEN], uint8_t ret[BLS_G2_LEN]);
/* -EBADMSG: not a point. */
int bls_g1_mul(const uint8_t p[BLS_G1_LEN], const uint8_t s[BLS_SCALAR_LEN],
	       uint8_t ret[BLS_G1_LEN]);
int bls_g1_sub(const uint8_t a[BLS_G1_LEN], const uint8_t b[BLS_G1_LEN], uint8_t ret[BLS_G1_LEN]);

/* e(p, q), its twelve coordinates big-endian, in Seal's order. -EBADMSG: not a point. */
int bls_pairing(const uint8_t p[BLS_G1_LEN], const uint8_t q[BLS_G2_LEN], uint8_t ret[BLS_GT_LEN]);
/* e(a, generator of G2) = e(b, q)? False also when one is no point. */
bool bls_pairing_equal(const uint8_t a[BLS_G1_LEN], const uint8_t b[BLS_G1_LEN],
		       const uint8_t q[BLS_G2_LEN]);
