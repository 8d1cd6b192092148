// SPDX-License-Identifier: Apache-2.0
/// What lies cost. The stake is 10,000; half of it goes, a tenth of that to the reporter.
#[test_only]
module weir::slash_tests;

use weir::bed::{Self, Bed};
use weir::lease;
use weir::provider;
use weir::signatures;
use weir::signed::{Signed, report, report_by, node_totals};
use weir::slash;

fun reports(b: &mut Bed, key: u64, a: Signed, c: Signed) {
    let (m, _, p, _, _) = b.all();
    let who = &bed::by(bed::stranger());
    slash::reports(m, p, signatures::key(key), *a.bytes(), *a.sig(), *c.bytes(), *c.sig(), who);
}

fun over_cap(b: &mut Bed, r: Signed) {
    let (m, _, p, l, _) = b.all();
    slash::over_cap(m, p, l, signatures::key(1), *r.bytes(), *r.sig(), &bed::by(bed::stranger()));
}

fun over_capacity(b: &mut Bed, t: Signed) {
    let (m, _, p, _, _) = b.all();
    slash::over_capacity(m, p, signatures::key(1), *t.bytes(), *t.sig(), &bed::by(bed::stranger()));
}

fun expect_slashed(b: &Bed) {
    assert!(b.provider().jailed() && b.provider().stake() == 5_000);
    assert!(bed::got(bed::stranger()) == 500 && bed::got(bed::treasury()) == 4_500);
}

#[test]
fun two_contents_for_one_number_cost_stake() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 101));
    expect_slashed(&b);
    b.end();
}

#[test]
fun a_falling_total_costs_stake() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(2, 60, 120, 99));
    expect_slashed(&b);
    b.end();
}

#[test]
fun a_window_told_twice_costs_stake() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(2, 59, 120, 200));
    expect_slashed(&b);
    b.end();
}

#[test]
fun a_retired_key_still_costs_stake() {
    let mut b = bed::new();
    b.rotate_key(2);
    b.at(900);
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 101));
    expect_slashed(&b);
    b.end();
}

#[test]
fun what_is_unbonding_is_slashed_too() {
    let mut b = bed::new();
    b.unbond(9_001);
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 101));
    // half of 999 and of 9,001, each rounded up
    assert!(b.provider().stake() == 499 && b.provider().unbonding() == 4_500);
    assert!(bed::got(bed::stranger()) == 500 && bed::got(bed::treasury()) == 4_501);
    b.end();
}

#[test]
fun more_than_the_cap_costs_stake() {
    let mut b = bed::new();
    over_cap(&mut b, report(1, 0, 60, 601));
    expect_slashed(&b);
    b.end();
}

#[test]
fun more_cpu_than_there_is_costs_stake() {
    let mut b = bed::new(); // 4 cores, 60 s
    over_capacity(&mut b, node_totals(1, 0, 60, 240_000_000_001, 0, 0, 0));
    expect_slashed(&b);
    b.end();
}

#[test]
fun more_memory_than_there_is_costs_stake() {
    let mut b = bed::new(); // 1,000,000 bytes, 60 s
    over_capacity(&mut b, node_totals(1, 0, 60, 0, 60_000_000_000_000_001, 0, 0));
    expect_slashed(&b);
    b.end();
}

#[test]
fun more_bytes_than_the_link_carries_cost_stake() {
    let mut b = bed::new(); // 1,000 a second
    over_capacity(&mut b, node_totals(1, 0, 60, 0, 0, 0, 60_001));
    expect_slashed(&b);
    b.end();
}

#[test, expected_failure(abort_code = slash::EWithin)]
fun a_busy_node_is_within_its_capacity() {
    let mut b = bed::new();
    over_capacity(&mut b, node_totals(1, 0, 60, 240_000_000_000, 60_000_000_000_000_000, 60_000, 60_000));
    b.end();
}

#[test]
fun two_totals_for_one_window_cost_stake() {
    let mut b = bed::new();
    let x = node_totals(1, 0, 60, 1, 1, 1, 1);
    let y = node_totals(1, 59, 119, 1, 1, 1, 2);
    let (m, _, p, _, _) = b.all();
    let who = &bed::by(bed::stranger());
    slash::totals(m, p, signatures::key(1), *x.bytes(), *x.sig(), *y.bytes(), *y.sig(), who);
    expect_slashed(&b);
    b.end();
}

#[test, expected_failure(abort_code = slash::ENoConflict)]
fun totals_one_after_the_other_are_no_conflict() {
    let mut b = bed::new();
    let x = node_totals(1, 0, 60, 1, 1, 1, 1);
    let y = node_totals(1, 60, 120, 1, 1, 1, 2);
    let (m, _, p, _, _) = b.all();
    let who = &bed::by(bed::stranger());
    slash::totals(m, p, signatures::key(1), *x.bytes(), *x.sig(), *y.bytes(), *y.sig(), who);
    b.end();
}

#[test, expected_failure(abort_code = slash::ENoConflict)]
fun a_report_repeated_is_no_lie() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = slash::ENoConflict)]
fun reports_in_order_are_no_lie() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(2, 60, 120, 100));
    b.end();
}

#[test, expected_failure(abort_code = slash::ENoConflict)]
fun reports_of_two_leases_are_no_lie() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report_by(1, 4, 1, 0, 60, 101));
    b.end();
}

#[test, expected_failure(abort_code = slash::EWithin)]
fun the_cap_itself_is_no_lie() {
    let mut b = bed::new();
    over_cap(&mut b, report(1, 0, 60, 600));
    b.end();
}

#[test, expected_failure(abort_code = slash::ESignature)]
fun what_the_key_did_not_sign_proves_nothing() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report_by(2, 3, 1, 0, 60, 101));
    b.end();
}

#[test, expected_failure(abort_code = provider::EUnknownKey)]
fun a_strangers_key_costs_the_provider_nothing() {
    let mut b = bed::new();
    reports(&mut b, 2, report_by(2, 3, 1, 0, 60, 100), report_by(2, 3, 1, 0, 60, 101));
    b.end();
}

#[test, expected_failure(abort_code = slash::EBytes)]
fun totals_are_no_report() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), node_totals(1, 0, 60, 1, 1, 1, 1));
    b.end();
}

#[test, expected_failure(abort_code = slash::EForeign)]
fun a_report_of_another_lease_is_not_held_against_this_cap() {
    let mut b = bed::new();
    over_cap(&mut b, report_by(1, 4, 1, 0, 60, 601));
    b.end();
}

#[test, expected_failure(abort_code = provider::ESlashed)]
fun a_key_costs_stake_once() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 101));
    reports(&mut b, 1, report(2, 60, 120, 200), report(2, 60, 120, 201));
    b.end();
}

#[test, expected_failure(abort_code = lease::EUnbacked)]
fun a_jailed_provider_needs_the_tenant() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 101));
    let coin = b.mint(5_000);
    let (m, _, p, _, _) = b.all();
    provider::add_stake(m, p, coin);
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = provider::EKeyLied)]
fun the_key_that_lied_does_not_come_back() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 101));
    let (m, _, p, _, _) = b.all();
    provider::unjail(m, p, &bed::by(bed::owner()));
    b.end();
}

#[test, expected_failure(abort_code = provider::EStake)]
fun a_slashed_stake_has_to_be_made_up() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 101));
    b.rotate_key(2);
    let (m, _, p, _, _) = b.all();
    provider::unjail(m, p, &bed::by(bed::owner()));
    b.end();
}

#[test]
fun with_a_new_key_and_full_stake_it_goes_on() {
    let mut b = bed::new();
    reports(&mut b, 1, report(1, 0, 60, 100), report(1, 0, 60, 101));
    b.rotate_key(2);
    let coin = b.mint(3_000);
    let (m, _, p, _, _) = b.all();
    provider::add_stake(m, p, coin);
    provider::unjail(m, p, &bed::by(bed::owner()));
    b.at(60);
    b.submit(report_by(2, 3, 1, 0, 60, 100));
    assert!(b.lease().seq() == 1);
    b.end();
}
