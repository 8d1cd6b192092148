// SPDX-License-Identifier: Apache-2.0
/// Ids are the number of the transaction and the number of the object in it, so that a test knows them.
module sui::tx_context;

public struct TxContext has drop { sender: address, hint: u64, ids_created: u64 }

public fun sender(self: &TxContext): address { self.sender }

public fun fresh_object_address(self: &mut TxContext): address {
    let id = ((self.hint as u256) << 64) + (self.ids_created as u256);
    self.ids_created = self.ids_created + 1;
    sui::address::from_u256(id)
}

#[test_only]
public fun new_from_hint(sender: address, hint: u64, _epoch: u64, _ms: u64, ids_created: u64): TxContext {
    TxContext { sender, hint, ids_created }
}
