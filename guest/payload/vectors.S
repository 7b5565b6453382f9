// SPDX-License-Identifier: MIT
// The vectors of EL1, and calls that an exception may end.
#include "cpu_layout.hpp"

.macro vector kind
    .balign 128
    sub     sp, sp, #FRAME_SIZE
    stp     x0, x1, [sp, #0]
    mov     x1, #\kind
    b       save
.endm

    .section .text.vectors, "ax"
    .balign 2048
    .global el1_vectors
el1_vectors:
    .irp kind, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector  \kind
    .endr

    .balign 128
save:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x2, elr_el1
    stp     x30, x2, [sp, #240]
    mrs     x2, spsr_el1
    mrs     x3, esr_el1
    stp     x2, x3, [sp, #FRAME_SPSR]
    mrs     x2, far_el1
    mrs     x3, daif
    stp     x2, x3, [sp, #FRAME_FAR]
    mov     x0, sp
    bl      handle_exception
    ldr     x2, [sp, #FRAME_ELR]
    ldr     x3, [sp, #FRAME_SPSR]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    ldr     x30, [sp, #240]
    ldp     x0, x1, [sp, #0]
    add     sp, sp, #FRAME_SIZE
    eret

// x0: function, x1..x3: its arguments. Returns its x0. NZCV is 1010 for the function.
    .global probe_call
probe_call:
    mrs     x9, tpidr_el1
    stp     x19, x20, [x9, #(CPU_SAVED + 0)]
    stp     x21, x22, [x9, #(CPU_SAVED + 16)]
    stp     x23, x24, [x9, #(CPU_SAVED + 32)]
    stp     x25, x26, [x9, #(CPU_SAVED + 48)]
    stp     x27, x28, [x9, #(CPU_SAVED + 64)]
    stp     x29, x30, [x9, #(CPU_SAVED + 80)]
    mov     x10, sp
    mov     x11, #1
    stp     x10, x11, [x9, #CPU_SP]
    mov     x10, x0
    mov     x0, x1
    mov     x1, x2
    mov     x2, x3
    mov     x11, #0xa0000000
    msr     nzcv, x11
    blr     x10
    mrs     x9, tpidr_el1
    str     xzr, [x9, #CPU_ARMED]
    ldp     x29, x30, [x9, #(CPU_SAVED + 80)]
    ret

// Where handle_exception continues after an exception in a probe.
    .global probe_recovered
probe_recovered:
    mrs     x9, tpidr_el1
    ldp     x19, x20, [x9, #(CPU_SAVED + 0)]
    ldp     x21, x22, [x9, #(CPU_SAVED + 16)]
    ldp     x23, x24, [x9, #(CPU_SAVED + 32)]
    ldp     x25, x26, [x9, #(CPU_SAVED + 48)]
    ldp     x27, x28, [x9, #(CPU_SAVED + 64)]
    ldp     x29, x30, [x9, #(CPU_SAVED + 80)]
    ldr     x10, [x9, #CPU_SP]
    mov     sp, x10
    str     xzr, [x9, #CPU_ARMED]
    ret

// x0: where EL0 starts, x1: its x0, x2: where it returns to. Only an exception ends it.
    .global enter_el0
enter_el0:
    msr     elr_el1, x0
    mov     x9, #0xa0000000
    orr     x9, x9, #0x3c0
    msr     spsr_el1, x9
    mov     x30, x2
    mov     x0, x1
    mov     x1, xzr
    eret
