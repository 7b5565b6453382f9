#!/bin/bash
# SPDX-License-Identifier: MIT
# attach-kvm-tests.sh TOTALS-FILE: looks into a QEMU that runs a Linux host with KVM, whose guest is our own and
# touches what it is told. `twofold attach` must find each touched page where the host says that it is, with
# KVM's size and permissions, and nothing else. TWOFOLD_HOST_KERNEL is an Image of another host. Writes
# "passed failed".
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh
. scripts/attach-lib.sh
. scripts/kvm-lib.sh

out=build/results/attach-kvm
rm -rf "$out"
mkdir -p "$out"

# One page of 1 GiB, and some of the smaller sizes.
huge_pages="hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=8 hugepagesz=64K hugepages=8"
guest_cpu=1 # the VMM stays on the last one

touching() { # NAME IPA-BITS MEMORY... -- spin|again TOUCH...
    local name=$1 ipa=$2 slots='--memory 0x40000000,512M,pages' list afterwards
    shift 2
    while [ "$1" != -- ]; do
        slots="$slots --memory $1"
        shift
    done
    afterwards=$2
    shift 2
    list=$(IFS=,; echo "$*")
    start_guest "PAYLOAD: touched $#" --ipa "$ipa" "$slots" \
        --words "'payload.ipa=$ipa payload.cases=touch payload.then=$afterwards payload.touch=$list'" && return
    ok "$name" "the guest does not touch what it is told: $log"
    return 1
}

# What the host says, and what we say, must be the same.
mapped() { # NAME EXPECTED...: IPA,SIZE,UNIT,PERMISSIONS of what is mapped from 0x80000000 on
    local name=$1 why='' theirs ours
    shift
    ask frames "VMM: frames told" && ask tables "VMM: tables of" || why="the VMM does not answer"
    frames >"$out/$name.frames"
    attach --wait "$limit" map --json >"$out/$name.json" 2>"$out/$name.errors" || why="${why:+$why, }exit status $?"
    why="${why:+$why, }$(scripts/kvm-map.py "$out/$name.json" "$out/$name.frames" 0x80000000 "$@" 2>&1)"
    ok "$name: touched pages, frames, permissions" "$why"
    # SecPageTables counts the pages of all guests' tables, of which there is one guest.
    theirs=$(new_lines | sed -n 's/^VMM: tables of \([0-9]*\) bytes/\1/p')
    ours=$(python3 -c 'import json, sys; print(4096 * json.load(sys.stdin)["stage2"][0]["map"]["tables"])' \
        <"$out/$name.json")
    [ "$theirs" = "$ours" ] && why='' || why="the kernel has $theirs bytes of tables, we have $ours"
    ok "$name: the kernel's own count of tables" "$why"
    same_as_dump "$name"
}

# Kernels with CONFIG_PTDUMP_STAGE2_DEBUGFS tell the whole map; Debian's has no such file. A dump of more than
# 4 KiB has no head, and its first line is garbled.
same_as_dump() { # NAME
    local format=kvm-7.2 from=1 theirs=$out/$1.dump ours=$out/$1.ours why=''
    new_lines | sed -n 's/^VMM: dump \(.\)/\1/p' >"$theirs"
    if [ ! -s "$theirs" ]; then
        note "(this kernel offers no stage2_page_tables to compare with)"
        return
    fi
    ! grep -q ' X ' "$theirs" || format=kvm-6.12
    attach --wait "$limit" map --format $format >"$ours" 2>/dev/null
    grep -q 'Guest IPA' "$theirs" || from=2
    diff <(tail -n +$from "$theirs") <(tail -n +$((2 * from - 1)) "$ours") >"$out/$1.diff" ||
        why="the maps differ: $out/$1.diff"
    [ "$(wc -l <"$theirs")" -gt 3 ] || why="${why:+$why, }a dump of nothing"
    ok "$1: the kernel's own stage2_page_tables" "$why"
}

# Accesses through the table, of which some must not be possible: a write to what may not be written.
walks() { # NAME ACCESS:IPA:STATUS...
    local name=$1 why='' access ipa wanted answer status pa
    shift
    for one in "$@"; do
        IFS=: read -r access ipa wanted <<<"$one"
        answer=$(attach --wait "$limit" walk "$ipa" --access "$access" 2>/dev/null)
        status=$?
        [ $status -eq "$wanted" ] || why="${why:+$why, }$access $ipa: status $status"
        [ "$wanted" -eq 0 ] || continue
        pa=$(python3 -c 'import sys
ipa = int(sys.argv[1], 0)
for line in open(sys.argv[2]):
    start, size, pa = (int(word, 0) for word in line.split())
    if start <= ipa < start + size:
        print(f"PA {pa + ipa - start:#x}")' "$ipa" "$out/$name.frames")
        [ "$(grep -o '^PA 0x[0-9a-f]*' <<<"$answer")" = "$pa" ] || why="${why:+$why, }$ipa is not at $pa"
    done
    ok "$name: walks" "$why"
}

# While the guest is not on its CPU there is no stage 2. With VHE its registers stay as they were.
paused() { # NAME with|without: VHE
    local why='' wanted=1
    [ "$2" = without ] || wanted=0
    ask pause "VMM: the guest is paused" || why="the guest is not paused"
    attach map >/dev/null 2>"$out/$1.off"
    [ $? -eq 1 ] || why="${why:+$why, }a stage 2 is on"
    attach --off --cpu $guest_cpu map --json >"$out/$1.off.json" 2>"$out/$1.off"
    [ $? -eq $wanted ] || why="${why:+$why, }exit status with --off"
    if [ "$2" = with ]; then
        why="${why:+$why, }$(python3 - "$out/$1.json" "$out/$1.off.json" <<'END'
import json, sys
before, now = (json.load(open(name))["stage2"][0] for name in sys.argv[1:])
changed = [key for key in before["map"] if key != "hcr" and before["map"][key] != now["map"][key]]
if changed or before["vmid"] != now["vmid"]:
    print("not as before:", ", ".join(changed or ["vmid"]))
END
)"
    else
        grep -q "VTTBR_EL2 has no table" "$out/$1.off" || why="${why:+$why, }it is not said that there is no table"
    fi
    ask resume "VMM: the guest goes on" || why="${why:+$why, }the guest is not resumed"
    ok "$1: a guest that is not on its CPU" "$why"
}

goes_on() { # NAME
    local why=''
    [ "$(state)" = running ] || why="the machine is $(state)"
    ask where "VMM: the guest is at" || why="${why:+$why, }the guest does not go on"
    ok "$1: host and guest go on" "$why"
}

# What KVM changes while we look.
watched() { # NAME COMMAND KIND
    local why='' file=$out/$1.$3.json
    begin_watch "$file"
    tell "$2"
    wait_for "$file" "\"kind\":\"$3\"" || why="no such change"
    end_watch || why="${why:+$why, }exit status $?"
    ok "$1: a watch sees what \"$2\" does: $3" "$why"
}

on_host() { # CPU with|without IPA-BITS: whether it has VHE, and those of a table with four levels
    local cpu=$1 vhe=$2
    log=$out/$cpu.log
    case $cpu in max) set -- max,pauth-impdef=on "$2" "$3" ;; esac
    if ! start_host "$1" 3G "$huge_pages" || ! has_text "$log" "KVM $vhe VHE"; then
        ok "$cpu" "no host with KVM $vhe VHE: $log"
        end_machine
        return
    fi
    # What nobody has written is the host's page of zeroes, which nobody may write.
    if touching "$cpu-4K" "$3" 0x80000000,1G,pages 0xc0000000,64M,pages,ro -- spin read:0x80001000 write:0x80003000 \
        write:0x80005000 fetch:0x80005000 fetch:0x80007000 read:0xbffff000 read:0xc0000000 fetch:0xc0001000; then
        mapped "$cpu-4K" 0x80001000,4K,4K,r-- 0x80003000,4K,4K,rw- 0x80005000,4K,4K,rwx 0x80007000,4K,4K,r-x \
            0xbffff000,4K,4K,r-- 0xc0000000,4K,4K,r-- 0xc0001000,4K,4K,r-x
        walks "$cpu-4K" read:0x80001008:0 write:0x80001008:1 write:0x80003ff8:0 fetch:0x80003000:1 \
            fetch:0x80005000:0 write:0x80007000:1 read:0x80002000:1 write:0xc0000000:1 fetch:0xc0001000:0
        watched "$cpu-4K" "forget 0x80003000 4K" went
        goes_on "$cpu-4K"
        end_guest
    fi
    # The slot begins and ends inside of a block.
    if touching "$cpu-THP" 36 0x80100000,1G,thp -- spin write:0x80100000 read:0x80200000 write:0x80400000 \
        write:0x80600000 fetch:0x80601000 write:0xc00ff000; then
        mapped "$cpu-THP" 0x80100000,4K,4K,rw- 0x80200000,2M,2M,r-- 0x80400000,2M,2M,rw- 0x80600000,2M,2M,rwx \
            0xc00ff000,4K,4K,rw-
        paused "$cpu-THP" "$vhe"
        goes_on "$cpu-THP"
        end_guest
    fi
    # A guest that writes all the time, and a host that wants to know where.
    if touching "$cpu-log" 39 0x80000000,64M,thp -- again write:0x80000000 write:0x80001000 read:0x80200000; then
        watched "$cpu-log" "log on" split
        mapped "$cpu-log" 0x80000000,8K,4K,rw- 0x80200000,2M,2M,r--
        end_guest
    fi
    # KVM makes no use of the contiguous bit.
    if touching "$cpu-64K" 40 0x80000000,512K,64K 0xc0000000,16M,2M -- spin write:0x80000000 fetch:0x80021000 \
        read:0x80030000 write:0xc0000000 fetch:0xc0201000; then
        mapped "$cpu-64K" 0x80000000,4K,4K,rw- 0x80021000,4K,4K,r-x 0x80030000,4K,4K,r-- 0xc0000000,2M,2M,rw- \
            0xc0200000,2M,2M,r-x
        end_guest
    fi
    if touching "$cpu-1G" 40 0x80000000,1G,1G -- spin write:0x80000000 fetch:0x90001000; then
        mapped "$cpu-1G" 0x80000000,1G,1G,rwx
        walks "$cpu-1G" write:0xbfffffff:0 fetch:0x90001000:0 read:0xc0000000:1
        goes_on "$cpu-1G"
        end_guest
    fi
    # The table has no descriptor of 1 GiB.
    if touching "$cpu-1G-34-bits" 34 0x80000000,1G,1G -- spin write:0x90001000; then
        mapped "$cpu-1G-34-bits" 0x80000000,1G,2M,rw-
        goes_on "$cpu-1G-34-bits"
        end_guest
    fi
    end_machine
}

on_host max with 48
on_host cortex-a72 without 44
on_host neoverse-n1 with 48

echo "$passed $failed" >"$1"
[ "$failed" -eq 0 ]
