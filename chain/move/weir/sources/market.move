// SPDX-License-Identifier: Apache-2.0
/// A market: the rules that its providers and leases are under, who arbitrates, where forfeited stake goes.
///
/// Shared, and read-only in every call but the administrator's, so that leases never wait for each
/// other. What a lease was opened under it keeps: see `lease::Terms`. Anyone may create a market.
module weir::market;

use weir::report;

/// The version of this package's code. An upgrade raises it, and `migrate` moves a market to it: from then on
/// the code of the version before refuses the market.
const VERSION: u64 = 1;
const BPS: u64 = 10_000;
const MAX_ARBITERS: u64 = 15;
/// Thirty days: nobody's money is held longer by a rule of the market.
const MAX_WAIT_MS: u64 = 2_592_000_000;
const KEY_LEN: u64 = 32;

/// The market is of another version than this code: use the newest package, or migrate the market.
const EVersion: u64 = 1;
/// The capability is another market's.
const ECap: u64 = 2;
/// A share above all, or a wait out of its range.
const EParams: u64 = 3;
/// The quorum is not a majority of the arbiters, or an arbiter's key is no key, or given twice.
const EArbiters: u64 = 4;
/// Too few signatures, one that does not verify, or arbiters that do not rise.
const EDecision: u64 = 5;
/// The market is of this version already.
const EMigrated: u64 = 6;

public struct Market has key {
    id: UID,
    version: u64,
    params: Params,
    treasury: address,
    arbiters: vector<vector<u8>>,
    quorum: u64,
}

public struct AdminCap has key, store { id: UID, market: ID }

/// Amounts in MIST, times in milliseconds, shares in 1/10,000.
public struct Params has copy, drop, store {
    min_stake: u64, // below it, reports need the tenant's signature
    unbond_ms: u64, // stake stays slashable so long after it was asked back
    challenge_ms: u64, // a report that the tenant did not sign waits so long
    dispute_ms: u64, // then a dispute that nobody settled is split
    slash_bps: u64, // of the stake, for each key that lied
    reporter_bps: u64, // of what was slashed; the rest goes to the treasury
    bond_bps: u64, // of the disputed amount, which the tenant lays down
}

public fun params(
    min_stake: u64,
    unbond_ms: u64,
    challenge_ms: u64,
    dispute_ms: u64,
    slash_bps: u64,
    reporter_bps: u64,
    bond_bps: u64,
): Params {
    assert!(slash_bps > 0 && slash_bps <= BPS && bond_bps <= BPS, EParams);
    // a provider that reports itself must lose by it
    assert!(reporter_bps <= BPS / 2, EParams);
    assert!(challenge_ms <= MAX_WAIT_MS && dispute_ms <= MAX_WAIT_MS && unbond_ms <= 3 * MAX_WAIT_MS, EParams);
    // what is claimed today can be contested before the stake behind it is gone
    assert!(unbond_ms > challenge_ms + dispute_ms, EParams);
    Params { min_stake, unbond_ms, challenge_ms, dispute_ms, slash_bps, reporter_bps, bond_bps }
}

public fun new(params: Params, treasury: address, ctx: &mut TxContext): (Market, AdminCap) {
    let market = Market {
        id: object::new(ctx),
        version: VERSION,
        params,
        treasury,
        arbiters: vector[],
        quorum: 0,
    };
    let cap = AdminCap { id: object::new(ctx), market: market.id.to_inner() };
    (market, cap)
}

public fun share(m: Market) { transfer::share_object(m) }

/// For leases and stakes from now on; a lease keeps the terms it was opened under.
public fun set_params(m: &mut Market, cap: &AdminCap, params: Params) {
    m.check_cap(cap);
    m.params = params;
}

public fun set_treasury(m: &mut Market, cap: &AdminCap, treasury: address) {
    m.check_cap(cap);
    m.treasury = treasury;
}

/// No arbiters, and quorum 0: disputes are settled by the parties, or split in time.
public fun set_arbiters(m: &mut Market, cap: &AdminCap, arbiters: vector<vector<u8>>, quorum: u64) {
    m.check_cap(cap);
    let n = arbiters.length();
    assert!(n <= MAX_ARBITERS && quorum <= n, EArbiters);
    assert!(if (n == 0) quorum == 0 else quorum > n / 2, EArbiters);
    let mut i = 0;
    while (i < n) {
        assert!(arbiters[i].length() == KEY_LEN, EArbiters);
        let mut j = 0;
        while (j < i) {
            assert!(arbiters[i] != arbiters[j], EArbiters);
            j = j + 1;
        };
        i = i + 1;
    };
    m.arbiters = arbiters;
    m.quorum = quorum;
}

public fun migrate(m: &mut Market, cap: &AdminCap) {
    assert!(cap.market == m.id.to_inner(), ECap);
    assert!(m.version < VERSION, EMigrated);
    m.version = VERSION;
}

public(package) fun check(m: &Market) { assert!(m.version == VERSION, EVersion) }

/// Aborts unless a quorum of the arbiters signed the message: who[i], rising, signed sigs[i].
public(package) fun check_decision(m: &Market, message: &vector<u8>, who: &vector<u64>, sigs: &vector<vector<u8>>) {
    let n = who.length();
    assert!(m.quorum > 0 && n >= m.quorum && n == sigs.length(), EDecision);
    let mut i = 0;
    while (i < n) {
        assert!(who[i] < m.arbiters.length() && (i == 0 || who[i] > who[i - 1]), EDecision);
        assert!(report::signed(message, &sigs[i], &m.arbiters[who[i]]), EDecision);
        i = i + 1;
    };
}

fun check_cap(m: &Market, cap: &AdminCap) {
    m.check();
    assert!(cap.market == m.id.to_inner(), ECap);
}

public fun id(m: &Market): ID { m.id.to_inner() }

public fun treasury(m: &Market): address { m.treasury }

public fun min_stake(m: &Market): u64 { m.params.min_stake }

public fun unbond_ms(m: &Market): u64 { m.params.unbond_ms }

public fun challenge_ms(m: &Market): u64 { m.params.challenge_ms }

public fun dispute_ms(m: &Market): u64 { m.params.dispute_ms }

public fun bond_bps(m: &Market): u64 { m.params.bond_bps }

public fun slash_bps(m: &Market): u64 { m.params.slash_bps }

public fun reporter_bps(m: &Market): u64 { m.params.reporter_bps }

/// Share of an amount, rounded up.
public(package) fun share_up(amount: u64, bps: u64): u64 {
    (((amount as u128) * (bps as u128) + (BPS as u128) - 1) / (BPS as u128)) as u64
}

/// Share of an amount, rounded down.
public(package) fun share_down(amount: u64, bps: u64): u64 {
    ((amount as u128) * (bps as u128) / (BPS as u128)) as u64
}

#[test_only]
public fun set_version_for_testing(m: &mut Market, version: u64) { m.version = version }
