#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The default helper: editing the boot loader's entries is for the distribution to implement.
echo "ignition-kargs-helper: this distribution does not set kernel arguments" >&2
exit 1
