// SPDX-License-Identifier: Apache-2.0
#[defines_primitive(u64)]
module std::u64;

public fun min(a: u64, b: u64): u64 { if (a < b) a else b }

public fun max(a: u64, b: u64): u64 { if (a > b) a else b }
