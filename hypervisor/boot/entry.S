// SPDX-License-Identifier: MIT
// The arm64 Image header, the first instructions of the boot CPU, and those of the others.
#include "cpu/per_cpu_layout.hpp"

    .section .head, "ax"
    .global _start, image_start
_start:
image_start:
    b       primary_entry
    .long   0
    .quad   0                       // text_offset: from any 2 MiB aligned place
    .quad   image_end - _start           // image_size, with .bss
    .quad   0b1010                  // [3] anywhere in memory, [2:1] 4K pages, [0] little endian
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

    .text
    .balign 4
// x0: the device tree. MMU and caches are off.
primary_entry:
    msr     daifset, #15
    mov     x20, x0
    mrs     x21, CurrentEL
    cmp     x21, #(2 << 2)
    b.ne    1f
    bl      reset_el2
1:
    // The image is linked at 0: what to add to each relative relocation is where _start is.
    adrp    x1, _start
    add     x1, x1, :lo12:_start
    adrp    x2, __rela_start
    add     x2, x2, :lo12:__rela_start
    adrp    x3, __rela_end
    add     x3, x3, :lo12:__rela_end
2:  cmp     x2, x3
    b.hs    3f
    ldp     x4, x5, [x2]
    ldr     x6, [x2, #16]
    add     x2, x2, #24
    cmp     w5, #1027               // R_AARCH64_RELATIVE
    b.ne    2b
    add     x6, x6, x1
    str     x6, [x1, x4]
    b       2b
3:
    adrp    x2, __bss_start
    add     x2, x2, :lo12:__bss_start
    adrp    x3, __bss_end
    add     x3, x3, :lo12:__bss_end
4:  cmp     x2, x3
    b.hs    5f
    stp     xzr, xzr, [x2], #16
    b       4b
5:
    adrp    x0, boot_stack_top
    add     x0, x0, :lo12:boot_stack_top
    mov     sp, x0
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x20
    cmp     x21, #(2 << 2)
    b.ne    6f
    bl      start_primary
6:  lsr     x1, x21, #2
    bl      start_without_el2
7:  wfe
    b       7b

// E2H = 0, EL1 in AArch64, interrupts and SErrors to EL2, the MMU of EL2 off. Changes x0.
reset_el2:
    mov     x0, #(1 << 31)          // RW
    orr     x0, x0, #(7 << 3)       // AMO, IMO, FMO
    msr     hcr_el2, x0
    isb
    ldr     x0, =SCTLR_EL2_RESET
    msr     sctlr_el2, x0
    adrp    x0, el2_vectors
    add     x0, x0, :lo12:el2_vectors
    msr     vbar_el2, x0
    isb
    ret

// PSCI CPU_ON leads here. x0: SecondaryStart, readable with caches off.
    .global secondary_entry
secondary_entry:
    msr     daifset, #15
    mov     x20, x0
    bl      reset_el2
    ldp     x1, x2, [x20, #0]
    msr     ttbr0_el2, x1
    msr     tcr_el2, x2
    ldp     x1, x2, [x20, #16]
    msr     mair_el2, x1
    ldp     x3, x4, [x20, #32]
    tlbi    alle2
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el2, x2
    isb
    mov     sp, x3
    mov     x0, x4
    mov     x29, xzr
    bl      start_secondary
8:  wfe
    b       8b

    .section .bss.boot_stack, "aw", %nobits
    .balign 4096
    .space  32768
boot_stack_top:
