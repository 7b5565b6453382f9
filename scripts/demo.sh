#!/bin/sh
# SPDX-License-Identifier: MIT
# Boots a guest under the hypervisor and ends with what was mapped at which size, and why. The variables
# are those of the Makefile.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

kernel=build/guest/vmlinuz
initrd=${INITRD:-build/guest/initrd.img}
for file in ${KERNEL:+"$KERNEL"} ${INITRD:+"$INITRD"}; do
    [ -r "$file" ] || die "cannot read $file"
done

scripts/setup.sh build cross guest qemu
scripts/fetch-guest.sh
scripts/make-initrd.sh
scripts/web.sh --try
scripts/build.sh release twofold-command
# A checked build follows every step of the hypervisor on the guest's tables, and stops at the first
# that the architecture does not allow.
preset=aarch64
[ "${CHECKED:-0}" = 0 ] || preset=aarch64-checked
image=twofold target=twofold-hypervisor
[ -z "${TRACE:-}" ] || image=twofold-traced target=twofold-hypervisor-traced
scripts/build.sh "$preset" "$target"
if [ -n "${KERNEL:-}" ]; then
    kernel=build/guest/own-vmlinuz
    scripts/fetch-guest.sh --to-image "$KERNEL" "$kernel"
fi

step "booting ${SMP:-2} x ${CPU:-max} with ${MEMORY:-1G} of memory from ${EXTENT:-1G} extents," \
    "${IPA:-40}-bit IPA"
mkdir -p build/results
rm -f build/results/demo.json build/results/demo.html
# What is written is logged for a while, and the blocks that were divided for it come back. However fast the
# machine is, the guest has to be at work then.
script=${MONITOR:-wait 4s; echo before; sizes; reasons 0x50000000; log on; repeat 4; wait 400ms; harvest; end; \
echo while writes are logged; sizes; reasons 0x50000000; log off; collapse; echo afterwards; sizes; reasons 0x50000000}
until= shown=
[ -n "${MONITOR:-}${APPEND:-}${INITRD:-}" ] || until=twofold.until=10 shown='[monitor] afterwards'
# With words of its own, the guest may end in another way than by passing.
expect=
[ -n "${APPEND:-}${INITRD:-}" ] || expect='TWOFOLD-GUEST: pass'
status=0
build/release/bin/twofold run ${expect:+--expect "$expect"} ${shown:+--expect "$shown"} \
    --hypervisor "build/$preset/$image.img" ${TRACE:+--trace "$TRACE"} --kernel "$kernel" --initrd "$initrd" \
    --append "console=ttyAMA0 quiet twofold.demo${until:+ $until}${APPEND:+ $APPEND}" \
    --cpu "${CPU:-max}" --smp "${SMP:-2}" --memory "${MEMORY:-1G}" --extent "${EXTENT:-1G}" \
    --ipa "${IPA:-40}" ${VM:+--vm "$VM"} --monitor-script "$script" --json build/results/demo.json --timeout 600 || status=$?
if [ -s build/results/demo.json ] && [ -s build/web/report_page.inc ]; then
    build/release/bin/twofold report build/results/demo.json -o build/results/demo.html &&
        step "a page to look at: build/results/demo.html"
fi
exit $status
