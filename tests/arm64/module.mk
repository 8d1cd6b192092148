# SPDX-License-Identifier: Apache-2.0
# tests/arm64: the program, and unit tests, built for another architecture and run by an emulator.
ARM64 := build/arm64
ARM64_TESTS := $(or $(T),walrus/lanes walrus/erasure walrus/merkle)
ARM64_MAKE = PKG_CONFIG_SYSROOT_DIR=$(CURDIR)/$(ARM64)/root \
	PKG_CONFIG_LIBDIR=$(CURDIR)/$(ARM64)/root/usr/lib/aarch64-linux-gnu/pkgconfig:$(CURDIR)/$(ARM64)/root/usr/share/pkgconfig \
	$(MAKE) --no-print-directory $(JOBS) CC=$(CURDIR)/$(ARM64)/cc O=$(ARM64)/out T=

.PHONY: test-arm64
test-arm64: deps ## build weir for arm64, run unit tests of it in QEMU (root to set up; T="core chain/report" for others)
	$(Q)tests/arm64/root.sh
	$(Q)$(ARM64_MAKE) $(ARM64)/out/weir $(addprefix $(ARM64)/out/tests/unit/,$(ARM64_TESTS))
	$(Q)WEIR_RUN_BY="qemu-aarch64 -L $(ARM64)/root" WEIR_PROGRESS=1 tests/run.sh $(addprefix $(ARM64)/out/tests/unit/,$(ARM64_TESTS))
