// SPDX-License-Identifier: Apache-2.0
#[defines_primitive(vector)]
module std::vector;

public native fun empty<E>(): vector<E>;
public native fun length<E>(v: &vector<E>): u64;
#[syntax(index)]
public native fun borrow<E>(v: &vector<E>, i: u64): &E;
#[syntax(index)]
public native fun borrow_mut<E>(v: &mut vector<E>, i: u64): &mut E;
public native fun push_back<E>(v: &mut vector<E>, e: E);
public native fun pop_back<E>(v: &mut vector<E>): E;
public native fun destroy_empty<E>(v: vector<E>);
public native fun swap<E>(v: &mut vector<E>, i: u64, j: u64);

public fun is_empty<E>(v: &vector<E>): bool { v.length() == 0 }

public fun reverse<E>(v: &mut vector<E>) {
    let len = v.length();
    let mut i = 0;
    while (i < len / 2) {
        v.swap(i, len - 1 - i);
        i = i + 1;
    }
}

public fun append<E>(v: &mut vector<E>, mut other: vector<E>) {
    other.reverse();
    while (!other.is_empty()) v.push_back(other.pop_back());
    other.destroy_empty();
}

public fun remove<E>(v: &mut vector<E>, mut i: u64): E {
    let last = v.length() - 1;
    while (i < last) {
        v.swap(i, i + 1);
        i = i + 1;
    };
    v.pop_back()
}
