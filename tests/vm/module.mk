# SPDX-License-Identifier: Apache-2.0
# tests/vm: the kernel tests under Debian's kernels in QEMU, with the memory controller on cgroup2.
KERNELS ?= 6.1 6.12 7.2

.PHONY: test-vm vm-run
test-vm: deps ## the kernel tests under other kernels, in QEMU (root to set up; K=6.1 for one kernel, T="cpu memory" for some tests)
	$(Q)tests/vm/deps.sh
	$(Q)$(MAKE) --no-print-directory vm-run

vm-run: $(BPF_TEST_RUN)
	$(Q)tests/vm/run.sh "$(or $(K),$(KERNELS))" $(BPF_TEST_RUN)
