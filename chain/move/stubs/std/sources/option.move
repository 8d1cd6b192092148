// SPDX-License-Identifier: Apache-2.0
module std::option;

public struct Option<E> has copy, drop, store { vec: vector<E> }

public fun none<E>(): Option<E> { Option { vec: vector[] } }

public fun some<E>(e: E): Option<E> { Option { vec: vector[e] } }

public fun is_none<E>(o: &Option<E>): bool { o.vec.is_empty() }

public fun is_some<E>(o: &Option<E>): bool { !o.vec.is_empty() }

public fun borrow<E>(o: &Option<E>): &E { &o.vec[0] }

public fun borrow_mut<E>(o: &mut Option<E>): &mut E { &mut o.vec[0] }

public fun extract<E>(o: &mut Option<E>): E { o.vec.pop_back() }

public fun fill<E>(o: &mut Option<E>, e: E) {
    assert!(o.vec.is_empty(), 0x40000);
    o.vec.push_back(e);
}

public fun destroy_some<E>(o: Option<E>): E {
    let Option { mut vec } = o;
    let e = vec.pop_back();
    vec.destroy_empty();
    e
}

public fun destroy_none<E>(o: Option<E>) {
    let Option { vec } = o;
    vec.destroy_empty();
}
