# SPDX-License-Identifier: Apache-2.0
# Seal needs blst, which comes in an npm package: one file, checked by its hash; without a registry, put it at BLST_TGZ.
BLST_DIR := build/npm/blst
BLST_NPM := @chainsafe/blst@0.2.11
BLST_TGZ := $(BLST_DIR)/chainsafe-blst-0.2.11.tgz
BLST_SHA512 := 511c8e2eae46b71068c626ce9ddda980bc9d0b2d146736e220805cb1102f1b102c4738d92f4e13b107f0464cf96a9854ddad5e6de46832623f1c7c8c0a215242

$(BLST_DIR)/package/blst:
	$(call say,NPM,$(BLST_DIR))
	$(Q)mkdir -p $(BLST_DIR) && [ -f $(BLST_TGZ) ] || (cd $(BLST_DIR) && npm pack --silent $(BLST_NPM) >/dev/null)
	$(Q)echo "$(BLST_SHA512)  $(BLST_TGZ)" | sha512sum --check --quiet
	$(Q)tar -xzf $(BLST_TGZ) -C $(BLST_DIR) package/blst/src package/blst/build package/blst/bindings

# Built as its authors build it: their warnings are theirs, and its assembly has no sanitized form.
$(O)/lib/libblst.a: | $(BLST_DIR)/package/blst
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) $(O)/blst
	$(Q)$(CC) -O2 -fno-builtin -fPIC -w -D__BLST_PORTABLE__ -c -o $(O)/blst/server.o $|/src/server.c
	$(Q)$(CC) -O2 -fPIC -D__BLST_PORTABLE__ -c -o $(O)/blst/assembly.o $|/build/assembly.S
	$(Q)rm -f $@ && ar rcsD $@ $(O)/blst/server.o $(O)/blst/assembly.o

$(eval $(call module,seal,walrus/seal,core,libcrypto))
DEPS_seal += blst
$(OBJS_seal): CFLAGS += -isystem $(BLST_DIR)/package/blst/bindings
$(OBJS_seal): | $(BLST_DIR)/package/blst
