# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,takeover,user/takeover,core,libnl-3.0 libnl-genl-3.0))
