# SPDX-License-Identifier: Apache-2.0
# For packages that call make. The script build does all the work; its help explains these targets and variables.

all:
	./build

install install-grub-for-bootupd:
	./build $@

.PHONY: all install install-grub-for-bootupd
