# SPDX-License-Identifier: Apache-2.0
# Our formats against what others' SDKs made: tests/interop/vectors is one program with a reader for each kind.
VECTORS_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/interop/vectors/*.c)))
$(VECTORS_OBJS): ALL_CFLAGS += -Itests

$(O)/tests/interop/vectors/run: $(VECTORS_OBJS) $(call archives,chain walrus)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(VECTORS_OBJS) $(call link_libs,chain walrus)
-include $(VECTORS_OBJS:.o=.d)

.PHONY: vectors compare
vectors: $(O)/tests/interop/vectors/run ## run others' vectors: SUI=FILE WALRUS=FILE SEAL=FILE (the project's copies)
	$(Q)$< $(foreach k,SUI WALRUS SEAL,$(if $($(k)),$(k)='$($(k))'))

compare: all ## hold blob ids against Walrus' own encoder on random content, for SECONDS=60 (npm)
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/interop/walrus/compare.py $(SECONDS)
