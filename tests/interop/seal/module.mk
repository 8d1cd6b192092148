# SPDX-License-Identifier: Apache-2.0
# Seal both ways: what our code encrypts, @mysten/seal decrypts by scripted key servers, and the other way round.
$(O)/tests/interop/seal/tool.o: ALL_CFLAGS += -Itests
$(O)/tests/interop/seal/tool: %: %.o $(call archives,seal)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(call link_libs,seal)
-include $(O)/tests/interop/seal/tool.d

.PHONY: seal-interop
interop: seal-interop
seal-interop: $(O)/tests/interop/seal/tool build/npm/seal/node_modules
	$(Q)cp tests/fakes/seal/*.mjs tests/interop/seal/*.mjs build/npm/seal && node build/npm/seal/check.mjs $(abspath $<) 20
