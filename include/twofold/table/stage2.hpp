// SPDX-License-Identifier: MIT
// Stage2: one guest's stage-2 table and its upkeep, from many CPUs at once.
//
// What may run beside what:
// - Hardware walkers and their updates of AF and dirty state: beside everything, always.
// - Faults - map_if_absent() of one leaf, relax(), make_young(), lookup() - and unmap() and
// protect()
//   of exactly one leaf: beside everything, from any CPU. They change one entry by compare-and-swap
//   and take no lock. (relax() of a leaf in a contiguous run is a change of a range.)
// - Changes of a range - all others - beside each other as long as their ranges, and the blocks and
//   runs that stand across their ends, lie in different stripes (what two levels of tables cover: 1
//   GiB with the 4K granule, modulo 64). Who finds a stripe taken changes nothing more and gets
//   Error::again.
// Nobody waits. A race that is lost again and again ends in Error::again as well. During a change
// that needs a break, a guest may find no translation where there was one and will be again: the
// fault gets Error::again, and the guest is to be resumed.
//
// When another CPU sees a change: its walker at the latest when the call returns (each ends with
// DSB ISHST), and never again what was there before once discharge() has returned. What a call owes
// is added to `owed`, an Invalidation that belongs to one caller at a time. It is discharged at the
// latest before the memory that was mapped is given to another owner; until then CPUs may go on
// using the old translations, and nobody can map anything where something was unmapped
// (Error::again). An operation that cannot go on without an invalidation performs it itself,
// together with what `owed` held.
//
// Tables that are taken out go to Port::retire(), after their invalidation: sections of other CPUs
// may still be in them.
//
// A call that returns an error has changed nothing, or says how far it came (Progress).
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/vttbr.hpp>
#include <twofold/table/block_page.hpp>
#include <twofold/table/block_split.hpp>
#include <twofold/table/collapse.hpp>
#include <twofold/table/destroy.hpp>
#include <twofold/table/leaf_sweep.hpp>
#include <twofold/table/leaf_visits.hpp>
#include <twofold/table/map_request.hpp>
#include <twofold/table/mapping.hpp>
#include <twofold/table/one_leaf.hpp>
#include <twofold/table/one_page.hpp>
#include <twofold/table/progress.hpp>
#include <twofold/table/range_change.hpp>
#include <twofold/table/range_map.hpp>
#include <twofold/table/relax.hpp>
#include <twofold/table/table_range.hpp>
#include <twofold/table/tree.hpp>

#include <expected>
#include <utility>

namespace twofold {

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
            Progress all;
            destroy(all);
        }
    }
    // While nobody uses it.
    Stage2(Stage2&& other) noexcept
        : tree_{std::move(other.tree_)},
          owner_{std::exchange(other.owner_, false)} {}
    Stage2(const Stage2&) = delete;
    Stage2& operator=(const Stage2&) = delete;
    Stage2& operator=(Stage2&&) = delete;

    // What the destructor does, in steps of progress.budget tables or so; true when all is gone,
    // the root included. After the first step nothing else may be called. Its cost is that of the
    // tables that are there.
    bool destroy(Progress& progress) {
        if (owner_ && destroy_tables(tree_, progress)) {
            tree_.port.free(tree_.root, geometry().root_bytes());
            owner_ = false;
        }
        return !owner_;
    }

    const Geometry& geometry() const { return tree_.geometry; }
    const CpuFeatures& features() const { return tree_.features; }
    TableCounters counters() const { return tree_.counters.snapshot(); }
    Pa root() const { return tree_.root; }

    // Maps [ipa, ipa + length) to [pa, pa + length) with the largest leaves that geometry,
    // alignment and max_size allow, and marks whole runs of them as contiguous where they are new.
    // What was mapped there is replaced: in place where break-before-make allows it, else by break,
    // one invalidation, make. The rest of blocks and runs that reach beyond stays mapped. Errors:
    // ipa_misaligned, pa_misaligned, range_misaligned, range_empty, ipa_out_of_range,
    // pa_out_of_range, size_not_mappable (max_size), those of AttributeFormat::encode,
    // dbm_needs_hafdbs, fnxs_needs_xs, out_of_memory, again.
    std::expected<void, Error> map(const MapRequest& request, Invalidation& owed,
                                   Progress* progress = nullptr) {
        const auto m = plan_map(tree_, request);
        if (!m) {
            return std::unexpected(m.error());
        }
        return replace(*m, owed, progress);
    }

    // As map(), where nothing is mapped in the range. Owes nothing. A range of one leaf is put in
    // place by one compare-and-swap. A larger range is looked over first; a leaf that another CPU
    // puts into it after that stops the call, and what lies below progress->next is mapped. Errors:
    // as map(), and already_mapped, annotated.
    [[gnu::always_inline]] std::expected<void, Error> map_if_absent(const MapRequest& request,
                                                                    Progress* progress = nullptr) {
        if (map_leaf(tree_, request)) [[likely]] {
            if (progress != nullptr) {
                progress->next = request.ipa + request.length;
            }
            return {};
        }
        return map_if_absent_slowly(request, progress);
    }
    // The same for one leaf, where entry() has found nothing: in the section of that, and without
    // another walk.
    [[gnu::always_inline]] std::expected<void, Error> map_at(const RawEntry& hole,
                                                             const MapRequest& request) {
        if (hole.plain) [[likely]] {
            const std::uint64_t wanted = plain_leaf(tree_, request);
            if (wanted != 0 && fill_entry(tree_, step_of(hole), request, wanted)) [[likely]] {
                return {};
            }
        }
        return map_if_absent_slowly(request, nullptr);
    }

    // Removes what is in the range, if anything: leaves and annotations; the rest of blocks that
    // reach beyond stays mapped with its attributes, AF and software bits. Tables that become empty
    // are freed by discharge(). Its cost is that of the tables that are there. Errors:
    // ipa_misaligned, range_misaligned, range_empty, ipa_out_of_range, out_of_memory (a block had
    // to be divided), again.
    [[gnu::always_inline]] std::expected<void, Error>
    unmap(Ipa ipa, std::uint64_t length, Invalidation& owed, Progress* progress = nullptr) {
        if (unmap_page(tree_, ipa, length, owed)) [[likely]] {
            if (progress != nullptr) {
                progress->next = ipa + length;
            }
            return {};
        }
        return change(ipa, length, LeafChange{}, owed, progress);
    }

    // Gives all that is mapped in the range these permissions; holes stay holes. Without `write`,
    // DBM goes too, or hardware would make the leaf writable again; dirty state that is wanted has
    // to be collected before. Errors: as unmap(), and execute_needs_xnx.
    std::expected<void, Error> protect(Ipa ipa, std::uint64_t length, Permissions permissions,
                                       Invalidation& owed, Progress* progress = nullptr) {
        const auto xn = permissions.xn(features().xnx);
        if (!xn) {
            return std::unexpected(xn.error());
        }
        // Without the DBM bit hardware cannot make the leaf writable again.
        const std::uint64_t dbm = permissions.write ? 0 : leaf::dbm::mask;
        return change(ipa, length,
                      LeafChange{.keep = ~(leaf::s2ap::mask | leaf::xn::mask | dbm),
                                 .set = leaf::s2ap::of(permissions.s2ap()) | leaf::xn::of(*xn)},
                      owed, progress);
    }

    // Adds permissions to the leaf that maps `ipa`, for a permission fault. Owes an invalidation on
    // this CPU only: another that holds the old entry takes a fault of its own. A leaf of a
    // contiguous run leaves it first. With `output`, only if `ipa` is mapped to that address, and
    // only by a leaf that is not larger than `largest`. Errors: ipa_out_of_range, not_mapped,
    // execute_needs_xnx, again (also: another output, or a larger leaf); in a run also
    // out_of_memory.
    [[gnu::always_inline]] std::expected<void, Error>
    relax(Ipa ipa, Permissions add, Invalidation& owed, Pa output = any_output,
          std::uint64_t largest = ~std::uint64_t{0}) {
        const Relaxation wanted{add, output, largest};
        if (relax_page(tree_, ipa, wanted, owed)) [[likely]] {
            return {};
        }
        return relax_leaf(tree_, ipa, wanted, owed);
    }

    // relax() and discharge() at once, for a fault that owes nothing else.
    [[gnu::always_inline]] std::expected<void, Error>
    relax_now(Ipa ipa, Permissions add, Pa output = any_output,
              std::uint64_t largest = ~std::uint64_t{0}) {
        const PageWalk pages = tree_.pages;
        if (const auto page = pages.page_of(ipa); pages.covers(page)) [[likely]] {
            [[maybe_unused]] const auto section = tree_.port.section();
            const Step end = tree_.walk_to_page(pages, page);
            if (relax_page_now(tree_, end, ipa, add, output)) [[likely]] {
                return {};
            }
        }
        return relax_now_slowly(ipa, {add, output, largest});
    }
    // The same of the leaf that entry() has found at `ipa`, for its output and of its size: in the
    // section of that, and without another walk.
    [[gnu::always_inline]] std::expected<void, Error> relax_now_at(const RawEntry& leaf, Ipa ipa,
                                                                   Permissions add) {
        if (leaf.plain && relax_page_now(tree_, step_of(leaf), ipa, add)) [[likely]] {
            return {};
        }
        return relax_now_slowly(ipa, {add, output(leaf, ipa), geometry().entry_size(leaf.level)});
    }

    // Sets AF in the leaf that maps `ipa`, for an access-flag fault. An entry without AF is never
    // cached, so nothing is owed. Errors: ipa_out_of_range, not_mapped, again.
    std::expected<void, Error> make_young(Ipa ipa) {
        if (!geometry().contains(ipa)) {
            return std::unexpected(Error::ipa_out_of_range);
        }
        [[maybe_unused]] const auto section = tree_.port.section();
        return set_access_flag(tree_, ipa);
    }

    // Takes the write permission from all leaves that map something in the range, hardware's to
    // give it back (DBM) included: dirty state goes with it, and what of it is wanted has to be
    // collected before. Takes no memory and divides nothing: a block or run that reaches beyond the
    // range is protected as a whole. Errors: ipa_misaligned, range_misaligned, range_empty,
    // ipa_out_of_range, again.
    std::expected<void, Error> write_protect(Ipa ipa, std::uint64_t length, Invalidation& owed,
                                             Progress* progress = nullptr) {
        return write_protect(ipa, length, owed, progress, [](Ipa, std::uint64_t) {});
    }
    // The same, with visit() for each leaf that the guest or hardware could write to, as
    // test_and_clear_young() does.
    template <class Visit>
    std::expected<void, Error> write_protect(Ipa ipa, std::uint64_t length, Invalidation& owed,
                                             Progress* progress, Visit&& visit) {
        constexpr std::uint64_t writable = leaf::s2ap_write::mask | leaf::dbm::mask;
        return sweep(ipa, length, {.any = writable, .clear = writable, .adopt_tombstones = true},
                     &owed, progress, visit);
    }

    // Clears AF in the leaves that map something in the range, and calls visit(Ipa start,
    // std::uint64_t size) for each that had it, or visit(start, size, std::uint64_t count) for
    // `count` of them in a row: blocks and runs as a whole. A TLB may hold the old entry, so that
    // an access that it allows is not noticed; who wants each access noticed passes `owed` and
    // discharges it. Errors: as write_protect().
    template <class Visit>
    std::expected<void, Error> test_and_clear_young(Ipa ipa, std::uint64_t length, Visit&& visit,
                                                    Invalidation* owed = nullptr,
                                                    Progress* progress = nullptr) {
        return sweep(ipa, length, {.any = leaf::af::mask, .clear = leaf::af::mask}, owed, progress,
                     visit);
    }

    // Makes the leaves of the range that hardware has found written (DBM and S2AP[1]) clean again,
    // and calls visit() for each, as test_and_clear_young() does. What is
    // written after `owed` is discharged is found by the next call; read the memory after that,
    // too. Errors: as write_protect().
    template <class Visit>
    std::expected<void, Error> collect_dirty(Ipa ipa, std::uint64_t length, Invalidation& owed,
                                             Visit&& visit, Progress* progress = nullptr) {
        return sweep(ipa, length,
                     {.any = leaf::s2ap_write::mask,
                      .all = leaf::dbm::mask,
                      .clear = leaf::s2ap_write::mask},
                     &owed, progress, visit);
    }

    // Has hardware note the writes to what is mapped writable in the range, for collect_dirty():
    // each leaf that may be written becomes writable-clean (DBM without S2AP[1]) in one step. What
    // is written from the discharge of `owed` on is noted. Read-only leaves stay as they are.
    // Leaves that hardware has found written already become clean as well, and visit() is called
    // for each of them, as collect_dirty() does; nothing is known of what was written to the
    // others. Errors: as write_protect(); dbm_needs_hafdbs.
    template <class Visit>
    std::expected<void, Error> track_writes(Ipa ipa, std::uint64_t length, Invalidation& owed,
                                            Visit&& visit, Progress* progress = nullptr) {
        if (!features().dirty_state) {
            return std::unexpected(Error::dbm_needs_hafdbs);
        }
        return sweep<SweepBy::compare_exchange>(ipa, length,
                                                {.any = leaf::s2ap_write::mask,
                                                 .clear = leaf::s2ap_write::mask,
                                                 .set = leaf::dbm::mask,
                                                 .adopt_tombstones = true},
                                                &owed, progress, visit);
    }

    // Replaces the blocks and contiguous runs that are larger than `size` and map something in the
    // range by leaves of `size` that map the same, with attributes, AF, dirty state and software
    // bits. Errors: as write_protect(); size_not_mappable; out_of_memory: some blocks are split and
    // some are not, and all that was mapped still is.
    std::expected<void, Error> split(Ipa ipa, std::uint64_t length, std::uint64_t size,
                                     Invalidation& owed, Progress* progress = nullptr) {
        Progress unlimited;
        Progress& p = progress != nullptr ? *progress : unlimited;
        const auto range = check_range(geometry(), ipa, length, p);
        if (!range) {
            return std::unexpected(range.error());
        }
        const auto level = geometry().level_of(size);
        if (!level) {
            return std::unexpected(Error::size_not_mappable);
        }
        [[maybe_unused]] const auto section = tree_.port.section();
        HeldStripes held{tree_.port, tree_.stripes};
        return BlockSplit<Port>{tree_, *range, *level, owed, held, p}.run();
    }

    // Replaces tables that lie in the range as a whole, and whose leaves are complete, uniform and
    // one run of memory, by blocks not larger than `max_size`, level by level upwards; then marks
    // what is a contiguous run. AF and dirty state of the leaves are merged; leaves that differ in
    // anything else stay as they are. Takes no memory. Returns how many blocks were made. Errors:
    // as write_protect().
    std::expected<std::uint64_t, Error> collapse(Ipa ipa, std::uint64_t length, Invalidation& owed,
                                                 std::uint64_t max_size = ~std::uint64_t{0},
                                                 Progress* progress = nullptr) {
        Progress unlimited;
        Progress& p = progress != nullptr ? *progress : unlimited;
        const auto range = check_range(geometry(), ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        [[maybe_unused]] const auto section = tree_.port.section();
        HeldStripes held{tree_.port, tree_.stripes};
        return Collapse<Port>{tree_, *range, max_size, owed, held, p}.run();
    }

    // Unmaps the range and leaves `value` in every entry of it: an owner, a reason. lookup() finds
    // it, map_if_absent() refuses to replace it, map() and unmap() do. Errors: as unmap().
    std::expected<void, Error> annotate(Ipa ipa, std::uint64_t length, std::uint32_t value,
                                        Invalidation& owed, Progress* progress = nullptr) {
        const auto range = check_range(geometry(), ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        return replace({.range = *range,
                        .offset = 0,
                        .attribute_bits = invalid_entry::annotation(value),
                        .largest = geometry().initial_level(),
                        .max_size = 0,
                        .annotation = true},
                       owed, progress);
    }

    // Calls clean(Pa start, std::uint64_t bytes) for all memory that cacheable leaves in the range
    // map, in stretches: to the point of coherency, for a guest that runs with its caches off. With
    // FEAT_S2FWB there is nothing to do. Errors: ipa_misaligned, range_misaligned, range_empty,
    // ipa_out_of_range.
    template <class Clean>
    std::expected<void, Error> clean(Ipa ipa, std::uint64_t length, Clean&& clean_memory) const {
        const auto range = check_range(geometry(), ipa, length);
        if (!range) {
            return std::unexpected(range.error());
        }
        if (!features().fwb) {
            for_each_run(ipa, length, [&](const Mapping& run) {
                if (is_cacheable(run.attributes.type)) {
                    // A block may reach beyond the range.
                    const IpaRange inside = IpaRange{run.ipa, run.ipa + run.size}.intersect(*range);
                    clean_memory(run.pa + (inside.start - run.ipa), inside.length());
                }
            });
        }
        return {};
    }

    // What is at `ipa`, at some moment of the call. Errors: ipa_out_of_range.
    std::expected<Lookup, Error> lookup(Ipa ipa) const {
        const std::uint64_t page = tree_.pages.page_of(ipa);
        const bool plain = tree_.pages.covers(page);
        if (!plain && !geometry().contains(ipa)) {
            return std::unexpected(Error::ipa_out_of_range);
        }
        [[maybe_unused]] const auto section = tree_.port.section();
        const Step end =
            plain ? tree_.walk_to_page(tree_.pages, page) : tree_.walk_to(ipa, page_level);
        const std::uint64_t d = end.descriptor.value;
        Lookup result{.level = end.level, .mapping = {}, .annotation = {}, .raw = d};
        if (tree_.format.is_leaf(end.descriptor, end.level)) {
            result.mapping = mapping_of(tree_, end.descriptor, end.level,
                                        ipa.align_down(geometry().entry_size(end.level)));
        } else if (invalid_entry::is_annotation(d)) {
            result.annotation = static_cast<std::uint32_t>(invalid_entry::payload::get(d));
        }
        return result;
    }
    // The same of an address of the table, undecoded; what a leaf says is mapping().
    [[gnu::always_inline]] RawEntry entry(Ipa ipa) const {
        [[maybe_unused]] const auto section = tree_.port.section();
        const std::uint64_t page = tree_.pages.page_of(ipa);
        const bool plain = tree_.pages.covers(page);
        const Step end =
            plain ? tree_.walk_to_page(tree_.pages, page) : tree_.walk_to(ipa, page_level);
        return {.level = end.level,
                .is_leaf = tree_.format.is_leaf(end.descriptor, end.level),
                .plain = plain,
                .index = end.index,
                .table = end.table,
                .raw = end.descriptor.value};
    }
    // A section of the table's port, for what goes on after entry().
    [[nodiscard]] auto section() { return tree_.port.section(); }
    Mapping mapping(const RawEntry& entry, Ipa ipa) const {
        return mapping_of(tree_, Descriptor{entry.raw}, entry.level,
                          ipa.align_down(geometry().entry_size(entry.level)));
    }
    Permissions permissions(const RawEntry& entry) const {
        return Permissions::decode(leaf::s2ap::get(entry.raw), leaf::xn::get(entry.raw),
                                   features().xnx);
    }
    // Whether a leaf allows the access to EL0 and EL1 (AArch64.S2DirectBasePermissions).
    bool allows(const RawEntry& entry, AccessKind access) const {
        return access == AccessKind::fetch   ? (entry.raw & leaf::xn::mask) == 0
               : access == AccessKind::write ? leaf::s2ap_write::is_set(entry.raw)
                                             : leaf::s2ap_read::is_set(entry.raw);
    }
    // Where a leaf maps an address that it holds.
    Pa output(const RawEntry& entry, Ipa ipa) const {
        return tree_.format.output(Descriptor{entry.raw}, entry.level) +
               ipa.offset_in(geometry().entry_size(entry.level));
    }
    MemoryType type(const RawEntry& entry) const {
        return decode_memory_type(leaf::mem_attr::get(entry.raw), features().fwb);
    }

    // Calls visit(const Mapping&) for each leaf that maps something in [ipa, ipa + length),
    // upwards. The range is cut to the table.
    template <class Visit>
    void for_each_leaf(Ipa ipa, std::uint64_t length, Visit&& visit) const {
        const Ipa limit{geometry().ipa_limit()};
        const Ipa start = std::min(ipa, limit);
        const IpaRange range{start, start + std::min(length, limit - start)};
        if (!range.empty()) {
            [[maybe_unused]] const auto section = tree_.port.section();
            visit_leaves(tree_, tree_.root, geometry().initial_level(), range, visit);
        }
    }
    // The same, neighbours joined to runs.
    template <class Visit>
    void for_each_run(Ipa ipa, std::uint64_t length, Visit&& visit) const {
        RunMerger merger{visit};
        for_each_leaf(ipa, length, [&](const Mapping& leaf) { merger.add(leaf); });
        merger.finish();
    }

    // Performs what is owed: invalidates, then lets go of the tables that waited for it. Beside
    // everything.
    void discharge(Invalidation& owed) { tree_.discharge(owed); }

private:
    static Step step_of(const RawEntry& entry) {
        return {entry.table, entry.index, entry.level, Descriptor{entry.raw}};
    }

    [[gnu::noinline]] std::expected<void, Error> relax_now_slowly(Ipa ipa,
                                                                  const Relaxation& wanted) {
        Invalidation owed;
        auto result = relax_leaf(tree_, ipa, wanted, owed);
        tree_.discharge(owed);
        return result;
    }

    [[gnu::noinline]] std::expected<void, Error> map_if_absent_slowly(MapRequest request,
                                                                      Progress* progress) {
        const auto m = plan_map(tree_, request);
        if (!m) {
            return std::unexpected(m.error());
        }
        [[maybe_unused]] const auto section = tree_.port.section();
        const std::uint64_t size = geometry().entry_size(m->largest);
        if (request.length == size && request.ipa.is_aligned(size)) {
            const auto added = add_one_leaf(tree_, request.ipa, m->largest,
                                            Descriptor{m->attribute_bits | leaf_type(m->largest) |
                                                       tree_.format.encode_address(request.pa)});
            if (!added) {
                return std::unexpected(added.error());
            }
            if (*added == OneLeaf::done) {
                if (progress != nullptr) {
                    progress->next = m->range.end;
                }
                return {};
            }
        }
        Progress unlimited;
        Progress& p = progress != nullptr ? *progress : unlimited;
        const RangeContent content = within(geometry(), *m, p);
        HeldStripes held{tree_.port, tree_.stripes};
        return RangeMap<Port>{tree_, content, held, p}.add();
    }

    std::expected<void, Error> replace(const RangeContent& all, Invalidation& owed,
                                       Progress* progress) {
        Progress unlimited;
        Progress& p = progress != nullptr ? *progress : unlimited;
        const RangeContent content = within(geometry(), all, p);
        [[maybe_unused]] const auto section = tree_.port.section();
        HeldStripes held{tree_.port, tree_.stripes};
        return RangeMap<Port>{tree_, content, held, p}.replace(owed);
    }

    [[gnu::noinline]] std::expected<void, Error> change(Ipa ipa, std::uint64_t length,
                                                        LeafChange change, Invalidation& owed,
                                                        Progress* progress) {
        Progress unlimited;
        Progress& p = progress != nullptr ? *progress : unlimited;
        const auto range = check_range(geometry(), ipa, length, p);
        if (!range) {
            return std::unexpected(range.error());
        }
        [[maybe_unused]] const auto section = tree_.port.section();
        switch (change_one_leaf(tree_, *range, change, owed)) {
        case OneLeaf::done:
            p.next = range->end;
            return {};
        case OneLeaf::again:
            return std::unexpected(Error::again);
        case OneLeaf::other:
            break;
        }
        const auto divided = change_page_of_block(tree_, *range, change, owed);
        if (!divided) {
            return std::unexpected(divided.error());
        }
        if (*divided == OneLeaf::done) {
            p.next = range->end;
            return {};
        }
        if (*divided == OneLeaf::again) {
            return std::unexpected(Error::again);
        }
        HeldStripes held{tree_.port, tree_.stripes};
        return RangeChange<Port>{tree_, *range, change, owed, held, p}.run();
    }

    template <SweepBy by = SweepBy::clear_bits, class Visit>
    std::expected<void, Error> sweep(Ipa ipa, std::uint64_t length, const Sweep& sweep,
                                     Invalidation* owed, Progress* progress, Visit&& visit) {
        Progress unlimited;
        Progress& p = progress != nullptr ? *progress : unlimited;
        const auto range = check_range(geometry(), ipa, length, p);
        if (!range) {
            return std::unexpected(range.error());
        }
        [[maybe_unused]] const auto section = tree_.port.section();
        HeldStripes held{tree_.port, tree_.stripes};
        if (!tree_.hold(held, *range)) {
            return std::unexpected(Error::again);
        }
        // Of a run across an end any entry speaks for all.
        IpaRange whole = tree_.widened(*range);
        if (range->start != ipa) {
            whole.start = range->start; // where the last call came to
        } else if (whole.start < range->start && p.budget != Progress::unlimited) {
            p.budget += geometry().contiguous_run(tree_.whole_at(range->start).level);
        }
        const bool done = LeafSweep<Port, by>{tree_, sweep, owed, p}.run(whole, visit);
        p.next = std::min(p.next, range->end);
        if (by == SweepBy::compare_exchange && !done) {
            return std::unexpected(Error::again);
        }
        return {};
    }

    Tree<Port> tree_;
    bool owner_ = true;
};

} // namespace twofold
