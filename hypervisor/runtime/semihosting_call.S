// SPDX-License-Identifier: MIT
// The instruction that an emulator takes as a semihosting call: operation in w0, block in x1.
    .text
    .balign 4
    .global semihosting_call
    .global semihosting_trap
semihosting_call:
semihosting_trap:
    hlt     #0xf000
    ret
