// SPDX-License-Identifier: MIT
// BadRange: what no operation on a range of a three-level table with 40 bits of IPA accepts.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/error.hpp>

#include <cstdint>

namespace twofold::test {

struct BadRange {
    std::uint64_t ipa = {};
    std::uint64_t length = {};
    Error error = {};
};

inline constexpr BadRange bad_ranges[] = {
    {0x4000'0800, 0x1000, Error::ipa_misaligned},
    {0x4000'0000, 0x800, Error::range_misaligned},
    {0x4000'0000, GiB + 0x800, Error::range_misaligned},
    {0x4000'0000, 0, Error::range_empty},
    {0x100'0000'0000, 0x1000, Error::ipa_out_of_range},
    {0xff'ffff'f000, 0x2000, Error::ipa_out_of_range},             // one page too many
    {0x4000'0000, 0x100'0000'0000, Error::ipa_out_of_range},       // of the right size
    {0x4000'0000, 0xffff'ffff'ffff'f000, Error::ipa_out_of_range}, // wraps
    {0xffff'ffff'ffff'f000, 0x1000, Error::ipa_out_of_range},      // ends at 2^64
};

} // namespace twofold::test
