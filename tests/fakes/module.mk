# SPDX-License-Identifier: Apache-2.0
# tests/fakes: what is not ours, scripted; and the tests that they are like the real ones.
.PHONY: fakes-test
fakes-test: ## the scripted servers against recordings (T=expression as pytest's -k)
	$(Q)$(PYTEST) $(if $(T),-k '$(T)') tests/fakes

.PHONY: sui-test
sui-test: $(O)/tests/interop/sui/client build/npm/sui/node_modules ## the client of Sui against a scripted server (T=words of a name)
	$(Q)cp tests/fakes/sui/*.mjs build/npm/sui && node build/npm/sui/test.mjs $< $(T)
