# SPDX-License-Identifier: Apache-2.0
# tests/bench: measurements, as ratios in one run where there is something to compare with. Never part of a test.
BENCH_BINS := $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(wildcard tests/bench/*.c))

$(O)/tests/bench/%.o: ALL_CFLAGS += -Itests
$(BENCH_BINS): $(O)/tests/bench/%: $(O)/tests/bench/%.o $(call archives,agent)
	$(call say,BENCH,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(call link_libs,agent)
-include $(BENCH_BINS:=.d)

.PHONY: bench
bench: all $(BENCH_BINS) ## measure on this machine (root; B=connect for one part)
	$(Q)PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/e2e $(PYTHON) tests/bench/bench.py $(B)
