// SPDX-License-Identifier: Apache-2.0
// Written by tests/vectors/make_cosign.py: the same co-signatures that the C code makes.
#[test_only]
module weir::cosign_tests;

use weir::report;

const KEY: vector<u8> = x"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";

fun accepted(report: vector<u8>, cosig: vector<u8>): bool {
    assert!(report::parse(&report).is_some());
    report::signed(&report::cosigned_bytes(&report), &cosig, &KEY)
}

#[test]
fun what_others_co_signed_verifies_1() {
    let report = x"55534147452d5245504f52542d563100aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0100000000000000005e56eea1010000604857eea101000000000000000000000707070707070707070707070707070707070707070707070707070707070707";
    let cosig = x"773581a37184ade5e48e9334786e44402e21e57ec81489db37d4efe8fb8501261738e15927c0dc44a1177bb5ae6d36068911df2f008a84066080cdc7cb81ee0b";
    assert!(accepted(report, cosig));
    // not of the report alone, and of no other
    assert!(!report::signed(&report, &cosig, &KEY));
    let mut other = report;
    *(&mut other[80]) = other[80] ^ 1;
    assert!(!accepted(other, cosig));
}

#[test]
fun what_others_co_signed_verifies_2() {
    let report = x"55534147452d5245504f52542d563100aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0700000001000000604857eea1010000e0368eeea1010000002f6859000000000000000000000000000000000000000000000000000000000000000000000000";
    let cosig = x"3b112467accd2a62a9bc64850e6acb5ed5d845d7dd424dc3cbb349a56f6a387724d5f61a515d208c691e75743138e863daa1eb60417764c08e3a3a62341ae006";
    assert!(accepted(report, cosig));
    // not of the report alone, and of no other
    assert!(!report::signed(&report, &cosig, &KEY));
    let mut other = report;
    *(&mut other[80]) = other[80] ^ 1;
    assert!(!accepted(other, cosig));
}

#[test]
fun what_others_co_signed_verifies_3() {
    let report = x"55534147452d5245504f52542d563100ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0000000000000000000000000000000000000000000000000000000000000001ffffffffffffffff0000000000000000ffffffffffffffffffffffffffffff7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    let cosig = x"dffe97949415031c25a2f8db0c47f4fdf1822c187f8e98be4096f84e67d301a33e8c49aaa1e402deb416e553ec849722801ff327e297dde3b57f425a7cb8e800";
    assert!(accepted(report, cosig));
    // not of the report alone, and of no other
    assert!(!report::signed(&report, &cosig, &KEY));
    let mut other = report;
    *(&mut other[80]) = other[80] ^ 1;
    assert!(!accepted(other, cosig));
}
