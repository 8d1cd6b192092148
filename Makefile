# SPDX-License-Identifier: Apache-2.0
# Weir: one program, build/weir. `make help` lists the targets; each folder's module.mk says what is in it.
#
#	make				release build with gcc (CC=clang-19 works as well)
#	make SAN=address,undefined	sanitized build
#	make V=1			show the commands

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang-19
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PYTHON ?= /usr/bin/python3
comma := ,

# One output folder for each configuration, so that switching never mixes objects.
O := build/$(notdir $(CC))$(if $(SAN),-$(subst $(comma),-,$(SAN)))
G := build/gen
VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2);)

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
	-Wswitch-enum -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough -Wunused-function -Werror
HARDEN := -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
CFLAGS ?= $(if $(SAN),-O1 -fno-omit-frame-pointer,-O2) -g
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARN) $(HARDEN) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) \
	-I. -Iuser -I$(G) -include user/core/banned.h -MMD -MP $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# $(call module,NAME,FOLDER,MODULES IT MAY USE,PKG-CONFIG PACKAGES): a static library from FOLDER/*.c.
# A module.mk may add generated headers its objects wait for: GEN_NAME.
MODULES :=
define module
MODULES += $(1)
DIR_$(1) := $(2)
DEPS_$(1) := $(3)
PKGS_$(1) := $(4)
SRCS_$(1) := $$(sort $$(wildcard $(2)/*.c))
OBJS_$(1) := $$(patsubst %.c,$$(O)/%.o,$$(SRCS_$(1)))
$$(OBJS_$(1)): CFLAGS_PKG = $$(if $(4),$$(shell pkg-config --cflags $(4)))
$$(O)/lib/lib$(1).a: $$(OBJS_$(1))
	$$(call say,AR,$$@)
	$$(Q)mkdir -p $$(@D) && rm -f $$@ && ar rcsD $$@ $$(OBJS_$(1))
endef

# A module, then all it uses, in an order a linker can use; and their packages.
closure = $(1) $(foreach d,$(DEPS_$(1)),$(call closure,$(d)))
libs_of = $(foreach m,$(1),$(call closure,$(m)))
archives = $(addprefix $(O)/lib/lib,$(addsuffix .a,$(sort $(call libs_of,$(1)))))
# libarchive as an archive: its gzip and tar alone, without the XML, ICU and C++ libraries of its other formats
link_libs = -Wl,--start-group $(call archives,$(1)) -Wl,--end-group $(patsubst -larchive,-l:libarchive.a -lz,\
	$(shell pkg-config --libs $(sort $(foreach m,$(call libs_of,$(1)),$(PKGS_$(m))))))

include $(sort $(wildcard user/*/module.mk) $(wildcard k8s/module.mk chain/module.mk walrus/module.mk k8s/image/module.mk))
include walrus/seal/module.mk bpf/module.mk tests/module.mk

$(O)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_PKG) -c -o $@ $<

$(foreach m,$(MODULES),$(if $(GEN_$(m)),$(eval $(OBJS_$(m)): $(GEN_$(m)))))

$(O)/weir: $(call archives,cli)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(O)/user/cli/main.o $(call link_libs,cli)

.PHONY: all clean deps help
all: $(O)/weir ## build/weir (and nothing else)
	$(Q)ln -sfn $(patsubst build/%,%,$(O))/weir build/weir

deps: ## install the Debian packages that building and testing need (root)
	$(Q)tests/deps.sh

clean: ## remove build/
	$(Q)rm -rf build

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | expand -t 16

-include $(foreach m,$(MODULES),$(OBJS_$(m):.o=.d))
