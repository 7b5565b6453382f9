// SPDX-License-Identifier: MIT
// check_range: whether a range of input addresses may be asked of a table.
#pragma once

#include <twofold/arch/error.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/table/ipa_range.hpp>
#include <twofold/table/progress.hpp>

#include <algorithm>
#include <cstdint>
#include <expected>

namespace twofold {

// [ipa, ipa + length), from where a progress has come to; an empty range: all is done. Errors:
// ipa_misaligned, range_empty, range_misaligned, ipa_out_of_range.
constexpr std::expected<IpaRange, Error> check_range(const Geometry& geometry, Ipa ipa,
                                                     std::uint64_t length,
                                                     const Progress& progress = {}) {
    if (!ipa.is_aligned(geometry.page_size())) {
        return std::unexpected(Error::ipa_misaligned);
    }
    if (length == 0) {
        return std::unexpected(Error::range_empty);
    }
    if (!is_aligned(length, geometry.page_size())) {
        return std::unexpected(Error::range_misaligned);
    }
    if (!geometry.contains(ipa, length)) {
        return std::unexpected(Error::ipa_out_of_range);
    }
    const Ipa end = ipa + length;
    return IpaRange{progress.next < end ? std::max(ipa, progress.next) : ipa, end};
}

} // namespace twofold
