# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,meter,user/meter,dp core,))
