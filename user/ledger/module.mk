# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,ledger,user/ledger,core,sqlite3))
