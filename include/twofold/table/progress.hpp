// SPDX-License-Identifier: MIT
// Progress: how much an operation on a range may do in one call, and how far it got.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>

namespace twofold {

// An operation that is given one looks at or changes about `budget` entries (not more than the
// tables at the ends of its range have beyond that), starts at `next` if that lies in its range,
// and returns success when the budget is used up. It is called with the same arguments until all is
// done:
//
//   Progress progress;
//   do {
//       progress.budget = 512;
//       table.unmap(ipa, length, owed, &progress);
//   } while (progress.next < ipa + length);
//
// After an error everything below `next` is done and nothing above.
struct Progress {
    static constexpr std::uint64_t unlimited = ~std::uint64_t{0};

    std::uint64_t budget = unlimited; // at least 1
    Ipa next = {};
};

} // namespace twofold
