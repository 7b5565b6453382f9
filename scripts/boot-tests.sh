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

# The largest size in the report's list of mappings, in bytes.
largest_mapping() {
    awk '/"mappings": \[/ { inside = 1 }
        inside && /"size":/ { gsub(/[^0-9]/, ""); if ($0 + 0 > largest) largest = $0 + 0 }
        inside && /^ *\]/ { exit }
        END { printf "%d", largest }' "$1"
}

# A person who answers when the guest asks.
type_when_asked() { # LOG LINE
    local waited=0
    until grep -qs "waiting for a line" "$1" || [ $((waited++)) -gt $((limit * 2)) ]; do
        sleep 0.5
    done
    echo "$2"
}

# boot NAME CPU SMP EXTENT IPA LARGEST WORDS WANTED...: one guest, and another for each line of $vms; its
# largest mapping must have LARGEST bytes, unless that is "any", and every wanted line must be on the console.
# shellcheck disable=SC2094 # the console is read while it is written
boot() {
    local name=$1 cpu=$2 smp=$3 extent=$4 ipa=$5 largest=$6 words=$7 status line why='' size
    shift 7
    local log=$out/$name.log report=$out/$name.json start=$EPOCHREALTIME
    local command=(timeout -k 10 $((limit + 30)) build/release/bin/twofold run
        --hypervisor "build/${preset:-aarch64}/${image:-twofold}.img" --kernel build/guest/vmlinuz
        --initrd build/guest/initrd.img --append "console=ttyAMA0 quiet $words"
        --cpu "$cpu" --smp "$smp" --memory "${memory:-1G}" --extent "$extent" --ipa "$ipa"
        --monitor-script "${script:-}"
        --json "$report" --timeout "$limit")
    [ -z "${image:-}" ] || command+=(--trace "$out/$name.trace.json")
    while read -r line; do
        [ -z "$line" ] || command+=(--vm "$line")
    done <<<"${vms:-}"
    case $words in
    *twofold.input*) type_when_asked "$log" "typed at the console" | "${command[@]}" >"$log" 2>&1 ;;
    *) "${command[@]}" </dev/null >"$log" 2>&1 ;;
    esac
    status=$?
    [ $status -eq 0 ] || why="exit status $status"
    for line in "user space reached, $smp CPUs" "TWOFOLD-GUEST: pass" "$@"; do
        grep -qF -- "$line" "$log" || why="${why:+$why, }no \"$line\""
    done
    if [ "$largest" = any ]; then
        :
    elif [ -s "$report" ]; then
        size=$(largest_mapping "$report")
        [ "$size" -eq "$largest" ] || why="${why:+$why, }largest mapping $size instead of $largest"
    else
        why="${why:+$why, }no report"
    fi
    if [ -n "${image:-}" ]; then
        line=$(scripts/check-trace.py "$out/$name.trace.json" "$report" 2>&1) ||
            why="${why:+$why, }trace: $(echo "$line" | tail -n 1)"
    fi
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

gigabyte=$((1 << 30)) megabytes=$((2 << 20)) page=4096
for cpu in max neoverse-n1 cortex-a76 cortex-a72 cortex-a57 cortex-a53; do
    for smp in 1 2 4; do
        start "$cpu-$smp" $cpu $smp 1G 40 $gigabyte twofold.test
    done
done
# With hardware's help for access flags and cacheability, and without.
for cpu in max cortex-a72; do
    start "$cpu-2-extent-2M" $cpu 2 2M 40 $megabytes twofold.test
    start "$cpu-2-extent-4K" $cpu 2 4K 40 $page twofold.test
    # Two levels: the largest block is 2 MiB, whatever the extents are.
    start "$cpu-2-ipa-32" $cpu 2 1G 32 $megabytes twofold.test
    start "$cpu-2-ipa-34" $cpu 2 1G 34 $megabytes twofold.test
    # Where nothing is, the guest gets an abort and goes on.
    start "$cpu-2-hole" $cpu 2 1G 40 $gigabyte "twofold.hole=0x0b000000" "hole: 0x0b000000 refused"
    start "$cpu-2-input" $cpu 2 1G 40 $gigabyte "twofold.input" "input typed at the console"
done
start max-2-ipa-48 max 2 1G 48 $gigabyte twofold.test
# Under load, while its memory is logged, taken away and moved.
moving='wait 200ms; repeat; log on; wait 30ms; harvest; balloon 64; migrate 32; log off; collapse; age; wait 50ms; end'
while read -r name cpu smp extent; do
    memory=256M script=$moving start "$name" "$cpu" "$smp" "$extent" 40 any twofold.test \
        "[monitor] harvest: " "[monitor] balloon: 64 pages" "[monitor] migrate: 32 pages" "[monitor] collapse: " \
        "[monitor] age: "
done <<END
max-1-monitor max 1 1G
max-2-monitor max 2 1G
max-4-monitor max 4 1G
cortex-a72-2-monitor-4K cortex-a72 2 4K
END
# With a trace, which has to say what the report says.
image=twofold-traced start max-2-traced max 2 1G 40 $gigabyte twofold.test
memory=256M script=$moving image=twofold-traced start cortex-a72-2-traced-monitor cortex-a72 2 1G 40 any twofold.test
# Every step on the table under the checker, of which a report would stop the machine.
preset=aarch64-checked start max-2-checked-4K max 2 4K 40 $page twofold.test "events, 0 reports"
# Several guests, each with CPUs of its own and a table of another shape.
second="[vm2] TWOFOLD-GUEST: pass"
vms="extent=4K,ipa=34,memory=512M" start max-1-and-1 max 1 1G 40 $gigabyte twofold.test "$second"
vms="extent=1G,granule=64K,memory=1536M" start cortex-a72-1-and-1 cortex-a72 1 4K 36 $page twofold.test "$second"
vms="extent=2M,name=other" start max-2-and-2 max 2 1G 34 $megabytes twofold.test "[other] TWOFOLD-GUEST: pass"
vms=$'ipa=34\nextent=64K,granule=64K\ngranule=16K,extent=2M,ipa=36' memory=256M start max-four-guests max 1 2M 40 \
    $megabytes twofold.test "$second" "[vm3] TWOFOLD-GUEST: pass" "[vm4] TWOFOLD-GUEST: pass"
image=twofold-traced vms="extent=4K,memory=512M" start max-1-and-1-traced max 1 2M 40 $megabytes twofold.test "$second"
preset=aarch64-checked vms="extent=2M,memory=512M" start max-1-and-1-checked max 1 4K 40 $page twofold.test \
    "$second" "events, 0 reports"
wait

passed=$(cat "$out"/*.result | grep -c pass)
echo "$passed $((planned - passed))" >"$1"
[ "$passed" -eq "$planned" ]
