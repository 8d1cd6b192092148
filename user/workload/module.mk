# SPDX-License-Identifier: Apache-2.0
$(eval $(call module,workload,user/workload,core,libarchive))

# The init of a container: a program of its own, static, as a file in the library (init_image.c)
$(O)/workload-init: $(wildcard user/workload/inside/*)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -Os -static -s -I. -Iuser -include user/core/banned.h -o $@ $(filter %.c,$^)
$(O)/user/workload/init_image.o: $(O)/workload-init
$(O)/user/workload/init_image.o: CFLAGS_PKG += -Wa,-I$(O)
