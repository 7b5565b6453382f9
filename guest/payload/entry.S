// SPDX-License-Identifier: MIT
// The arm64 Image header and the first instructions of each CPU.
    .section .head, "ax"
    .global _start
_start:
    b       primary_entry
    .long   0
    .quad   0                       // text_offset
    .quad   _end - _start           // image_size
    .quad   0b1010                  // [3] anywhere in memory, [2:1] 4K pages, [0] little endian
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

    .text
    .balign 4
// x0: the device tree. MMU and caches are off.
primary_entry:
    mrs     x21, daif
    msr     daifset, #15
    mov     x20, x0
    ldr     x1, =__bss_start
    ldr     x2, =__bss_end
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b
    ldr     x1, =boot_stack_top
    mov     sp, x1
    mov     x29, xzr
    mov     x30, xzr
    bl      make_stage1
    bl      enter_stage1
    mov     x0, x20
    mov     x1, x21
    bl      start_primary
2:  wfe
    b       2b

// x0: SecondaryStart
    .global secondary_entry
secondary_entry:
    msr     daifset, #15
    mov     x20, x0
    ldr     x1, [x0]
    mov     sp, x1
    mov     x29, xzr
    mov     x30, xzr
    bl      enter_stage1
    mov     x0, x20
    bl      start_secondary
3:  wfe
    b       3b

// Notes down what a CPU starts with and switches it off again; x1 and x2 are free.
    .global witness_entry
witness_entry:
    ldr     x1, =witness
    str     x0, [x1]
    mrs     x2, sctlr_el1
    str     x2, [x1, #8]
    mrs     x2, daif
    str     x2, [x1, #16]
    mrs     x2, CurrentEL
    str     x2, [x1, #24]
    mrs     x2, mpidr_el1
    str     x2, [x1, #32]
    dsb     sy
    ldr     x0, =0x84000002         // PSCI CPU_OFF
    hvc     #0
    // It must not come back.
    str     xzr, [x1]
4:  wfe
    b       4b

    .section .bss.boot_stack, "aw", %nobits
    .balign 4096
    .space  65536
boot_stack_top:
