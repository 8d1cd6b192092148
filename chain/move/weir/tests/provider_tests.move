// SPDX-License-Identifier: Apache-2.0
/// Stake, keys and capacity.
#[test_only]
module weir::provider_tests;

use weir::bed;
use weir::provider;
use weir::signatures;
use weir::signed;

fun register(stake: u64, key: vector<u8>, endpoint: vector<u8>) {
    let mut b = bed::new();
    let stake = b.mint(stake);
    let (m, _, _, _, clock) = b.all();
    let capacity = provider::capacity(1, 1, 1, clock);
    let who = bed::stranger();
    let p = provider::register(m, stake, key, capacity, std::string::utf8(endpoint), who, who, &mut bed::by(who));
    p.share();
    b.end();
}

#[test, expected_failure(abort_code = provider::EStake)]
fun too_little_stake_is_refused() { register(7_999, signatures::key(2), b"") }

#[test, expected_failure(abort_code = provider::EKey)]
fun a_key_has_32_bytes() { register(8_000, x"00", b"") }

#[test, expected_failure(abort_code = provider::EEndpoint)]
fun a_long_endpoint_is_refused() {
    let mut text = b"";
    while (text.length() < 257) text.push_back(97);
    register(8_000, signatures::key(2), text)
}

#[test]
fun stake_comes_back_after_its_time_and_only_then() {
    let mut b = bed::new();
    b.unbond(3_000);
    assert!(b.provider().stake() == 7_000 && b.provider().unbonding() == 3_000);
    b.at(1_000);
    let (m, _, p, _, clock) = b.all();
    provider::withdraw(m, p, clock);
    assert!(bed::got(bed::owner()) == 3_000);
    b.end();
}

#[test, expected_failure(abort_code = provider::EAmount)]
fun nothing_comes_back_too_early() {
    let mut b = bed::new();
    b.unbond(3_000);
    b.at(999);
    let (m, _, p, _, clock) = b.all();
    provider::withdraw(m, p, clock);
    b.end();
}

#[test, expected_failure(abort_code = provider::EAmount)]
fun no_more_comes_back_than_there_is() {
    let mut b = bed::new();
    b.unbond(10_001);
    b.end();
}

#[test, expected_failure(abort_code = provider::EUnbondsFull)]
fun amounts_that_unbond_are_bounded() {
    let mut b = bed::new();
    let mut i = 0u64;
    while (i < 9) {
        b.unbond(1);
        i = i + 1;
    };
    b.end();
}

#[test]
fun anyone_adds_stake() {
    let mut b = bed::new();
    let coin = b.mint(5);
    let (m, _, p, _, _) = b.all();
    provider::add_stake(m, p, coin);
    assert!(b.provider().stake() == 10_005);
    b.end();
}

#[test, expected_failure(abort_code = provider::EOwner)]
fun the_node_itself_moves_no_stake() {
    let mut b = bed::new();
    let (m, _, p, _, clock) = b.all();
    provider::unbond(m, p, 1, clock, &bed::by(bed::agent()));
    b.end();
}

#[test, expected_failure(abort_code = provider::EKey)]
fun a_key_that_was_used_is_not_taken_again() {
    let mut b = bed::new();
    b.rotate_key(2);
    b.rotate_key(1);
    b.end();
}

fun rotate_15_times(b: &mut bed::Bed) {
    let mut key = 20;
    while (key < 35) {
        b.rotate_key(key);
        key = key + 1;
    };
}

#[test, expected_failure(abort_code = provider::EKeysFull)]
fun a_key_is_kept_while_it_can_be_contested() {
    let mut b = bed::new();
    rotate_15_times(&mut b);
    b.at(999);
    b.rotate_key(35);
    b.end();
}

#[test]
fun the_oldest_key_goes_when_it_can_no_longer_be_contested() {
    let mut b = bed::new();
    rotate_15_times(&mut b);
    b.at(1_000);
    b.rotate_key(35);
    assert!(b.provider().current_key() == signatures::key(35));
    b.end();
}

fun set_capacity(b: &mut bed::Bed, cpu_millis: u64) {
    let (m, _, p, _, clock) = b.all();
    provider::set_capacity(m, p, cpu_millis, 1, 1, clock, &bed::by(bed::owner()));
}

fun most(b: &bed::Bed, from_s: u64, to_s: u64): u64 {
    b.provider().most(signed::ms(from_s), signed::ms(to_s)).cpu_millis()
}

#[test]
fun the_most_of_a_window_counts() {
    let mut b = bed::new(); // 4,000 from the beginning
    b.at(100);
    set_capacity(&mut b, 1_000);
    b.at(200);
    set_capacity(&mut b, 2_000);
    assert!(most(&b, 0, 60) == 4_000);
    assert!(most(&b, 60, 120) == 4_000);
    assert!(most(&b, 100, 200) == 1_000);
    assert!(most(&b, 160, 220) == 2_000);
    assert!(most(&b, 300, 360) == 2_000);
    b.end();
}

#[test, expected_failure(abort_code = provider::ECapacitiesFull)]
fun capacities_that_count_still_are_bounded() {
    let mut b = bed::new();
    let mut s = 1;
    while (s <= 8) {
        b.at(s);
        set_capacity(&mut b, s);
        s = s + 1;
    };
    b.end();
}

#[test]
fun a_capacity_that_can_not_be_contested_any_more_makes_room() {
    let mut b = bed::new();
    let mut s = 1;
    while (s <= 7) {
        b.at(s);
        set_capacity(&mut b, s);
        s = s + 1;
    };
    // the second is in force since second 1, and what ended before that is past contesting 1,000 s later
    b.at(1_001);
    set_capacity(&mut b, 9);
    assert!(most(&b, 990, 1_000) == 7 && most(&b, 1_001, 1_010) == 9);
    b.end();
}

#[test, expected_failure(abort_code = provider::EOwner)]
fun capacity_is_the_owners_to_change() {
    let mut b = bed::new();
    let (m, _, p, _, clock) = b.all();
    provider::set_capacity(m, p, 1, 1, 1, clock, &bed::by(bed::stranger()));
    b.end();
}

#[test]
fun accounts_and_endpoint_are_the_owners_to_change() {
    let mut b = bed::new();
    let (m, _, p, _, _) = b.all();
    let ctx = &bed::by(bed::owner());
    provider::set_accounts(m, p, bed::stranger(), bed::stranger(), ctx);
    provider::set_endpoint(m, p, std::string::utf8(b"x"), ctx);
    assert!(p.payout() == bed::stranger() && p.speaks(bed::stranger()) && !p.speaks(bed::agent()));
    b.end();
}

#[test, expected_failure(abort_code = provider::ENotJailed)]
fun who_is_free_is_not_freed() {
    let mut b = bed::new();
    let (m, _, p, _, _) = b.all();
    provider::unjail(m, p, &bed::by(bed::owner()));
    b.end();
}
