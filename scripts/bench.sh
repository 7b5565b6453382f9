#!/bin/sh
# SPDX-License-Identifier: MIT
# Nanoseconds on this machine, instructions on a bare arm64 CPU under QEMU, in one table and in
# build/bench.json.
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

build/release/bin/twofold-bench-report "$results/host.json" "$results/lse.txt" "$results/v80.txt" \
    build/bench.json
note "build/bench.json has the same as JSON"
