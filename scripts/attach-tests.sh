#!/bin/bash
# SPDX-License-Identifier: MIT
# attach-tests.sh TOTALS-FILE: looks into a QEMU that runs our hypervisor, whose monitor says at the same
# moment what it has mapped: `twofold attach` must say the same, and leave the machine as it was. Writes
# "passed failed".
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh
. scripts/attach-lib.sh

out=build/results/attach
rm -rf "$out"
mkdir -p "$out"

# A guest that waits for a letter, with a pipe to its console on descriptor 3.
start_machine() { # NAME CPU OPTION...: those of `twofold run`
    local name=$1 command
    log=$out/$name.log
    command=$(build/release/bin/twofold run --hypervisor build/aarch64/twofold.img \
        --kernel build/aarch64/payload.img --initrd '' --append "payload.ipa=40 payload.cases=reset" \
        --cpu "$2" --memory 512M "${@:3}" --dry-run) || return
    begin_machine "${command//report=semihosting:report.json/}"
    wait_for "$log" "memory in the pool" && settle
}

# The guest is where it waits when nothing is mapped any more.
settle() {
    local waited=0 before='' now=''
    until [ -n "$now" ] && [ "$now" = "$before" ]; do
        [ $((waited++)) -lt "$limit" ] || return 1
        sleep 1
        before=$now
        now=$(attach map 2>/dev/null)
    done
}

# The monitor's list: "IPA-LAST: SIZE at PA 0x..., COUNT x UNIT, PERMISSIONS TYPE".
monitors_runs() {
    sed -n 's/^\[monitor\] 0x\([0-9a-f]*\)-0x\([0-9a-f]*\): .* at PA 0x\([0-9a-f]*\), \([0-9]* x [0-9]* [KMG]iB\).*, \([-rwx]*\) .*/0x\1 0x\2 0x\3 \4 \5/p' \
        "$log" | sed 's/\r//' | sort -u
}

our_runs() { # FILE
    python3 - "$1" <<'END'
import json, sys
units = {1 << 12: "4 KiB", 1 << 14: "16 KiB", 1 << 16: "64 KiB", 1 << 21: "2 MiB", 1 << 25: "32 MiB", 1 << 29: "512 MiB",
         1 << 30: "1 GiB"}
lines = []
for stage2 in json.load(open(sys.argv[1]))["stage2"]:
    for run in stage2["map"]["runs"]:
        if run["kind"] == "leaf":
            ipa, what = int(run["ipa"], 16), run["attributes"]
            unit = units[run["size"] // run["entries"]]
            may = "".join(letter if what[name] else "-"
                          for letter, name in (("r", "read"), ("w", "write"), ("x", "execute_el1")))
            lines.append(f"{ipa:#x} {ipa + run['size'] - 1:#x} {run['pa']} {run['entries']} x {unit} {may}")
print("\n".join(sorted(lines)))
END
}

same_as_monitor() { # NAME
    local why=''
    printf '\x1dmap 0\r\x04' >&3
    wait_for "$log" " mapped" || why="the monitor says nothing"
    monitors_runs >"$out/$1.monitor"
    attach map --json >"$out/$1.json" 2>"$out/$1.errors" || why="${why:+$why, }exit status $?"
    our_runs "$out/$1.json" >"$out/$1.attach"
    [ -s "$out/$1.monitor" ] || why="${why:+$why, }no run"
    diff "$out/$1.monitor" "$out/$1.attach" >"$out/$1.diff" || why="${why:+$why, }the maps differ: $out/$1.diff"
    ok "$1: the map is the hypervisor's own" "$why"
}

# Each leaf's first and last byte come out where the map says.
walks_agree() { # NAME
    local why='' first last pa rest answer
    while read -r first last pa rest; do
        answer=$(attach walk "$first" 2>/dev/null | grep -o '^PA 0x[0-9a-f]*')
        [ "$answer" = "PA $pa" ] || why="$first: $answer instead of $pa"
        answer=$(attach walk "$last" 2>/dev/null | grep -o '^PA 0x[0-9a-f]*')
        [ "$answer" = "PA $(printf '0x%x' $((pa + last - first)))" ] || why="$last: $answer ($rest)"
    done < <(head -n 4 "$out/$1.attach")
    attach walk 0xff00000000 >/dev/null 2>&1
    [ $? -eq 1 ] || why="${why:+$why, }no fault where nothing is"
    ok "$1: walks agree with it" "$why"
}

runs_on() { # NAME
    local why=''
    [ "$(state)" = running ] || why="the machine is $(state)"
    printf 'r' >&3
    wait_for "$log" "guest linux resets" || why="${why:+$why, }the guest does not go on"
    ok "$1: the machine goes on" "$why"
}

whole() { # NAME CPU OPTION...
    if start_machine "$@"; then
        same_as_monitor "$1"
        walks_agree "$1"
        runs_on "$1"
    else
        ok "$1" "the guest does not start"
    fi
    end_machine
}

whole max-2M max --extent 2M
whole max-1-cpu-4K max --extent 4K --smp 1
whole max-64K-granule max --extent 64K --granule 64K
whole max-lpa2 max --extent 2M --lpa2 --ipa 48
whole cortex-a72-2M cortex-a72 --extent 2M

# Two guests: each has a stage 2 of its own, on its own CPUs, and their memory lies in different places.
if start_machine two max --extent 2M --smp 1 --vm "extent=64K,granule=64K,ipa=36,smp=2"; then
    why=''
    attach map --json >"$out/two.json" 2>"$out/two.errors" || why="exit status $?"
    python3 - "$out/two.json" >"$out/two.wrong" 2>&1 <<'END' || why="${why:+$why, }$(tail -n 1 "$out/two.wrong")"
import json, sys
first, second = sorted(json.load(open(sys.argv[1]))["stage2"], key=lambda stage2: stage2["vmid"])
assert (first["vmid"], second["vmid"]) == (1, 2), "other VMIDs"
assert (first["cpus"], second["cpus"]) == ([0], [1]), "other CPUs"
taken = []
for stage2 in (first, second):
    runs = [run for run in stage2["map"]["runs"] if run["kind"] == "leaf"]
    assert runs, "nothing is mapped"
    taken += [(int(run["pa"], 16), int(run["pa"], 16) + run["size"]) for run in runs]
taken.sort()
assert all(end <= start for (_, end), (start, _) in zip(taken, taken[1:])), "they share memory"
END
    ok "two guests have two stage 2s" "$why"
else
    ok two "the guests do not start"
fi
end_machine

if start_machine states max --extent 2M; then
    # A change that the hypervisor makes while it is watched.
    begin_watch "$out/watch.json"
    printf '\x1dsplit\r\x04' >&3
    why=''
    wait_for "$out/watch.json" '"kind":"split"' || why='no change was seen'
    end_watch || why="${why:+$why, }exit status $?"
    [ "$(state)" = running ] || why="${why:+$why, }the machine is $(state)"
    ok "a watch sees a split, and ends well" "$why"

    why=''
    attach --cpu 9 map >/dev/null 2>"$out/cpu.errors"
    [ $? -eq 2 ] || why="exit status of a CPU that is not there"
    [ "$(state)" = running ] || why="${why:+$why, }the machine is $(state)"
    ok "an error leaves the machine running" "$why"

    why=''
    qmp stop >/dev/null
    attach map --json >"$out/stopped.json" 2>/dev/null || why="exit status $?"
    [ "$(state)" = paused ] || why="${why:+$why, }the machine is $(state)"
    grep -q '"running":false' "$out/stopped.json" || why="${why:+$why, }it is not said"
    qmp cont >/dev/null
    attach map >/dev/null 2>&1 || why="${why:+$why, }exit status $?, once it was resumed"
    ok "a stopped machine stays stopped" "$why"
    runs_on states
else
    ok states "the guest does not start"
fi
end_machine

echo "$passed $failed" >"$1"
[ "$failed" -eq 0 ]
