/* SPDX-License-Identifier: Apache-2.0 */
#include "walrus/seal/bls.h"

#include <blst.h>
#include <errno.h>
#include <string.h>

#include "core/crypto.h"

#define SCALAR_BITS 255
#define FP_LEN 48

static const char dst[] = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

int bls_scalar_check(const uint8_t s[BLS_SCALAR_LEN])
{
	blst_scalar scalar;
	bool ok;

	blst_scalar_from_bendian(&scalar, s);
	ok = blst_sk_check(&scalar);
	wipe(&scalar, sizeof(scalar));
	return ok ? 0 : -EBADMSG;
}

void bls_scalar_random(uint8_t ret[BLS_SCALAR_LEN])
{
	/* the order is above 2^254: one in two is taken, without a bias */
	do {
		random_bytes(ret, BLS_SCALAR_LEN);
		ret[0] &= 0x7f;
	} while (bls_scalar_check(ret) < 0);
}

static int g1_read(const uint8_t p[BLS_G1_LEN], blst_p1_affine *ret)
{
	if (blst_p1_uncompress(ret, p) != BLST_SUCCESS || blst_p1_affine_is_inf(ret) ||
	    !blst_p1_affine_in_g1(ret))
		return -EBADMSG;
	return 0;
}

static int g2_read(const uint8_t p[BLS_G2_LEN], blst_p2_affine *ret)
{
	if (blst_p2_uncompress(ret, p) != BLST_SUCCESS || blst_p2_affine_is_inf(ret) ||
	    !blst_p2_affine_in_g2(ret))
		return -EBADMSG;
	return 0;
}

int bls_g1_check(const uint8_t p[BLS_G1_LEN])
{
	blst_p1_affine point;

	return g1_read(p, &point);
}

int bls_g2_check(const uint8_t p[BLS_G2_LEN])
{
	blst_p2_affine point;

	return g2_read(p, &point);
}

void bls_hash_to_g1(const void *msg, size_t len, uint8_t ret[BLS_G1_LEN])
{
	blst_p1 point;

	blst_hash_to_g1(&point, msg, len, (const uint8_t *)dst, sizeof(dst) - 1, NULL, 0);
	blst_p1_compress(ret, &point);
}

static void g1_times(const blst_p1 *p, const uint8_t s[BLS_SCALAR_LEN], uint8_t ret[BLS_G1_LEN])
{
	blst_scalar scalar;
	blst_p1 product;

	blst_scalar_from_bendian(&scalar, s);
	blst_p1_mult(&product, p, scalar.b, SCALAR_BITS);
	blst_p1_compress(ret, &product);
	wipe(&scalar, sizeof(scalar));
	wipe(&product, sizeof(product));
}

void bls_g1_of(const uint8_t s[BLS_SCALAR_LEN], uint8_t ret[BLS_G1_LEN])
{
	g1_times(blst_p1_generator(), s, ret);
}

void bls_g2_of(const uint8_t s[BLS_SCALAR_LEN], uint8_t ret[BLS_G2_LEN])
{
	blst_scalar scalar;
	blst_p2 product;

	blst_scalar_from_bendian(&scalar, s);
	blst_p2_mult(&product, blst_p2_generator(), scalar.b, SCALAR_BITS);
	blst_p2_compress(ret, &product);
	wipe(&scalar, sizeof(scalar));
}

int bls_g1_mul(const uint8_t p[BLS_G1_LEN], const uint8_t s[BLS_SCALAR_LEN],
	       uint8_t ret[BLS_G1_LEN])
{
	blst_p1_affine affine;
	blst_p1 point;
	int rc = g1_read(p, &affine);

	if (rc < 0)
		return rc;
	blst_p1_from_affine(&point, &affine);
	g1_times(&point, s, ret);
	return 0;
}

int bls_g1_sub(const uint8_t a[BLS_G1_LEN], const uint8_t b[BLS_G1_LEN], uint8_t ret[BLS_G1_LEN])
{
	blst_p1_affine x, y;
	blst_p1 left, right, difference;
	int rc = g1_read(a, &x);

	if (rc == 0)
		rc = g1_read(b, &y);
	if (rc < 0)
		return rc;
	blst_p1_from_affine(&left, &x);
	blst_p1_from_affine(&right, &y);
	blst_p1_cneg(&right, true);
	blst_p1_add_or_double(&difference, &left, &right);
	blst_p1_compress(ret, &difference);
	wipe(&right, sizeof(right));
	wipe(&difference, sizeof(difference));
	return 0;
}

int bls_pairing(const uint8_t p[BLS_G1_LEN], const uint8_t q[BLS_G2_LEN], uint8_t ret[BLS_GT_LEN])
{
	blst_p1_affine left;
	blst_p2_affine right;
	blst_fp12 gt;
	int rc = g1_read(p, &left);

	if (rc == 0)
		rc = g2_read(q, &right);
	if (rc < 0)
		return rc;
	blst_miller_loop(&gt, &right, &left);
	blst_final_exp(&gt, &gt);
	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < 2; j++) {
			const blst_fp2 *part = &gt.fp6[j].fp2[i];

			blst_bendian_from_fp(ret, &part->fp[0]);
			blst_bendian_from_fp(ret + FP_LEN, &part->fp[1]);
			ret += 2 * FP_LEN;
		}
	}
	wipe(&left, sizeof(left));
	wipe(&gt, sizeof(gt));
	return 0;
}

bool bls_pairing_equal(const uint8_t a[BLS_G1_LEN], const uint8_t b[BLS_G1_LEN],
		       const uint8_t q[BLS_G2_LEN])
{
	blst_p1_affine left, right;
	blst_p2_affine right_q;
	blst_fp12 x, y;

	if (g1_read(a, &left) < 0 || g1_read(b, &right) < 0 || g2_read(q, &right_q) < 0)
		return false;
	blst_miller_loop(&x, blst_p2_affine_generator(), &left);
	blst_miller_loop(&y, &right_q, &right);
	return blst_fp12_finalverify(&x, &y);
}
