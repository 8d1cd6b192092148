# SPDX-License-Identifier: Apache-2.0
# tests/unit/MODULE/x.c tests MODULE's x.c: one binary a file, linked with that module and what it may use.
UNIT_SRCS := $(sort $(wildcard tests/unit/*/*.c))
UNIT_BINS := $(patsubst %.c,$(O)/%,$(UNIT_SRCS))
unit_module = $(word 3,$(subst /, ,$(1)))

define unit_rule
$(O)/$(1:.c=): $(1) $$(call archives,$(call unit_module,$(1)))
	$$(call say,TEST,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -Itests -o $$@ $(1) \
		$$(call link_libs,$(call unit_module,$(1))) $$(shell pkg-config --libs cmocka)
endef
$(foreach t,$(UNIT_SRCS),$(eval $(call unit_rule,$(t))))
-include $(addsuffix .d,$(UNIT_BINS))

# T=core runs a module's tests, T=core/err one file's
UNIT_RUN := $(if $(T),$(filter $(O)/tests/unit/$(T) $(O)/tests/unit/$(T)/%,$(UNIT_BINS)),$(UNIT_BINS))

.PHONY: unit
unit: $(UNIT_RUN) ## build and run the unit tests (T=core or T=core/err for some)
	$(Q)tests/run.sh $(UNIT_RUN)

# tests/bpf/x.c: the real programs on the running kernel; bed.c is their common ground.
BPF_TEST_SRCS := $(filter-out tests/bpf/bed.c,$(sort $(wildcard tests/bpf/*.c)))
BPF_TEST_BINS := $(patsubst %.c,$(O)/%,$(BPF_TEST_SRCS))
BPF_TEST_RUN := $(if $(T),$(filter $(O)/tests/bpf/$(T),$(BPF_TEST_BINS)),$(BPF_TEST_BINS))

$(O)/tests/bpf/%.o: ALL_CFLAGS += -Itests
$(BPF_TEST_BINS): $(O)/tests/bpf/%: $(O)/tests/bpf/%.o $(O)/tests/bpf/bed.o $(call archives,svc)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(O)/tests/bpf/bed.o $(call link_libs,svc) $(shell pkg-config --libs cmocka)
-include $(patsubst %.c,$(O)/%.d,$(BPF_TEST_SRCS) tests/bpf/bed.c)

.PHONY: bpf-test
bpf-test: $(BPF_TEST_RUN) ## build and run the kernel tests (root; T=dial for one)
	$(Q)tests/run.sh $(BPF_TEST_RUN)

PYTEST = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q -p no:cacheprovider

.PHONY: e2e test demo
e2e: all ## the end-to-end tests (root; T=expression as pytest's -k)
	$(Q)$(PYTEST) $(if $(T),-k '$(T)') tests/e2e

test: deps ## set up and pass all tests (root)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/rooted.sh $(MAKE) --no-print-directory SAN=address,undefined unit
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined fuzz-replay
	$(Q)$(MAKE) --no-print-directory bpf-test
	$(Q)tests/rooted.sh $(MAKE) --no-print-directory e2e

demo: deps ## set up and show the whole product on this machine alone (root)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)PYTHONDONTWRITEBYTECODE=1 tests/rooted.sh $(PYTHON) tests/e2e/demo.py
