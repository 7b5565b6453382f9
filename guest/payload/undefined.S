// SPDX-License-Identifier: MIT
// Instructions that a guest does not have: registers of higher levels, of features that are hidden
// from it, and of none. A list of {function, name}.
.macro undefined name:req, instruction:vararg
    .section .text.undefined, "ax"
    .balign 4
1:  \instruction
    ret
    .section .rodata.names, "a"
2:  .asciz "\name"
    .section .rodata.undefined, "a"
    .quad   1b, 2b
.endm

    .section .rodata.undefined, "a"
    .balign 8
    .global undefined_list
undefined_list:
    undefined "read HCR_EL2", mrs x0, hcr_el2
    undefined "write HCR_EL2", msr hcr_el2, xzr
    undefined "read VTTBR_EL2", mrs x0, vttbr_el2
    undefined "write VBAR_EL2", msr vbar_el2, xzr
    undefined "read SCTLR_EL3", mrs x0, sctlr_el3
    undefined "read ESR_EL12", mrs x0, s3_5_c5_c2_0
    undefined "unallocated", mrs x0, s3_0_c5_c7_7
    undefined "unallocated write", msr s3_3_c2_c6_5, x0
    undefined "ERRIDR_EL1", mrs x0, s3_0_c5_c3_0
    undefined "ERXSTATUS_EL1", mrs x0, s3_0_c5_c4_2
    undefined "LORC_EL1", mrs x0, s3_0_c10_c4_3
    undefined "PMCR_EL0", mrs x0, pmcr_el0
    undefined "PMCCNTR_EL0", mrs x0, pmccntr_el0
    undefined "write PMCNTENSET_EL0", msr pmcntenset_el0, x0
    undefined "PMINTENSET_EL1", mrs x0, pmintenset_el1
    undefined "TRFCR_EL1", mrs x0, s3_0_c1_c2_1
    undefined "PMSCR_EL1", mrs x0, s3_0_c9_c9_0
    undefined "AMCR_EL0", mrs x0, s3_3_c13_c2_0
    undefined "MPAM1_EL1", mrs x0, s3_0_c10_c5_0
    undefined "ZCR_EL1", mrs x0, s3_0_c1_c2_0
    undefined "SMCR_EL1", mrs x0, s3_0_c1_c2_6
    undefined "GCR_EL1", mrs x0, s3_0_c1_c0_6
    undefined "RGSR_EL1", mrs x0, s3_0_c1_c0_5
    undefined "TFSR_EL1", mrs x0, s3_0_c5_c6_0
    undefined "SCXTNUM_EL1", mrs x0, s3_0_c13_c0_7
    undefined "CNTB of SVE", .inst 0x0420e3e0
    undefined "SMSTART", .inst 0xd503477f
    undefined "UDF", .inst 0x00000000
    .section .rodata.undefined, "a"
    .quad   0, 0
