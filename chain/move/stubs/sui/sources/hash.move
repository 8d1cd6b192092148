// SPDX-License-Identifier: Apache-2.0
module sui::hash;

public native fun blake2b256(bytes: &vector<u8>): vector<u8>;
