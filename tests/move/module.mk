# SPDX-License-Identifier: Apache-2.0
# The package on chain: built and tested by the Move compiler's own VM, which comes from npm.
MOVE_DIR := build/npm/move

$(MOVE_DIR)/node_modules: tests/move/package.json tests/move/package-lock.json
	$(call say,NPM,$(MOVE_DIR))
	$(Q)mkdir -p $(MOVE_DIR) && cp $^ $(MOVE_DIR)
	$(Q)npm ci --prefix $(MOVE_DIR) --ignore-scripts --no-audit --no-fund --silent
	$(Q)touch $@

.PHONY: move-test
move-test: $(MOVE_DIR)/node_modules ## unit tests of the package on chain
	$(Q)cp tests/move/*.mjs $(MOVE_DIR)
	$(Q)node $(MOVE_DIR)/run.mjs .
