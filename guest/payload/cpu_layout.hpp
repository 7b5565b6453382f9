// SPDX-License-Identifier: MIT
// Offsets that assembly and C++ share.
#pragma once

// CpuState, which TPIDR_EL1 points to
#define CPU_SAVED 0   // x19..x30
#define CPU_SP 96     // of the caller of probe_call
#define CPU_ARMED 104 // an exception ends the probe

// ExceptionFrame
#define FRAME_ELR 248
#define FRAME_SPSR 256
#define FRAME_ESR 264
#define FRAME_FAR 272
#define FRAME_DAIF 280
#define FRAME_SIZE 288
