#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every script passes shellcheck without a warning. An exception says its reason behind the directive.
# shellcheck disable=SC2046 # one word a file
shellcheck -f gcc -x $(git ls-files -co --exclude-standard '*.sh' .ci/run)
