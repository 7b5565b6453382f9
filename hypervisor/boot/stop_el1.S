// SPDX-License-Identifier: MIT
// The end of a start at EL1: exit status 1 through semihosting, or SYSTEM_OFF where that traps.

    .text
    .balign 4
    .global stop_at_el1
// w0: whether PSCI's conduit is SMC.
stop_at_el1:
    mov     w19, w0
    adrp    x1, el1_vectors
    add     x1, x1, :lo12:el1_vectors
    msr     vbar_el1, x1
    isb
    mov     w0, #0x20               // SYS_EXIT_EXTENDED
    adrp    x1, exit_block
    add     x1, x1, :lo12:exit_block
    hlt     #0xf000
power_off:
    mov     w0, #0x0008             // PSCI SYSTEM_OFF
    movk    w0, #0x8400, lsl #16
    cbnz    w19, 1f
    hvc     #0
1:  smc     #0
2:  wfe
    b       2b

    .balign 2048
el1_vectors:
    .rept   16
    .balign 128
    b       power_off
    .endr

    .section .rodata
    .balign 8
exit_block:
    .quad   0x20026, 1              // ADP_Stopped_ApplicationExit, status
