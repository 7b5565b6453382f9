// SPDX-License-Identifier: MIT
// IpaRange: a part of the input space.
#pragma once

#include <twofold/arch/address.hpp>

#include <algorithm>

namespace twofold {

// `end` is not included.
struct IpaRange {
    Ipa start = {};
    Ipa end = {};

    constexpr bool empty() const { return end <= start; }
    constexpr std::uint64_t length() const { return end - start; }
    constexpr IpaRange intersect(IpaRange other) const {
        return {std::max(start, other.start), std::min(end, other.end)};
    }
    constexpr bool operator==(const IpaRange&) const = default;
};

} // namespace twofold
