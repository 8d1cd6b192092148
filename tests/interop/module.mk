# SPDX-License-Identifier: Apache-2.0
# Our formats against others' SDKs: vectors that they made, read by our code, and what ours made, read by them.
VECTORS_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/interop/vectors/*.c)))
$(VECTORS_OBJS): ALL_CFLAGS += -Itests

$(O)/tests/interop/vectors/run: $(VECTORS_OBJS) $(call archives,chain walrus seal)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(VECTORS_OBJS) $(call link_libs,chain walrus seal)
-include $(VECTORS_OBJS:.o=.d)

build/npm/%/node_modules: tests/interop/%/package.json tests/interop/%/package-lock.json
	$(call say,NPM,$(@D))
	$(Q)mkdir -p $(@D) && cp $^ $(@D)
	$(Q)npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	$(Q)touch $@

.PHONY: vectors
vectors: $(O)/tests/interop/vectors/run ## run others' vectors: SUI=FILE WALRUS=FILE SEAL=FILE (the project's copies)
	$(Q)$< $(foreach k,SUI WALRUS SEAL,$(if $($(k)),$(k)='$($(k))'))
