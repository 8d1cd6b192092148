// SPDX-License-Identifier: Apache-2.0
module sui::balance;

use sui::event;

public struct Balance<phantom T> has store { value: u64 }

/// What the real `send_funds` leaves in the accumulator; here tests add it up.
public struct Sent has copy, drop { to: address, value: u64 }

public fun value<T>(self: &Balance<T>): u64 { self.value }

public fun zero<T>(): Balance<T> { Balance { value: 0 } }

public fun join<T>(self: &mut Balance<T>, other: Balance<T>): u64 {
    let Balance { value } = other;
    self.value = self.value + value;
    self.value
}

public fun split<T>(self: &mut Balance<T>, value: u64): Balance<T> {
    assert!(self.value >= value, 2);
    self.value = self.value - value;
    Balance { value }
}

public fun withdraw_all<T>(self: &mut Balance<T>): Balance<T> {
    let all = self.value;
    self.split(all)
}

public fun destroy_zero<T>(self: Balance<T>) {
    let Balance { value } = self;
    assert!(value == 0, 0);
}

public fun send_funds<T>(self: Balance<T>, to: address) {
    let Balance { value } = self;
    event::emit(Sent { to, value });
}

#[test_only]
public fun sent_to(to: address): u64 {
    let sent = event::events_by_type<Sent>();
    let mut sum = 0;
    let mut i = 0;
    while (i < sent.length()) {
        if (sent[i].to == to) sum = sum + sent[i].value;
        i = i + 1;
    };
    sum
}

#[test_only]
public fun create_for_testing<T>(value: u64): Balance<T> { Balance { value } }
