# SPDX-License-Identifier: Apache-2.0
# tests/fuzz/X.c holds LLVMFuzzerTestOneInput and no more. fuzz-replay gives each the inputs of
# corpus/X through replay.c, with any compiler; fuzz looks for new ones with clang's libFuzzer.
FUZZ_NAMES := $(filter-out replay,$(sort $(basename $(notdir $(wildcard tests/fuzz/*.c)))))
FUZZ_RUN := $(if $(X),$(filter $(X),$(FUZZ_NAMES)),$(FUZZ_NAMES))
FUZZ_BINS := $(addprefix $(O)/tests/fuzz/,$(FUZZ_RUN))
FUZZ_MAIN := $(if $(findstring fuzzer,$(SAN)),,$(O)/tests/fuzz/replay.o)
SECONDS ?= 60

$(FUZZ_BINS): $(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(FUZZ_MAIN) $(call archives,agent takeover)
	$(call say,FUZZ,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) -o $@ $< $(FUZZ_MAIN) $(call link_libs,agent takeover)
-include $(addprefix $(O)/tests/fuzz/,$(addsuffix .d,$(FUZZ_NAMES) replay))

.PHONY: fuzz fuzz-bins fuzz-replay
fuzz-replay: $(FUZZ_BINS) ## replay the fuzz corpora (X=name for one)
	$(Q)tests/fuzz/replay.sh $(FUZZ_BINS)

fuzz-bins: $(FUZZ_BINS)
fuzz: ## look for new inputs, SECONDS=60 each (X=name for one harness)
	$(Q)$(MAKE) --no-print-directory CC=$(CLANG) O=build/fuzz SAN=fuzzer-no-link,address,undefined fuzz-bins
	$(Q)tests/fuzz/fuzz.sh $(SECONDS) $(addprefix build/fuzz/tests/fuzz/,$(FUZZ_RUN))
