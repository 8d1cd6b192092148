// SPDX-License-Identifier: Apache-2.0
/// Disputes: 101 is claimed, the bond is 51 (half, rounded up).
#[test_only]
module weir::dispute_tests;

use weir::bed::{Self, Bed};
use weir::lease;
use weir::market;
use weir::signed::{report, cosign, decision};

fun disputed(): Bed {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 101));
    b.dispute(51, bed::tenant());
    assert!(b.lease().in_dispute());
    b.check(51);
    b
}

#[test]
fun time_does_not_release_what_is_disputed() {
    let mut b = disputed();
    b.at(259);
    b.settle();
    b.expect(0, 1_000);
    b.end_with_bond(51);
}

#[test]
fun what_waited_long_enough_before_is_not_disputed() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.at(120);
    b.submit(report(2, 60, 120, 140));
    b.at(160);
    b.dispute(20, bed::tenant());
    b.expect(100, 900);
    b.end_with_bond(20);
}

#[test]
fun the_tenant_gives_in() {
    let mut b = disputed();
    b.agree(101, bed::tenant());
    b.expect(101, 899);
    assert!(bed::got(bed::tenant()) == 51);
    b.end();
}

#[test]
fun the_provider_gives_in() {
    let mut b = disputed();
    b.agree(0, bed::owner());
    b.expect(0, 1_000);
    assert!(bed::got(bed::tenant()) == 51 && b.lease().struck() == 101);
    b.end();
}

#[test]
fun both_agree_on_a_share() {
    let mut b = disputed();
    b.agree(30, bed::tenant());
    b.agree(70, bed::owner());
    assert!(b.lease().in_dispute());
    b.agree(50, bed::tenant());
    b.agree(50, bed::owner());
    b.expect(50, 950);
    assert!(bed::got(bed::tenant()) == 51);
    b.end();
}

#[test]
fun what_was_struck_stays_struck_in_later_totals() {
    let mut b = disputed();
    b.agree(0, bed::owner());
    b.at(120);
    b.submit_cosigned(report(2, 60, 120, 201), cosign(2, 60, 120, 201));
    b.expect(100, 900);
    b.end();
}

#[test]
fun a_cosigned_report_settles_the_dispute() {
    let mut b = disputed();
    b.at(120);
    b.submit_cosigned(report(2, 60, 120, 201), cosign(2, 60, 120, 201));
    b.expect(201, 799);
    assert!(!b.lease().in_dispute() && bed::got(bed::tenant()) == 51);
    b.end();
}

#[test]
fun in_time_amount_and_bond_are_halved() {
    let mut b = disputed();
    b.at(260);
    b.time_out();
    // 51 of the amount and 25 of the bond
    b.expect(51, 949);
    assert!(bed::got(bed::payout()) == 76 && bed::got(bed::tenant()) == 26);
    b.end();
}

#[test]
fun arbiters_decide_and_the_bond_follows() {
    let mut b = disputed();
    b.with_arbiters();
    b.decide(50, vector[0, 2], vector[*decision(0, 1, 50).sig(), *decision(2, 1, 50).sig()]);
    // 51 * 50 / 101 = 25 of the bond
    b.expect(50, 950);
    assert!(bed::got(bed::payout()) == 75 && bed::got(bed::tenant()) == 26);
    b.end();
}

#[test]
fun the_lease_goes_on_after_a_dispute() {
    let mut b = disputed();
    b.at(260);
    b.time_out();
    b.submit(report(2, 60, 120, 201));
    b.at(360);
    b.settle();
    b.expect(151, 849);
    b.end();
}

#[test, expected_failure(abort_code = lease::EDisputed)]
fun no_report_without_the_tenant_meanwhile() {
    let mut b = disputed();
    b.at(120);
    b.submit(report(2, 60, 120, 201));
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = lease::EOpen)]
fun a_disputed_lease_is_not_finished() {
    let mut b = disputed();
    b.close(bed::tenant());
    b.at(250);
    b.finish();
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = lease::EBond)]
fun a_bond_is_needed() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 101));
    b.dispute(50, bed::tenant());
    b.end_with_bond(50);
}

#[test, expected_failure(abort_code = lease::ETenant)]
fun only_the_tenant_disputes() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 101));
    b.dispute(51, bed::owner());
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = lease::ENothing)]
fun what_is_released_is_not_disputed() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 101));
    b.at(160);
    b.dispute(51, bed::tenant());
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = lease::ENothing)]
fun one_dispute_at_a_time() {
    let mut b = disputed();
    b.dispute(51, bed::tenant());
    b.end_with_bond(102);
}

#[test, expected_failure(abort_code = lease::EParty)]
fun a_stranger_does_not_agree() {
    let mut b = disputed();
    b.agree(0, bed::stranger());
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = lease::EAward)]
fun no_more_than_is_disputed() {
    let mut b = disputed();
    b.agree(102, bed::tenant());
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = lease::ENoDispute)]
fun without_a_dispute_there_is_nothing_to_agree_on() {
    let mut b = bed::new();
    b.agree(0, bed::owner());
    b.end();
}

#[test, expected_failure(abort_code = lease::ETooSoon)]
fun a_dispute_has_its_time() {
    let mut b = disputed();
    b.at(259);
    b.time_out();
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = market::EDecision)]
fun one_arbiter_is_no_quorum() {
    let mut b = disputed();
    b.with_arbiters();
    b.decide(50, vector[0], vector[*decision(0, 1, 50).sig()]);
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = market::EDecision)]
fun one_arbiter_does_not_count_twice() {
    let mut b = disputed();
    b.with_arbiters();
    b.decide(50, vector[0, 0], vector[*decision(0, 1, 50).sig(), *decision(0, 1, 50).sig()]);
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = market::EDecision)]
fun a_decision_on_another_amount_does_not_count() {
    let mut b = disputed();
    b.with_arbiters();
    b.decide(51, vector[0, 1], vector[*decision(0, 1, 51).sig(), *decision(1, 1, 50).sig()]);
    b.end_with_bond(51);
}

#[test, expected_failure(abort_code = market::EDecision)]
fun a_market_without_arbiters_decides_nothing() {
    let mut b = disputed();
    b.decide(50, vector[], vector[]);
    b.end_with_bond(51);
}
