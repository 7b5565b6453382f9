#!/bin/bash
# SPDX-License-Identifier: MIT
# Code that was just written into a block of 1 GiB, run by three: KVM with a table that has no such block, KVM with
# one that has it, and our hypervisor with the first table. The first one never ends. docs/one-gib-block.md tells
# why. KERNEL=file is the host's kernel.
set -u
cd "$(dirname "$0")/.." || exit
. scripts/lib.sh
. scripts/attach-lib.sh
. scripts/kvm-lib.sh

host_kernel=${KERNEL:-build/guest/vmlinuz}
out=build/results/kvm-hang
rm -rf "$out"
mkdir -p "$out"
log=$out/host.log
code=0x80000000
touch=write:$code,fetch:$code
words() { echo "payload.ipa=$1 payload.cases=touch payload.touch=$touch"; }
trace=/sys/kernel/tracing

show() { sed 's/^/    | /'; }
run() { # COMMAND...: with what is typed before it
    printf '    $ %s\n' "$*"
    "$@" 2>&1 | show
}
twofold() { build/release/bin/twofold "$@"; }
# What a map says of the second GiB.
second_gib() { awk -v start="0x0*${code#0x}-" '$1 ~ start'; }

kvm_guest() { # IPA-BITS UNTIL
    step "KVM on $(sed -n 's/^HOST: \([^,]*\),.*/\1/p' "$log"), cortex-a72, $1-bit IPA, code in a hugetlb page of 1 GiB"
    start_guest "$2" --ipa "$1" --watchdog 5 --memory 0x40000000,1G,pages --memory $code,1G,1G \
        --words "'$(words "$1")'"
    local status=$?
    new_lines | show
    return $status
}

step "booting a Linux host with KVM on a cortex-a72"
start_host cortex-a72 3G "hugepagesz=1G hugepages=1" || die "the host does not start: $log"
tell "echo 64 >$trace/buffer_size_kb; echo 1 >$trace/events/kvm/kvm_guest_fault/enable"

verdict=''
# The third time that the VMM says where the guest is; a guest that ends would not say so.
if kvm_guest 34 "look 3 of 3"; then
    ask frames "VMM: frames told"
    pa=$(frames | sed -n "s/^$code 0x40000000 //p")
    note "The guest stays where it is: it may not fetch from there, and whatever KVM does about it, nothing changes."
    run attach walk --wait 60 $code --access fetch
    note "The second GiB, of which nothing may be executed:"
    attach --wait 60 map 2>/dev/null | second_gib | show
    end_guest
    note "KVM's own events, and what they come to:"
    tell "echo 0 >$trace/tracing_on; tail -n 200 $trace/trace; echo HOST: traced; echo 1 >$trace/tracing_on"
    wait_until has_new_text "HOST: traced"
    new_lines | grep kvm_guest_fault >"$out/trace"
    tail -n 2 "$out/trace" | show
    run twofold kvm --granule 4K "$out/trace"
    note "What the table can hold:"
    run twofold explain --cpu cortex-a72 --ipa 34 --slot "ipa=$code,size=1G,pa=${pa:-0x80000000}" --fault $code
else
    verdict="this kernel does not hang with 34 bits"
    end_guest
fi

if kvm_guest 40 "TWOFOLD-GUEST: pass"; then
    wait_until has_new_text "VMM: the guest is off"
else
    verdict="${verdict:+$verdict, }it does not finish with 40 bits"
fi
end_machine

step "our hypervisor, cortex-a72, 34-bit IPA, memory in extents of 1 GiB"
timeout $((limit + 10)) build/release/bin/twofold run --hypervisor build/aarch64/twofold.img \
    --kernel build/aarch64/payload.img --initrd '' --append "$(words 34)" --cpu cortex-a72 --memory 2G --extent 1G \
    --ipa 34 --timeout "$limit" </dev/null >"$out/twofold.log" 2>&1 || verdict="${verdict:+$verdict, }our hypervisor fails"
show <"$out/twofold.log"
grep -q "TWOFOLD-GUEST: pass" "$out/twofold.log" || verdict="${verdict:+$verdict, }our guest does not pass"

[ -z "$verdict" ] || die "$verdict; see $out"
step "KVM hangs with 34 bits and runs with 40; our hypervisor runs with 34"
