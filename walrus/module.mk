# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,walrus,walrus,core,))
