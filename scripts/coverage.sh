#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the host tests with gcov instrumentation and prints which lines of the library they reach.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

find build/coverage -name '*.gcda' -delete
step "running the host tests"
ctest --preset coverage -j "$(nproc)" >build/results/ctest-coverage.log 2>&1 || {
    cat build/results/ctest-coverage.log
    die "the tests fail"
}
gcovr --root . --object-directory build/coverage --filter 'include/' --filter 'src/' \
    --exclude-throw-branches --print-summary
