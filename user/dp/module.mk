# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,dp,user/dp,core,libbpf libelf zlib))
GEN_dp := $(G)/weir.skel.h
