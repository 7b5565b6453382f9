# SPDX-License-Identifier: MIT
# A Linux host with KVM in QEMU, and guests of our VMM on it, one at a time. Needs attach-lib.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $log is of attach-lib.sh

host_kernel=${TWOFOLD_HOST_KERNEL:-build/guest/vmlinuz}

# start_host CPU MEMORY WORDS: its console is $log, which exists from here on.
start_host() {
    : >"$log"
    begin_machine "qemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -cpu $1 -smp 2 -m $2 \
        -nographic -nic none -no-reboot -kernel $host_kernel -initrd build/guest/host.img \
        -append 'console=ttyAMA0 quiet $3'"
    wait_for "$log" "HOST: "
}

# A line for the host's shell, or for the VMM while there is one.
tell() { printf '%s\n' "$*" >&3; }

# What the console has had since the guest was started.
new_lines() { tail -n +$((log_start + 1)) "$log" | tr -d '\r'; }
has_new_text() { new_lines | grep -q -- "$1"; } # a regular expression

# start_guest UNTIL OPTION...: those of the VMM, and the text that shows that it has come far enough.
start_guest() {
    local until=$1
    shift
    log_start=$(wc -l <"$log")
    tell "vmm $*"
    wait_until has_new_text "$until" && ! has_new_text "VMM: expected"
}

# ask COMMAND ANSWER: the VMM's answer to a command.
ask() {
    tell "$1"
    wait_until has_new_text "$2"
}

# One that has ended by itself has nobody who hears.
end_guest() { has_new_text "VMM: the guest is off" || ask end "VMM: ends\|VMM: the guest is off"; }

# What the VMM has said of the guest's pages: "IPA SIZE PA".
frames() { new_lines | sed -n 's/^VMM: frames \(0x.*\)/\1/p'; }
