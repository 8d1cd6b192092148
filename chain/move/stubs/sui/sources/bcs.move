// SPDX-License-Identifier: Apache-2.0
module sui::bcs;

public struct BCS has copy, drop, store { bytes: vector<u8> } // reversed: the next byte is the last

public fun to_bytes<T>(value: &T): vector<u8> { std::bcs::to_bytes(value) }

public fun new(mut bytes: vector<u8>): BCS {
    bytes.reverse();
    BCS { bytes }
}

public fun into_remainder_bytes(self: BCS): vector<u8> {
    let BCS { mut bytes } = self;
    bytes.reverse();
    bytes
}

fun peel_number(self: &mut BCS, len: u8): u256 {
    let mut n: u256 = 0;
    let mut i = 0;
    while (i < len) {
        n = n + ((self.bytes.pop_back() as u256) << (8 * i));
        i = i + 1;
    };
    n
}

public fun peel_u8(self: &mut BCS): u8 { self.bytes.pop_back() }

public fun peel_u64(self: &mut BCS): u64 { self.peel_number(8) as u64 }

public fun peel_u128(self: &mut BCS): u128 { self.peel_number(16) as u128 }

public fun peel_address(self: &mut BCS): address {
    let mut bytes = vector[];
    let mut i = 0u64;
    while (i < 32) {
        bytes.push_back(self.bytes.pop_back());
        i = i + 1;
    };
    sui::address::from_bytes(bytes)
}
