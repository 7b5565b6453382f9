#!/bin/sh
# SPDX-License-Identifier: MIT
# lint.sh [--format]: clang-format and clang-tidy as errors over all of our C++; --format rewrites instead.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

sources() { # NAME-PATTERN...
    for folder in include src hypervisor tools bench fuzz tests examples guest; do
        [ ! -d "$folder" ] || find "$folder" -name "$1" -print
    done | LC_ALL=C sort
}

if [ "${1:-}" = --format ]; then
    sources '*.[ch]pp' | xargs -r clang-format -i
    exit
fi

step "clang-format"
sources '*.[ch]pp' | xargs -r clang-format --dry-run -Werror || die "run \`make format\`"

# Before LLVM 16 clang does not claim the concepts that libstdc++ asks of it before it offers
# std::expected, though it has all that <expected> really uses; and it knows C++23 by its draft name.
# Its clang-tidy crashes on "if consteval", which libstdc++ uses where it is offered.
if [ "$(clang-tidy --version | sed -n 's/.*version \([0-9]*\).*/\1/p')" -lt 16 ]; then
    dialect="--extra-arg=-std=c++2b --extra-arg=-D__cpp_concepts=202002L
        --extra-arg=-U__cpp_if_consteval --extra-arg=-Wno-builtin-macro-redefined
        --extra-arg=-Wno-macro-redefined"
else
    dialect=
fi

# tidy PRESET FLAGS FOLDER...: what the preset compiles of these folders, with its own command lines.
tidy() {
    preset=$1
    flags=$2
    shift 2
    folders=$(echo "$@" | tr ' ' '|')
    database=build/$preset/compile_commands.json
    cmake --preset "$preset" >/dev/null
    step "clang-tidy, $preset"
    # shellcheck disable=SC2086
    sed -n "s|.*\"file\": \"$PWD/\(.*\.cpp\)\".*|\1|p" "$database" |
        grep -E "^($folders)/" | LC_ALL=C sort -u |
        xargs -r -P "$(nproc)" -I FILE scripts/tidy-file.sh "$preset" FILE $flags $dialect \
            --extra-arg=-Wno-unknown-warning-option --extra-arg=-Qunused-arguments \
            >"build/results/tidy-$preset.log" || {
        cat "build/results/tidy-$preset.log"
        failed="$failed build/results/tidy-$preset.log"
    }
}

mkdir -p build/results
failed=
TIDY_KEY=$(clang-tidy --version)
export TIDY_KEY
# What runs without an operating system defines some reserved names, and only the slow check can be
# told which; the compiler's warning does for the rest. Its pragmas are GCC's.
tidy aarch64 "--checks=bugprone-reserved-identifier --extra-arg=-Wno-unknown-pragmas" \
    hypervisor guest bench
tidy release --extra-arg=-Wreserved-identifier src tools bench examples tests
step "clang-tidy, what runs in Linux on arm64"
# No preset compiles it.
# shellcheck disable=SC2086
clang-tidy --quiet $dialect guest/workload.cpp guest/vmm/*.cpp -- -std=c++23 --target=aarch64-linux-gnu \
    -isystem build/deps/arm64/include >build/results/tidy-linux.log 2>/dev/null || {
    cat build/results/tidy-linux.log
    failed="$failed build/results/tidy-linux.log"
}
[ -z "$failed" ] || die "clang-tidy is not content; the list is in$failed"
