#!/bin/bash
# SPDX-License-Identifier: MIT
# payload-tests.sh TOTALS-FILE: runs the guest that does what no good guest does, on CPUs with and without
# the newer features and on stage-2 tables of many shapes; writes "passed failed". At most one QEMU per host
# CPU runs at a time.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh

limit=${TWOFOLD_PAYLOAD_TIMEOUT:-120}
out=build/results/payload
rm -rf "$out"
mkdir -p "$out"

# judge NAME STATUS WANTED-STATUS START WANTED...: every wanted line must be on the console.
judge() {
    local name=$1 status=$2 wanted=$3 start=$4 why='' line time
    shift 4
    [ "$status" -eq "$wanted" ] || why="exit status $status"
    for line in "$@"; do
        grep -qF -- "$line" "$out/$name.log" || why="${why:+$why, }no \"$line\""
    done
    # The hypervisor must survive.
    ! grep -qF "in EL2 at" "$out/$name.log" || why="${why:+$why, }an exception in EL2"
    time=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    if [ -z "$why" ]; then
        echo pass >"$out/$name.result"
        note "$(printf '%-28s pass %6s s' "$name" "$time")"
    else
        echo fail >"$out/$name.result"
        note "$(printf '%-28s FAIL %6s s  %s' "$name" "$time" "$why")"
        grep -E "PAYLOAD: .*FAIL|twofold" "$out/$name.log" | tail -n 20 | sed 's/^/        | /'
    fi
}

payload() { # NAME WORDS OPTION...
    local name=$1 words=$2
    shift 2
    timeout -k 5 $((limit + 10)) build/release/bin/twofold run \
        --hypervisor build/aarch64/twofold.img --kernel build/aarch64/payload.img --initrd '' \
        --append "$words" --timeout "$limit" "$@" >"$out/$name.log" 2>&1
}

# cases NAME CPU EXTENT IPA MEMORY OPTION...: all cases that leave the guest alive.
cases() {
    local name=$1 cpu=$2 extent=$3 ipa=$4 memory=$5 start=$EPOCHREALTIME
    shift 5
    payload "$name" "payload.ipa=$ipa" --cpu "$cpu" --extent "$extent" --ipa "$ipa" \
        --memory "$memory" "$@" </dev/null
    judge "$name" $? 0 "$start" "PAYLOAD: 20 cases, 0 bad" "TWOFOLD-GUEST: pass"
}

# A guest that faults for ever is stopped with one line that says why.
stopped() { # NAME CPU CASE
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    payload "$name" "payload.ipa=40 payload.cases=$3" --cpu "$cpu" --memory 128M --extent 2M </dev/null
    judge "$name" $? 1 "$start" "aborts for ever at PC" \
        "twofold: QEMU ended with status 2: guest linux stopped: it does not handle its aborts"
}

# One that handles them is not.
patient() { # NAME CPU
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    payload "$name" "payload.ipa=40 payload.cases=patience" --cpu "$cpu" --memory 128M --extent 2M </dev/null
    judge "$name" $? 0 "$start" "PAYLOAD: 1 cases, 0 bad" "TWOFOLD-GUEST: pass"
}

# Commands for the monitor from the guest itself, which knows what must come of them.
monitor() { # NAME CPU EXTENT
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    payload "$name" "payload.ipa=40 payload.cases=monitor" --cpu "$cpu" --memory 256M --extent "$3" \
        --monitor-calls </dev/null
    judge "$name" $? 0 "$start" "[monitor] from the guest" "PAYLOAD: 1 cases, 0 bad" "TWOFOLD-GUEST: pass"
}

# First touch, first fetch and the write after a log of writes, in a table whose largest block is smaller
# than the extents.
one_fault() { # NAME CPU
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    payload "$name" "payload.ipa=34 payload.cases=one-fault" --cpu "$cpu" --memory 1G --extent 1G --ipa 34 \
        --monitor-calls </dev/null
    judge "$name" $? 0 "$start" "2 MiB: dirty logging: 2 MiB wanted, 4 KiB allowed" \
        "PAYLOAD: 1 cases, 0 bad" "TWOFOLD-GUEST: pass"
}

# All CPUs at work while memory is logged, taken away, moved, divided and joined; until two rounds of the
# monitor's script are over.
moving='repeat; log on; wait 3ms; harvest; balloon 200; migrate 16; migrate at 0x40601000; harvest; log off'
moving="$moving; collapse; age; split; collapse; drop; wait 3ms; end"
load() { # NAME CPU EXTENT SMP
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    payload "$name" "payload.ipa=40 payload.cases=load payload.commands=26" --cpu "$cpu" --memory 32M \
        --extent "$3" --smp "$4" --monitor-calls --monitor-script "$moving" </dev/null
    judge "$name" $? 0 "$start" "[monitor] harvest: " "[monitor] balloon: " "[monitor] migrate: 16 pages" \
        "[monitor] migrate: 0x40601000 from PA" "[monitor] collapse: " "[monitor] age: " "[monitor] split: " \
        "[monitor] drop: " "PAYLOAD: load ok" "TWOFOLD-GUEST: pass"
}

type_after() { # LOG LINE TEXT
    local waited=0
    until grep -qsF -- "$2" "$1" || [ $((waited++)) -gt $((limit * 10)) ]; do
        sleep 0.1
    done
    printf '%s' "$3"
}

# What comes before the hypervisor has set its UART up is lost, as on any machine.
type_when_up() { # LOG TEXT
    type_after "$1" "memory in the pool" "$2"
}

# Commands for the monitor, and when the last has been answered with this line, what ends the guest.
command_and_end() { # LOG COMMANDS LINE
    type_when_up "$1" "$2"
    type_after "$1" "$3" $'\x04rg'
}

reset() { # NAME CPU EXTENT
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    # The second letter is for the second life, and must not get lost on the way.
    type_when_up "$out/$name.log" rg | payload "$name" "payload.ipa=40 payload.cases=reset,boot,code,zero" --cpu "$cpu" \
        --memory 1G --extent "$3"
    judge "$name" $? 0 "$start" "PAYLOAD: reset first life" "guest linux resets" "PAYLOAD: reset ok" \
        "PAYLOAD: zero ok" "PAYLOAD: 4 cases, 0 bad" "TWOFOLD-GUEST: pass"
}

# Somebody opens the monitor, gives it commands with a slip of the finger, and goes back to the guest.
escape() { # NAME CPU
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    command_and_end "$out/$name.log" $'\x1dsizes\rslx\x7fots\rnonsense\r' "unknown command" |
        payload "$name" "payload.ipa=40 payload.cases=reset" --cpu "$cpu" --memory 1G --extent 2M \
            --monitor-script "repeat; wait 2ms; log on; harvest; log off; end"
    judge "$name" $? 0 "$start" "[monitor] > sizes" "[monitor] mapped: " "[monitor] slot 0x40000000-0x7fffffff: 1 GiB" \
        "[monitor] unknown command; help lists them" "[monitor] closed" "PAYLOAD: reset first life" \
        "guest linux resets" "PAYLOAD: reset ok" "TWOFOLD-GUEST: pass"
}

# Two guests, each with a CPU or two of its own. SECOND is what `--vm` takes, but for the kernel.
two() { # NAME WORDS SECOND OPTION...
    local name=$1 words=$2 second=$3
    shift 3
    payload "$name" "$words" --vm "$second" "$@"
}

# All cases in both at the same time.
both() { # NAME CPU
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    two "$name" payload.ipa=40 "append=payload.ipa=34,ipa=34,extent=4K,memory=64M,smp=2" \
        --cpu "$cpu" --smp 2 --memory 256M --extent 2M </dev/null
    judge "$name" $? 0 "$start" "[linux] PAYLOAD: 20 cases, 0 bad" "[vm2] PAYLOAD: 20 cases, 0 bad" \
        "guest linux powered off" "guest vm2 powered off"
}

# One reaches for what is the other's, which notices nothing.
attack() { # NAME CPU GRANULE
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    two "$name" "payload.ipa=40 payload.cases=attack" \
        "name=victim,append=payload.ipa=40 payload.cases=quiet,extent=1G,memory=1G,granule=4K,smp=2" \
        --cpu "$cpu" --smp 1 --memory 128M --extent 64K --granule "$3" </dev/null
    judge "$name" $? 0 "$start" "PAYLOAD: attack ok" "[victim] PAYLOAD: quiet ok"
}

# One is stopped, which is not the other's end.
one_stopped() { # NAME CPU
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    two "$name" "payload.ipa=40 payload.cases=quiet" "append=payload.ipa=40 payload.cases=endless" \
        --cpu "$cpu" --smp 1 --memory 128M --extent 2M </dev/null
    judge "$name" $? 1 "$start" "guest vm2, vCPU 0: aborts for ever at PC" "[linux] TWOFOLD-GUEST: pass" \
        "guest linux powered off" \
        'twofold: guest vm2 ended as "stopped": it does not handle its aborts'
}

# Both change their own memory through their monitors, under load.
both_loaded() { # NAME CPU
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    two "$name" "payload.ipa=40 payload.cases=load payload.commands=26" \
        "append=payload.ipa=40 payload.cases=monitor,memory=256M,extent=4K,smp=1" \
        --cpu "$cpu" --smp 2 --memory 32M --extent 2M --monitor-calls --monitor-script "$moving" </dev/null
    judge "$name" $? 0 "$start" "[monitor linux] harvest: " "[monitor vm2] from the guest" \
        "PAYLOAD: load ok" "[vm2] PAYLOAD: 1 cases, 0 bad"
}

# Somebody turns to the second guest, which resets while the first goes on.
second() { # NAME CPU
    local name=$1 cpu=$2 start=$EPOCHREALTIME
    command_and_end "$out/$name.log" $'\x1dguest\rguest nobody\rguest 1\rsizes\r' "[monitor vm2] mapped: " |
        two "$name" "payload.ipa=40 payload.cases=quiet" "append=payload.ipa=40 payload.cases=reset,,boot,,code,,zero" \
            --cpu "$cpu" --smp 1 --memory 128M --extent 2M
    judge "$name" $? 0 "$start" "[monitor linux] guest 1: vm2" "[monitor linux] there is no guest nobody" \
        "[monitor vm2] > sizes" "[monitor vm2] mapped: " \
        "[vm2] PAYLOAD: reset first life" "guest vm2 resets" "[vm2] PAYLOAD: zero ok" "[vm2] TWOFOLD-GUEST: pass" \
        "[linux] TWOFOLD-GUEST: pass"
}

# Jobs of a script ignore Ctrl-C, so it is passed on.
trap 'kill $(jobs -p) 2>/dev/null; exit 1' INT TERM

planned=0
start() {
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n
    done
    planned=$((planned + 1))
    "$@" &
}

for cpu in max cortex-a72 cortex-a53; do
    # A two-level table, where code that was just written hung other hypervisors for ever.
    start cases "$cpu-1G-ipa-34" $cpu 1G 34 1G
    start cases "$cpu-1G-ipa-40" $cpu 1G 40 1G --smp 4
    start cases "$cpu-2M-ipa-40" $cpu 2M 40 256M
    start cases "$cpu-4K-ipa-36" $cpu 4K 36 64M
    start cases "$cpu-64K-granule" $cpu 64K 40 128M --granule 64K
    start stopped "$cpu-endless" $cpu endless
    start reset "$cpu-reset" $cpu 1G
done
for cpu in max cortex-a72; do
    for extent in 1G 4K; do
        start monitor "$cpu-monitor-$extent" $cpu $extent
    done
done
for cpu in max cortex-a72; do
    start one_fault "$cpu-one-fault" $cpu
    for extent in 1G 2M 4K; do
        for smp in 1 2 4; do
            start load "$cpu-load-$extent-$smp" $cpu $extent $smp
        done
    done
done
start escape max-escape max
start cases max-32-bits max 2M 32 256M --smp 1
start cases max-16K-granule max 2M 36 256M --granule 16K
start cases max-16K-pages max 16K 47 64M --granule 16K
start cases max-64K-1G max 1G 48 1G --granule 64K
start cases max-lpa2 max 2M 48 256M --lpa2
start cases max-lpa2-52 max 1G 52 1G --lpa2
start cases max-16K-lpa2 max 2M 51 256M --granule 16K --lpa2
start cases cortex-a76-2M cortex-a76 2M 40 256M
start cases cortex-a57-64K-ipa-38 cortex-a57 64K 38 128M
start patient cortex-a72-patience cortex-a72
start stopped max-endless-walk max endless-walk
start reset cortex-a72-reset-4K cortex-a72 4K
for cpu in max cortex-a72; do
    start both "$cpu-both" $cpu
    start attack "$cpu-attack" $cpu 64K
    start one_stopped "$cpu-one-stopped" $cpu
    start both_loaded "$cpu-both-loaded" $cpu
    start second "$cpu-second" $cpu
done
wait

passed=$(cat "$out"/*.result | grep -c pass)
echo "$passed $((planned - passed))" >"$1"
[ "$passed" -eq "$planned" ]
