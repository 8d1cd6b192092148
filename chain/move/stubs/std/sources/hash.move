// SPDX-License-Identifier: Apache-2.0
module std::hash;

public native fun sha2_256(bytes: vector<u8>): vector<u8>;
