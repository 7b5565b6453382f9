#!/bin/sh
# SPDX-License-Identifier: MIT
# Nanoseconds on this machine, instructions on a bare arm64 CPU under QEMU, what the exits of a guest cost,
# and how long a kernel takes to its init with and without the hypervisor: tables, and build/bench.json.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

results=build/results/bench
mkdir -p "$results"

step "measuring on this machine"
build/release/bin/twofold-table-bench --benchmark_out="$results/host.json" \
    --benchmark_out_format=json "$@" >/dev/null 2>&1 || die "the benchmarks failed on this machine"

# bare CPU VARIANT
bare() {
    step "counting instructions on $1"
    timeout 300 qemu-system-aarch64 -M virt -cpu "$1" -m 256M -icount shift=0 -display none \
        -serial stdio -monitor none -nic none -kernel "build/aarch64/bench-$2.elf" \
        >"$results/$2.txt" </dev/null || die "the benchmarks failed on $1"
}
bare max lse
bare cortex-a72 v80

# run LOG OPTION...: a guest whose time is its number of instructions
run() {
    log=$1
    shift
    build/release/bin/twofold run --qemu scripts/qemu-icount.sh --cpu max --smp 1 --ipa 40 \
        --hypervisor build/aarch64/twofold.img --timeout 300 "$@" >"$log" 2>&1 </dev/null || {
        cat "$log" >&2
        die "the guest that is measured failed"
    }
}

# events EXTENT MEMORY NAMES: each fault maps one page, so that each touch is one
events() {
    step "counting what the exits of a guest cost, $1 extents"
    run "$results/events-$1.txt" --kernel build/aarch64/events.img --initrd '' --monitor-calls \
        --append "events=$3" --extent "$1" --memory "$2" --fault-around 4K
}
events 4K 1G hvc,mmio_read,fault_4k_write,fault_4k_read,exec_fault_4k,log_enable_1g,dirty_log_fault_4k,log_harvest_1g
events 2M 1G fault_2m,dirty_log_split_2m,after_split_2m
events 1G 2G fault_1g

# Nothing may differ but the hypervisor: the bare machine gets the device tree of the guest, since it has
# more devices than that, which the kernel would look for.
words="console=ttyAMA0 quiet nokaslr twofold.counter twofold.tree"
for extent in 1G 2M 4K; do
    step "booting a guest, $extent extents"
    run "$results/boot-$extent.txt" --kernel build/guest/vmlinuz --initrd build/guest/initrd.img \
        --append "$words" --memory 1G --extent "$extent" --json "$results/boot-$extent.json"
done
sed -n 's/.*TWOFOLD-GUEST: tree //p' "$results/boot-1G.txt" | tr -d '\r' | base64 -d | gzip -d >"$results/guest.dtb"

# machine NAME OPTION...: without a hypervisor
machine() {
    name=$1
    shift
    timeout 120 scripts/qemu-icount.sh -M virt,gic-version=3 -cpu max,pauth-impdef=on -smp 1 -m 1G \
        -nic none -display none -monitor none -serial stdio -kernel build/guest/vmlinuz \
        -initrd build/guest/initrd.img -append "$words" "$@" >"$results/boot-$name.txt" </dev/null ||
        die "the kernel does not boot on the bare machine"
}
step "booting the bare machine"
machine bare -dtb "$results/guest.dtb"
machine machine

note "build/bench.json has the same as JSON"
build/release/bin/twofold-bench-report "$results" build/bench.json
