// SPDX-License-Identifier: Apache-2.0
module std::unit_test;

/// The test runner asks for it by name.
public native fun poison();
