// SPDX-License-Identifier: MIT
// MapContent: what a range is filled with.
#pragma once

#include <twofold/table/frozen.hpp>
#include <twofold/table/store_leaves.hpp>
#include <twofold/table/subtree.hpp>
#include <twofold/table/transition.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>

namespace twofold {

// The run around an entry, whatever stands there.
constexpr IpaRange run_at(const Geometry& geometry, IpaRange entry, Level level) {
    const std::uint64_t size = geometry.contiguous_run(level) * entry.length();
    const Ipa start = entry.start.align_down(size);
    return {start, start + size};
}

// As it was asked for.
struct RangeContent {
    IpaRange range = {};
    std::uint64_t offset = 0;         // PA - IPA, modulo 2^64
    std::uint64_t attribute_bits = 0; // AttributeFormat::encode, or the annotation
    Level largest = page_level;       // the lowest level number of an entry; IPA and PA agree there
    std::uint64_t max_size = 0;       // of a contiguous run
    bool annotation = false;

    // Whether an entry of `level`, of which `inside` is meant, is to be a leaf or an annotation.
    constexpr bool becomes_entry(Level level, IpaRange entry, IpaRange inside) const {
        return level >= largest && inside == entry;
    }
};

// The same, as Subtree builds it.
template <TablePort Port>
class MapContent {
public:
    MapContent(const Tree<Port>& tree, const RangeContent& what) : tree_{tree}, what_{what} {}

    Level largest() const { return what_.largest; }
    // In place of an old leaf that hardware has made dirty, one that is writable-clean in all else
    // the same stays dirty: a second fault on a page must not lose what was written after the
    // first.
    std::uint64_t value(Level level, Ipa ipa, const OldEntry& old) const {
        const std::uint64_t wanted = value(level, ipa);
        return (old.descriptor & 1) != 0 && old.level == level
                   ? replacement(old_value(tree_.format, old, ipa), wanted)
                   : wanted;
    }
    static std::uint64_t replacement(std::uint64_t before, std::uint64_t after) {
        const bool same =
            ((before ^ after) & ~(transition_rules::in_place_bits | leaf::contiguous::mask)) == 0;
        const bool dbm = leaf::dbm::is_set(before) && leaf::dbm::is_set(after);
        return same && dbm ? after | (before & leaf::s2ap_write::mask) : after;
    }
    // What takes the place of a broken entry.
    std::uint64_t mended(std::uint64_t broken, Level level, Ipa ipa) const {
        return replacement(frozen::was(broken, level), value(level, ipa));
    }
    std::uint64_t value(Level level, Ipa ipa) const {
        return what_.annotation
                   ? what_.attribute_bits
                   : tree_.format.leaf(level, Pa{ipa.value + what_.offset}, what_.attribute_bits)
                         .value;
    }
    template <PortTable Entries>
    void store(Entries& entries, unsigned first, unsigned count, Level level, Ipa ipa,
               const OldEntry&) const {
        if (what_.annotation) {
            for (unsigned i = first; i < first + count; ++i) {
                entries.store(i, what_.attribute_bits);
            }
            return;
        }
        store_runs(tree_.geometry, entries, first, count, level, Pa{ipa.value + what_.offset},
                   tree_.format.leaf(level, Pa{}, what_.attribute_bits).value, what_.max_size);
    }
    // Of a run that is claimed, or broken as a whole.
    template <PortTable Entries>
    void publish_run(Entries& entries, unsigned first, unsigned run, Level level, Ipa at) const {
        const std::uint64_t size = tree_.geometry.entry_size(level);
        for (unsigned k = 0; k < run; ++k) {
            entries.publish(first + k, mended(entries.load(first + k), level, at + k * size) |
                                           leaf::contiguous::mask);
        }
    }
    // Entries of a run that may be marked; 1 where there is none.
    unsigned run(Level level) const {
        const unsigned entries = what_.annotation ? 1 : tree_.geometry.contiguous_run(level);
        const std::uint64_t size = entries * tree_.geometry.entry_size(level);
        return size <= what_.max_size && (what_.offset & (size - 1)) == 0 ? entries : 1;
    }

private:
    const Tree<Port>& tree_;
    const RangeContent& what_;
};

} // namespace twofold
