// SPDX-License-Identifier: MIT
// Split: builds, unlinked, the subtree that stands for a block of which only a part changes.
#pragma once

#include <twofold/arch/descriptor.hpp>
#include <twofold/table/one_leaf.hpp>
#include <twofold/table/tree.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace twofold {

// Tables that a block of `level` at `block` needs below it, so that `part` is made of whole
// entries.
constexpr std::uint64_t split_tables(const Geometry& geometry, Level level, IpaRange block,
                                     IpaRange part) {
    const IpaRange inside = block.intersect(part);
    if (inside.empty() || inside == block) {
        return 0;
    }
    const std::uint64_t size = geometry.entry_size(level + 1);
    const Ipa first = inside.start.align_down(size);
    const Ipa last = (inside.end - 1).align_down(size);
    std::uint64_t tables = 1 + split_tables(geometry, level + 1, {first, first + size}, part);
    if (last != first) {
        tables += split_tables(geometry, level + 1, {last, last + size}, part);
    }
    return tables;
}

// A block that was broken because an operation covers only a part of it: where its descriptor
// stood, and what hardware had made of it last.
struct PartialBlock {
    Pa table = {};
    unsigned index = 0;
    Level level = page_level;
    IpaRange block = {};
    Descriptor old = {};
};

// A range has two ends, so an operation meets at most two of them.
class PartialBlocks {
public:
    void add(const PartialBlock& block) { blocks_[count_++] = block; }
    bool empty() const { return count_ == 0; }
    bool in_table(Pa table) const {
        return std::ranges::any_of(blocks(),
                                   [&](const PartialBlock& b) { return b.table == table; });
    }
    std::span<const PartialBlock> blocks() const { return {blocks_.data(), count_}; }

private:
    std::array<PartialBlock, 2> blocks_ = {};
    unsigned count_ = 0;
};

// The subtree that stands for a block of which `part` changes, unlinked, made of split_tables()
// tables from `reserve`. Returns the table to link.
template <TablePort Port>
Pa build_split(Tree<Port>& tree, TableList& reserve, Descriptor old, Level level, IpaRange block,
               IpaRange part, LeafChange change) {
    const DescriptorFormat& format = tree.format;
    const Pa table = table_list::pop(tree.port, reserve);
    auto entries = tree.table(table);
    const Level below = level + 1;
    const std::uint64_t attributes = format.attributes_below(old, level, below);
    const Pa pa = format.output(old, level);
    tree.for_each_entry(below, block, [&](unsigned i, IpaRange entry, IpaRange) {
        const IpaRange inside = entry.intersect(part);
        const Descriptor leaf{attributes | format.encode_address(pa + (entry.start - block.start))};
        if (inside.empty()) {
            entries.store(i, leaf.value);
        } else if (inside == entry) {
            entries.store(i, change.apply(leaf.value));
        } else {
            const Pa next = build_split(tree, reserve, leaf, below, entry, part, change);
            entries.store(i, format.table(next).value);
        }
    });
    ++tree.counters.tables;
    ++tree.counters.tables_made;
    return table;
}

// Puts back what stays of the blocks that an operation broke. The invalidation of what was broken
// has to be complete: only then may a valid entry stand there again.
template <TablePort Port>
void publish_splits(Tree<Port>& tree, TableList& reserve, const PartialBlocks& broken,
                    IpaRange part, LeafChange change) {
    for (const PartialBlock& b : broken.blocks()) {
        const Pa subtree = build_split(tree, reserve, b.old, b.level, b.block, part, change);
        tree.table(b.table).publish(b.index, tree.format.table(subtree).value);
        ++tree.counters.blocks_split;
    }
}

} // namespace twofold
