#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The dracut module of firstlight: engine, generator, targets and stage units, under Ignition's names.
# dracut sources this file: moddir, initdir and the systemd directories are its variables.
# filesystems.sh is generated from the engine's table of filesystems.
# shellcheck disable=SC2154 source=/dev/null

# Only in an initramfs that another module or --add asks for.
check() { return 255; }

# Networking is left to the distribution, or to firstlight-network: most first boots need none.
depends() { echo "systemd dracut-systemd"; }

# Modules that a kernel does not have are skipped. hostonly is empty because an image boots on other machines than the one that
# builds it.
installkernel() {
    . "$moddir/filesystems.sh"
    hostonly='' instmods qemu_fw_cfg virtio_blk virtio_net "${filesystem_modules[@]}" \
        raid0 raid1 raid456 raid10 linear dm_crypt
    # For the places of configs (docs/platforms.md): discs, and channels of hypervisors.
    hostonly='' instmods sr_mod cdrom virtio_scsi iso9660 udf hv_utils hv_storvsc vsock vmw_vsock_virtio_transport_common \
        vmw_vsock_virtio_transport mlxbf_bootctl vboxguest vmur
}

# requires TARGET UNIT...: makes TARGET require the units whenever it is started.
requires() {
    local target=$1 unit
    shift
    mkdir -p "$initdir$systemdsystemunitdir/$target.requires"
    for unit; do
        inst_simple "$moddir/$unit" "$systemdsystemunitdir/$unit"
        ln -sfn "../$unit" "$initdir$systemdsystemunitdir/$target.requires/$unit"
    done
}

install() {
    local target
    inst_multiple basename lsblk bash cat mount umount modprobe mountpoint systemctl udevadm
    . "$moddir/filesystems.sh"
    inst_multiple -o "${filesystem_programs[@]}" setfiles mdadm cryptsetup dmsetup \
        clevis clevis-encrypt-sss clevis-encrypt-tang clevis-encrypt-tpm2 clevis-luks-bind \
        clevis-luks-common-functions clevis-luks-unlock jose pwmake tpm2_create tpm2_createpolicy
    # Programs that clevis's scripts call: clevis's own modules bring only those for unlocking, not for binding.
    inst_multiple -o awk basename curl cut find grep mkdir mktemp rm sed sort tail touch tr
    inst_rules 60-cdrom_id.rules
    inst_simple "$moddir/99-xx-ignition-systemd-cryptsetup.rules" \
        /usr/lib/udev/rules.d/99-xx-ignition-systemd-cryptsetup.rules
    inst_simple "$moddir/ignition-luks.conf" /etc/security/pwquality.conf.d/ignition-luks.conf

    inst_simple "$moddir/ignition" /usr/bin/ignition
    inst_script "$moddir/ignition-kargs-helper.sh" /usr/sbin/ignition-kargs-helper
    inst_script "$moddir/ignition-generator" "$systemdutildir/system-generators/ignition-generator"
    for target in complete subsequent diskful diskful-subsequent; do
        inst_simple "$moddir/ignition-$target.target" "$systemdsystemunitdir/ignition-$target.target"
    done
    requires ignition-complete.target ignition-{fetch-offline,fetch,kargs,disks,mount,files}.service
    requires ignition-diskful.target ignition-remount-sysroot.service

    inst_script "$moddir/firstlight-emergency" /usr/lib/firstlight/emergency
    inst_simple "$moddir/emergency.conf" "$systemdsystemunitdir/emergency.service.d/firstlight.conf"
}
