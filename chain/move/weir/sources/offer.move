// SPDX-License-Identifier: Apache-2.0
/// What tenant and provider agree on when a lease opens, never changed after: prices, and what is to run.
module weir::offer;

use std::string::String;

const MAX_ENTRY: u64 = 256;
const MAX_SEAL_ID: u64 = 128;
const SHA512_LEN: u64 = 64;

/// There are three classes of bytes: external, cluster, local.
const EClasses: u64 = 1;
/// The SRI is no SHA-512, or a text is too long.
const EWork: u64 = 2;

/// In the lease's coin, rounded down once over the cumulative total: chain/price.h.
public struct Prices has copy, drop, store {
    core_s: u64,
    gib_s: u64,
    rx_gib: vector<u64>,
    tx_gib: vector<u64>,
    cap_s: u64, // the lease never owes more per second since it was opened; 0: no cap
}

public struct Work has copy, drop, store {
    blob_id: u256, // on Walrus
    sri: vector<u8>, // SHA-512 of the package; empty: the blob id alone
    entry: String,
    cpu_millis: u64,
    memory_bytes: u64,
    pids: u64,
    seal_id: vector<u8>, // empty: not encrypted
}

public fun prices(core_s: u64, gib_s: u64, rx_gib: vector<u64>, tx_gib: vector<u64>, cap_s: u64): Prices {
    assert!(rx_gib.length() == 3 && tx_gib.length() == 3, EClasses);
    Prices { core_s, gib_s, rx_gib, tx_gib, cap_s }
}

public fun work(
    blob_id: u256,
    sri: vector<u8>,
    entry: String,
    cpu_millis: u64,
    memory_bytes: u64,
    pids: u64,
    seal_id: vector<u8>,
): Work {
    assert!(sri.is_empty() || sri.length() == SHA512_LEN, EWork);
    assert!(entry.length() <= MAX_ENTRY && seal_id.length() <= MAX_SEAL_ID, EWork);
    Work { blob_id, sri, entry, cpu_millis, memory_bytes, pids, seal_id }
}

/// Is the total more than the cap allows after so long? chain/price.h: cap x time, rounded down.
public fun over_cap(p: &Prices, total_due: u64, elapsed_ms: u64): bool {
    p.cap_s > 0 && (total_due as u128) > (p.cap_s as u128) * (elapsed_ms as u128) / 1_000
}

public fun seal_id(w: &Work): &vector<u8> { &w.seal_id }
