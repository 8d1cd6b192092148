# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,core,user/core,,libsodium libcjson libfyaml libcurl))
