# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,svc,user/svc,dp core,))
