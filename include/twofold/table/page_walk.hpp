// SPDX-License-Identifier: MIT
// PageWalk: what a walk to a page needs, side by side, where a table of the usual kind is all that
// is asked for.
#pragma once

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/table/invalidation_plan.hpp>

#include <cstdint>
#include <optional>

namespace twofold {

struct PageWalk {
    std::uint64_t page_size = 0;
    std::uint64_t index_mask = 0;
    unsigned page_bits = 0;
    unsigned root_shift = 0; // of the page number
    // 0, so that no address is inside, where addresses do not stand in bits 47:0 of a descriptor,
    // or there is no level above the pages.
    std::uint64_t root_entries = 0;
    Pa root = {};
    std::uint64_t table_mask = 0; // the address in a table descriptor
    unsigned stride = 0;
    std::uint64_t hint = 0; // TTL of a TLBI by IPA for a page

    static constexpr PageWalk of(const Geometry& g, const CpuFeatures& f, Pa root) {
        const unsigned page_bits = g.shift(page_level);
        const bool plain = !g.lpa2() && !g.wide_64k() && g.initial_level() != page_level;
        return {.page_size = g.page_size(),
                .index_mask = g.entries_below_root() - 1,
                .page_bits = page_bits,
                .root_shift = g.shift(g.initial_level()) - page_bits,
                .root_entries = plain ? g.ipa_limit() >> g.shift(g.initial_level()) : 0,
                .root = root,
                .table_mask = bit_mask(47, page_bits),
                .stride = g.index_bits(),
                .hint = TlbiByIpa::make(g.granule(), g.lpa2(), Ipa{0},
                                        invalidation_plan::hinted(f) ? std::optional{page_level}
                                                                     : std::nullopt)
                            .value};
    }
    // The number of the page around an address.
    constexpr std::uint64_t page_of(Ipa ipa) const { return ipa.value >> page_bits; }
    // The same of the start of a page; of anything else a number that covers() does not take.
    constexpr std::uint64_t whole_page(Ipa ipa) const {
        return (ipa.value >> page_bits) | (ipa.value << (64 - page_bits));
    }
    // Whether it is a page of the table, and may be walked to.
    constexpr bool covers(std::uint64_t page) const { return (page >> root_shift) < root_entries; }
    // In a table below the root, whose entries cover 2^shift pages each.
    constexpr unsigned index(std::uint64_t page, unsigned shift) const {
        const std::uint64_t index = (page >> shift) & index_mask;
        if (index > ~0U) {
            __builtin_unreachable(); // or the compiler makes two of it, 64 and 32 bits wide
        }
        return static_cast<unsigned>(index);
    }
    constexpr unsigned index_behind(unsigned index) const {
        return static_cast<unsigned>((index + 1) & index_mask);
    }
};

} // namespace twofold
