# SPDX-License-Identifier: Apache-2.0
# k8s/image: Weir as nodes of a cluster get it, below build/image.
IMAGE ?= localhost/weir
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

.PHONY: image
image: all ## the container image, in build/image (IMAGE=registry/name it will have)
	$(Q)$(PYTHON) k8s/image/build.py $(O)/weir build/image $(IMAGE) $(VERSION) $(SOURCE_DATE_EPOCH)
