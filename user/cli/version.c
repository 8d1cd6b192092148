/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/version.h"

const char weir_version[] = WEIR_VERSION;
