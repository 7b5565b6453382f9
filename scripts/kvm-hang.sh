#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest in a page of 1 GiB, on KVM with a table that has no such block, on KVM with one that has it, and on our
# hypervisor with the first table. The first one hangs, in two ways. docs/one-gib-block.md tells why.
# KERNEL=file is the host's kernel.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh
. scripts/attach-lib.sh
. scripts/kvm-lib.sh

host_kernel=${KERNEL:-$host_kernel}
out=build/results/kvm-hang
rm -rf "$out"
mkdir -p "$out"
log=$out/host.log
cpu=cortex-a72
block=0x80000000
trace=/sys/kernel/tracing
verdict=''

show() { sed 's/^/    | /'; }
run() { # ARGUMENT...: of the command, which is shown without where QEMU's sockets are
    printf '    $ twofold %s\n' "$*"
    case $1 in
    attach) attach "${@:2}" ;;
    *) build/release/bin/twofold "$@" ;;
    esac 2>&1 | show
}
not_as_told() { verdict="${verdict:+$verdict; }$*"; }

# The guest of all scenes: `payload.img` touches what the words say.
words() { # IPA-BITS TOUCHES [MORE]
    echo "payload.ipa=$1 payload.cases=touch payload.touch=$2${3:+ $3}"
}
kvm_guest() { # UNTIL IPA-BITS TOUCHES [MORE]
    start_guest "$1" --ipa "$2" --watchdog 5 --memory 0x40000000,1G,pages --memory $block,1G,1G \
        --words "'$(words "${@:2}")'"
}
scene() { # IPA-BITS WHAT
    step "KVM of $(sed -n 's/^HOST: \([^,]*\),.*/\1/p' "$log"), $cpu, $1-bit IPA, a hugetlb page of 1 GiB: $2"
}
second_gib() { attach --wait 60 map 2>/dev/null | grep -E '^0x0*[89ab][0-9a-f]{7}-' | show; }

# Whether the guest was at one place in the last three looks, and was left more often in these two seconds than
# by the host's clock, which ticks 250 times a second.
stands_still() {
    new_lines | sed -n 's/.*the guest is at \(0x[0-9a-f]*\) and was left \([0-9]*\) times.*/\1 \2/p' | tail -n 3 |
        awk 'NR == 1 { place = $1; first = $2 } $1 != place { moved = 1 } { last = $2 }
            END { exit NR < 3 || moved || last - first < 1500 }'
}

looks() { new_lines | grep -c "look 3 of 3"; }
has_looked_more_than() { [ "$(looks)" -gt "$1" ]; }
# On a busy machine a guest may not have come to where it hangs when it is looked at.
hangs() {
    local tries before
    for ((tries = 0; tries < 10; ++tries)); do
        ! stands_still || return 0
        ! has_new_text "the guest is off" || return 1
        before=$(looks)
        tell where
        wait_until has_looked_more_than "$before" || return 1
    done
    return 1
}

write_then_fetch() { # what was written is executed
    local touches=write:$block,fetch:$block pa
    scene 34 "code is written, and called"
    if kvm_guest "look 3 of 3\|the guest is off" 34 $touches && hangs; then
        ask frames "VMM: frames told"
        pa=$(frames | sed -n "s/^$block 0x40000000 //p")
        new_lines | grep -v "VMM: frames" | show
        run attach walk --wait 60 $block --access fetch
        note "the second GiB, of which nothing may be executed:"
        second_gib
        end_guest
        note "KVM's own events, and what they come to:"
        tell "echo 0 >$trace/tracing_on; tail -n 200 $trace/trace; echo HOST: traced; echo 1 >$trace/tracing_on"
        wait_until has_new_text "HOST: traced"
        new_lines | grep kvm_guest_fault >"$out/trace"
        tail -n 2 "$out/trace" | show
        run kvm --granule 4K "$out/trace"
        note "what the table can hold:"
        run explain --cpu $cpu --ipa 34 --slot "ipa=$block,size=1G,pa=${pa:-$block}" --fault $block
    else
        not_as_told "a fetch does not hang with 34 bits"
        end_guest
    fi
    scene 40 "code is written, and called"
    kvm_guest "look 3 of 3\|the guest is off" 40 $touches
    has_new_text "TWOFOLD-GUEST: pass" || not_as_told "a fetch hangs with 40 bits"
    new_lines | show
    end_guest
}

write_after_log() { # what was logged is written again
    local touches=write:$block,write:0x80400000 bits
    for bits in 34 40; do
        scene $bits "two pages are written all the time, for a while with dirty logging"
        kvm_guest "PAYLOAD: touched" $bits $touches payload.then=again || not_as_told "the guest does not start"
        # A page that is protected when logging ends.
        ask "log on" "writes are logged"
        sleep 1
        ask pause "is paused"
        ask harvest "pages written"
        ask "log off" "not logged any more"
        ask resume "goes on"
        ask where "look 3 of 3"
        new_lines | show
        note "the second GiB:"
        second_gib
        case $bits in
        34) hangs || not_as_told "a write after logging does not hang with 34 bits" ;;
        40) ! stands_still || not_as_told "a write after logging hangs with 40 bits" ;;
        esac
        end_guest
    done
}

ours() { # NAME CASE-WORDS SHOWN OPTION...: with the lines of its console and report that are shown
    local name=$1 command
    command=(build/release/bin/twofold run --hypervisor build/aarch64/twofold.img --kernel build/aarch64/payload.img --initrd ''
        --append "$2" --cpu "$cpu" --extent 1G --ipa 34 --timeout "$limit" "${@:4}")
    if ! "${command[@]}" </dev/null >"$out/$name.log" 2>&1 || ! grep -q "TWOFOLD-GUEST: pass" "$out/$name.log"; then
        not_as_told "our hypervisor fails: $out/$name.log"
    fi
    grep -E "$3" "$out/$name.log" | show
}

step "booting a Linux host with KVM on a $cpu"
start_host $cpu 3G "hugepagesz=1G hugepages=1" || die "the host does not start: $log"
tell "echo 64 >$trace/buffer_size_kb; echo 1 >$trace/events/kvm/kvm_guest_fault/enable"
write_then_fetch
write_after_log
end_machine

step "our hypervisor, $cpu, 34-bit IPA, memory in extents of 1 GiB: code is written, and called"
ours fetch "$(words 34 write:$block,fetch:$block)" '^\[linux\]|levels,|^ *size |MiB  |geometry|^faults' --memory 2G
step "our hypervisor, the same: first touch, first fetch, writes while they are logged and afterwards, one fault each"
ours one-fault "payload.ipa=34 payload.cases=one-fault" '^\[linux\]|  geometry|^faults' --memory 1G --monitor-calls

[ -z "$verdict" ] || die "not as docs/one-gib-block.md tells it: $verdict; the logs are in $out"
step "with 34 bits KVM's guests hang and ours do not; with 40 bits none does"
