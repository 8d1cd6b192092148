# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,agent,user/agent,svc meter workload dp ledger k8s chain walrus seal core,libuv libmicrohttpd libnl-3.0 libnl-route-3.0))
