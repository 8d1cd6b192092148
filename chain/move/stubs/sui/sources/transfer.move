// SPDX-License-Identifier: Apache-2.0
module sui::transfer;

public fun share_object<T: key>(obj: T) { share_object_impl(obj) }

public fun transfer<T: key>(obj: T, recipient: address) { transfer_impl(obj, recipient) }

public fun public_transfer<T: key + store>(obj: T, recipient: address) { transfer_impl(obj, recipient) }

native fun share_object_impl<T: key>(obj: T);
native fun transfer_impl<T: key>(obj: T, recipient: address);
