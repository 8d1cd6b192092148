# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,k8s,k8s,core,))
