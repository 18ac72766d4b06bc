# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Generated from internal/filesystem/table.go by go test ./internal/filesystem -update.

# Programs that make filesystems, kernel modules that mount them, and the Debian packages of the programs.
filesystem_programs=(mkfs.ext4 mkfs.btrfs mkfs.xfs mkfs.fat mkswap)
filesystem_modules=(ext4 btrfs xfs vfat nls_cp437 nls_iso8859-1 nls_ascii virtiofs)
filesystem_packages=(e2fsprogs btrfs-progs xfsprogs dosfstools util-linux)
