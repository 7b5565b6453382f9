// SPDX-License-Identifier: MIT
// CachedValues: what a TLB keeps of a descriptor, and what of it may differ between two that it
// holds for the same address. Written from the manual, not from the engine.
#pragma once

#include <twofold/arch/descriptor.hpp>
#include <twofold/model/bits.hpp>
#include <twofold/model/checker_config.hpp>

#include <cstdint>

namespace twofold::model {

class CachedValues {
public:
    explicit CachedValues(const CheckerConfig& config)
        : format_{config.geometry},
          xnx_{config.xnx},
          fwb_{config.fwb},
          dirty_state_{config.hardware_dirty_state} {}

    [[nodiscard]] EntryKind kind(std::uint64_t d, Level level) const {
        return format_.kind(Descriptor{d}, level);
    }
    [[nodiscard]] bool is_leaf(std::uint64_t d, Level level) const {
        return format_.is_leaf(Descriptor{d}, level);
    }
    [[nodiscard]] bool is_table(std::uint64_t d, Level level) const {
        return format_.is_table(Descriptor{d}, level);
    }
    [[nodiscard]] std::uint64_t next_table(std::uint64_t d) const {
        return format_.next_table(Descriptor{d}).value;
    }
    [[nodiscard]] std::uint64_t output(std::uint64_t d, Level level) const {
        return format_.output(Descriptor{d}, level).value;
    }
    [[nodiscard]] std::uint64_t address_mask(Level level) const {
        return format_.address_mask(level);
    }
    [[nodiscard]] static bool contiguous(std::uint64_t d) { return bit(d, 52); }
    [[nodiscard]] static bool access_flag(std::uint64_t d) { return bit(d, 10); }
    [[nodiscard]] static bool dirty_state(std::uint64_t d) { return bit(d, 51); }

    // A leaf without AF is never cached; of a contiguous run any other entry may have it.
    [[nodiscard]] bool cacheable(std::uint64_t d, Level level) const {
        return is_table(d, level) || (is_leaf(d, level) && (access_flag(d) || contiguous(d)));
    }

    // What two leaves must have in common to be in use at once: all but permissions, AF, DBM and
    // what hardware ignores.
    static constexpr std::uint64_t free_bits =
        (3ULL << 6) | (1ULL << 10) | (1ULL << 51) | (3ULL << 53) | (0xfULL << 55) | (0x1fULL << 59);
    [[nodiscard]] static std::uint64_t fixed(std::uint64_t leaf) { return leaf & ~free_bits; }

    // What a leaf lets a guest do: [0] read, [1] write, [2] write, or hardware may allow it
    // (DBM), [3] execute at EL1, [4] execute at EL0.
    [[nodiscard]] unsigned grants(std::uint64_t leaf) const {
        unsigned all = static_cast<unsigned>(field(leaf, 7, 6));
        if (bit(leaf, 7) || (bit(leaf, 51) && dirty_state_)) {
            all |= 4;
        }
        const std::uint64_t xn = xnx_ ? field(leaf, 54, 53) : field(leaf, 54, 54) << 1;
        // 00: both, 01: EL0 only, 10: none, 11: EL1 only
        all |= xn == 0 ? 24U : xn == 1 ? 16U : xn == 3 ? 8U : 0U;
        return all;
    }

    // Two leaves of one level that a TLB cannot tell apart.
    [[nodiscard]] bool same_leaf(std::uint64_t a, std::uint64_t b) const {
        return fixed(a) == fixed(b) && grants(a) == grants(b);
    }
    // Accesses through it may have the XS attribute: stage 1 decides, unless FnXS says no or the
    // memory is made Normal Write-Back whatever stage 1 says.
    [[nodiscard]] bool may_have_xs(std::uint64_t leaf) const {
        return !bit(leaf, 11) && !(fwb_ && field(leaf, 4, 2) == 0b110);
    }

private:
    DescriptorFormat format_;
    bool xnx_;
    bool fwb_;
    bool dirty_state_;
};

} // namespace twofold::model
