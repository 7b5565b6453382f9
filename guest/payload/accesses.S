// SPDX-License-Identifier: MIT
// One access each. x0: address, x1: what is stored. The instruction that may fault is the first.
    .arch_extension lse

.macro access name, instruction:vararg
    .global access_\name
    .type access_\name, %function
    .balign 4
access_\name:
    \instruction
    ret
.endm

    .section .text.accesses, "ax"
    access  load8, ldrb w0, [x0]
    access  load16, ldrh w0, [x0]
    access  load32, ldr w0, [x0]
    access  load64, ldr x0, [x0]
    access  load_signed, ldrsb x0, [x0]
    access  load_acquire, ldar x0, [x0]
    access  store8, strb w1, [x0]
    access  store16, strh w1, [x0]
    access  store32, str w1, [x0]
    access  store64, str x1, [x0]
    access  store_release, stlr x1, [x0]
    access  load_pair, ldp x2, x3, [x0]
    access  store_pair, stp x1, xzr, [x0]
    access  load_post, ldr x2, [x0], #8
    access  load_pre, ldr x2, [x0, #0]!
    access  store_post, str x1, [x0], #8
    access  load_vector, ldr q0, [x0]
    access  store_vector, str q0, [x0]
    access  load_exclusive, ldxr x2, [x0]
    access  store_atomic, ldadd x1, x2, [x0]
    access  prefetch, prfm pldl1keep, [x0]
    access  dc_cvac, dc cvac, x0
    access  dc_civac, dc civac, x0
    access  dc_ivac, dc ivac, x0
    access  dc_cvau, dc cvau, x0
    access  ic_ivau, ic ivau, x0
    access  dc_zva, dc zva, x0
    access  translate, at s1e1r, x0
    access  jump, br x0
    access  call_service, svc #0
    access  call_hypervisor, hvc #0
    access  call_monitor, smc #0

// x0: x0 to x30 before and after. HVC and SMC.
.macro call name, instruction
    .global call_\name
    .type call_\name, %function
call_\name:
    sub     sp, sp, #112
    stp     x19, x20, [sp, #0]
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    str     x0, [sp, #96]
    mov     x30, x0
    all_registers ldp
    ldr     x30, [x30, #240]
    \instruction
    str     x30, [sp, #104]
    ldr     x30, [sp, #96]
    all_registers stp
    ldr     x0, [sp, #104]
    str     x0, [x30, #240]
    ldp     x19, x20, [sp, #0]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    add     sp, sp, #112
    ret
.endm

// x0 to x29 at x30
.macro all_registers access
    \access    x0, x1, [x30, #0]
    \access    x2, x3, [x30, #16]
    \access    x4, x5, [x30, #32]
    \access    x6, x7, [x30, #48]
    \access    x8, x9, [x30, #64]
    \access    x10, x11, [x30, #80]
    \access    x12, x13, [x30, #96]
    \access    x14, x15, [x30, #112]
    \access    x16, x17, [x30, #128]
    \access    x18, x19, [x30, #144]
    \access    x20, x21, [x30, #160]
    \access    x22, x23, [x30, #176]
    \access    x24, x25, [x30, #192]
    \access    x26, x27, [x30, #208]
    \access    x28, x29, [x30, #224]
.endm

    call    hvc, "hvc #0"
    call    smc, "smc #0"
    call    hvc_with_number, "hvc #0x4a4"
