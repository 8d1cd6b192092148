# SPDX-License-Identifier: Apache-2.0
# Our formats against others' SDKs: vectors that they made, read by our code, and what ours made, read by them.
VECTORS_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/interop/vectors/*.c)))
SUI_OBJS := $(O)/tests/interop/sui/make.o $(O)/tests/interop/sui/client.o
$(VECTORS_OBJS) $(SUI_OBJS): ALL_CFLAGS += -Itests
$(O)/tests/interop/vectors/run: $(VECTORS_OBJS)
$(O)/tests/interop/sui/make: $(O)/tests/interop/vectors/sui_tx_show.o
$(O)/tests/interop/vectors/run $(SUI_OBJS:.o=): $(call archives,chain walrus seal)
$(SUI_OBJS:.o=): %: %.o
$(O)/tests/interop/vectors/run $(SUI_OBJS:.o=):
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(call link_libs,chain walrus seal)
-include $(VECTORS_OBJS:.o=.d) $(SUI_OBJS:.o=.d)

build/npm/%/node_modules: tests/interop/%/package.json tests/interop/%/package-lock.json
	$(call say,NPM,$(@D))
	$(Q)mkdir -p $(@D) && cp $^ $(@D)
	$(Q)npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	$(Q)touch $@

.PHONY: vectors interop
vectors: $(O)/tests/interop/vectors/run ## run others' vectors: SUI=FILE WALRUS=FILE SEAL=FILE (the project's copies)
	$(Q)$< $(foreach k,SUI WALRUS SEAL,$(if $($(k)),$(k)='$($(k))'))
interop: $(O)/tests/interop/sui/make build/npm/sui/node_modules ## let others' SDKs read what our code made
	$(Q)cp tests/interop/sui/*.mjs build/npm/sui && $< 300 | node build/npm/sui/check.mjs
