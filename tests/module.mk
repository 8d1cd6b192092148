# SPDX-License-Identifier: Apache-2.0
# Each layer of tests says in its own module.mk how it is built and run; programs of C are built side by side.
JOBS := -j$(shell nproc)
include $(sort $(wildcard tests/*/module.mk tests/interop/*/module.mk))

.PHONY: test demo fresh
test: deps ## set up and pass all tests (root)
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)tests/rooted.sh $(MAKE) --no-print-directory $(JOBS) SAN=address,undefined unit
	$(Q)$(MAKE) --no-print-directory $(JOBS) SAN=address,undefined fuzz-replay
	$(Q)$(MAKE) --no-print-directory move-test
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined vectors
	$(Q)$(MAKE) --no-print-directory interop
	$(Q)$(MAKE) --no-print-directory fakes-test
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined sui-test
	$(Q)tests/rooted.sh $(MAKE) --no-print-directory $(JOBS) bpf-test
	$(Q)tests/rooted.sh $(MAKE) --no-print-directory e2e

demo: deps ## set up and show the whole product on this machine alone (root)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)PYTHONDONTWRITEBYTECODE=1 tests/rooted.sh $(PYTHON) tests/e2e/demo.py

SUITE ?= bookworm
fresh: ## make demo and make test as a stranger would, on a bare Debian by debootstrap (root; SUITE=trixie)
	$(Q)tests/fresh.sh $(SUITE)
