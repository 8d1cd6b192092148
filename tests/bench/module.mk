# SPDX-License-Identifier: Apache-2.0
# tests/bench: measurements, as ratios in one run where there is something to compare with. Never part of a test.
$(O)/tests/bench/%.o: ALL_CFLAGS += -Itests
$(O)/tests/bench/dial: $(O)/tests/bench/dial.o $(O)/tests/bpf/bed.o $(call archives,dp)
	$(call say,BENCH,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(O)/tests/bpf/bed.o $(call link_libs,dp) $(shell pkg-config --libs cmocka)

.PHONY: bench
bench: all $(O)/tests/bench/dial ## measure on this machine (root)
	$(Q)$(O)/tests/bench/dial 2>&1 | grep -v '^\['
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/bench/agent.py
