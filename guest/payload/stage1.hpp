// SPDX-License-Identifier: MIT
// The guest's own translation: 4K granule, 48 bits. TTBR0 is the identity map, TTBR1 has windows of
// 1 GiB that show any IPA, and whatever a case makes of it.
#pragma once

#include <twofold/arch/address.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace twofold::payload {

using TranslationTable = std::array<volatile std::uint64_t, 512>;

enum class WindowKind : std::uint8_t {
    normal,        // EL1 may do everything
    non_cacheable, // the same, without caches
    device,        // nGnRnE, not for execution
    el0,           // EL0 may do everything
    el0_code,      // EL0 may read and execute
};

enum class Window : std::uint8_t { general, el0, el0_code };

// Shows the GiB around `ipa`; returns where `ipa` is to be found.
std::uint64_t map_window(Window window, std::uint64_t ipa, WindowKind kind);

// The root that TTBR1_EL1 points to. Entry 0 holds the windows, the others are free.
TranslationTable& high_root();
// The address that entry `index` of the root covers.
constexpr std::uint64_t high_address(unsigned index) {
    return 0xffff'0000'0000'0000 | std::uint64_t{index} << 39;
}

// [1:0] valid, table
constexpr std::uint64_t table_descriptor(std::uint64_t address) { return address | 0b11; }
// Normal memory that EL1 may write: [54] UXN, [10] AF, [9:8] SH, [4:2] AttrIndx
inline constexpr std::uint64_t page_attributes =
    std::uint64_t{1} << 54 | 1U << 10 | 3U << 8 | 1U << 2 | 0b11;

// After a change of a table.
void forget_translations();

} // namespace twofold::payload

extern "C" {
void make_stage1();
void enter_stage1();
}
