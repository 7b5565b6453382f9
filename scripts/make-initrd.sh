#!/bin/sh
# SPDX-License-Identifier: MIT
# make-initrd.sh [host]: packs the guest's initramfs: busybox, the workload and the init script. With the word
# host also that of a Linux host with KVM: the same, with our VMM, its guest and an init script of its own.
# Only when one of them is newer.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

arm64=build/deps/arm64
busybox=$arm64/bin/busybox
initrd=build/guest/initrd.img
workload=build/guest/workload
host=build/guest/host.img
vmm=build/guest/vmm
payload=build/aarch64/payload.img
root=build/guest/root

newer() { # FILE SOURCE...: whether one of the sources is
    file=$1
    shift
    [ ! -s "$file" ] || [ -n "$(find "$@" -newer "$file")" ]
}

compile() { # PROGRAM OPTION-OR-SOURCE...
    program=$1
    shift
    step "compiling $(basename "$program") for arm64"
    aarch64-linux-gnu-g++ -std=c++23 -O2 -Wall -Wextra -Wconversion -Werror -static -s -pthread -march=armv8-a \
        "$@" -o "$program.part"
    mv "$program.part" "$program"
}

pack() { # FILE: what is in $root, which is gone then
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -9n >"$1"
    rm -rf "$root"
}

[ -s "$busybox" ] || die "$busybox is missing; run scripts/fetch-guest.sh first"
if newer "$workload" guest/workload.cpp; then
    compile "$workload" guest/workload.cpp
fi
if newer "$initrd" "$workload" "$busybox" guest/init scripts/make-initrd.sh; then
    step "packing the guest's initramfs"
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp"
    cp "$busybox" "$root/bin/busybox"
    cp "$workload" "$root/bin/workload"
    cp guest/init "$root/init"
    chmod 755 "$root/init" "$root"/bin/*
    pack "$initrd.part"
    mv "$initrd.part" "$initrd"
fi

[ "${1:-}" = host ] || exit 0
[ -s "$payload" ] || die "$payload is missing; run scripts/build.sh aarch64 first"
if newer "$vmm" guest/vmm; then
    compile "$vmm" -isystem "$arm64/include" guest/vmm/*.cpp "$arm64/lib/libfdt.a"
fi
if newer "$host" "$initrd" "$vmm" "$payload" guest/vmm/init scripts/make-initrd.sh; then
    step "packing the host's initramfs"
    rm -rf "$root"
    mkdir -p "$root/bin"
    cp "$vmm" "$root/bin/vmm"
    cp "$payload" "$root/payload.img"
    cp guest/vmm/init "$root/init"
    chmod 755 "$root/init" "$root"/bin/*
    pack "$host.add"
    # A later archive adds to an earlier one, and its files replace that one's.
    cat "$initrd" "$host.add" >"$host.part"
    rm "$host.add"
    mv "$host.part" "$host"
fi
