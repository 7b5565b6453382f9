// SPDX-License-Identifier: MIT
// Relax: permissions added to the leaf that maps an address, for a permission fault.
#pragma once

#include <twofold/table/one_leaf.hpp>
#include <twofold/table/range_change.hpp>

#include <cstdint>
#include <expected>

namespace twofold {

inline constexpr Pa any_output{~std::uint64_t{0}};

// Permissions for the leaf that maps an address, if it maps it to this output, and is not larger.
struct Relaxation {
    Permissions add = {};
    Pa output = any_output;
    std::uint64_t largest = ~std::uint64_t{0};
};

// `marked`: the leaf is one of a contiguous run, which has to be broken first; nothing has changed.
template <TablePort Port>
std::expected<void, Error> add_permissions(Tree<Port>& tree, Ipa ipa, const Relaxation& wanted,
                                           Invalidation& owed, bool& marked) {
    const Permissions add = wanted.add;
    const bool xnx = tree.features.xnx;
    for (unsigned tries = 0; tries < max_tries; ++tries) {
        const Step end = tree.walk(ipa);
        const std::uint64_t d = end.descriptor.value;
        if (!tree.format.is_leaf(end.descriptor, end.level)) {
            return std::unexpected(
                invalid_entry::is_broken(end.descriptor.value) ? Error::again : Error::not_mapped);
        }
        const std::uint64_t entry = tree.geometry.entry_size(end.level);
        if (entry > wanted.largest ||
            (wanted.output != any_output &&
             tree.format.output(end.descriptor, end.level) + ipa.offset_in(entry) !=
                 wanted.output)) {
            return std::unexpected(Error::again);
        }
        const auto now = Permissions::decode(0, leaf::xn::get(d), xnx);
        const auto xn = (now | add).xn(xnx);
        if (!xn) {
            return std::unexpected(xn.error());
        }
        // S2AP is only added to: hardware may have set the write bit of a writable-clean leaf.
        const std::uint64_t after =
            (d & ~leaf::xn::mask) | leaf::s2ap::of(add.s2ap()) | leaf::xn::of(*xn);
        const Transition how = transition(tree.format, Descriptor{d}, Descriptor{after}, end.level,
                                          tree.features, {.whole_run = false});
        if (how == Transition::nothing) {
            return {};
        }
        if (how == Transition::break_first) {
            marked = true;
            return {};
        }
        if (tree.table(end.table).compare_exchange(end.index, d, after)) {
            owed.add_leaf(ipa.align_down(entry), entry, end.level, InvalidationScope::local,
                          leaf::fnxs::is_set(d));
            tree.complete_stores(owed);
            return {};
        }
        tree.counters.retries.add();
    }
    return std::unexpected(Error::again);
}

// The leaf stood in a contiguous run, which only the holder of its stripe changes: what it
// finds there then decides.
template <TablePort Port>
std::expected<void, Error> relax_in_run(Tree<Port>& tree, Ipa ipa, const Relaxation& wanted,
                                        Invalidation& owed) {
    HeldStripes held{tree.port, tree.stripes};
    if (!tree.hold(held, {ipa, ipa + 1})) {
        return std::unexpected(Error::again);
    }
    bool marked = false;
    auto result = add_permissions(tree, ipa, wanted, owed, marked);
    if (!marked) {
        return result;
    }
    const Step end = tree.walk(ipa);
    const std::uint64_t old = leaf::xn::get(end.descriptor.value);
    const bool xnx = tree.features.xnx;
    const auto xn = (Permissions::decode(0, old, xnx) | wanted.add).xn(xnx);
    const LeafChange change{.keep = ~leaf::xn::mask,
                            .set = leaf::s2ap::of(wanted.add.s2ap()) | leaf::xn::of(*xn)};
    Progress all;
    return RangeChange<Port>{tree, tree.entry_at(ipa, end.level), change, owed, held, all}.run();
}

// Of any leaf. Errors: ipa_out_of_range, not_mapped, execute_needs_xnx, again; in a run also
// out_of_memory.
template <TablePort Port>
[[gnu::noinline]] std::expected<void, Error>
relax_leaf(Tree<Port>& tree, Ipa ipa, const Relaxation& wanted, Invalidation& owed) {
    if (!tree.geometry.contains(ipa)) {
        return std::unexpected(Error::ipa_out_of_range);
    }
    [[maybe_unused]] const auto section = tree.port.section();
    bool marked = false;
    const auto result = add_permissions(tree, ipa, wanted, owed, marked);
    return marked ? relax_in_run(tree, ipa, wanted, owed) : result;
}

} // namespace twofold
