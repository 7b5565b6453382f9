// SPDX-License-Identifier: MIT
// The contents of memory on the host, where there are no caches to clean: it is noted instead.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <vector>

namespace twofold::hyp {

struct CleanedRange {
    Pa pa;
    std::uint64_t bytes = 0;
    bool operator==(const CleanedRange&) const = default;
};
extern std::vector<CleanedRange> cleaned;

} // namespace twofold::hyp
