# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,cli,user/cli,agent svc meter workload takeover dp ledger k8s chain walrus seal core,))

# each commit is another version
$(O)/user/cli/version.o: CFLAGS_PKG = -DWEIR_VERSION='"$(VERSION)"'
$(O)/user/cli/version.o: $(wildcard .git/HEAD .git/logs/HEAD)

.PHONY: docs
docs: build/docs/weir.8 build/docs/weir.bash ## manual page and bash completion, in build/docs/
build/docs/weir.8: $(O)/weir
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && $< help --man >$@
build/docs/weir.bash: $(O)/weir
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && $< help --bash >$@
