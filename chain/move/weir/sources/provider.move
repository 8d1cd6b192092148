// SPDX-License-Identifier: Apache-2.0
/// A provider: its stake, the keys it signs reports with, its registered capacity, where it is paid.
///
/// Shared, and only read by what leases do, so that a popular provider is no bottleneck.
///
/// I1. What is slashable is all in `stake` and `unbonding`: coins leave by `withdraw`, after they were
///     unbonding for the market's `unbond_ms`, and by `punish`.
/// I2. A key that has signed stays known, also when it is retired, until nothing that it signed can be
///     contested any more; a key costs stake once, and then never counts again.
/// I3. A provider that was slashed, or has less than the market's minimum, is not backed: reports of its leases
///     need the tenant's signature until its owner has put that right.
module weir::provider;

use std::string::String;
use sui::balance::{Self, Balance};
use sui::clock::Clock;
use sui::coin::Coin;
use sui::event;
use sui::sui::SUI;
use weir::market::{Self, Market};

const MAX_KEYS: u64 = 16;
const MAX_UNBONDS: u64 = 8;
const MAX_CAPACITIES: u64 = 8;
const MAX_ENDPOINT: u64 = 256;
const KEY_LEN: u64 = 32;

/// Only the owner may.
const EOwner: u64 = 1;
/// The market is another one.
const EMarket: u64 = 2;
/// Less than the market's minimum.
const EStake: u64 = 3;
/// No Ed25519 public key, or one that is known here already.
const EKey: u64 = 4;
/// So many retired keys can still be contested that no more fit.
const EKeysFull: u64 = 5;
/// More than there is, or nothing.
const EAmount: u64 = 6;
/// So many amounts are unbonding that no more fit.
const EUnbondsFull: u64 = 7;
/// The endpoint's text is too long.
const EEndpoint: u64 = 8;
/// The provider is not jailed.
const ENotJailed: u64 = 9;
/// The key that lied is still the current one: rotate it first.
const EKeyLied: u64 = 10;
/// The capacity was changed so often that earlier ones, which count still, don't fit.
const ECapacitiesFull: u64 = 11;
/// The key is not one of the provider's.
const EUnknownKey: u64 = 12;
/// This key has cost its stake already.
const ESlashed: u64 = 13;

public struct Provider has key {
    id: UID,
    market: ID,
    owner: address,
    agent: address, // the node's own account, for Seal and gas; moves no stake
    payout: address,
    endpoint: String,
    stake: Balance<SUI>,
    unbonding: vector<Unbond>, // by release_ms
    keys: vector<Key>, // the last is the current one
    capacities: vector<Capacity>, // the last is the current one
    jailed: bool,
}

public struct Unbond has store { amount: Balance<SUI>, release_ms: u64 }

public struct Key has copy, drop, store { key: vector<u8>, retired_ms: Option<u64>, slashed: bool }

/// What the node has, in force from a time on.
public struct Capacity has copy, drop, store {
    cpu_millis: u64, // 1,000 are one core
    memory_bytes: u64,
    net_bytes_s: u64, // in one direction
    from_ms: u64,
}

public struct Registered has copy, drop { provider: ID, market: ID, owner: address, stake: u64, endpoint: String }

public struct Staked has copy, drop { provider: ID, amount: u64, stake: u64 }

public struct Unbonding has copy, drop { provider: ID, amount: u64, release_ms: u64, stake: u64 }

public struct Withdrawn has copy, drop { provider: ID, amount: u64 }

public struct KeyRotated has copy, drop { provider: ID, key: vector<u8> }

public struct CapacityChanged has copy, drop { provider: ID, cpu_millis: u64, memory_bytes: u64, net_bytes_s: u64 }

public struct Slashed has copy, drop { provider: ID, key: vector<u8>, amount: u64, reporter: address, reward: u64 }

public struct Unjailed has copy, drop { provider: ID }

public fun capacity(cpu_millis: u64, memory_bytes: u64, net_bytes_s: u64, clock: &Clock): Capacity {
    Capacity { cpu_millis, memory_bytes, net_bytes_s, from_ms: clock.timestamp_ms() }
}

/// The caller becomes the owner. To be shared by `share`.
public fun register(
    m: &Market,
    stake: Coin<SUI>,
    key: vector<u8>,
    capacity: Capacity,
    endpoint: String,
    agent: address,
    payout: address,
    ctx: &mut TxContext,
): Provider {
    m.check();
    assert!(stake.value() >= m.min_stake(), EStake);
    assert!(key.length() == KEY_LEN, EKey);
    assert!(endpoint.length() <= MAX_ENDPOINT, EEndpoint);
    let p = Provider {
        id: object::new(ctx),
        market: m.id(),
        owner: ctx.sender(),
        agent,
        payout,
        endpoint,
        stake: stake.into_balance(),
        unbonding: vector[],
        keys: vector[Key { key, retired_ms: option::none(), slashed: false }],
        capacities: vector[capacity],
        jailed: false,
    };
    event::emit(Registered {
        provider: p.id.to_inner(),
        market: p.market,
        owner: p.owner,
        stake: p.stake.value(),
        endpoint,
    });
    p
}

public fun share(p: Provider) { transfer::share_object(p) }

/// By anyone.
public fun add_stake(m: &Market, p: &mut Provider, coin: Coin<SUI>) {
    p.check_market(m);
    let amount = coin.value();
    assert!(amount > 0, EAmount);
    p.stake.join(coin.into_balance());
    event::emit(Staked { provider: p.id.to_inner(), amount, stake: p.stake.value() });
}

/// Asks stake back. It stays slashable for the market's `unbond_ms`.
public fun unbond(m: &Market, p: &mut Provider, amount: u64, clock: &Clock, ctx: &TxContext) {
    p.check_owner(m, ctx);
    assert!(amount > 0 && amount <= p.stake.value(), EAmount);
    assert!(p.unbonding.length() < MAX_UNBONDS, EUnbondsFull);
    // the market may have shortened the wait: what came first is still free first
    let mut release_ms = clock.timestamp_ms() + m.unbond_ms();
    let n = p.unbonding.length();
    if (n > 0) release_ms = release_ms.max(p.unbonding[n - 1].release_ms);
    p.unbonding.push_back(Unbond { amount: p.stake.split(amount), release_ms });
    event::emit(Unbonding { provider: p.id.to_inner(), amount, release_ms, stake: p.stake.value() });
}

/// Sends what has been unbonding for long enough to the owner. By anyone.
public fun withdraw(m: &Market, p: &mut Provider, clock: &Clock) {
    p.check_market(m);
    let mut free = balance::zero<SUI>();
    while (!p.unbonding.is_empty() && p.unbonding[0].release_ms <= clock.timestamp_ms()) {
        let Unbond { amount, release_ms: _ } = p.unbonding.remove(0);
        free.join(amount);
    };
    let amount = free.value();
    assert!(amount > 0, EAmount);
    event::emit(Withdrawn { provider: p.id.to_inner(), amount });
    free.send_funds(p.owner);
}

/// Reports need the new key from now on. The old one is known, and costs stake, until `unbond_ms` from now.
public fun rotate_key(m: &Market, p: &mut Provider, key: vector<u8>, clock: &Clock, ctx: &TxContext) {
    p.check_owner(m, ctx);
    let now = clock.timestamp_ms();
    let n = p.keys.length();
    assert!(key.length() == KEY_LEN && p.find_key(&key).is_none(), EKey);
    p.keys[n - 1].retired_ms = option::some(now);
    if (n == MAX_KEYS) {
        let oldest = p.keys.remove(0);
        assert!(*oldest.retired_ms.borrow() + m.unbond_ms() <= now, EKeysFull);
    };
    p.keys.push_back(Key { key, retired_ms: option::none(), slashed: false });
    event::emit(KeyRotated { provider: p.id.to_inner(), key });
}

/// Statements about windows that end later are held against the new capacity, which is in force from now on.
public fun set_capacity(
    m: &Market,
    p: &mut Provider,
    cpu_millis: u64,
    memory_bytes: u64,
    net_bytes_s: u64,
    clock: &Clock,
    ctx: &TxContext,
) {
    p.check_owner(m, ctx);
    let capacity = capacity(cpu_millis, memory_bytes, net_bytes_s, clock);
    if (p.capacities.length() == MAX_CAPACITIES) {
        p.capacities.remove(0);
        // the one after it was in force before all that can still be contested
        assert!(p.capacities[0].from_ms + m.unbond_ms() <= capacity.from_ms, ECapacitiesFull);
    };
    p.capacities.push_back(capacity);
    event::emit(CapacityChanged { provider: p.id.to_inner(), cpu_millis, memory_bytes, net_bytes_s });
}

public fun set_accounts(m: &Market, p: &mut Provider, agent: address, payout: address, ctx: &TxContext) {
    p.check_owner(m, ctx);
    p.agent = agent;
    p.payout = payout;
}

public fun set_endpoint(m: &Market, p: &mut Provider, endpoint: String, ctx: &TxContext) {
    p.check_owner(m, ctx);
    assert!(endpoint.length() <= MAX_ENDPOINT, EEndpoint);
    p.endpoint = endpoint;
}

/// Back in business: with another key than the one that lied, and the full stake.
public fun unjail(m: &Market, p: &mut Provider, ctx: &TxContext) {
    p.check_owner(m, ctx);
    assert!(p.jailed, ENotJailed);
    assert!(!p.keys[p.keys.length() - 1].slashed, EKeyLied);
    assert!(p.stake.value() >= m.min_stake(), EStake);
    p.jailed = false;
    event::emit(Unjailed { provider: p.id.to_inner() });
}

/// Takes the market's share of all stake, what is unbonding too, for a lie that the key told.
public(package) fun punish(m: &Market, p: &mut Provider, key: &vector<u8>, reporter: address) {
    p.check_market(m);
    let at = p.find_key(key);
    assert!(at.is_some(), EUnknownKey);
    let known = &mut p.keys[*at.borrow()];
    assert!(!known.slashed, ESlashed);
    known.slashed = true;
    p.jailed = true;

    let share = market::share_up(p.stake.value(), m.slash_bps());
    let mut taken = p.stake.split(share);
    let mut i = 0;
    while (i < p.unbonding.length()) {
        let amount = &mut p.unbonding[i].amount;
        let share = market::share_up(amount.value(), m.slash_bps());
        taken.join(amount.split(share));
        i = i + 1;
    };
    let amount = taken.value();
    let reward = market::share_down(amount, m.reporter_bps());
    event::emit(Slashed { provider: p.id.to_inner(), key: *key, amount, reporter, reward });
    taken.split(reward).send_funds(reporter);
    taken.send_funds(m.treasury());
}

/// The most that was registered at any moment of a window.
public(package) fun most(p: &Provider, from_ms: u64, to_ms: u64): Capacity {
    let n = p.capacities.length();
    let mut most = Capacity { cpu_millis: 0, memory_bytes: 0, net_bytes_s: 0, from_ms };
    let mut i = 0;
    while (i < n) {
        let c = &p.capacities[i];
        // the first holds for all time before it too
        let begins = if (i == 0) 0 else c.from_ms;
        if (begins < to_ms && (i + 1 == n || p.capacities[i + 1].from_ms > from_ms)) {
            most.cpu_millis = most.cpu_millis.max(c.cpu_millis);
            most.memory_bytes = most.memory_bytes.max(c.memory_bytes);
            most.net_bytes_s = most.net_bytes_s.max(c.net_bytes_s);
        };
        i = i + 1;
    };
    most
}

public(package) fun check_market(p: &Provider, m: &Market) {
    m.check();
    assert!(p.market == m.id(), EMarket);
}

fun check_owner(p: &Provider, m: &Market, ctx: &TxContext) {
    p.check_market(m);
    assert!(p.owner == ctx.sender(), EOwner);
}

fun find_key(p: &Provider, key: &vector<u8>): Option<u64> {
    let mut i = 0;
    while (i < p.keys.length()) {
        if (&p.keys[i].key == key) return option::some(i);
        i = i + 1;
    };
    option::none()
}

/// Do its own word and stake stand behind a report that the tenant did not sign?
public fun backed(p: &Provider, m: &Market): bool { !p.jailed && p.stake.value() >= m.min_stake() }

public fun current_key(p: &Provider): vector<u8> { p.keys[p.keys.length() - 1].key }

/// May speak for the provider in a lease: its owner, or its node.
public fun speaks(p: &Provider, who: address): bool { who == p.owner || who == p.agent }

public fun id(p: &Provider): ID { p.id.to_inner() }

public fun owner(p: &Provider): address { p.owner }

public fun payout(p: &Provider): address { p.payout }

public fun endpoint(p: &Provider): String { p.endpoint }

public fun stake(p: &Provider): u64 { p.stake.value() }

public fun unbonding(p: &Provider): u64 {
    let mut sum = 0;
    let mut i = 0;
    while (i < p.unbonding.length()) {
        sum = sum + p.unbonding[i].amount.value();
        i = i + 1;
    };
    sum
}

public fun jailed(p: &Provider): bool { p.jailed }

public fun cpu_millis(c: &Capacity): u64 { c.cpu_millis }

public fun memory_bytes(c: &Capacity): u64 { c.memory_bytes }

public fun net_bytes_s(c: &Capacity): u64 { c.net_bytes_s }
