# SPDX-License-Identifier: Apache-2.0
.PHONY: compare
compare: all build/npm/walrus/node_modules ## hold blob ids against Walrus' own encoder on random content, for SECONDS=60
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/interop/walrus/compare.py $(SECONDS)
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/interop/walrus/publish.py
