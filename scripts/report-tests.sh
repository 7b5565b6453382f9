#!/bin/bash
# SPDX-License-Identifier: MIT
# report-tests.sh TOTALS-FILE: opens pages of `twofold report` in a headless Chromium and uses them as people do.
# Writes "passed failed".
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

rm -rf build/results/report
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser)} ||
    die "there is no Chromium to open pages with (Debian's package chromium)"
export CHROMIUM
scripts/web.sh --tests || exit
exec node tests/report/main.mjs "$1"
