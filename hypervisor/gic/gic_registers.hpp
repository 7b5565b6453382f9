// SPDX-License-Identifier: MIT
// Offsets and fields of the GICD and GICR frames, as the driver and the emulation use them.
#pragma once

#include <twofold/arch/field.hpp>

#include <cstdint>

namespace twofold::hyp {

namespace gicd {
inline constexpr unsigned control = 0x0000;       // GICD_CTLR
inline constexpr unsigned type = 0x0004;          // GICD_TYPER
inline constexpr unsigned implementer = 0x0008;   // GICD_IIDR
inline constexpr unsigned group = 0x0080;         // IGROUPR; the next six follow each 0x80 on
inline constexpr unsigned set_enable = 0x0100;    // ISENABLER
inline constexpr unsigned clear_enable = 0x0180;  // ICENABLER
inline constexpr unsigned set_pending = 0x0200;   // ISPENDR
inline constexpr unsigned clear_pending = 0x0280; // ICPENDR
inline constexpr unsigned set_active = 0x0300;    // ISACTIVER
inline constexpr unsigned clear_active = 0x0380;  // ICACTIVER
inline constexpr unsigned priority = 0x0400;      // IPRIORITYR, a byte each
inline constexpr unsigned targets = 0x0800;       // ITARGETSR: RES0 with affinity routing
inline constexpr unsigned configuration = 0x0c00; // ICFGR, two bits each
inline constexpr unsigned configuration_end = 0x0d00;
inline constexpr unsigned route = 0x6000; // GICD_IROUTER, 8 bytes each
inline constexpr unsigned route_end = 0x8000;
inline constexpr unsigned identification = 0xffd0; // PIDR4 to CIDR3, in GICR frames too

using EnableGroup0 = Field<0>;
using EnableGroup1 = Field<1>;
using AffinityRouting = Field<4>; // ARE, ARE_NS
using DisableSecurity = Field<6>; // DS
using WritePending = Field<31>;   // RWP

using Lines = Field<4, 0>;    // GICD_TYPER.ITLinesNumber
using IdBits = Field<23, 19>; // IDbits: number of INTID bits minus one
using Affinity3 = Field<24>;  // A3V
using NoOneOfN = Field<25>;   // No1N
} // namespace gicd

namespace gicr {
inline constexpr unsigned control = 0x0000;     // GICR_CTLR
inline constexpr unsigned implementer = 0x0004; // GICR_IIDR
inline constexpr unsigned type = 0x0008;        // GICR_TYPER, 8 bytes
inline constexpr unsigned waker = 0x0014;       // GICR_WAKER
inline constexpr unsigned sgi_frame = 0x10000;  // SGI_base, laid out as the distributor

using WritePending = Field<3>;   // GICR_CTLR.RWP
using VirtualLpis = Field<1>;    // GICR_TYPER.VLPIS: four frames instead of two
using Last = Field<4>;           // GICR_TYPER.Last
using Processor = Field<23, 8>;  // GICR_TYPER.Processor_Number
using Affinity = Field<63, 32>;  // GICR_TYPER.Affinity_Value
using ProcessorSleep = Field<1>; // GICR_WAKER
using ChildrenAsleep = Field<2>; // GICR_WAKER
} // namespace gicr

// PIDR2.ArchRev
inline constexpr unsigned peripheral_id2 = 0xffe8;
using ArchitectureRevision = Field<7, 4>;

} // namespace twofold::hyp
