# SPDX-License-Identifier: Apache-2.0
# For packages that call make. Everything is in the script build, and so is the explanation of these targets and variables.

all:
	./build

install install-grub-for-bootupd:
	./build $@

.PHONY: all install install-grub-for-bootupd
