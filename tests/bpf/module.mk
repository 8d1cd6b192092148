# SPDX-License-Identifier: Apache-2.0
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
