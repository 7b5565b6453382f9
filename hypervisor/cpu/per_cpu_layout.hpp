// SPDX-License-Identifier: MIT
// Numbers that assembler and C++ share; per_cpu.hpp and trap_frame.hpp pin them with static_assert.
#pragma once

// [29:28] [23:22] [18] [16] [11] [5:4] RES1; MMU, caches and alignment checks off.
#define SCTLR_EL2_RESET 0x30c50830

#define TRAP_FRAME_ELR 248
#define TRAP_FRAME_SPSR 256
#define TRAP_FRAME_ESR 264
#define TRAP_FRAME_FAR 272
#define TRAP_FRAME_HPFAR 280
#define TRAP_FRAME_SIZE 288

#define PER_CPU_FAULT_FRAME 0
#define PER_CPU_FAULT_STACK 304
