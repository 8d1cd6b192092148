// SPDX-License-Identifier: Apache-2.0
/// Who may decrypt a lease's code: the provider of a live lease. Seal's key servers run `seal_approve` without
/// effects, for the address that asks.
///
/// The id of a tenant's key opens with the tenant's address: a stranger can open a lease with any id, but it
/// would be the stranger's lease, and the id not the stranger's.
module weir::seal_policy;

use weir::lease::Lease;
use weir::market::Market;
use weir::provider::Provider;

const ADDRESS_LEN: u64 = 32;

/// The lease does not name this key, or names one of another tenant's.
const EKey: u64 = 1;
/// The lease is not this provider's, or the provider does not ask.
const EProvider: u64 = 2;
/// The lease is closing or closed, its escrow is empty, or the provider is not backed.
const ENotLive: u64 = 3;

entry fun seal_approve<T>(id: vector<u8>, m: &Market, p: &Provider, l: &Lease<T>, ctx: &TxContext) {
    p.check_market(m);
    assert!(&id == l.work().seal_id() && of_tenant(&id, l.tenant()), EKey);
    assert!(l.provider() == p.id() && p.speaks(ctx.sender()), EProvider);
    assert!(l.live() && l.escrow() > 0 && p.backed(m), ENotLive);
}

fun of_tenant(id: &vector<u8>, tenant: address): bool {
    let owner = tenant.to_bytes();
    if (id.length() <= ADDRESS_LEN) return false;
    let mut i = 0;
    while (i < ADDRESS_LEN) {
        if (id[i] != owner[i]) return false;
        i = i + 1;
    };
    true
}

#[test_only]
public fun approve_for_testing<T>(id: vector<u8>, m: &Market, p: &Provider, l: &Lease<T>, ctx: &TxContext) {
    seal_approve(id, m, p, l, ctx)
}
