# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,workload,user/workload,core,libarchive))
