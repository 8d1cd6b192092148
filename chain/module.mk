# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,chain,chain,core,))
