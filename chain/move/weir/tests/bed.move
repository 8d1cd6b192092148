// SPDX-License-Identifier: Apache-2.0
/// A market, a provider, a lease and a clock, and who is who. `end` checks what has to hold after every test: no coin
/// was made or lost, and the lease's own sums agree.
#[test_only]
module weir::bed;

use std::string::utf8;
use sui::balance;
use sui::clock::{Self, Clock};
use sui::coin::{Self, Coin};
use sui::sui::SUI;
use weir::lease::{Self, Lease};
use weir::market::{Self, AdminCap, Market};
use weir::offer;
use weir::provider::{Self, Provider};
use weir::signatures;
use weir::signed::{Self, Signed};

const ADMIN: address = @0xAD;
const OWNER: address = @0xB0;
const AGENT: address = @0xB1;
const PAYOUT: address = @0xB2;
const TENANT: address = @0xC0;
const TREASURY: address = @0xD0;
const STRANGER: address = @0xE0;

const STAKE: u64 = 10_000;
const DEPOSIT: u64 = 1_000;

public struct Bed {
    m: Market,
    cap: AdminCap,
    p: Provider,
    l: Lease<SUI>,
    clock: Clock,
    minted: u64,
    next: u64,
}

/// Minimum stake 8,000; unbonding 1,000 s, challenge 100 s, dispute 200 s; half is slashed, a tenth of it goes to
/// the reporter; a bond is half. The lease: cap 10 a second, grace 50 s, deposit 1,000, opened at second 0.
public fun new(): Bed { new_with(DEPOSIT, 10) }

public fun new_with(deposit: u64, cap_s: u64): Bed {
    let ctx = &mut tx_context::new_from_hint(ADMIN, 1, 0, 0, 0);
    let (m, cap) = market::new(default_params(), TREASURY, ctx);
    let mut clock = clock::create_for_testing(ctx);
    clock.set_for_testing(signed::ms(0));
    let ctx = &mut tx_context::new_from_hint(OWNER, 2, 0, 0, 0);
    let p = provider::register(
        &m,
        coin(STAKE, 100),
        signatures::key(1),
        provider::capacity(4_000, 1_000_000, 1_000, &clock),
        utf8(b"https://node.example"),
        AGENT,
        PAYOUT,
        ctx,
    );
    let ctx = &mut tx_context::new_from_hint(TENANT, 3, 0, 0, 0);
    let l = lease::open(
        &m,
        &p,
        coin(deposit, 101),
        offer::prices(1, 2, vector[3, 4, 5], vector[6, 7, 8], cap_s),
        offer::work(7, vector[], utf8(b"server.js"), 500, 1_000, 64, seal_id()),
        signatures::key(8),
        50_000,
        &clock,
        ctx,
    );
    Bed { m, cap, p, l, clock, minted: STAKE + deposit, next: 200 }
}

public fun default_params(): market::Params {
    market::params(8_000, 1_000_000, 100_000, 200_000, 5_000, 1_000, 5_000)
}

public fun seal_id(): vector<u8> {
    let mut id = TENANT.to_bytes();
    id.append(b"app");
    id
}

fun coin(value: u64, hint: u64): Coin<SUI> {
    coin::mint_for_testing(value, &mut tx_context::new_from_hint(ADMIN, hint, 0, 0, 0))
}

/// A coin that counts as made.
public fun mint(b: &mut Bed, value: u64): Coin<SUI> {
    b.minted = b.minted + value;
    b.next = b.next + 1;
    coin(value, b.next)
}

public fun by(who: address): TxContext { tx_context::new_from_hint(who, 900, 0, 0, 0) }

public fun at(b: &mut Bed, s: u64) { b.clock.set_for_testing(signed::ms(s)) }

// ---- calls ----

public fun submit(b: &mut Bed, r: Signed) {
    lease::submit(&b.m, &b.p, &mut b.l, *r.bytes(), *r.sig(), &b.clock)
}

public fun try_submit(b: &mut Bed, r: Signed): bool {
    lease::try_submit(&b.m, &b.p, &mut b.l, *r.bytes(), *r.sig(), &b.clock)
}

public fun submit_cosigned(b: &mut Bed, r: Signed, c: Signed) {
    lease::submit_cosigned(&b.m, &b.p, &mut b.l, *r.bytes(), *r.sig(), *c.sig(), &b.clock)
}

public fun accept(b: &mut Bed, who: address) { lease::accept(&b.m, &b.p, &mut b.l, &b.clock, &by(who)) }

public fun settle(b: &mut Bed) { lease::settle(&b.m, &b.p, &mut b.l, &b.clock) }

public fun top_up(b: &mut Bed, value: u64) {
    let coin = b.mint(value);
    lease::top_up(&b.m, &b.p, &mut b.l, coin, &b.clock)
}

public fun dispute(b: &mut Bed, bond: u64, who: address) {
    let coin = b.mint(bond);
    lease::dispute(&b.m, &b.p, &mut b.l, coin, &b.clock, &by(who))
}

public fun agree(b: &mut Bed, award: u64, who: address) {
    lease::agree(&b.m, &b.p, &mut b.l, award, &b.clock, &by(who))
}

public fun decide(b: &mut Bed, award: u64, who: vector<u64>, sigs: vector<vector<u8>>) {
    lease::decide(&b.m, &b.p, &mut b.l, award, who, sigs, &b.clock)
}

public fun time_out(b: &mut Bed) { lease::time_out(&b.m, &b.p, &mut b.l, &b.clock) }

public fun close(b: &mut Bed, who: address) { lease::close(&b.m, &b.p, &mut b.l, &b.clock, &by(who)) }

public fun finish(b: &mut Bed) { lease::finish(&b.m, &b.p, &mut b.l, &b.clock) }

public fun unbond(b: &mut Bed, amount: u64) { provider::unbond(&b.m, &mut b.p, amount, &b.clock, &by(OWNER)) }

public fun rotate_key(b: &mut Bed, key: u64) {
    provider::rotate_key(&b.m, &mut b.p, signatures::key(key), &b.clock, &by(OWNER))
}

/// Three arbiters, of whom two decide.
public fun with_arbiters(b: &mut Bed) {
    let keys = vector[signatures::key(10), signatures::key(11), signatures::key(12)];
    b.m.set_arbiters(&b.cap, keys, 2)
}

// ---- what is there ----

public fun all(b: &mut Bed): (&mut Market, &AdminCap, &mut Provider, &mut Lease<SUI>, &mut Clock) {
    (&mut b.m, &b.cap, &mut b.p, &mut b.l, &mut b.clock)
}

public fun lease(b: &Bed): &Lease<SUI> { &b.l }

public fun provider(b: &Bed): &Provider { &b.p }

public fun got(who: address): u64 { balance::sent_to(who) }

public fun owner(): address { OWNER }

public fun agent(): address { AGENT }

public fun payout(): address { PAYOUT }

public fun tenant(): address { TENANT }

public fun treasury(): address { TREASURY }

public fun stranger(): address { STRANGER }

/// The provider was paid so much in all, and so much of the deposit is left.
public fun expect(b: &Bed, paid: u64, escrow: u64) {
    assert!(b.l.paid() == paid && got(PAYOUT) >= paid);
    assert!(b.l.escrow() == escrow);
}

/// Everything that tests/vectors/scenarios.json says of a lease.
public fun is(
    b: &Bed,
    state: vector<u8>,
    deposited: u64,
    paid: u64,
    refunded: u64,
    due: u64,
    seq: u64,
    waiting: u64,
    struck: u64,
) {
    let l = &b.l;
    assert!(state(l) == state);
    assert!(l.deposited() == deposited && l.paid() == paid && l.refunded() == refunded);
    assert!(l.escrow() == deposited - paid - refunded);
    assert!(l.total_due() == due && l.seq() == seq);
    assert!(l.total_due() - l.released() == waiting && l.struck() == struck);
}

fun state(l: &Lease<SUI>): vector<u8> {
    if (l.closed()) return b"closed";
    if (!l.live()) return b"closing";
    if (l.total_due() - l.struck() > l.deposited()) b"exhausted" else b"open"
}

public fun check(b: &Bed, bond: u64) {
    let l = &b.l;
    assert!(l.deposited() == l.paid() + l.refunded() + l.escrow());
    assert!(l.paid() + l.struck() <= l.released() && l.released() <= l.total_due());
    assert!(l.unpaid() == 0 || l.escrow() == 0);
    let sent = got(PAYOUT) + got(TENANT) + got(OWNER) + got(TREASURY) + got(STRANGER);
    assert!(b.minted == sent + l.escrow() + bond + b.p.stake() + b.p.unbonding());
}

public fun end(b: Bed) { b.end_with_bond(0) }

/// While a dispute holds so much.
public fun end_with_bond(b: Bed, bond: u64) {
    b.check(bond);
    let Bed { m, cap, p, l, clock, minted: _, next: _ } = b;
    m.share();
    p.share();
    l.share();
    clock.destroy_for_testing();
    transfer::public_transfer(cap, ADMIN);
}
