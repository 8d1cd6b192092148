# SPDX-License-Identifier: Apache-2.0
# tests/unit/MODULE/x.c tests MODULE's x.c: one binary a file, linked with that module and what it may use.
# Tests write tarballs as well, which takes more of libarchive than the archive we link has by itself.
UNIT_SRCS := $(sort $(wildcard tests/unit/*/*.c))
UNIT_BINS := $(patsubst %.c,$(O)/%,$(UNIT_SRCS))
unit_module = $(word 3,$(subst /, ,$(1)))

# libarchive as a shared library: tests write archives too, and what that needs is not in Weir.
define unit_rule
$(O)/$(1:.c=): $(1) $$(call archives,$(call unit_module,$(1)))
	$$(call say,TEST,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -Itests -o $$@ $(1) \
		$$(patsubst -l:libarchive.a,-larchive,$$(call link_libs,$(call unit_module,$(1)))) $$(shell pkg-config --libs cmocka)
endef
$(foreach t,$(UNIT_SRCS),$(eval $(call unit_rule,$(t))))
-include $(addsuffix .d,$(UNIT_BINS))

# T=core runs a module's tests, T=core/err one file's
UNIT_RUN := $(if $(T),$(filter $(O)/tests/unit/$(T) $(O)/tests/unit/$(T)/%,$(UNIT_BINS)),$(UNIT_BINS))

.PHONY: unit
unit: $(UNIT_RUN) ## build and run the unit tests (T=core or T=core/err for some)
	$(Q)tests/run.sh $(UNIT_RUN)
