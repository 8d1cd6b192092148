// SPDX-License-Identifier: Apache-2.0
module std::bcs;

public native fun to_bytes<T>(value: &T): vector<u8>;
