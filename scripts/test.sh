#!/bin/bash
# SPDX-License-Identifier: MIT
# Everything that `make test` promises. A stage that fails does not stop the next one; the totals at the
# end count test cases and booted guests, and the exit status tells whether all were good.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

results=build/results
totals=$results/totals
mkdir -p "$results"
: >"$totals"

record() { # STAGE PASSED FAILED SKIPPED
    printf '%s\t%d\t%d\t%d\n' "$1" "$2" "$3" "$4" >>"$totals"
}

# gtest reports cases, ctest reports programs: a program that failed without a failing case (it crashed,
# or leaked) counts as one failure, and one that writes no gtest report counts as one test.
count_cases() { # STAGE PRESET CTEST-LOG CTEST-STATUS
    local passed=0 failed=0 skipped=0 name status xml
    while read -r name status; do
        xml=build/$2/test-results/$name.xml
        if [ -s "$xml" ]; then
            read -r p f s < <(awk '
                /<testcase / { ++cases }
                /<testcase .*status="notrun"/ { ++skipped }
                /<testcase .*result="skipped"/ { ++skipped }
                /<testsuites / {
                    match($0, / failures="[0-9]+"/)
                    failed = substr($0, RSTART + 11, RLENGTH - 12)
                }
                END { print cases - failed - skipped, failed + 0, skipped + 0 }' "$xml")
            [ "$status" = Passed ] || [ "$f" -gt 0 ] || f=1
            passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        elif [ "$status" = Passed ]; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done < <(sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([^ ]*\) \.*[* ]*\([A-Z][a-z]*\).*/\1 \2/p' "$3")
    # No test at all is an error, too, where ctest says so.
    [ "$4" -eq 0 ] || [ $failed -gt 0 ] || failed=1
    record "$1" $passed $failed $skipped
    note "$passed passed, $failed failed, $skipped skipped"
}

host_stage() { # STAGE PRESET
    if ! scripts/build.sh "$2"; then
        record "$1 (build)" 0 1 0
        return
    fi
    step "running $1"
    rm -rf "build/$2/test-results"
    local log=$results/ctest-$2.log status=0
    ctest --preset "$2" -j "$(nproc)" >"$log" 2>&1 || { status=$? && cat "$log"; }
    count_cases "$1" "$2" "$log" $status
}

script_stage() { # STAGE SCRIPT [OPTION]: it writes "passed failed" into the file that it is given
    step "running $1"
    local file=$results/stage.totals passed=0 failed=1
    rm -f "$file"
    "$2" "${@:3}" "$file"
    [ ! -s "$file" ] || read -r passed failed <"$file"
    record "$1" "$passed" "$failed" 0
}

run_stages() {
    host_stage "host tests" release
    host_stage "host tests, address and undefined-behaviour sanitizers" asan
    host_stage "host tests with threads, thread sanitizer" tsan

    if scripts/build.sh fuzz; then
        script_stage "fuzz targets, corpus and bounded runs" scripts/fuzz.sh --bounded
    else
        record "fuzz targets (build)" 0 1 0
    fi

    if [ -x build/release/bin/twofold ]; then
        script_stage "pages of twofold report, in Chromium" scripts/report-tests.sh
    else
        record "pages of twofold report (build)" 0 1 0
    fi

    if scripts/build.sh aarch64 && scripts/build.sh aarch64-checked twofold-hypervisor &&
        [ -s build/aarch64/twofold.img ] &&
        [ -x build/release/bin/twofold ]; then
        script_stage "Linux guests booted in QEMU" scripts/boot-tests.sh
        script_stage "guests that do wrong, run in QEMU" scripts/payload-tests.sh
        script_stage "a QEMU that runs, looked into" scripts/attach-tests.sh
        if scripts/make-initrd.sh host; then
            script_stage "a Linux host with KVM, looked into" scripts/attach-kvm-tests.sh
        else
            record "Linux host with KVM (build)" 0 1 0
        fi
    else
        record "hypervisor (build)" 0 1 0
    fi
}

scripts/setup.sh build cross guest qemu fuzz || exit 1
scripts/fetch-guest.sh || exit 1
scripts/make-initrd.sh || exit 1
# Without these, what needs them fails, and all else is tested.
scripts/web.sh --tests
scripts/setup.sh browser

SECONDS=0
run_stages
step "test totals after $((SECONDS / 60)) min $((SECONDS % 60)) s"
awk -F '\t' '
    { printf "    %-62s %6d passed %4d failed %4d skipped\n", $1, $2, $3, $4
      passed += $2; failed += $3; skipped += $4 }
    END { printf "    %-62s %6d passed %4d failed %4d skipped\n", "all", passed, failed, skipped
          exit failed != 0 || passed == 0 }' "$totals"
