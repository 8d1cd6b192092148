// SPDX-License-Identifier: Apache-2.0
/// Reports, money and the end of a lease.
#[test_only]
module weir::lease_tests;

use sui::event;
use weir::bed;
use weir::lease::{Self, Skipped};
use weir::offer;
use weir::provider;
use weir::signatures;
use weir::signed::{report, report_by, cosign};

// ---- reports that the provider alone signed ----

#[test]
fun a_report_waits_and_is_then_paid() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.expect(0, 1_000);
    b.at(159);
    b.settle();
    b.expect(0, 1_000);
    b.at(160);
    b.settle();
    b.expect(100, 900);
    b.settle(); // once more pays nothing
    b.expect(100, 900);
    b.end();
}

#[test]
fun a_newer_report_does_not_make_an_older_one_wait_longer() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.at(120);
    b.submit(report(2, 60, 120, 250));
    b.at(160);
    b.settle();
    b.expect(100, 900);
    b.at(220);
    b.settle();
    b.expect(250, 750);
    b.end();
}

#[test]
fun lost_reports_cost_nothing_since_totals_are_cumulative() {
    let mut b = bed::new();
    b.at(600);
    b.submit(report(7, 540, 600, 900));
    b.at(700);
    b.settle();
    b.expect(900, 100);
    b.end();
}

#[test]
fun more_claims_than_there_is_room_for_wait_together() {
    let mut b = bed::new();
    b.at(90);
    b.submit(report(1, 0, 10, 10));
    b.submit(report(2, 10, 20, 20));
    b.submit(report(3, 20, 30, 30));
    b.submit(report(4, 30, 40, 40));
    b.submit(report(5, 40, 50, 50));
    b.submit(report(6, 50, 60, 60));
    b.submit(report(7, 60, 70, 70));
    b.submit(report(8, 70, 80, 80));
    b.at(95);
    b.submit(report(9, 80, 90, 90)); // joins the eighth
    assert!(b.lease().waiting() == 8);
    b.at(190);
    b.settle();
    b.expect(70, 930);
    b.at(195);
    b.settle();
    b.expect(90, 910);
    b.end();
}

#[test]
fun a_window_without_usage_claims_nothing() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 0));
    assert!(b.lease().waiting() == 0 && b.lease().seq() == 1);
    b.end();
}

#[test]
fun the_same_report_again_does_nothing() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.at(100);
    b.submit(report(1, 0, 60, 100));
    b.at(160);
    b.settle();
    b.expect(100, 900);
    b.submit(report(1, 0, 60, 100));
    b.expect(100, 900);
    b.end();
}

#[test]
fun the_cap_is_exact() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 600));
    b.end();
}

#[test]
fun without_a_cap_only_the_escrow_bounds_what_is_paid() {
    let mut b = bed::new_with(1_000, 0);
    b.at(60);
    b.submit(report(1, 0, 60, 5_000));
    b.at(160);
    b.settle();
    b.expect(1_000, 0);
    assert!(b.lease().unpaid() == 4_000);
    b.end();
}

#[test]
fun a_top_up_pays_at_once_what_the_escrow_did_not_cover() {
    let mut b = bed::new_with(100, 10);
    b.at(60);
    b.submit(report(1, 0, 60, 500));
    b.at(160);
    b.settle();
    b.expect(100, 0);
    b.top_up(300);
    b.expect(400, 0);
    b.top_up(300);
    b.expect(500, 200);
    b.end();
}

#[test, expected_failure(abort_code = lease::EBytes)]
fun bytes_that_are_no_report_are_refused() {
    let mut b = bed::new();
    let (m, _, p, l, clock) = b.all();
    let mut bytes = *report(1, 0, 60, 100).bytes();
    bytes.push_back(0);
    lease::submit(m, p, l, bytes, *report(1, 0, 60, 100).sig(), clock);
    b.end();
}

#[test, expected_failure(abort_code = lease::EBytes)]
fun another_domain_is_refused() {
    let mut b = bed::new();
    let (m, _, p, l, clock) = b.all();
    let mut bytes = *report(1, 0, 60, 100).bytes();
    *(&mut bytes[15]) = 1;
    lease::submit(m, p, l, bytes, *report(1, 0, 60, 100).sig(), clock);
    b.end();
}

#[test, expected_failure(abort_code = lease::ESignature)]
fun another_key_is_refused() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report_by(2, 3, 1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::ESignature)]
fun a_changed_byte_is_refused() {
    let mut b = bed::new();
    b.at(60);
    let (m, _, p, l, clock) = b.all();
    let mut bytes = *report(1, 0, 60, 100).bytes();
    *(&mut bytes[143]) = 0;
    lease::submit(m, p, l, bytes, *report(1, 0, 60, 100).sig(), clock);
    b.end();
}

#[test, expected_failure(abort_code = lease::ESignature)]
fun a_retired_key_is_refused() {
    let mut b = bed::new();
    b.at(60);
    b.rotate_key(2);
    b.submit(report(1, 0, 60, 100));
    b.end();
}

#[test]
fun the_new_key_goes_on_where_the_old_one_was() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.rotate_key(2);
    b.at(120);
    b.submit(report_by(2, 3, 2, 60, 120, 200));
    assert!(b.lease().total_due() == 200);
    b.end();
}

#[test, expected_failure(abort_code = lease::EForeign)]
fun a_report_of_another_lease_is_refused() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report_by(1, 4, 1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::EStale)]
fun an_older_report_is_refused() {
    let mut b = bed::new();
    b.at(120);
    b.submit(report(2, 60, 120, 100));
    b.submit(report(1, 0, 60, 50));
    b.end();
}

#[test, expected_failure(abort_code = lease::EStale)]
fun numbers_begin_at_one() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(0, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::EConflict)]
fun another_content_of_the_same_number_is_refused() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.submit(report(1, 0, 60, 101));
    b.end();
}

#[test, expected_failure(abort_code = lease::EWindow)]
fun an_empty_window_is_refused() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 60, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::EWindow)]
fun a_window_that_was_told_is_refused() {
    let mut b = bed::new();
    b.at(120);
    b.submit(report(1, 0, 60, 100));
    b.submit(report(2, 59, 120, 200));
    b.end();
}

#[test, expected_failure(abort_code = lease::EEarly)]
fun a_window_that_has_not_ended_is_refused() {
    let mut b = bed::new();
    b.at(59);
    b.submit(report(1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::EFalls)]
fun a_falling_total_is_refused() {
    let mut b = bed::new();
    b.at(120);
    b.submit(report(1, 0, 60, 100));
    b.submit(report(2, 60, 120, 99));
    b.end();
}

#[test, expected_failure(abort_code = lease::EOverCap)]
fun more_than_the_cap_is_refused() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 601));
    b.end();
}

#[test]
fun a_batch_goes_on_past_what_is_refused() {
    let mut b = bed::new();
    b.at(60);
    assert!(!b.try_submit(report(1, 0, 60, 601)));
    assert!(b.try_submit(report(2, 0, 60, 600)));
    assert!(!b.try_submit(report(2, 0, 60, 600)));
    let skipped = event::events_by_type<Skipped>();
    assert!(skipped.length() == 2);
    b.end();
}

#[test, expected_failure(abort_code = lease::EUnbacked)]
fun a_provider_with_too_little_stake_needs_the_tenant() {
    let mut b = bed::new();
    b.unbond(2_001);
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.end();
}

#[test]
fun the_tenants_signature_stands_in_for_stake() {
    let mut b = bed::new();
    b.unbond(2_001);
    b.at(60);
    b.submit_cosigned(report(1, 0, 60, 100), cosign(1, 0, 60, 100));
    b.expect(100, 900);
    b.end();
}

// ---- the tenant agrees ----

#[test]
fun a_cosigned_report_is_paid_at_once_with_all_before_it() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.at(120);
    b.submit_cosigned(report(2, 60, 120, 250), cosign(2, 60, 120, 250));
    b.expect(250, 750);
    assert!(b.lease().waiting() == 0);
    b.at(300);
    b.settle();
    b.expect(250, 750);
    b.end();
}

#[test]
fun a_late_cosignature_of_the_newest_report_pays_it() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.submit_cosigned(report(1, 0, 60, 100), cosign(1, 0, 60, 100));
    b.expect(100, 900);
    b.end();
}

#[test, expected_failure(abort_code = lease::EStale)]
fun a_cosigned_report_still_has_to_be_newer() {
    let mut b = bed::new();
    b.at(120);
    b.submit(report(2, 60, 120, 250));
    b.submit_cosigned(report(1, 0, 60, 100), cosign(1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::ECosign)]
fun a_cosignature_of_another_report_is_refused() {
    let mut b = bed::new();
    b.at(120);
    b.submit_cosigned(report(2, 60, 120, 250), cosign(1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::ECosign)]
fun the_providers_own_signature_is_no_cosignature() {
    let mut b = bed::new();
    b.at(60);
    b.submit_cosigned(report(1, 0, 60, 100), report(1, 0, 60, 100));
    b.end();
}

#[test]
fun the_tenant_may_accept_by_a_transaction() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.accept(bed::tenant());
    b.expect(100, 900);
    b.end();
}

#[test, expected_failure(abort_code = lease::ETenant)]
fun nobody_else_accepts() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.accept(bed::owner());
    b.end();
}

#[test, expected_failure(abort_code = lease::ENothing)]
fun there_must_be_something_to_accept() {
    let mut b = bed::new();
    b.accept(bed::tenant());
    b.end();
}

#[test, expected_failure(abort_code = lease::ENothing)]
fun an_empty_top_up_is_refused() {
    let mut b = bed::new();
    b.top_up(0);
    b.end();
}

// ---- the end ----

#[test]
fun an_unused_lease_is_refunded_after_its_grace() {
    let mut b = bed::new();
    b.at(10);
    b.close(bed::tenant());
    assert!(!b.lease().closed());
    b.at(60);
    b.finish();
    b.expect(0, 0);
    assert!(bed::got(bed::tenant()) == 1_000 && b.lease().closed());
    b.end();
}

#[test]
fun a_lease_whose_last_window_is_paid_closes_at_once() {
    let mut b = bed::new();
    b.at(60);
    b.submit_cosigned(report(1, 0, 60, 100), cosign(1, 0, 60, 100));
    b.close(bed::owner());
    assert!(b.lease().closed() && bed::got(bed::tenant()) == 900);
    b.end();
}

#[test]
fun the_last_window_can_be_reported_while_the_lease_closes() {
    let mut b = bed::new();
    b.at(60);
    b.close(bed::agent());
    b.at(70);
    b.submit(report(1, 0, 60, 600));
    b.at(170);
    b.finish();
    b.expect(600, 0);
    assert!(bed::got(bed::tenant()) == 400);
    b.end();
}

#[test]
fun what_is_due_is_not_refunded() {
    let mut b = bed::new_with(100, 10);
    b.at(60);
    b.submit(report(1, 0, 60, 500));
    b.close(bed::tenant());
    b.at(160);
    b.finish();
    b.expect(100, 0);
    assert!(bed::got(bed::tenant()) == 0 && b.lease().refunded() == 0);
    b.end();
}

#[test, expected_failure(abort_code = lease::EOpen)]
fun an_open_lease_is_not_finished() {
    let mut b = bed::new();
    b.at(1_000);
    b.finish();
    b.end();
}

#[test, expected_failure(abort_code = lease::EOpen)]
fun a_claim_that_waits_keeps_the_lease() {
    let mut b = bed::new();
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.close(bed::tenant());
    b.at(159);
    b.finish();
    b.end();
}

#[test, expected_failure(abort_code = lease::EOpen)]
fun a_closed_lease_is_not_finished_again() {
    let mut b = bed::new();
    b.close(bed::tenant());
    b.at(60);
    b.finish();
    b.finish();
    b.end();
}

#[test, expected_failure(abort_code = lease::EClosed)]
fun a_lease_is_closed_once() {
    let mut b = bed::new();
    b.close(bed::tenant());
    b.close(bed::owner());
    b.end();
}

#[test, expected_failure(abort_code = lease::EClosed)]
fun a_window_after_the_end_is_refused() {
    let mut b = bed::new();
    b.at(50);
    b.close(bed::tenant());
    b.at(60);
    b.submit(report(1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::EClosed)]
fun a_closed_lease_takes_no_report() {
    let mut b = bed::new();
    b.at(60);
    b.close(bed::tenant());
    b.at(110);
    b.finish();
    b.submit(report(1, 0, 60, 100));
    b.end();
}

#[test, expected_failure(abort_code = lease::EClosed)]
fun a_closing_lease_takes_no_money() {
    let mut b = bed::new();
    b.close(bed::tenant());
    b.top_up(1);
    b.end();
}

#[test, expected_failure(abort_code = lease::EParty)]
fun a_stranger_does_not_close() {
    let mut b = bed::new();
    b.close(bed::stranger());
    b.end();
}

// ---- opening ----

fun open_another(b: &mut bed::Bed, key: vector<u8>, grace_ms: u64) {
    let deposit = b.mint(10);
    let (m, _, p, _, clock) = b.all();
    let prices = offer::prices(1, 1, vector[1, 1, 1], vector[1, 1, 1], 0);
    let work = offer::work(7, vector[], std::string::utf8(b""), 1, 1, 1, vector[]);
    let l = lease::open(m, p, deposit, prices, work, key, grace_ms, clock, &mut bed::by(bed::tenant()));
    l.share();
}

#[test, expected_failure(abort_code = lease::ETerms)]
fun a_short_tenant_key_is_refused() {
    let mut b = bed::new();
    open_another(&mut b, x"00", 0);
    b.end();
}

#[test, expected_failure(abort_code = lease::ETerms)]
fun an_endless_grace_is_refused() {
    let mut b = bed::new();
    open_another(&mut b, vector[], 2_592_000_001);
    b.end();
}

#[test, expected_failure(abort_code = lease::EUnbacked)]
fun a_provider_without_stake_gets_no_lease() {
    let mut b = bed::new();
    b.unbond(2_001);
    open_another(&mut b, vector[], 0);
    b.end();
}

#[test, expected_failure(abort_code = lease::EForeign)]
fun another_provider_is_refused() {
    let mut b = bed::new();
    let stake = b.mint(8_000);
    let (m, _, _, l, clock) = b.all();
    let other = provider::register(
        m,
        stake,
        signatures::key(2),
        provider::capacity(1, 1, 1, clock),
        std::string::utf8(b""),
        bed::agent(),
        bed::stranger(),
        &mut bed::by(bed::stranger()),
    );
    lease::settle(m, &other, l, clock);
    other.share();
    b.end();
}

#[test, expected_failure(abort_code = offer::EClasses)]
fun prices_have_three_classes() {
    offer::prices(1, 1, vector[1, 1], vector[1, 1, 1], 0);
}

#[test, expected_failure(abort_code = offer::EWork)]
fun an_sri_is_a_sha512() {
    offer::work(7, x"00", std::string::utf8(b""), 1, 1, 1, vector[]);
}
