#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh PRESET [TARGET...]: configures and builds, silently unless it is watched or something is wrong.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

preset=$1
shift
step "building $preset"
mkdir -p build/results
log=build/results/configure-$preset.log
for target in "$@"; do
    set -- "$@" --target "$target"
    shift
done
cmake --preset "$preset" >"$log" 2>&1 || {
    cat "$log" >&2
    die "CMake could not configure the preset $preset"
}
if [ -t 1 ]; then
    cmake --build --preset "$preset" -j "$(nproc)" "$@"
else
    log=build/results/build-$preset.log
    cmake --build --preset "$preset" -j "$(nproc)" "$@" -- --quiet >"$log" 2>&1 || {
        cat "$log" >&2
        die "the preset $preset does not build"
    }
fi
