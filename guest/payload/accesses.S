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

// x0: x0 to x17 before and after. HVC and SMC.
.macro call name, instruction
    .global call_\name
    .type call_\name, %function
call_\name:
    stp     x19, x30, [sp, #-16]!
    mov     x19, x0
    ldp     x0, x1, [x19, #0]
    ldp     x2, x3, [x19, #16]
    ldp     x4, x5, [x19, #32]
    ldp     x6, x7, [x19, #48]
    ldp     x8, x9, [x19, #64]
    ldp     x10, x11, [x19, #80]
    ldp     x12, x13, [x19, #96]
    ldp     x14, x15, [x19, #112]
    ldp     x16, x17, [x19, #128]
    \instruction
    stp     x0, x1, [x19, #0]
    stp     x2, x3, [x19, #16]
    stp     x4, x5, [x19, #32]
    stp     x6, x7, [x19, #48]
    stp     x8, x9, [x19, #64]
    stp     x10, x11, [x19, #80]
    stp     x12, x13, [x19, #96]
    stp     x14, x15, [x19, #112]
    stp     x16, x17, [x19, #128]
    ldp     x19, x30, [sp], #16
    ret
.endm

    call    hvc, "hvc #0"
    call    smc, "smc #0"
    call    hvc_with_number, "hvc #0x4a4"
