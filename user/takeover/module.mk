# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,takeover,user/takeover,core,))
