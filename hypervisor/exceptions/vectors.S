// SPDX-License-Identifier: MIT
// The vectors of EL2. While a guest runs, SP_EL2 points at an empty TrapFrame at the top of the
// CPU's stack; a trap fills it, and the handlers use the stack below it.
#include "cpu/per_cpu_layout.hpp"

.macro guest_trap kind
    .balign 128
    stp     x0, x1, [sp, #0]
    mov     x1, #\kind
    b       save_guest
.endm

// Calls and aborts are tried with no more saved than a C++ function may change.
.macro guest_synchronous
    .balign 128
    stp     x0, x1, [sp, #0]
    mrs     x0, esr_el2
    lsr     x0, x0, #26             // EC
    and     x1, x0, #~4
    cmp     x1, #0x20               // instruction or (0x24) data abort
    b.eq    try_abort
    cmp     x0, #0x16               // HVC from AArch64
    b.eq    try_call
    mov     x1, #0
    b       save_guest
.endm

// Nothing behind ERET may run ahead of it.
.macro return_from_exception
    eret
    dsb     nsh
    isb
.endm

// handler(TrapFrame*), of which x0 to x18 and x30 are filled: true if the guest is to go on.
.macro short_exit handler
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    str     x18, [sp, #144]
    str     x30, [sp, #240]
    mov     x0, sp
    bl      \handler
    cbz     w0, save_rest
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldr     x18, [sp, #144]
    ldr     x30, [sp, #240]
    ldp     x0, x1, [sp, #0]
    return_from_exception
.endm

// EL2 never returns from these, except past the probe for semihosting.
.macro el2_trap kind
    .balign 128
    msr     tpidrro_el0, x0
    mrs     x0, tpidr_el2
    stp     x1, x2, [x0, #(PER_CPU_FAULT_FRAME + 8)]
    mov     x1, #\kind
    b       save_el2
.endm

    .section .text.vectors, "ax"
    .balign 2048
    .global el2_vectors
el2_vectors:
    el2_trap 0                      // from EL2 with SP_EL0: never used
    el2_trap 1
    el2_trap 2
    el2_trap 3
    el2_trap 0                      // from EL2
    el2_trap 1
    el2_trap 2
    el2_trap 3
    guest_synchronous               // from a guest in AArch64
    guest_trap 1
    guest_trap 2
    guest_trap 3
    guest_trap 0                    // from a guest's EL0 in AArch32
    guest_trap 1
    guest_trap 2
    guest_trap 3

    .balign 128
try_call:
    short_exit handle_short_call
    .balign 128
try_abort:
    short_exit handle_short_abort

    // The others are as the guest left them.
save_rest:
    str     x19, [sp, #152]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mov     x1, #0
    b       save_syndrome

    .balign 128
save_guest:
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
    str     x30, [sp, #240]
save_syndrome:
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    mrs     x4, esr_el2
    mrs     x5, far_el2
    mrs     x6, hpfar_el2
    str     x2, [sp, #TRAP_FRAME_ELR]
    stp     x3, x4, [sp, #TRAP_FRAME_SPSR]
    stp     x5, x6, [sp, #TRAP_FRAME_FAR]
    mov     x0, sp
    mov     x29, xzr
    bl      handle_guest_trap
    mov     x0, sp

// x0: the TrapFrame to continue from; it must lie at the top of this CPU's stack.
    .global enter_guest
enter_guest:
    mov     sp, x0
    ldr     x2, [sp, #TRAP_FRAME_ELR]
    ldr     x3, [sp, #TRAP_FRAME_SPSR]
    msr     elr_el2, x2
    msr     spsr_el2, x3
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
    return_from_exception

save_el2:
    // x0: this CPU's PerCpu, whose stack for faults is good even if the stack is what is broken.
    add     x0, x0, #PER_CPU_FAULT_FRAME
    stp     x3, x4, [x0, #24]
    stp     x5, x6, [x0, #40]
    stp     x7, x8, [x0, #56]
    stp     x9, x10, [x0, #72]
    stp     x11, x12, [x0, #88]
    stp     x13, x14, [x0, #104]
    stp     x15, x16, [x0, #120]
    stp     x17, x18, [x0, #136]
    stp     x19, x20, [x0, #152]
    stp     x21, x22, [x0, #168]
    stp     x23, x24, [x0, #184]
    stp     x25, x26, [x0, #200]
    stp     x27, x28, [x0, #216]
    stp     x29, x30, [x0, #232]
    mrs     x2, tpidrro_el0
    str     x2, [x0, #0]
    mrs     x2, elr_el2
    mrs     x3, spsr_el2
    mrs     x4, esr_el2
    mrs     x5, far_el2
    mrs     x6, hpfar_el2
    str     x2, [x0, #TRAP_FRAME_ELR]
    stp     x3, x4, [x0, #TRAP_FRAME_SPSR]
    stp     x5, x6, [x0, #TRAP_FRAME_FAR]
    mov     x19, x0
    mov     x20, sp
    ldr     x3, [x0, #(PER_CPU_FAULT_STACK - PER_CPU_FAULT_FRAME)]
    mov     sp, x3
    mov     x2, x20
    bl      handle_el2_trap
    // Only the probe for semihosting comes back: continue behind it.
    mov     sp, x20
    mov     x0, x19
    ldr     x2, [x0, #TRAP_FRAME_ELR]
    ldr     x3, [x0, #TRAP_FRAME_SPSR]
    msr     elr_el2, x2
    msr     spsr_el2, x3
    ldp     x1, x2, [x0, #8]
    ldp     x3, x4, [x0, #24]
    ldp     x5, x6, [x0, #40]
    ldp     x7, x8, [x0, #56]
    ldp     x9, x10, [x0, #72]
    ldp     x11, x12, [x0, #88]
    ldp     x13, x14, [x0, #104]
    ldp     x15, x16, [x0, #120]
    ldp     x17, x18, [x0, #136]
    ldp     x19, x20, [x0, #152]
    ldp     x21, x22, [x0, #168]
    ldp     x23, x24, [x0, #184]
    ldp     x25, x26, [x0, #200]
    ldp     x27, x28, [x0, #216]
    ldp     x29, x30, [x0, #232]
    ldr     x0, [x0, #0]
    return_from_exception
