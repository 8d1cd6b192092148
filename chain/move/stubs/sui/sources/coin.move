// SPDX-License-Identifier: Apache-2.0
module sui::coin;

use sui::balance::Balance;

public struct Coin<phantom T> has key, store { id: UID, balance: Balance<T> }

public fun value<T>(self: &Coin<T>): u64 { self.balance.value() }

public fun into_balance<T>(self: Coin<T>): Balance<T> {
    let Coin { id, balance } = self;
    id.delete();
    balance
}

public fun from_balance<T>(balance: Balance<T>, ctx: &mut TxContext): Coin<T> {
    Coin { id: object::new(ctx), balance }
}

#[test_only]
public fun mint_for_testing<T>(value: u64, ctx: &mut TxContext): Coin<T> {
    from_balance(sui::balance::create_for_testing(value), ctx)
}
