// SPDX-License-Identifier: MIT
// HPFAR_EL2: the IPA of a stage-2 abort.
#include "tools/decode/decode.hpp"

#include <twofold/arch/abort.hpp>

#include <fmt/format.h>

namespace twofold::tool {

Decoded decode_hpfar(std::uint64_t value) {
    const std::uint64_t page = hpfar::fipa::get(value) << 12;
    Decoded decoded{
        .name = "HPFAR_EL2",
        .value = value,
        .summary = fmt::format("IPA {:#x}, to the page of 4 KiB", page),
        .fields = {register_field<hpfar::fipa>("FIPA", value, fmt::format("IPA {:#x}", page)),
                   register_field<hpfar::ns>("NS", value,
                                             hpfar::ns::is_set(value)
                                                 ? "Non-secure IPA space of Secure state"
                                                 : "the usual IPA space")},
        .problems = {},
        .notes = {}};
    decoded.check_res0(~(hpfar::fipa::mask | hpfar::ns::mask));
    decoded.notes.emplace_back("UNKNOWN after a permission fault, unless it is of a stage-1 walk "
                               "(ESR_EL2.S1PTW)");
    return decoded;
}

} // namespace twofold::tool
