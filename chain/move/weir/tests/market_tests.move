// SPDX-License-Identifier: Apache-2.0
/// The market's rules and its versions; Seal's policy; the Merkle-sum tree.
#[test_only]
module weir::market_tests;

use sui::hash;
use weir::bed;
use weir::market;
use weir::provider;
use weir::seal_policy;
use weir::signatures;
use weir::signed;
use weir::totals;

#[test, expected_failure(abort_code = market::EParams)]
fun stake_outlasts_challenge_and_dispute() { market::params(1, 300, 100, 200, 1, 0, 0); }

#[test, expected_failure(abort_code = market::EParams)]
fun a_reporter_gets_at_most_half() { market::params(1, 301, 100, 200, 1, 5_001, 0); }

#[test, expected_failure(abort_code = market::EParams)]
fun no_more_than_all_is_slashed() { market::params(1, 301, 100, 200, 10_001, 0, 0); }

#[test]
fun a_lease_keeps_the_terms_it_was_opened_under() {
    let mut b = bed::new();
    let (m, cap, _, _, _) = b.all();
    market::set_params(m, cap, market::params(1, 3, 1, 1, 1, 0, 0));
    market::set_treasury(m, cap, bed::stranger());
    b.at(60);
    b.submit(signed::report(1, 0, 60, 100));
    b.at(159);
    b.settle();
    b.expect(0, 1_000);
    b.end();
}

fun set_arbiters(arbiters: vector<vector<u8>>, quorum: u64) {
    let mut b = bed::new();
    let (m, cap, _, _, _) = b.all();
    market::set_arbiters(m, cap, arbiters, quorum);
    b.end();
}

#[test, expected_failure(abort_code = market::EArbiters)]
fun a_quorum_is_a_majority() { set_arbiters(vector[signatures::key(10), signatures::key(11)], 1) }

#[test, expected_failure(abort_code = market::EArbiters)]
fun an_arbiter_has_one_voice() { set_arbiters(vector[signatures::key(10), signatures::key(10)], 2) }

#[test, expected_failure(abort_code = market::EArbiters)]
fun an_arbiter_has_a_key() { set_arbiters(vector[x"00"], 1) }

#[test, expected_failure(abort_code = market::ECap)]
fun the_capability_of_another_market_is_refused() {
    let mut b = bed::new();
    let (other, cap) = market::new(bed::default_params(), @0x1, &mut bed::by(bed::stranger()));
    let (m, _, _, _, _) = b.all();
    market::set_treasury(m, &cap, bed::stranger());
    other.share();
    transfer::public_transfer(cap, bed::stranger());
    b.end();
}

#[test, expected_failure(abort_code = provider::EMarket)]
fun another_market_is_refused() {
    let mut b = bed::new();
    let (other, cap) = market::new(bed::default_params(), @0x1, &mut bed::by(bed::stranger()));
    let (_, _, p, _, clock) = b.all();
    provider::withdraw(&other, p, clock);
    other.share();
    transfer::public_transfer(cap, bed::stranger());
    b.end();
}

#[test, expected_failure(abort_code = market::EVersion)]
fun code_of_another_version_refuses_the_market() {
    let mut b = bed::new();
    let (m, _, _, _, _) = b.all();
    market::set_version_for_testing(m, 2);
    b.settle();
    b.end();
}

#[test]
fun an_older_market_is_migrated() {
    let mut b = bed::new();
    let (m, cap, _, _, _) = b.all();
    market::set_version_for_testing(m, 0);
    market::migrate(m, cap);
    b.settle();
    b.end();
}

#[test, expected_failure(abort_code = market::EMigrated)]
fun a_market_is_migrated_once() {
    let mut b = bed::new();
    let (m, cap, _, _, _) = b.all();
    market::migrate(m, cap);
    b.end();
}

// ---- Seal ----

fun approve(b: &mut bed::Bed, id: vector<u8>, who: address) {
    let (m, _, p, l, _) = b.all();
    seal_policy::approve_for_testing(id, m, p, l, &bed::by(who));
}

#[test]
fun the_provider_of_a_live_lease_may_decrypt() {
    let mut b = bed::new();
    approve(&mut b, bed::seal_id(), bed::agent());
    approve(&mut b, bed::seal_id(), bed::owner());
    b.end();
}

#[test, expected_failure(abort_code = seal_policy::EProvider)]
fun a_stranger_may_not_decrypt() {
    let mut b = bed::new();
    approve(&mut b, bed::seal_id(), bed::stranger());
    b.end();
}

#[test, expected_failure(abort_code = seal_policy::EKey)]
fun another_key_is_not_given() {
    let mut b = bed::new();
    let mut id = bed::seal_id();
    id.push_back(0);
    approve(&mut b, id, bed::agent());
    b.end();
}

#[test, expected_failure(abort_code = seal_policy::ENotLive)]
fun a_closing_lease_decrypts_nothing() {
    let mut b = bed::new();
    b.close(bed::tenant());
    approve(&mut b, bed::seal_id(), bed::agent());
    b.end();
}

#[test, expected_failure(abort_code = seal_policy::ENotLive)]
fun an_empty_escrow_decrypts_nothing() {
    let mut b = bed::new_with(0, 10);
    approve(&mut b, bed::seal_id(), bed::agent());
    b.end();
}

// ---- the tree ----

fun join(left: totals::Sums, left_hash: vector<u8>, right: totals::Sums, right_hash: vector<u8>): vector<u8> {
    let mut bytes = x"01";
    bytes.append(std::bcs::to_bytes(&left));
    bytes.append(left_hash);
    bytes.append(std::bcs::to_bytes(&right));
    bytes.append(right_hash);
    hash::blake2b256(&bytes)
}

fun statement(sums: totals::Sums, root: vector<u8>): totals::Totals {
    let mut bytes = b"NODE-TOTALS-V1\x00\x00";
    bytes.append(std::bcs::to_bytes(&signed::object(1)));
    bytes.append(std::bcs::to_bytes(&signed::object(2)));
    bytes.append(std::bcs::to_bytes(&0u64));
    bytes.append(std::bcs::to_bytes(&60u64));
    bytes.append(std::bcs::to_bytes(&sums));
    bytes.append(root);
    totals::parse(&bytes).destroy_some()
}

#[test]
fun three_pods_are_in_the_tree_and_no_fourth() {
    let (a, b, c) = (totals::sums(1, 10, 100, 1_000), totals::sums(2, 20, 200, 2_000), totals::sums(3, 30, 300, 3_000));
    let (ha, hb) = (totals::leaf_hash(&a, b"a"), totals::leaf_hash(&b, b"b"));
    let hc = totals::leaf_hash(&c, b"c"); // alone on its level: its own parent
    let ab = totals::sums(3, 30, 300, 3_000);
    let hab = join(a, ha, b, hb);
    let t = statement(totals::sums(6, 60, 600, 6_000), join(ab, hab, c, hc));

    assert!(t.includes(a, b"a", &vector[totals::step(false, b, hb), totals::step(false, c, hc)]));
    assert!(t.includes(b, b"b", &vector[totals::step(true, a, ha), totals::step(false, c, hc)]));
    assert!(t.includes(c, b"c", &vector[totals::step(true, ab, hab)]));
    assert!(!t.includes(a, b"x", &vector[totals::step(false, b, hb), totals::step(false, c, hc)]));
    assert!(!t.includes(b, b"a", &vector[totals::step(false, b, hb), totals::step(false, c, hc)]));
    assert!(!t.includes(a, b"a", &vector[totals::step(true, b, hb), totals::step(false, c, hc)]));
    assert!(!t.includes(a, b"a", &vector[]));
}

#[test]
fun sums_that_overflow_are_in_no_tree() {
    let max = 18_446_744_073_709_551_615;
    let (a, b) = (totals::sums(max, 0, 0, 0), totals::sums(1, 0, 0, 0));
    let (ha, hb) = (totals::leaf_hash(&a, b"a"), totals::leaf_hash(&b, b"b"));
    let t = statement(totals::sums(0, 0, 0, 0), join(a, ha, b, hb));
    assert!(!t.includes(a, b"a", &vector[totals::step(false, b, hb)]));
}

#[test]
fun a_path_is_bounded() {
    let a = totals::sums(0, 0, 0, 0);
    let mut path = vector[];
    while (path.length() < 33) path.push_back(totals::step(false, a, b""));
    let t = statement(a, x"0909090909090909090909090909090909090909090909090909090909090909");
    assert!(!t.includes(a, b"a", &path));
}
