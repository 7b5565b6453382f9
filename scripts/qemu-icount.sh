#!/bin/sh
# SPDX-License-Identifier: MIT
# QEMU whose time is the number of instructions: an instruction takes a nanosecond and waiting nothing, so
# that a run repeats to the instruction. For `twofold run --qemu`, with one CPU.
exec qemu-system-aarch64 "$@" -icount shift=0,sleep=off -seed 7 -rtc base=2026-01-01,clock=vm
