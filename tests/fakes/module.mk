# SPDX-License-Identifier: Apache-2.0
# tests/fakes: what is not ours, scripted; and the tests that they are like the real ones.
.PHONY: fakes-test
fakes-test: ## the scripted servers against recordings (T=expression as pytest's -k)
	$(Q)$(PYTEST) $(if $(T),-k '$(T)') tests/fakes
