#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An optional dracut module for distributions without their own network in the initramfs: systemd-networkd brings up IPv4 and
# IPv6 on all wired interfaces, only when provisioning needs it.
# shellcheck disable=SC2154

check() { return 255; }

depends() { echo "systemd ignition"; }

installkernel() { hostonly='' instmods '=drivers/net/ethernet' '=drivers/net/phy' virtio_net af_packet ipv6 hv_netvsc vmxnet3 ena gve; }

install() {
    inst_multiple ip sed tr rm cat
    inst_multiple "$systemdutildir/systemd-networkd" "$systemdutildir/systemd-networkd-wait-online" networkctl
    inst_multiple -o "$systemdsystemunitdir/systemd-networkd.service" "$systemdsystemunitdir/systemd-networkd.socket" \
        "$systemdutildir/network/99-default.link" /usr/lib/udev/rules.d/80-net-setup-link.rules
    grep '^systemd-network:' "${dracutsysrootdir-}/etc/passwd" >>"$initdir/etc/passwd"
    grep '^systemd-network:' "${dracutsysrootdir-}/etc/group" >>"$initdir/etc/group"
    inst_simple "$moddir/zz-firstlight.network" "$systemdutildir/network/zz-firstlight.network"
    inst_script "$moddir/firstlight-network" /usr/lib/firstlight/network
    inst_simple "$moddir/firstlight-network.service" "$systemdsystemunitdir/firstlight-network.service"
    mkdir -p "$initdir$systemdsystemunitdir/ignition-complete.target.requires"
    ln -sfn ../firstlight-network.service \
        "$initdir$systemdsystemunitdir/ignition-complete.target.requires/firstlight-network.service"
}
