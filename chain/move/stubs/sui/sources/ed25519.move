// SPDX-License-Identifier: Apache-2.0
module sui::ed25519;

public native fun ed25519_verify(signature: &vector<u8>, public_key: &vector<u8>, msg: &vector<u8>): bool;
