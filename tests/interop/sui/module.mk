# SPDX-License-Identifier: Apache-2.0
# One program for each .c; what they do is judged by @mysten/sui, or by the scripted server of tests/fakes/sui.
SUI_OBJS := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/interop/sui/*.c)))
SUI_BINS := $(SUI_OBJS:.o=)
$(SUI_OBJS): ALL_CFLAGS += -Itests
$(O)/tests/interop/sui/make: $(O)/tests/interop/vectors/sui_tx_show.o
$(SUI_BINS): %: %.o $(call archives,agent)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(call link_libs,agent)
-include $(SUI_OBJS:.o=.d)

.PHONY: interop sui-test
interop: $(O)/tests/interop/sui/make build/npm/sui/node_modules ## let others' SDKs read what our code made
	$(Q)cp tests/interop/sui/*.mjs build/npm/sui && $< 300 | node build/npm/sui/check.mjs
sui-test: $(SUI_BINS) build/npm/sui/node_modules ## Sui's client, and settling, by a scripted server (T=words of a name)
	$(Q)cp tests/fakes/sui/*.mjs build/npm/sui
	$(Q)node build/npm/sui/scenarios_test.mjs tests/vectors/scenarios.json $(T)
	$(Q)node build/npm/sui/test.mjs $(O)/tests/interop/sui/client $(T)
	$(Q)node build/npm/sui/settle_test.mjs $(O)/tests/interop/sui/settle $(T)
	$(Q)node build/npm/sui/follow_test.mjs $(O)/tests/interop/sui/settle $(T)
