// SPDX-License-Identifier: Apache-2.0
/// Lies that signatures prove. Anyone may show them, and gets the market's share of what they cost the provider.
///
/// The key is one of the provider's, current or retired; each key costs stake once.
module weir::slash;

use weir::lease::Lease;
use weir::market::Market;
use weir::provider::{Self, Provider};
use weir::report::{Self, Report};
use weir::totals::{Self, Totals};

/// Not a report, or not a statement of totals.
const EBytes: u64 = 1;
/// The key did not sign it.
const ESignature: u64 = 2;
/// It is of another market, provider or lease.
const EForeign: u64 = 3;
/// The two can both be true.
const ENoConflict: u64 = 4;
/// It is within what is allowed.
const EWithin: u64 = 5;

/// Two reports of one lease and number with different contents, or a later one that takes back what an earlier said.
public fun reports(
    m: &Market,
    p: &mut Provider,
    key: vector<u8>,
    a: vector<u8>,
    sig_a: vector<u8>,
    b: vector<u8>,
    sig_b: vector<u8>,
    ctx: &TxContext,
) {
    let ra = read_report(m, &key, &a, &sig_a);
    let rb = read_report(m, &key, &b, &sig_b);
    assert!(report::conflict(&ra, &rb) || report::retreats(&ra, &rb), ENoConflict);
    provider::punish(m, p, &key, ctx.sender());
}

/// A report that claims more than the lease's cap allows by the end of its window.
public fun over_cap<T>(
    m: &Market,
    p: &mut Provider,
    l: &Lease<T>,
    key: vector<u8>,
    bytes: vector<u8>,
    sig: vector<u8>,
    ctx: &TxContext,
) {
    let r = read_report(m, &key, &bytes, &sig);
    assert!(r.lease() == l.id() && l.provider() == p.id(), EForeign);
    assert!(l.over_cap(r.total_due(), r.to_ms()), EWithin);
    provider::punish(m, p, &key, ctx.sender());
}

/// A node that says it used more than it has.
public fun over_capacity(
    m: &Market,
    p: &mut Provider,
    key: vector<u8>,
    bytes: vector<u8>,
    sig: vector<u8>,
    ctx: &TxContext,
) {
    let t = read_totals(m, p, &key, &bytes, &sig);
    let most = p.most(t.from_ms(), t.to_ms());
    let ms = if (t.to_ms() > t.from_ms()) (t.to_ms() - t.from_ms()) as u256 else 0;
    // 1 milli-core for 1 ms is 1,000 ns of CPU
    let over = (t.cpu_ns() as u256) > (most.cpu_millis() as u256) * ms * 1_000
        || (t.memory_byte_ns() as u256) > (most.memory_bytes() as u256) * ms * 1_000_000
        || (t.rx_bytes() as u256) * 1_000 > (most.net_bytes_s() as u256) * ms
        || (t.tx_bytes() as u256) * 1_000 > (most.net_bytes_s() as u256) * ms;
    assert!(over, EWithin);
    provider::punish(m, p, &key, ctx.sender());
}

/// Two statements of totals whose windows overlap.
public fun totals(
    m: &Market,
    p: &mut Provider,
    key: vector<u8>,
    a: vector<u8>,
    sig_a: vector<u8>,
    b: vector<u8>,
    sig_b: vector<u8>,
    ctx: &TxContext,
) {
    let ta = read_totals(m, p, &key, &a, &sig_a);
    let tb = read_totals(m, p, &key, &b, &sig_b);
    assert!(totals::conflict(&ta, &tb), ENoConflict);
    provider::punish(m, p, &key, ctx.sender());
}

fun read_report(m: &Market, key: &vector<u8>, bytes: &vector<u8>, sig: &vector<u8>): Report {
    let r = report::parse(bytes);
    assert!(r.is_some(), EBytes);
    assert!(report::signed(bytes, sig, key), ESignature);
    let r = r.destroy_some();
    assert!(r.market() == m.id(), EForeign);
    r
}

fun read_totals(m: &Market, p: &Provider, key: &vector<u8>, bytes: &vector<u8>, sig: &vector<u8>): Totals {
    let t = totals::parse(bytes);
    assert!(t.is_some(), EBytes);
    assert!(report::signed(bytes, sig, key), ESignature);
    let t = t.destroy_some();
    assert!(t.market() == m.id() && t.provider() == p.id(), EForeign);
    t
}
