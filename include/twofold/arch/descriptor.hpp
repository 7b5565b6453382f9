// SPDX-License-Identifier: MIT
// Descriptor: one 64-bit entry of a stage-2 table, and DescriptorFormat: where its addresses are.
//
//   bits 1:0   level -1..2                level 3
//   x0         invalid                    invalid
//   01         block, where allowed       reserved: invalid
//   11         table                      page
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/attributes.hpp>
#include <twofold/arch/geometry.hpp>

#include <cstdint>

namespace twofold {

enum class EntryKind : std::uint8_t { invalid, table, block, page };

// The bits of a descriptor that are not its address or type are Attributes or software's.
struct Descriptor {
    std::uint64_t value = 0;

    constexpr bool valid() const { return (value & 1) != 0; }
    constexpr bool contiguous() const { return leaf::contiguous::is_set(value); }
    constexpr bool operator==(const Descriptor&) const = default;
};

class DescriptorFormat {
public:
    constexpr explicit DescriptorFormat(const Geometry& geometry)
        : table_mask_{bit_mask(47, geometry.shift(page_level))},
          page_bits_{static_cast<std::uint8_t>(geometry.shift(page_level))},
          index_bits_{static_cast<std::uint8_t>(geometry.index_bits())},
          lpa2_{geometry.lpa2()},
          wide_64k_{geometry.wide_64k()},
          top_leaf_level_{static_cast<std::int8_t>(geometry.top_leaf_level())} {}

    // AArch64.DecodeDescriptorType: a block where the architecture has none is invalid.
    constexpr EntryKind kind(Descriptor d, Level level) const {
        if (!d.valid()) {
            return EntryKind::invalid;
        }
        const bool bit1 = (d.value & 2) != 0;
        if (level == page_level) {
            return bit1 ? EntryKind::page : EntryKind::invalid;
        }
        if (bit1) {
            return EntryKind::table;
        }
        return level >= top_leaf_level_ ? EntryKind::block : EntryKind::invalid;
    }
    constexpr bool is_leaf(Descriptor d, Level level) const {
        const EntryKind k = kind(d, level);
        return k == EntryKind::block || k == EntryKind::page;
    }
    constexpr bool is_table(Descriptor d, Level level) const {
        return level != page_level && (d.value & 3) == 3;
    }

    // `table` is aligned to the granule and fits the output size.
    constexpr Descriptor table(Pa table) const { return {encode_address(table) | 0b11}; }

    // `pa` is aligned to the level's entry size and fits the output size; `attribute_bits` come
    // from AttributeFormat::encode. nT exists in blocks only.
    constexpr Descriptor leaf(Level level, Pa pa, std::uint64_t attribute_bits) const {
        if (level == page_level) {
            return {encode_address(pa) | (attribute_bits & ~leaf::nt::mask) | 0b11};
        }
        return {encode_address(pa) | attribute_bits | 0b01};
    }

    // AArch64.NextTableBase
    constexpr Pa next_table(Descriptor d) const { return decode_address(d, table_mask_); }
    // AArch64.LeafBase: the output address of the first byte that this entry maps, the Contiguous
    // bit left aside.
    constexpr Pa output(Descriptor d, Level level) const {
        return decode_address(d, bit_mask(47, shift(level)));
    }
    // The leaf of `d`'s kind and attributes with another output address.
    constexpr Descriptor with_output(Descriptor d, Level level, Pa pa) const {
        return {(d.value & ~address_mask(level)) | encode_address(pa)};
    }

    // The leaf `d` of `level` without its address, as a leaf of `below`, the same or a higher level
    // number: a page has a descriptor type of its own, and no nT. Whether it is one of a run is not
    // inherited.
    constexpr std::uint64_t attributes_below(Descriptor d, Level level, Level below) const {
        const std::uint64_t bits = d.value & ~(address_mask(level) | leaf::contiguous::mask | 0b11);
        return below == page_level ? (bits & ~leaf::nt::mask) | 0b11 : bits | 0b01;
    }

    // The bits that hold the output address of a leaf of `level`.
    constexpr std::uint64_t address_mask(Level level) const {
        const std::uint64_t mask = bit_mask(47, shift(level));
        if (wide_64k_) {
            return mask | bit_mask(15, 12);
        }
        return lpa2_ ? mask | bit_mask(49, 48) | bit_mask(9, 8) : mask;
    }

    constexpr std::uint64_t encode_address(Pa pa) const {
        const std::uint64_t low = pa.value & bit_mask(47, 0);
        if (wide_64k_) {
            return low | Field<15, 12>::of(pa.value >> 48);
        }
        if (lpa2_) {
            return low | (pa.value & bit_mask(49, 48)) | Field<9, 8>::of(pa.value >> 50);
        }
        return low;
    }

private:
    constexpr unsigned shift(Level level) const {
        return page_bits_ + index_bits_ * static_cast<unsigned>(page_level - level);
    }
    constexpr Pa decode_address(Descriptor d, std::uint64_t mask) const {
        const std::uint64_t low = d.value & mask;
        if (!wide_64k_ && !lpa2_) [[likely]] {
            return Pa{low};
        }
        return Pa{low |
                  (wide_64k_ ? Field<15, 12>::get(d.value) << 48
                             : (d.value & bit_mask(49, 48)) | (Field<9, 8>::get(d.value) << 50))};
    }

    std::uint64_t table_mask_; // bits 47:0 of a table's address
    std::uint8_t page_bits_;
    std::uint8_t index_bits_;
    bool lpa2_;
    bool wide_64k_;
    std::int8_t top_leaf_level_;
};

} // namespace twofold
