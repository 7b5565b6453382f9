// SPDX-License-Identifier: MIT
// InvalidationCounters: the instructions of one CPU that discharged what the library owed.
#pragma once

#include <cstdint>

namespace twofold::hyp {

struct InvalidationCounters {
    std::uint64_t by_ipa;
    std::uint64_t by_range;
    std::uint64_t whole_vmid;
    std::uint64_t stage1; // VMALLE1(IS), for combined entries
    std::uint64_t dsb;
};

} // namespace twofold::hyp
