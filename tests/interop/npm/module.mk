# SPDX-License-Identifier: Apache-2.0
NPM_UNPACK := $(O)/tests/interop/npm/unpack
$(NPM_UNPACK): $(NPM_UNPACK).o $(call archives,walrus workload)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(call link_libs,walrus workload)
-include $(NPM_UNPACK).d

.PHONY: npm-packages
npm-packages: $(NPM_UNPACK) ## unpack twenty packages of the npm registry (pinned) and compare
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/interop/npm/check.py $<
