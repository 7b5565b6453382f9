// SPDX-License-Identifier: MIT
// Fields of TCR_EL1, TTBRn_EL1 and of table descriptors.
#include "guest/stage1_walk.hpp"

#include <twofold/arch/field.hpp>

namespace twofold::hyp {

namespace {

using upper_half = Field<55>; // of an address: TTBR1_EL1

// TCR_EL1
using t0sz = Field<5, 0>;
using tg0 = Field<15, 14>;
using t1sz = Field<21, 16>;
using tg1 = Field<31, 30>;
using ips = Field<34, 32>;
using ds = Field<59>;

constexpr unsigned reserved = 0;
constexpr unsigned granules_of_tg0[] = {12, 16, 14, reserved};
constexpr unsigned granules_of_tg1[] = {reserved, 14, 12, 16};
constexpr std::uint64_t ips_52_bits = 6;

} // namespace

std::optional<Stage1Walk> Stage1Walk::make(std::uint64_t address, std::uint64_t tcr,
                                           std::uint64_t ttbr0, std::uint64_t ttbr1) {
    const bool upper = upper_half::is_set(address);
    const std::uint64_t ttbr = upper ? ttbr1 : ttbr0;
    Stage1Walk walk{
        .page_bits = upper ? granules_of_tg1[tg1::get(tcr)] : granules_of_tg0[tg0::get(tcr)],
        .input_bits = 64 - static_cast<unsigned>(upper ? t1sz::get(tcr) : t0sz::get(tcr)),
        .wide = ips::get(tcr) == ips_52_bits,
        .long_addresses = ds::is_set(tcr)};
    if (walk.page_bits == reserved || walk.input_bits <= walk.page_bits || walk.input_bits > 52)
        return std::nullopt;
    // [47:1] BADDR; with 52 bits [5:2] are its bits [51:48].
    walk.table = ttbr & (walk.wide ? bit_mask(47, 6) : bit_mask(47, 1));
    if (walk.wide)
        walk.table |= (ttbr & bit_mask(5, 2)) << 46;
    return walk;
}

Level Stage1Walk::initial_level() const {
    const unsigned levels = (input_bits - page_bits + stride() - 1) / stride();
    return static_cast<Level>(4 - static_cast<int>(levels));
}

Ipa Stage1Walk::descriptor_address(std::uint64_t table_address, Level level,
                                   std::uint64_t address) const {
    const unsigned low = page_bits + stride() * static_cast<unsigned>(3 - level);
    const unsigned top = level == initial_level() ? input_bits : low + stride();
    return Ipa{table_address + ((address & bit_mask(top - 1, low)) >> low) * 8};
}

std::uint64_t Stage1Walk::next_table(std::uint64_t descriptor) const {
    if (long_addresses && page_bits < 16)
        return (descriptor & bit_mask(49, page_bits)) | (descriptor & bit_mask(9, 8)) << 42;
    const std::uint64_t upper = wide && page_bits == 16 ? (descriptor & bit_mask(15, 12)) << 36 : 0;
    return (descriptor & bit_mask(47, page_bits)) | upper;
}

} // namespace twofold::hyp
