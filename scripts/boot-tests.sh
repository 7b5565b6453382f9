#!/bin/bash
# SPDX-License-Identifier: MIT
# boot-tests.sh TOTALS-FILE: boots the guest on every CPU model and number of CPUs that is promised, and in
# other shapes of memory; writes "passed failed". At most one QEMU per host CPU runs at a time.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

limit=${TWOFOLD_BOOT_TIMEOUT:-300}
out=build/results/boot
rm -rf "$out"
mkdir -p "$out"

# boot NAME CPU SMP EXTENT IPA WORDS WANTED...: one guest; every wanted line must be on its console.
boot() {
    local name=$1 cpu=$2 smp=$3 extent=$4 ipa=$5 words=$6 status line why=
    shift 6
    local log=$out/$name.log start=$EPOCHREALTIME
    timeout -k 10 $((limit + 30)) build/release/bin/twofold run \
        --hypervisor build/aarch64/twofold.img --kernel build/guest/vmlinuz \
        --initrd build/guest/initrd.img --append "console=ttyAMA0 quiet $words" \
        --cpu "$cpu" --smp "$smp" --memory 1G --extent "$extent" --ipa "$ipa" \
        --json "$out/$name.json" --timeout "$limit" </dev/null >"$log" 2>&1
    status=$?
    [ $status -eq 0 ] || why="exit status $status"
    for line in "user space reached, $smp CPUs" "TWOFOLD-GUEST: pass" "$@"; do
        grep -qF -- "$line" "$log" || why="${why:+$why, }no \"$line\""
    done
    [ -s "$out/$name.json" ] || why="${why:+$why, }no report"
    local time
    time=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    if [ -z "$why" ]; then
        echo pass >"$out/$name.result"
        note "$(printf '%-28s pass %6s s' "$name" "$time")"
    else
        echo fail >"$out/$name.result"
        note "$(printf '%-28s FAIL %6s s  %s' "$name" "$time" "$why")"
        tail -n 15 "$log" | sed 's/^/        | /'
    fi
}

# Jobs of a script ignore Ctrl-C, so it is passed on.
trap 'kill $(jobs -p) 2>/dev/null; exit 1' INT TERM

planned=0
start() {
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n
    done
    planned=$((planned + 1))
    boot "$@" &
}

for cpu in max neoverse-n1 cortex-a76 cortex-a72 cortex-a57 cortex-a53; do
    for smp in 1 2 4; do
        start "$cpu-$smp" $cpu $smp 1G 40 twofold.test
    done
done
for cpu in max cortex-a72; do
    start "$cpu-2-extent-2M" $cpu 2 2M 40 twofold.test
    start "$cpu-2-extent-4K" $cpu 2 4K 40 twofold.test
    # Two levels: the largest block is 2 MiB, whatever the extents are.
    start "$cpu-2-ipa-32" $cpu 2 1G 32 twofold.test
    start "$cpu-2-ipa-34" $cpu 2 1G 34 twofold.test
    # Where nothing is, the guest gets an abort and goes on.
    start "$cpu-2-hole" $cpu 2 1G 40 "twofold.hole=0x0b000000" "hole: 0x0b000000 refused"
done
start max-2-ipa-48 max 2 1G 48 twofold.test
wait

passed=$(cat "$out"/*.result | grep -c pass)
echo "$passed $((planned - passed))" >"$1"
[ "$passed" -eq "$planned" ]
