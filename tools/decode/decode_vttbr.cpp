// SPDX-License-Identifier: MIT
// VTTBR_EL2: the root of a table, and its VMID.
#include "tools/decode/decode.hpp"

#include <twofold/arch/vttbr.hpp>
#include <twofold/model/walk_parameters.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

// Where walks start, as the manual's pseudocode takes it.
std::uint64_t effective_root(std::uint64_t vttbr, const TableInUse& table) {
    const model::WalkConfig config{.vtcr = table.vtcr.value,
                                   .vttbr = vttbr,
                                   .pa_max = table.features.pa_bits,
                                   .lpa = table.features.lpa(),
                                   .lpa2 = table.features.has_lpa2(table.geometry.granule()),
                                   .ttst = table.features.ttst};
    return model::table_base(config, model::decode_parameters(config));
}

void check_root(Decoded& decoded, const TableInUse& table) {
    const Geometry& geometry = table.geometry;
    const Pa written = Vttbr{decoded.value}.root(geometry);
    const Pa root{effective_root(decoded.value, table)};
    const bool wide = Vttbr::wide(geometry);
    decoded.fields.push_back(
        wide ? RegisterField{.name = "BADDR",
                             .high = 47,
                             .low = 6,
                             .value = Field<47, 6>::get(decoded.value),
                             .meaning = fmt::format("root at {:#x}, with [5:2]", root.value)}
             : register_field<Vttbr::baddr>("BADDR", decoded.value,
                                            fmt::format("root at {:#x}", root.value)));
    if (wide) {
        decoded.fields.push_back(register_field<Vttbr::baddr_51_48>("BADDR[51:48]", decoded.value,
                                                                    "of the root's address"));
    }
    if (written != root) {
        decoded.problems.push_back(fmt::format(
            "BADDR {:#x} is not aligned: the root has {} entries, and the CPU takes {:#x}",
            written.value, geometry.entries(geometry.initial_level()), root.value));
    }
    if (!geometry.fits(root, geometry.entries(geometry.initial_level()) * 8ULL)) {
        decoded.problems.push_back(fmt::format("BADDR {:#x} does not fit {}-bit addresses: every "
                                               "access is an address size fault at level 0",
                                               root.value, geometry.pa_bits()));
    }
    const bool wide_vmid = Vtcr::vs::is_set(table.vtcr.value);
    if (!wide_vmid && Vttbr::vmid::get(decoded.value) > 0xff) {
        decoded.problems.emplace_back("VMID [63:56] set: VMIDs have 8 bits (VTCR_EL2.VS = 0)");
    }
}

} // namespace

Decoded decode_vttbr(std::uint64_t value, const CpuFeatures& features,
                     const std::optional<TableInUse>& table) {
    Decoded decoded{.name = "VTTBR_EL2",
                    .value = value,
                    .summary = {},
                    .fields = {},
                    .problems = {},
                    .notes = {}};
    decoded.fields.push_back(register_field<Vttbr::cnp>(
        "CnP", value,
        Vttbr::cnp::is_set(value) ? "TLB entries may be shared with other CPUs"
                                  : "TLB entries are this CPU's own"));
    if (Vttbr::cnp::is_set(value) && !features.cnp) {
        decoded.problems.emplace_back("CnP is set, and the CPU does not have it (FEAT_TTCNP)");
    }
    const std::uint64_t vmid = Vttbr::vmid::get(value);
    const bool narrow = table && !Vtcr::vs::is_set(table->vtcr.value);
    const std::uint64_t effective = narrow ? vmid & 0xff : vmid;
    if (table) {
        check_root(decoded, *table);
        decoded.summary =
            fmt::format("root at {:#x}, VMID {}", effective_root(value, *table), effective);
    } else {
        decoded.fields.push_back(register_field<Vttbr::baddr>(
            "BADDR", value, fmt::format("root at {:#x}", value & Vttbr::baddr::mask)));
        decoded.summary =
            fmt::format("root at {:#x}, VMID {}", value & Vttbr::baddr::mask, effective);
        decoded.notes.emplace_back(
            "with --vtcr, or the shape of the table, its alignment, size and "
            "upper address bits are checked, too");
    }
    decoded.fields.push_back(register_field<Vttbr::vmid>(
        "VMID", value,
        narrow ? fmt::format("{} (8 bits)", effective) : fmt::format("{}", effective)));
    std::ranges::sort(decoded.fields, {}, &RegisterField::low);
    if (effective == 0) {
        decoded.notes.emplace_back("VMID 0 is what the host itself uses in most hypervisors");
    }
    return decoded;
}

} // namespace twofold::tool
