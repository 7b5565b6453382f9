#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every benchmark program that was built.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

ran=0
for program in build/release/bin/twofold-*bench*; do
    [ -x "$program" ] || continue
    step "$(basename "$program")"
    "$program" --benchmark_color=auto "$@"
    ran=1
done
[ $ran -eq 1 ] || die "this tree has no benchmarks"
