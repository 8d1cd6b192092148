# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# Each *.bpf.c is an object of its own; bpftool links them into one, and makes one skeleton of it.
# maps first: libbpf's linker gives a map that it meets as extern first the offset 0
BPF_SRCS := bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c,$(sort $(wildcard bpf/*.bpf.c)))
BPF_OBJS := $(patsubst bpf/%.bpf.c,build/bpf/%.bpf.o,$(BPF_SRCS))
BPF_CFLAGS := -std=gnu17 -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -I. -Ivmlinux \
	-isystem /usr/include/$(shell gcc -print-multiarch)

build/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h bpf/lib/*.h vmlinux/*.h)
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -c -o $@ $<

build/bpf/weir.o: $(BPF_OBJS)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $(BPF_OBJS)

$(G)/weir.skel.h: build/bpf/weir.o
	$(call say,SKEL,$@)
	$(Q)mkdir -p $(@D) && $(BPFTOOL) gen skeleton $< name weir_bpf > $@
