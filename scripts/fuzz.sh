#!/bin/bash
# SPDX-License-Identifier: MIT
# fuzz.sh SECONDS [TARGET]: lets libFuzzer look for SECONDS, starting from fuzz/corpus and from what
# earlier runs found; what is new stays in build/fuzz-inputs.
# fuzz.sh --bounded TOTALS-FILE: the corpus and a fixed number of runs; writes "passed failed".
# fuzz.sh --keep: takes what reaches more from build/fuzz-inputs into fuzz/corpus, as little as does.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

targets=(operations plan decode files text)
declare -A runs=([operations]=700 [plan]=15000 [decode]=60000 [files]=8000 [text]=20000)
programs=build/fuzz/bin
inputs=build/fuzz-inputs
logs=build/results/fuzz
mkdir -p "$logs" "$inputs/failures"

# fuzz TARGET FOLDER OPTION...: one process, which adds to the folder what it finds; what fails is kept,
# and how to see it again is said.
fuzz() {
    local target=$1 found=$2 log=$logs/$1.log artifacts=$inputs/failures/$1- input
    shift 2
    mkdir -p "$found"
    rm -f "$artifacts"*
    "$programs/fuzz-$target" -max_len=512 -timeout=60 -rss_limit_mb=4096 \
        -artifact_prefix="$artifacts" "$@" "$found" "fuzz/corpus/$target" >"$log" 2>&1 && return 0
    note "$target FAILS"
    grep -aE 'does not hold|ERROR|runtime error' "$log" | head -n 3 | sed 's/^/        | /'
    # What a target says about itself stands before the signal.
    grep -aB 2 -m 1 'ERROR: libFuzzer' "$log" | head -n 2 | sed 's/^/        | /'
    for input in "$artifacts"*; do
        [ -e "$input" ] || continue
        note "again: TWOFOLD_FUZZ_TRACE=1 $programs/fuzz-$target $input"
    done
    note "the whole output: $log"
    return 1
}

bounded() { # TOTALS-FILE
    local passed=0 failed=0 target start
    for target in "${targets[@]}"; do
        start=$EPOCHREALTIME
        # The same inputs in each run: a failure is no matter of luck.
        rm -rf "$inputs/bounded/$target"
        if fuzz "$target" "$inputs/bounded/$target" -seed=1 -runs="${runs[$target]}"; then
            passed=$((passed + 1))
            note "$(awk -v n="$target" -v r="${runs[$target]}" -v a="$start" -v b="$EPOCHREALTIME" \
                'BEGIN { printf "%-12s pass %8d runs %6.1f s", n, r, b - a }')"
        else
            failed=$((failed + 1))
        fi
    done
    echo "$passed $failed" >"$1"
    [ $failed -eq 0 ]
}

look() { # SECONDS [TARGET]
    local chosen=("${targets[@]}") each target status=0
    [ -z "${2:-}" ] || chosen=("$2")
    each=$(($1 / ${#chosen[@]}))
    for target in "${chosen[@]}"; do
        [ -x "$programs/fuzz-$target" ] || die "there is no target $target: ${targets[*]}"
        step "fuzzing $target for $each s"
        if fuzz "$target" "$inputs/$target" -max_total_time="$each" -print_final_stats=1; then
            note "$(grep -a 'stat::number_of_executed_units' "$logs/$target.log" | tr -s ' ' |
                cut -d ' ' -f 2) runs, nothing found"
        else
            status=1
        fi
    done
    return $status
}

keep() {
    local target fresh
    for target in "${targets[@]}"; do
        fresh=$(mktemp -d)
        mkdir -p "$inputs/$target"
        # By edges alone: with counts of each edge it would be hundreds of inputs.
        "$programs/fuzz-$target" -set_cover_merge=1 -use_counters=0 "$fresh" "fuzz/corpus/$target" \
            "$inputs/$target" >"$logs/keep-$target.log" 2>&1 || die "see $logs/keep-$target.log"
        rm -f "fuzz/corpus/$target"/*
        cp "$fresh"/* "fuzz/corpus/$target/"
        rm -r "$fresh"
        note "$target: $(find "fuzz/corpus/$target" -type f | wc -l) inputs"
    done
}

case ${1:-} in
--bounded) bounded "$2" ;;
--keep) keep ;;
*) look "${1:-600}" "${2:-}" ;;
esac
