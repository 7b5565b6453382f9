// SPDX-License-Identifier: MIT
// Stage 1 of the guest that is on this CPU, asked of the hardware.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <optional>

namespace twofold::hyp {

// The IPA of a virtual address for reading at EL1; empty where stage 1 has none. PAR_EL1 is the
// guest's and keeps its value.
std::optional<Ipa> translate_stage1(std::uint64_t address);

} // namespace twofold::hyp
