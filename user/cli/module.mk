# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,cli,user/cli,agent svc meter workload dp ledger k8s chain walrus core,))
