# SPDX-License-Identifier: Apache-2.0
# tests/bpf/x.c: the real programs on the running kernel
BPF_TEST_BASE := $(addprefix tests/bpf/,bed.c node.c packets.c sandbox.c tunnel.c witness.c)
BPF_TEST_BASE_OBJS := $(patsubst %.c,$(O)/%.o,$(BPF_TEST_BASE))
BPF_TEST_SRCS := $(filter-out $(BPF_TEST_BASE) %.bpf.c,$(sort $(wildcard tests/bpf/*.c)))
BPF_TEST_BINS := $(patsubst %.c,$(O)/%,$(BPF_TEST_SRCS))
BPF_TEST_RUN := $(if $(T),$(filter $(addprefix $(O)/tests/bpf/,$(T)),$(BPF_TEST_BINS)),$(BPF_TEST_BINS))

$(O)/tests/bpf/%.o: ALL_CFLAGS += -Itests
$(BPF_TEST_BINS): $(O)/tests/bpf/%: $(O)/tests/bpf/%.o $(BPF_TEST_BASE_OBJS) $(call archives,svc)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(BPF_TEST_BASE_OBJS) $(call link_libs,svc) $(shell pkg-config --libs cmocka)

build/bpf/logic.bpf.o: tests/bpf/logic.bpf.c tests/bpf/logic.h $(wildcard bpf/*.h bpf/lib/*.h)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$(G)/logic.skel.h: build/bpf/maps.bpf.o build/bpf/logic.bpf.o
	$(Q)mkdir -p $(@D) && $(BPFTOOL) gen object build/bpf/logic.o $^
	$(Q)$(BPFTOOL) gen skeleton build/bpf/logic.o name logic_bpf > $@
$(O)/tests/bpf/logic.o: $(G)/logic.skel.h
-include $(patsubst %.c,$(O)/%.d,$(BPF_TEST_SRCS) $(BPF_TEST_BASE))

.PHONY: bpf-test
bpf-test: $(BPF_TEST_RUN) ## build and run the kernel tests (root; T=dial for one)
	$(Q)tests/run.sh $(BPF_TEST_RUN)
