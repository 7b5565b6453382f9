// SPDX-License-Identifier: MIT
// The arm64 Image header and the first instructions of the only CPU.
    .section .head, "ax"
    .global _start
_start:
    b       entry
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
entry:
    msr     daifset, #15
    mov     x20, x0
    ldr     x0, =vectors
    msr     vbar_el1, x0
    ldr     x1, =__bss_start
    ldr     x2, =__bss_end
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b
    ldr     x1, =stack_top
    mov     sp, x1
    bl      make_stage1
    bl      enter_stage1
    mov     x0, x20
    bl      measure_events
power_off:
    ldr     x0, =0x84000008         // PSCI SYSTEM_OFF
    hvc     #0
2:  wfe
    b       2b

    // Nothing here may fault in EL1: the missing last line tells.
    .balign 2048
vectors:
    .rept 16
    .balign 128
    b       power_off
    .endr

    .section .bss.stack, "aw", %nobits
    .balign 16
    .space  65536
stack_top:
