// SPDX-License-Identifier: MIT
// Stage2: one guest's stage-2 table and its upkeep.
//
// Who may run beside what: hardware walkers and their updates of AF and dirty state, always. Calls
// on one Stage2 exclude each other; the caller holds a lock of his around them. lookup() and the
// for_each_*() functions may run beside each other.
//
// What a call owes is added to `owed` and discharged once by discharge(), at the latest before the
// memory that was mapped is given to another owner. Until then CPUs may go on using the old
// translations. An operation that cannot go on without an invalidation (break-before-make) performs
// it itself, together with what `owed` held.
//
// A call that returns an error has changed nothing. During a replacement or a split, a guest may
// find no translation for a moment where there was one and will be again: the fault is to be
// answered by looking again.
#pragma once

#include <twofold/arch/vttbr.hpp>
#include <twofold/table/block_split.hpp>
#include <twofold/table/collapse.hpp>
#include <twofold/table/leaf_sweep.hpp>
#include <twofold/table/mapping.hpp>
#include <twofold/table/range_change.hpp>
#include <twofold/table/range_map.hpp>
#include <twofold/table/tree.hpp>

#include <expected>
#include <utility>

namespace twofold {

struct MapRequest {
    Ipa ipa = {};             // aligned to the granule
    Pa pa = {};               // aligned to the granule, in the output range
    std::uint64_t length = 0; // bytes, a multiple of the granule, not 0
    Attributes attributes = {};
    // No leaf larger than this, in bytes; at least the granule.
    std::uint64_t max_size = ~std::uint64_t{0};
};

template <TablePort Port>
class Stage2 {
public:
    // Zero-filled memory for the initial tables. Errors: out_of_memory.
    static std::expected<Pa, Error> allocate_root(Port& port, const Geometry& geometry) {
        const auto root = port.allocate(geometry.root_bytes());
        return root ? std::expected<Pa, Error>{*root} : std::unexpected(Error::out_of_memory);
    }
    // An empty table in `root`, which it owns from now on. `features`: what all CPUs that will use
    // it have in common. `port` must outlive the table.
    Stage2(Port& port, const Geometry& geometry, const CpuFeatures& features, Pa root)
        : tree_{port, geometry, features, root} {}

    // Frees all tables. No CPU may use them any more, and nothing of the VMID may be in a TLB.
    ~Stage2() {
        if (owner_) {
            TableList all;
            retire_below_root(all);
            tree_.free(all);
            tree_.port.free(tree_.root, geometry().root_bytes());
        }
    }
    Stage2(Stage2&& other) noexcept
        : tree_{other.tree_},
          owner_{std::exchange(other.owner_, false)} {}
    Stage2(const Stage2&) = delete;
    Stage2& operator=(const Stage2&) = delete;
    Stage2& operator=(Stage2&&) = delete;

    const Geometry& geometry() const { return tree_.geometry; }
    const CpuFeatures& features() const { return tree_.features; }
    const TableCounters& counters() const { return tree_.counters; }
    Pa root() const { return tree_.root; }

    // Maps [ipa, ipa + length) to [pa, pa + length) with the largest leaves that geometry,
    // alignment and max_size allow. What was mapped there is replaced: in place where
    // break-before-make allows it, else by break, one invalidation, make. The rest of blocks that
    // reach beyond stays mapped. Errors: ipa_misaligned, pa_misaligned, range_misaligned,
    // range_empty, ipa_out_of_range, pa_out_of_range, size_not_mappable (max_size), those of
    // AttributeFormat::encode, dbm_needs_hafdbs, fnxs_needs_xs, out_of_memory.
    std::expected<void, Error> map(const MapRequest& request, Invalidation& owed) {
        const auto m = plan_map(request);
        if (!m) {
            return std::unexpected(m.error());
        }
        return RangeMap<Port>{tree_, m->range, request.pa, m->attributes, m->largest}.replace(owed);
    }

    // As map(), where nothing is mapped in the range; else already_mapped. Owes nothing. Nothing
    // may be owed for the range either.
    std::expected<void, Error> map_if_absent(const MapRequest& request) {
        const auto m = plan_map(request);
        if (!m) {
            return std::unexpected(m.error());
        }
        if (add_one_leaf(tree_, m->range, m->largest,
                         tree_.format.leaf(m->largest, request.pa, m->attributes))) {
            return {};
        }
        return RangeMap<Port>{tree_, m->range, request.pa, m->attributes, m->largest}.add();
    }

    // Removes what is mapped in the range, if anything; the rest of blocks that reach beyond stays
    // mapped with its attributes, AF and software bits. Tables that become empty are freed by
    // discharge(). Errors: ipa_misaligned, range_misaligned, range_empty, ipa_out_of_range,
    // out_of_memory (a block had to be split).
    std::expected<void, Error> unmap(Ipa ipa, std::uint64_t length, Invalidation& owed) {
        return change(ipa, length, LeafChange{}, owed);
    }

    // Gives all that is mapped in the range these permissions; holes stay holes. Without `write`,
    // DBM goes too, or hardware would make the leaf writable again; dirty state that is wanted has
    // to be collected before. Errors: as unmap(), and execute_needs_xnx.
    std::expected<void, Error> protect(Ipa ipa, std::uint64_t length, Permissions permissions,
                                       Invalidation& owed) {
        const auto xn = permissions.xn(tree_.attributes.xnx);
        if (!xn) {
            return std::unexpected(xn.error());
        }
        // Without the DBM bit hardware cannot make the leaf writable again.
        const std::uint64_t dbm = permissions.write ? 0 : leaf::dbm::mask;
        return change(ipa, length,
                      LeafChange{.keep = ~(leaf::s2ap::mask | leaf::xn::mask | dbm),
                                 .set = leaf::s2ap::of(permissions.s2ap()) | leaf::xn::of(*xn)},
                      owed);
    }

    // Adds permissions to the leaf that maps `ipa`, for a permission fault. Errors:
    // ipa_out_of_range, not_mapped, execute_needs_xnx.
    std::expected<void, Error> relax(Ipa ipa, Permissions add, Invalidation& owed) {
        const auto found = lookup(ipa);
        if (!found) {
            return std::unexpected(found.error());
        }
        if (!found->mapping) {
            return std::unexpected(Error::not_mapped);
        }
        const Mapping& m = *found->mapping;
        const auto xn = (m.attributes.permissions | add).xn(tree_.attributes.xnx);
        if (!xn) {
            return std::unexpected(xn.error());
        }
        // S2AP is only added to: hardware may have set the write bit of a writable-clean leaf.
        return change(m.ipa, m.size,
                      LeafChange{.keep = ~leaf::xn::mask,
                                 .set = leaf::s2ap::of(add.s2ap()) | leaf::xn::of(*xn)},
                      owed);
    }

    // Sets AF in the leaf that maps `ipa`, for an access-flag fault. An entry without AF is never
    // cached, so nothing is owed. Errors: ipa_out_of_range, not_mapped.
    std::expected<void, Error> make_young(Ipa ipa) {
        const auto found = lookup(ipa);
        if (!found) {
            return std::unexpected(found.error());
        }
        if (!found->mapping) {
            return std::unexpected(Error::not_mapped);
        }
        Invalidation owed;
        return change(found->mapping->ipa, found->mapping->size,
                      LeafChange{.keep = ~std::uint64_t{0}, .set = leaf::af::mask}, owed);
    }

    // Takes the write permission from all leaves that map something in the range, hardware's to
    // give it back (DBM) included: dirty state goes with it, and what of it is wanted has to be
    // collected before. Takes no memory and splits nothing: a block that reaches beyond the range
    // is protected as a whole. Errors: ipa_misaligned, range_misaligned, range_empty,
    // ipa_out_of_range.
    std::expected<void, Error> write_protect(Ipa ipa, std::uint64_t length, Invalidation& owed) {
        const auto range = check_range(ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        constexpr std::uint64_t writable = leaf::s2ap_write::mask | leaf::dbm::mask;
        LeafSweep{tree_, *range}.clear_bits(writable, 0, writable, &owed,
                                            [](Ipa, std::uint64_t) {});
        return {};
    }

    // Clears AF in the leaves that map something in the range, and calls visit(Ipa start,
    // std::uint64_t size) for each that had it: blocks as a whole, without splitting. A TLB may
    // hold the old entry, so that an access that it allows is not noticed; who wants each access
    // noticed passes `owed` and discharges it. Errors: as write_protect().
    template <class Visit>
    std::expected<void, Error> test_and_clear_young(Ipa ipa, std::uint64_t length, Visit&& visit,
                                                    Invalidation* owed = nullptr) {
        const auto range = check_range(ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        LeafSweep{tree_, *range}.clear_bits(leaf::af::mask, 0, leaf::af::mask, owed, visit);
        return {};
    }

    // Makes the leaves of the range that hardware has found written (DBM and S2AP[1]) clean again,
    // and calls visit(Ipa start, std::uint64_t size) for each. What is written after `owed` is
    // discharged is found by the next call; read the memory after that, too. Errors: as
    // write_protect().
    template <class Visit>
    std::expected<void, Error> collect_dirty(Ipa ipa, std::uint64_t length, Invalidation& owed,
                                             Visit&& visit) {
        const auto range = check_range(ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        LeafSweep{tree_, *range}.clear_bits(leaf::s2ap_write::mask, leaf::dbm::mask,
                                            leaf::s2ap_write::mask, &owed, visit);
        return {};
    }

    // Replaces the blocks that are larger than `size` and map something in the range by leaves of
    // `size` that map the same, with attributes, AF, dirty state and software bits. Errors: as
    // write_protect(); size_not_mappable; out_of_memory: some blocks are split and some are not,
    // and all that was mapped still is.
    std::expected<void, Error> split(Ipa ipa, std::uint64_t length, std::uint64_t size,
                                     Invalidation& owed) {
        const auto range = check_range(ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        const auto level = geometry().level_of(size);
        if (!level) {
            return std::unexpected(Error::size_not_mappable);
        }
        return BlockSplit<Port>{tree_, *range, *level, owed}.run();
    }

    // Replaces tables that lie in the range as a whole, and whose leaves are complete, uniform and
    // one run of memory, by blocks, level by level upwards. AF and dirty state of the leaves are
    // merged; leaves that differ in anything else stay as they are. Takes no memory. Returns how
    // many blocks were made. Errors: as write_protect().
    std::expected<std::uint64_t, Error> collapse(Ipa ipa, std::uint64_t length,
                                                 Invalidation& owed) {
        const auto range = check_range(ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        return Collapse<Port>{tree_, *range, owed}.run();
    }

    // What is at `ipa`. Errors: ipa_out_of_range.
    std::expected<Lookup, Error> lookup(Ipa ipa) const {
        if (!geometry().contains(ipa)) {
            return std::unexpected(Error::ipa_out_of_range);
        }
        const Step end = tree_.walk(ipa);
        Lookup result{.level = end.level, .mapping = {}, .raw = end.descriptor.value};
        if (tree_.format.is_leaf(end.descriptor, end.level)) {
            result.mapping = mapping(end.descriptor, end.level,
                                     ipa.align_down(geometry().entry_size(end.level)));
        }
        return result;
    }

    // Calls visit(const Mapping&) for each leaf that maps something in [ipa, ipa + length),
    // upwards. The range is cut to the table.
    template <class Visit>
    void for_each_leaf(Ipa ipa, std::uint64_t length, Visit&& visit) const {
        const Ipa limit{geometry().ipa_limit()};
        const Ipa start = std::min(ipa, limit);
        const IpaRange range{start, start + std::min(length, limit - start)};
        if (!range.empty()) {
            visit_leaves(tree_.root, geometry().initial_level(), range, visit);
        }
    }
    // The same, neighbours joined to runs.
    template <class Visit>
    void for_each_run(Ipa ipa, std::uint64_t length, Visit&& visit) const {
        RunMerger merger{visit};
        for_each_leaf(ipa, length, [&](const Mapping& leaf) { merger.add(leaf); });
        merger.finish();
    }

    // Performs what is owed: invalidates, then frees the tables that waited for it.
    void discharge(Invalidation& owed) { tree_.discharge(owed); }

private:
    std::expected<IpaRange, Error> check_range(Ipa ipa, std::uint64_t length) const {
        if (!ipa.is_aligned(geometry().page_size())) {
            return std::unexpected(Error::ipa_misaligned);
        }
        if (length == 0) {
            return std::unexpected(Error::range_empty);
        }
        if (!is_aligned(length, geometry().page_size())) {
            return std::unexpected(Error::range_misaligned);
        }
        if (!geometry().contains(ipa, length)) {
            return std::unexpected(Error::ipa_out_of_range);
        }
        return IpaRange{ipa, ipa + length};
    }

    struct PlannedMap {
        IpaRange range = {};
        std::uint64_t attributes = 0; // AttributeFormat::encode
        Level largest = page_level;   // the level of the largest leaves
    };
    std::expected<PlannedMap, Error> plan_map(const MapRequest& request) const {
        const auto range = check_range(request.ipa, request.length);
        if (!range) {
            return std::unexpected(range.error());
        }
        if (!request.pa.is_aligned(geometry().page_size())) {
            return std::unexpected(Error::pa_misaligned);
        }
        if (!geometry().fits(request.pa, request.length)) {
            return std::unexpected(Error::pa_out_of_range);
        }
        if (request.max_size < geometry().page_size()) {
            return std::unexpected(Error::size_not_mappable);
        }
        if (request.attributes.dbm && !features().dirty_state) {
            return std::unexpected(Error::dbm_needs_hafdbs);
        }
        if (request.attributes.fnxs && !features().xs) {
            return std::unexpected(Error::fnxs_needs_xs);
        }
        const auto bits = tree_.attributes.encode(request.attributes);
        if (!bits) {
            return std::unexpected(bits.error());
        }
        // IPA and PA differ by the same amount all along, so one test settles which levels can have
        // leaves.
        Level largest = geometry().top_leaf_level();
        while (geometry().entry_size(largest) > request.max_size ||
               !is_aligned(request.ipa.value ^ request.pa.value, geometry().entry_size(largest))) {
            ++largest;
        }
        return PlannedMap{*range, *bits, largest};
    }

    std::expected<void, Error> change(Ipa ipa, std::uint64_t length, LeafChange change,
                                      Invalidation& owed) {
        const auto range = check_range(ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        if (change_one_leaf(tree_, *range, change, owed)) {
            return {};
        }
        return RangeChange<Port>{tree_, *range, change, owed}.run();
    }

    Mapping mapping(Descriptor d, Level level, Ipa start) const {
        return {.ipa = start,
                .pa = tree_.format.output(d, level),
                .size = geometry().entry_size(level),
                .level = level,
                .contiguous = d.contiguous(),
                .attributes = tree_.attributes.decode(d.value, level)};
    }

    template <class Visit>
    void visit_leaves(Pa table, Level level, IpaRange part, Visit& visit) const {
        const auto entries = tree_.table(table);
        tree_.for_each_entry(level, part, [&](unsigned i, IpaRange entry, IpaRange inside) {
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                visit_leaves(tree_.format.next_table(d), level + 1, inside, visit);
            } else if (tree_.format.is_leaf(d, level)) {
                visit(mapping(d, level, entry.start));
            }
        });
    }

    void retire_below_root(TableList& list) {
        const Level level = geometry().initial_level();
        const auto entries = tree_.table(tree_.root);
        for (unsigned i = 0; i < geometry().entries(level); ++i) {
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                tree_.retire(tree_.format.next_table(d), level + 1, list);
            }
        }
    }

    Tree<Port> tree_;
    bool owner_ = true;
};

} // namespace twofold
