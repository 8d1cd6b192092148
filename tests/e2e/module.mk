# SPDX-License-Identifier: Apache-2.0
# tests/e2e: the built program as its users meet it.
PYTEST = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q -p no:cacheprovider

.PHONY: e2e
e2e: all ## the end-to-end tests (root; T=expression as pytest's -k)
	$(Q)$(PYTEST) $(if $(T),-k '$(T)') tests/e2e
