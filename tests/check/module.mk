# SPDX-License-Identifier: Apache-2.0
# The house rules, each a script of its own here. They get the flags that the tree is really built with.
CHECK_PKGS = $(sort $(foreach m,$(MODULES),$(PKGS_$(m))) cmocka)
export CHECK_CFLAGS = $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Itests -isystem $(BLST_DIR)/package/blst/bindings \
	$(shell pkg-config --cflags $(CHECK_PKGS))
export CHECK_BPF_CFLAGS = $(BPF_CFLAGS)
export CHECK_CC = $(CC)
export CHECK_CLANG = $(CLANG)

.PHONY: check
check: $(G)/weir.skel.h $(BLST_DIR)/package/blst ## the house rules (C=layers for one)
	$(Q)PYTHONDONTWRITEBYTECODE=1 tests/check/run.sh $(C)
