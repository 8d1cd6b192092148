// SPDX-License-Identifier: Apache-2.0
/// A lease: a tenant's deposit, and what a provider's signed reports take from it.
///
///     reports -> total_due -> (challenge, or the tenant's signature) -> released -> escrow -> payout
///
/// The rules are those of chain/lease.h, with two things a ledger of the provider's own can't have: a report
/// that the tenant did not sign waits `challenge_ms`, and the tenant may dispute it while it waits.
///
/// I1. deposited = paid + refunded + escrow, and a dispute's bond is apart from all of them.
/// I2. paid + struck <= released <= total_due; total_due, seq and last_to_ms never fall.
/// I3. What is released is paid at once, as far as the escrow goes; a top-up pays the rest at once.
/// I4. Money goes to the provider's payout account and to the tenant, whoever makes the call.
module weir::lease;

use sui::balance::Balance;
use sui::clock::Clock;
use sui::coin::Coin;
use sui::event;
use sui::hash;
use weir::market::{Self, Market};
use weir::offer::{Prices, Work};
use weir::provider::Provider;
use weir::report::{Self, Report};

const MAX_CLAIMS: u64 = 8;
const MAX_GRACE_MS: u64 = 2_592_000_000; // 30 days
const KEY_LEN: u64 = 32;

/// Not the bytes of a report.
const EBytes: u64 = 1;
/// Not signed by the provider's current key.
const ESignature: u64 = 2;
/// Of another market, provider or lease.
const EForeign: u64 = 3;
/// A newer report has said more.
const EStale: u64 = 4;
/// The number is taken by another content: `slash::reports`.
const EConflict: u64 = 5;
/// The window is empty, or begins before the last one ended, or before the lease.
const EWindow: u64 = 6;
/// The window has not ended.
const EEarly: u64 = 7;
/// The total falls.
const EFalls: u64 = 8;
/// More than the cap allows for that time.
const EOverCap: u64 = 9;
/// The lease is closed, or the window ends after it was told to.
const EClosed: u64 = 10;
/// The provider is jailed, or its stake too small: the tenant has to sign.
const EUnbacked: u64 = 11;
/// A dispute is open: the tenant has to sign.
const EDisputed: u64 = 12;
/// Only the tenant may.
const ETenant: u64 = 13;
/// Only the tenant or the provider may.
const EParty: u64 = 14;
/// Not signed by the tenant's key, or there is none.
const ECosign: u64 = 15;
/// There is nothing to dispute, to accept, or to deposit.
const ENothing: u64 = 16;
/// The bond is too small.
const EBond: u64 = 17;
/// There is no dispute.
const ENoDispute: u64 = 18;
/// More than is disputed.
const EAward: u64 = 19;
/// The dispute has time still.
const ETooSoon: u64 = 20;
/// Not closing, or reports or claims may still come.
const EOpen: u64 = 21;
/// The tenant's key is no key, or the grace too long.
const ETerms: u64 = 22;

/// No abort: the same report came again.
const SAME: u64 = 1_000;

public struct Lease<phantom T> has key {
    id: UID,
    market: ID,
    provider: ID,
    tenant: address,
    tenant_key: vector<u8>, // signs reports; empty: the tenant accepts by transactions
    prices: Prices,
    work: Work,
    terms: Terms,
    opened_ms: u64,
    escrow: Balance<T>,
    deposited: u64,
    refunded: u64,
    paid: u64,
    struck: u64, // claimed, and taken away by disputes
    released: u64, // up to this total, less what is struck, the provider has a right
    total_due: u64, // as the newest report claims
    seq: u64, // of the newest report; 0: none yet
    last_to_ms: u64,
    last_hash: vector<u8>,
    claims: vector<Claim>, // totals that wait, rising; none while a dispute is open
    dispute: Option<Dispute<T>>,
    closing_ms: Option<u64>,
    closed: bool,
}

/// The market's, as they were when the lease opened.
public struct Terms has copy, drop, store { challenge_ms: u64, dispute_ms: u64, bond_bps: u64, grace_ms: u64 }

public struct Claim has copy, drop, store { total_due: u64, release_ms: u64 }

/// About all that was claimed and not released when it opened.
public struct Dispute<phantom T> has store {
    amount: u64,
    bond: Balance<T>,
    until_ms: u64,
    tenant_says: Option<u64>,
    provider_says: Option<u64>,
}

public struct Opened has copy, drop { lease: ID, market: ID, provider: ID, tenant: address, deposit: u64 }

public struct ToppedUp has copy, drop { lease: ID, amount: u64, escrow: u64 }

public struct Reported has copy, drop { lease: ID, seq: u64, to_ms: u64, total_due: u64, usage_hash: vector<u8>, cosigned: bool }

/// A report of a batch that was not taken, and why.
public struct Skipped has copy, drop { lease: ID, code: u64 }

public struct Paid has copy, drop { lease: ID, amount: u64, paid: u64, unpaid: u64 }

public struct Disputed has copy, drop { lease: ID, seq: u64, amount: u64, bond: u64, until_ms: u64 }

public struct Resolved has copy, drop { lease: ID, amount: u64, award: u64, bond_to_provider: u64 }

public struct Closing has copy, drop { lease: ID, closing_ms: u64 }

public struct Closed has copy, drop { lease: ID, refund: u64 }

/// The caller is the tenant. To be shared by `share`.
public fun open<T>(
    m: &Market,
    p: &Provider,
    deposit: Coin<T>,
    prices: Prices,
    work: Work,
    tenant_key: vector<u8>,
    grace_ms: u64,
    clock: &Clock,
    ctx: &mut TxContext,
): Lease<T> {
    p.check_market(m);
    assert!(p.backed(m), EUnbacked);
    assert!(tenant_key.is_empty() || tenant_key.length() == KEY_LEN, ETerms);
    assert!(grace_ms <= MAX_GRACE_MS, ETerms);
    let now = clock.timestamp_ms();
    let l = Lease {
        id: object::new(ctx),
        market: m.id(),
        provider: p.id(),
        tenant: ctx.sender(),
        tenant_key,
        prices,
        work,
        terms: Terms {
            challenge_ms: m.challenge_ms(),
            dispute_ms: m.dispute_ms(),
            bond_bps: m.bond_bps(),
            grace_ms,
        },
        opened_ms: now,
        deposited: deposit.value(),
        escrow: deposit.into_balance(),
        refunded: 0,
        paid: 0,
        struck: 0,
        released: 0,
        total_due: 0,
        seq: 0,
        last_to_ms: now,
        last_hash: vector[],
        claims: vector[],
        dispute: option::none(),
        closing_ms: option::none(),
        closed: false,
    };
    event::emit(Opened {
        lease: l.id(),
        market: l.market,
        provider: l.provider,
        tenant: l.tenant,
        deposit: l.deposited,
    });
    l
}

public fun share<T>(l: Lease<T>) { transfer::share_object(l) }

/// By anyone, while the lease is open.
public fun top_up<T>(m: &Market, p: &Provider, l: &mut Lease<T>, coin: Coin<T>, clock: &Clock) {
    l.begin(m, p, clock);
    assert!(l.closing_ms.is_none(), EClosed);
    let amount = coin.value();
    assert!(amount > 0, ENothing);
    l.deposited = l.deposited + amount;
    l.escrow.join(coin.into_balance());
    event::emit(ToppedUp { lease: l.id(), amount, escrow: l.escrow.value() });
    l.pay(p);
}

// ---- reports ----

/// A report that only the provider signed. By anyone; the same once more does nothing.
public fun submit<T>(m: &Market, p: &Provider, l: &mut Lease<T>, bytes: vector<u8>, sig: vector<u8>, clock: &Clock) {
    let code = l.take(m, p, &bytes, &sig, false, clock);
    assert!(code == 0 || code == SAME, code);
}

/// For batches: where `submit` aborts, it tells the code and changes nothing but what time brings.
public fun try_submit<T>(m: &Market, p: &Provider, l: &mut Lease<T>, bytes: vector<u8>, sig: vector<u8>, clock: &Clock): bool {
    let code = l.take(m, p, &bytes, &sig, false, clock);
    if (code != 0) event::emit(Skipped { lease: l.id(), code });
    code == 0
}

/// A report that the tenant's key signed too (`report::cosigned_bytes`): all of it is paid at once. It settles an
/// open dispute, since the tenant has agreed to all.
public fun submit_cosigned<T>(
    m: &Market,
    p: &Provider,
    l: &mut Lease<T>,
    bytes: vector<u8>,
    sig: vector<u8>,
    cosig: vector<u8>,
    clock: &Clock,
) {
    assert!(report::signed(&report::cosigned_bytes(&bytes), &cosig, &l.tenant_key), ECosign);
    let code = l.take(m, p, &bytes, &sig, true, clock);
    assert!(code == 0 || code == SAME, code);
    if (l.dispute.is_some()) {
        let amount = l.dispute.borrow().amount;
        l.resolve(p, amount, 0);
    };
    l.release_all(p);
}

/// The tenant accepts, by a transaction, what waits.
public fun accept<T>(m: &Market, p: &Provider, l: &mut Lease<T>, clock: &Clock, ctx: &TxContext) {
    l.begin(m, p, clock);
    assert!(ctx.sender() == l.tenant, ETenant);
    assert!(!l.claims.is_empty(), ENothing);
    l.release_all(p);
}

/// Pays what has waited long enough. By anyone.
public fun settle<T>(m: &Market, p: &Provider, l: &mut Lease<T>, clock: &Clock) {
    l.begin(m, p, clock);
}

fun take<T>(
    l: &mut Lease<T>,
    m: &Market,
    p: &Provider,
    bytes: &vector<u8>,
    sig: &vector<u8>,
    cosigned: bool,
    clock: &Clock,
): u64 {
    l.begin(m, p, clock);
    let now = clock.timestamp_ms();
    let parsed = report::parse(bytes);
    if (parsed.is_none()) return EBytes;
    if (!report::signed(bytes, sig, &p.current_key())) return ESignature;
    let r = parsed.destroy_some();
    let code = l.verdict(&r, bytes, now);
    if (code != 0) return code;
    if (!cosigned && !p.backed(m)) return EUnbacked;
    if (!cosigned && l.dispute.is_some()) return EDisputed;

    l.seq = r.seq();
    l.last_to_ms = r.to_ms();
    l.last_hash = hash::blake2b256(bytes);
    l.total_due = r.total_due();
    event::emit(Reported {
        lease: l.id(),
        seq: r.seq(),
        to_ms: r.to_ms(),
        total_due: r.total_due(),
        usage_hash: r.usage_hash(),
        cosigned,
    });
    if (!cosigned) l.add_claim(now);
    0
}

/// What is wrong with a report that the provider did sign; 0: nothing.
fun verdict<T>(l: &Lease<T>, r: &Report, bytes: &vector<u8>, now: u64): u64 {
    if (r.market() != l.market || r.lease() != l.id()) return EForeign;
    if (r.seq() < l.seq || r.seq() == 0) return EStale;
    if (r.seq() == l.seq) return if (hash::blake2b256(bytes) == l.last_hash) SAME else EConflict;
    if (r.from_ms() >= r.to_ms() || r.from_ms() < l.last_to_ms) return EWindow;
    if (r.to_ms() > now) return EEarly;
    if (r.total_due() < l.total_due) return EFalls;
    if (l.over_cap(r.total_due(), r.to_ms())) return EOverCap;
    if (l.closed || (l.closing_ms.is_some() && r.to_ms() > *l.closing_ms.borrow())) return EClosed;
    0
}

/// Claims keep the time that each was given: a newer report does not make an older one wait longer. When there is no
/// room the newest two become one, with the later time.
fun add_claim<T>(l: &mut Lease<T>, now: u64) {
    if (l.total_due == l.claimed()) return;
    if (l.claims.length() == MAX_CLAIMS) {
        l.claims.pop_back();
    };
    l.claims.push_back(Claim { total_due: l.total_due, release_ms: now + l.terms.challenge_ms });
}

fun claimed<T>(l: &Lease<T>): u64 {
    let n = l.claims.length();
    if (n > 0) l.claims[n - 1].total_due else l.released
}

/// What every call begins with: the right objects, and what time has released, which is paid whatever comes of the call
/// (I3): a report that is skipped, or comes again, is a call too.
fun begin<T>(l: &mut Lease<T>, m: &Market, p: &Provider, clock: &Clock) {
    p.check_market(m);
    assert!(l.provider == p.id(), EForeign);
    while (!l.claims.is_empty() && l.claims[0].release_ms <= clock.timestamp_ms()) {
        l.released = l.claims.remove(0).total_due;
    };
    l.pay(p);
}

fun release_all<T>(l: &mut Lease<T>, p: &Provider) {
    l.claims = vector[];
    l.released = l.total_due;
    l.pay(p);
}

fun pay<T>(l: &mut Lease<T>, p: &Provider) {
    let amount = l.unpaid().min(l.escrow.value());
    if (amount == 0) return;
    l.paid = l.paid + amount;
    event::emit(Paid { lease: l.id(), amount, paid: l.paid, unpaid: l.unpaid() });
    l.escrow.split(amount).send_funds(p.payout());
}

// ---- disputes ----

/// The tenant contests all that waits, and lays down a bond in the lease's coin.
public fun dispute<T>(m: &Market, p: &Provider, l: &mut Lease<T>, bond: Coin<T>, clock: &Clock, ctx: &TxContext) {
    l.begin(m, p, clock);
    assert!(ctx.sender() == l.tenant, ETenant);
    assert!(!l.claims.is_empty(), ENothing); // none while a dispute is open, too
    let amount = l.total_due - l.released;
    assert!(bond.value() >= market::share_up(amount, l.terms.bond_bps), EBond);
    let until_ms = clock.timestamp_ms() + l.terms.dispute_ms;
    event::emit(Disputed { lease: l.id(), seq: l.seq, amount, bond: bond.value(), until_ms });
    l.claims = vector[];
    l.dispute.fill(Dispute {
        amount,
        bond: bond.into_balance(),
        until_ms,
        tenant_says: option::none(),
        provider_says: option::none(),
    });
}

/// Each side says how much of the disputed amount is the provider's; when both say the same, it is so, and the bond
/// goes back. Saying all (the tenant) or nothing (the provider) gives in.
public fun agree<T>(m: &Market, p: &Provider, l: &mut Lease<T>, award: u64, clock: &Clock, ctx: &TxContext) {
    l.begin(m, p, clock);
    let tenant = ctx.sender() == l.tenant;
    let provider = ctx.sender() == p.owner();
    assert!(tenant || provider, EParty);
    assert!(l.dispute.is_some(), ENoDispute);
    let d = l.dispute.borrow_mut();
    let amount = d.amount;
    assert!(award <= amount, EAward);
    if (tenant) d.tenant_says = option::some(award);
    if (provider) d.provider_says = option::some(award);
    let same = d.tenant_says.is_some() && d.tenant_says == d.provider_says;
    if (same || (tenant && award == amount) || (provider && award == 0)) l.resolve(p, award, 0);
}

/// A quorum of the market's arbiters has signed `report::decision_bytes`. The bond is shared as the amount is.
public fun decide<T>(
    m: &Market,
    p: &Provider,
    l: &mut Lease<T>,
    award: u64,
    who: vector<u64>,
    sigs: vector<vector<u8>>,
    clock: &Clock,
) {
    l.begin(m, p, clock);
    assert!(l.dispute.is_some(), ENoDispute);
    let d = l.dispute.borrow();
    assert!(award <= d.amount, EAward);
    m.check_decision(&report::decision_bytes(l.market, l.id(), l.seq, award), &who, &sigs);
    let bond = (d.bond.value() as u128) * (award as u128) / (d.amount as u128);
    l.resolve(p, award, bond as u64);
}

/// Nobody settled it in time: amount and bond are halved, since nobody knows who lied. An odd unit of the amount is
/// the provider's, of the bond the tenant's. By anyone.
public fun time_out<T>(m: &Market, p: &Provider, l: &mut Lease<T>, clock: &Clock) {
    l.begin(m, p, clock);
    assert!(l.dispute.is_some(), ENoDispute);
    let d = l.dispute.borrow();
    assert!(clock.timestamp_ms() >= d.until_ms, ETooSoon);
    let (award, bond) = (d.amount - d.amount / 2, d.bond.value() / 2);
    l.resolve(p, award, bond);
}

fun resolve<T>(l: &mut Lease<T>, p: &Provider, award: u64, bond_to_provider: u64) {
    let Dispute { amount, mut bond, until_ms: _, tenant_says: _, provider_says: _ } = l.dispute.extract();
    event::emit(Resolved { lease: l.id(), amount, award, bond_to_provider });
    if (bond_to_provider > 0) bond.split(bond_to_provider).send_funds(p.payout());
    if (bond.value() > 0) bond.send_funds(l.tenant) else bond.destroy_zero();
    l.released = l.released + amount;
    l.struck = l.struck + (amount - award);
    l.pay(p);
}

// ---- the end ----

/// The tenant or the provider ends the lease: windows up to now may still be reported, for `grace_ms`.
public fun close<T>(m: &Market, p: &Provider, l: &mut Lease<T>, clock: &Clock, ctx: &TxContext) {
    l.begin(m, p, clock);
    assert!(ctx.sender() == l.tenant || p.speaks(ctx.sender()), EParty);
    assert!(l.closing_ms.is_none(), EClosed);
    l.closing_ms = option::some(clock.timestamp_ms());
    event::emit(Closing { lease: l.id(), closing_ms: clock.timestamp_ms() });
    if (l.can_finish(clock.timestamp_ms())) l.refund();
}

/// When all is reported and paid, or the grace is over, the rest goes back to the tenant. By anyone.
public fun finish<T>(m: &Market, p: &Provider, l: &mut Lease<T>, clock: &Clock) {
    l.begin(m, p, clock);
    assert!(l.can_finish(clock.timestamp_ms()), EOpen);
    l.refund();
}

fun can_finish<T>(l: &Lease<T>, now: u64): bool {
    if (l.closing_ms.is_none() || l.closed || l.dispute.is_some() || !l.claims.is_empty()) return false;
    let closing = *l.closing_ms.borrow();
    l.last_to_ms >= closing || now >= closing + l.terms.grace_ms
}

fun refund<T>(l: &mut Lease<T>) {
    let refund = l.escrow.value();
    l.closed = true;
    l.refunded = refund;
    event::emit(Closed { lease: l.id(), refund });
    if (refund > 0) l.escrow.withdraw_all().send_funds(l.tenant);
}

// ---- reading ----

/// Does the total pass the cap at the end of its window?
public fun over_cap<T>(l: &Lease<T>, total_due: u64, to_ms: u64): bool {
    l.prices.over_cap(total_due, to_ms - l.opened_ms.min(to_ms))
}

public fun id<T>(l: &Lease<T>): ID { l.id.to_inner() }

public fun provider<T>(l: &Lease<T>): ID { l.provider }

public fun tenant<T>(l: &Lease<T>): address { l.tenant }

public fun work<T>(l: &Lease<T>): &Work { &l.work }

public fun escrow<T>(l: &Lease<T>): u64 { l.escrow.value() }

public fun deposited<T>(l: &Lease<T>): u64 { l.deposited }

public fun refunded<T>(l: &Lease<T>): u64 { l.refunded }

public fun paid<T>(l: &Lease<T>): u64 { l.paid }

public fun struck<T>(l: &Lease<T>): u64 { l.struck }

public fun released<T>(l: &Lease<T>): u64 { l.released }

public fun total_due<T>(l: &Lease<T>): u64 { l.total_due }

public fun seq<T>(l: &Lease<T>): u64 { l.seq }

/// Released, and not covered by the escrow.
public fun unpaid<T>(l: &Lease<T>): u64 { l.released - l.struck - l.paid }

public fun waiting<T>(l: &Lease<T>): u64 { l.claims.length() }

public fun in_dispute<T>(l: &Lease<T>): bool { l.dispute.is_some() }

/// Not closing, not closed.
public fun live<T>(l: &Lease<T>): bool { l.closing_ms.is_none() }

public fun closed<T>(l: &Lease<T>): bool { l.closed }
