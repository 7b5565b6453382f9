// SPDX-License-Identifier: MIT
// What each register that stage 2 uses says, field by field.
#pragma once

#include "tools/decode/decoded.hpp"

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/arch/vtcr.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace twofold::tool {

Decoded decode_vtcr(std::uint64_t value, const CpuFeatures& features);

// The table that a register or descriptor belongs to.
struct TableInUse {
    CpuFeatures features;
    Geometry geometry;
    Vtcr vtcr;
    std::optional<bool> fwb = {}; // HCR_EL2.FWB, if it is known
};

// Without a table only what the register says by itself.
Decoded decode_vttbr(std::uint64_t value, const CpuFeatures& features,
                     const std::optional<TableInUse>& table);

// As a descriptor of one level of the table.
Decoded decode_descriptor(std::uint64_t value, const TableInUse& table, Level level);

// HPFAR_EL2 and FAR_EL2 are used where they are given and valid.
Decoded decode_esr(std::uint64_t value, std::optional<std::uint64_t> hpfar,
                   std::optional<std::uint64_t> far);
Decoded decode_hpfar(std::uint64_t value);

Decoded decode_mmfr0(std::uint64_t value);
Decoded decode_mmfr1(std::uint64_t value);
Decoded decode_mmfr2(std::uint64_t value);

enum class TlbiOperandKind : std::uint8_t { ipas2, ripas2 };

// The operand of TLBI IPAS2(L)E1 or RIPAS2(L)E1 and their IS and OS forms.
Decoded decode_tlbi_operand(std::uint64_t value, TlbiOperandKind kind, const CpuFeatures& features,
                            const Geometry& geometry);

} // namespace twofold::tool
