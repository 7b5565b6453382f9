// SPDX-License-Identifier: MIT
// Stage1Walk: the way that the CPU takes through a guest's stage-1 tables, for what a stage-2 abort
// of such a walk does not tell: the level.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/fault_status.hpp>

#include <cstdint>
#include <optional>

namespace twofold::hyp {

// The registers of one half of the address space, from TCR_EL1 and TTBRn_EL1.
struct Stage1Walk {
    std::uint64_t table = 0;     // the root
    unsigned page_bits = 12;     // granule
    unsigned input_bits = 48;    // 64 - TnSZ
    bool wide = false;           // [34:32] IPS: 52 bits
    bool long_addresses = false; // [59] DS: descriptors as of FEAT_LPA2

    // For this virtual address; empty if the registers do not describe a table.
    static std::optional<Stage1Walk> make(std::uint64_t address, std::uint64_t tcr,
                                          std::uint64_t ttbr0, std::uint64_t ttbr1);

    unsigned stride() const { return page_bits - 3; }
    Level initial_level() const;
    Ipa descriptor_address(std::uint64_t table_address, Level level, std::uint64_t address) const;
    std::uint64_t next_table(std::uint64_t descriptor) const;

    // The level whose descriptor for `address` lies in the 4 KiB at `page`. `read` returns a word
    // of the guest's memory, or nothing.
    template <typename Read>
    std::optional<Level> level_at(Ipa page, std::uint64_t address, Read read) const {
        std::uint64_t at = table;
        for (Level level = initial_level(); level <= 3; ++level) {
            const Ipa entry = descriptor_address(at, level, address);
            if (entry.align_down(4 * KiB) == page.align_down(4 * KiB))
                return level;
            const std::optional<std::uint64_t> descriptor = read(entry);
            if (!descriptor || !is_table(*descriptor))
                return std::nullopt;
            at = next_table(*descriptor);
        }
        return std::nullopt;
    }

    // The level where the walk for `address` ends.
    template <typename Read>
    std::optional<Level> last_level(std::uint64_t address, Read read) const {
        std::uint64_t at = table;
        for (Level level = initial_level(); level <= 3; ++level) {
            const std::optional<std::uint64_t> descriptor =
                read(descriptor_address(at, level, address));
            if (!descriptor)
                return std::nullopt;
            if (level == 3 || !is_table(*descriptor))
                return level;
            at = next_table(*descriptor);
        }
        return std::nullopt;
    }

private:
    static constexpr bool is_table(std::uint64_t descriptor) { return (descriptor & 0b11) == 0b11; }
};

} // namespace twofold::hyp
