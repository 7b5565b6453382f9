// SPDX-License-Identifier: MIT
// A bare CPU at EL1, MMU off: a stack, cleared memory, then bench_main. Ends with PSCI SYSTEM_OFF.
    .section .head, "ax"
    .global _start
_start:
    ldr     x0, =vectors
    msr     vbar_el1, x0
    ldr     x1, =__bss_start
    ldr     x2, =__bss_end
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b
    ldr     x1, =stack_top
    mov     sp, x1
    bl      bench_main
power_off:
    ldr     x0, =0x84000008
    hvc     #0
2:  wfe
    b       2b

    // Any exception: a failed check traps here. The missing last line tells.
    .balign 2048
vectors:
    .rept 16
    .balign 128
    b       power_off
    .endr

    .bss
    .balign 16
    .skip 65536
stack_top:
