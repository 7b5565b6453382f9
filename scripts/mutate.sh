#!/bin/sh
# SPDX-License-Identifier: MIT
# mutate.sh [NAME...]: plants the faults of tests/mutate/plants.txt into the engine, all or those named,
# and tells which of them the checker reports.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

step "planting faults"
rm -rf build/mutate
build/release/bin/twofold-mutate . build/mutate build/release/libtwofold.a "$@"
