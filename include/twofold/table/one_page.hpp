// SPDX-License-Identifier: MIT
// One page: the short ways of a fault and of an unmap, for a page (or a new block) that stands
// alone in a table of the usual kind (PageWalk), by one walk and one compare-and-swap. In line, so
// that neither a request nor an Invalidation need be in memory. False of any of them: nothing has
// changed, and the long way is to be taken.
#pragma once

#include <twofold/table/empty_tables.hpp>
#include <twofold/table/map_request.hpp>
#include <twofold/table/relax.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>

namespace twofold {

// A page, and none of a contiguous run.
constexpr bool is_single_page(std::uint64_t d) {
    return (d & (leaf::contiguous::mask | 0b11)) == 0b11;
}

// Of any size: where an entry of that size is empty. `end`: of a walk in a table of the usual kind.
template <TablePort Port>
[[gnu::always_inline]] inline bool fill_entry(Tree<Port>& tree, const Step& end,
                                              const MapRequest& request, std::uint64_t wanted) {
    const std::uint64_t d = end.descriptor.value;
    if ((d != invalid_entry::empty && !tree.is_left_over(d)) ||
        request.length != tree.geometry.entry_size(end.level) ||
        end.level < tree.geometry.top_leaf_level()) {
        return false;
    }
    if (!tree.table(end.table).compare_exchange(end.index, d, wanted | leaf_type(end.level))) {
        return false;
    }
    tree.port.barrier(Barrier::dsb_ishst);
    return true;
}

template <TablePort Port>
[[gnu::always_inline]] inline bool map_leaf(Tree<Port>& tree, const MapRequest& request) {
    const std::uint64_t wanted = plain_leaf(tree, request);
    if (wanted == 0) {
        return false;
    }
    [[maybe_unused]] const auto section = tree.port.section();
    const PageWalk pages = tree.pages;
    return fill_entry(tree, tree.walk_to_page(pages, pages.page_of(request.ipa)), request, wanted);
}

// Takes out the table around `ipa` if nothing stands there now.
template <TablePort Port>
[[gnu::noinline]] void drop_table_around(Tree<Port>& tree, Ipa ipa, Invalidation& owed) {
    const Step end = tree.walk(ipa);
    if (end.level == page_level) {
        drop_if_empty(tree, ipa, end, owed);
        tree.complete_stores(owed);
    }
}

template <TablePort Port>
[[gnu::always_inline]] inline bool unmap_page(Tree<Port>& tree, Ipa ipa, std::uint64_t length,
                                              Invalidation& owed) {
    const PageWalk pages = tree.pages;
    const std::uint64_t page = pages.whole_page(ipa);
    if (length != pages.page_size || !pages.covers(page) || !owed.is_new()) {
        return false;
    }
    [[maybe_unused]] const auto section = tree.port.section();
    const Step end = tree.walk_to_page(pages, page);
    const std::uint64_t d = end.descriptor.value;
    if (end.level != page_level || !is_single_page(d)) {
        return false;
    }
    const std::uint64_t ticket = tree.tickets.take(tree.port, page);
    if (ticket == 0) {
        return false;
    }
    auto entries = tree.table(end.table);
    if (!entries.compare_exchange(end.index, d, invalid_entry::tombstone(ticket))) {
        tree.tickets.give_back(tree.port, ticket);
        return false;
    }
    tree.port.barrier(Barrier::dsb_ishst);
    owed.set_page(ipa, pages.page_size, InvalidationScope::inner_shareable, leaf::fnxs::is_set(d),
                  ticket);
    if (invalid_entry::is_vacant(entries.load(pages.index_behind(end.index)))) [[unlikely]] {
        drop_table_around(tree, ipa, owed);
    }
    return true;
}

// XN has two forms, in both of which 0 allows everything. `end`: of a walk in a table of the usual
// kind. What is owed for the page afterwards is the caller's to see to. By value, so that what the
// caller knows of them is not looked up behind the walk.
template <TablePort Port>
[[gnu::always_inline]] inline bool relax_entry(Tree<Port>& tree, const Step& end, Permissions add,
                                               Pa output) {
    const bool all = add.execute_el1 && add.execute_el0;
    const std::uint64_t d = end.descriptor.value;
    const std::uint64_t after = (all ? d & ~leaf::xn::mask : d) | leaf::s2ap::of(add.s2ap());
    if ((add.execute() && !all) || end.level != page_level || !is_single_page(d) || d == after ||
        (output != any_output &&
         (d & tree.pages.table_mask) != output.align_down(tree.pages.page_size).value) ||
        !tree.table(end.table).compare_exchange(end.index, d, after)) {
        return false;
    }
    tree.port.barrier(Barrier::dsb_ishst);
    return true;
}

// Where nothing is owed yet.
template <TablePort Port>
[[gnu::always_inline]] inline bool relax_page(Tree<Port>& tree, Ipa ipa, const Relaxation& wanted,
                                              Invalidation& owed) {
    const Permissions add = wanted.add;
    const Pa output = wanted.output;
    const PageWalk pages = tree.pages;
    const std::uint64_t page = pages.page_of(ipa);
    if (!pages.covers(page) || !owed.is_new()) {
        return false;
    }
    [[maybe_unused]] const auto section = tree.port.section();
    const Step end = tree.walk_to_page(pages, page);
    if (!relax_entry(tree, end, add, output)) {
        return false;
    }
    owed.set_page(ipa.align_down(pages.page_size), pages.page_size, InvalidationScope::local,
                  leaf::fnxs::is_set(end.descriptor.value));
    return true;
}
// And all is done at once.
template <TablePort Port>
[[gnu::always_inline]] inline bool relax_page_now(Tree<Port>& tree, const Step& end, Ipa ipa,
                                                  Permissions add, Pa output = any_output) {
    if (!relax_entry(tree, end, add, output)) {
        return false;
    }
    tree.invalidate_here(ipa.align_down(tree.pages.page_size),
                         leaf::fnxs::is_set(end.descriptor.value));
    return true;
}

} // namespace twofold
