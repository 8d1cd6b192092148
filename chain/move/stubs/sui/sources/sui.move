// SPDX-License-Identifier: Apache-2.0
module sui::sui;

public struct SUI has drop {}
