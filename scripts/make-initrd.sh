#!/bin/sh
# SPDX-License-Identifier: MIT
# Packs the guest's initramfs: busybox, the workload and the init script. Only when one of them is newer.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

out=build/guest/initrd.img
busybox=build/deps/arm64/bin/busybox
workload=build/guest/workload
root=build/guest/root

newer() { [ ! -s "$1" ] || [ -n "$(find "$2" -newer "$1")" ]; }

[ -s "$busybox" ] || die "$busybox is missing; run scripts/fetch-guest.sh first"
if newer "$workload" guest/workload.cpp; then
    step "compiling the guest's workload"
    aarch64-linux-gnu-g++ -std=c++23 -O2 -Wall -Wextra -Werror -static -s -pthread \
        -march=armv8-a guest/workload.cpp -o "$workload.part"
    mv "$workload.part" "$workload"
fi
if newer "$out" "$workload" || newer "$out" "$busybox" || newer "$out" guest/init ||
    newer "$out" scripts/make-initrd.sh; then
    step "packing the guest's initramfs"
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp"
    cp "$busybox" "$root/bin/busybox"
    cp "$workload" "$root/bin/workload"
    cp guest/init "$root/init"
    chmod 755 "$root/init" "$root"/bin/*
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -9n >"$out.part"
    mv "$out.part" "$out"
    rm -rf "$root"
fi
