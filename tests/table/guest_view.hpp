// SPDX-License-Identifier: MIT
// GuestView: what the guest of a RandomMachine should see, and how each operation changes it. Of
// the engine it asks only which size a leaf has, where that is the engine's choice.
#pragma once

#include "adversary.hpp"
#include "hardware_access.hpp"
#include "leaf_units.hpp"
#include "perform.hpp"
#include "random_request.hpp"

#include <twofold/table/stage2.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twofold::test {

class GuestView {
public:
    using Range = LeafUnits::Range;

    GuestView(const Geometry& geometry, const Stage2<TestPort>& table)
        : geometry_{geometry},
          table_{table},
          units_{geometry, table} {}

    const IntervalMap& map() const { return oracle_; }
    // What went wrong, with the operation at which it did.
    const std::vector<std::string>& failures() const { return failures_; }
    void expect(bool good, std::string_view what) {
        if (!good) {
            failures_.push_back(std::string{what} + "\n" + describe(request_, geometry_));
        }
    }

    // Before an operation. The errors that it may end with; where there are some it has to.
    std::vector<Error> begin(const RandomRequest& request) {
        request_ = request;
        update_.reset();
        visited_.clear();
        runs_ = units_.marked_runs(request);
        switch (request.operation) {
        case Operation::map_if_absent:
            return what_stands_there();
        case Operation::relax:
        case Operation::make_young:
            touched_ = units_.leaf_at(request.ipa);
            return oracle_.find(request.ipa) ? std::vector<Error>{}
                                             : std::vector{Error::not_mapped};
        case Operation::map:
            touched_ = units_.leaf_at(request.ipa);
            return {};
        default:
            touched_ = units_.whole_leaves(request);
            return request.operation == Operation::track_writes && !table_.features().dirty_state
                       ? std::vector{Error::dbm_needs_hafdbs}
                       : std::vector<Error>{};
        }
    }
    // An operation in steps got only so far.
    void got_to(std::uint64_t end) { request_.length = end - request_.ipa; }
    // During it.
    void visit(Ipa start, std::uint64_t size) { visited_.emplace_back(start.value, size); }
    void hardware(const std::optional<HardwareUpdate>& update) {
        update_ = update;
        if (update) {
            update->apply_to(oracle_);
        }
    }

    // What a success means for the guest.
    void succeeded() {
        const RandomRequest& r = request_;
        const Permissions permissions = r.attributes.permissions;
        merge_runs();
        const auto change = [&](auto&& with) {
            oracle_.change(touched_.first, touched_.second, with);
        };
        switch (r.operation) {
        case Operation::map:
        case Operation::map_if_absent:
            annotations_.unmap(r.ipa, r.length);
            record_map();
            expect_largest_leaves();
            break;
        case Operation::unmap:
            annotations_.unmap(r.ipa, r.length);
            oracle_.unmap(r.ipa, r.length);
            break;
        case Operation::annotate:
            oracle_.unmap(r.ipa, r.length);
            annotations_.map(r.ipa, r.length, 0, r.attributes);
            break;
        case Operation::protect:
            oracle_.change(r.ipa, r.length, [&](Attributes& a) {
                a.permissions = permissions;
                a.dbm &= permissions.write;
            });
            break;
        case Operation::relax:
            change([&](Attributes& a) { a.permissions = a.permissions | permissions; });
            break;
        case Operation::make_young:
            change([](Attributes& a) { a.access_flag = true; });
            break;
        case Operation::write_protect:
            change([](Attributes& a) { a.permissions.write = a.dbm = false; });
            break;
        case Operation::clear_young:
            expect_visited([](const Attributes& a) { return a.access_flag; });
            change([](Attributes& a) { a.access_flag = false; });
            break;
        case Operation::collect_dirty:
            expect_visited([](const Attributes& a) { return a.dbm && a.permissions.write; });
            change([](Attributes& a) { a.permissions.write &= !a.dbm; });
            break;
        case Operation::track_writes:
            expect_visited([](const Attributes& a) { return a.dbm && a.permissions.write; });
            change([](Attributes& a) {
                a.dbm |= a.permissions.write;
                a.permissions.write = false;
            });
            break;
        case Operation::split:
            break; // nothing that a guest could tell
        case Operation::collapse:
            merge_hardware_state();
            break;
        }
    }

    // What hardware did beside the operation is not lost, unless the operation takes it away; then
    // it is reported. Which of the two came first shows only in the table.
    void check_update() {
        if (!update_) {
            return;
        }
        const Operation op = request_.operation;
        const HardwareUpdate& u = *update_;
        const auto found = table_.lookup(Ipa{u.ipa})->mapping;
        const bool visited = std::any_of(visited_.begin(), visited_.end(), [&](const Range& v) {
            return v.first <= u.ipa && u.ipa < v.first + v.second;
        });
        if (op == Operation::clear_young && u.young) {
            expect(visited || (found && found->attributes.access_flag), "an access is lost");
        }
        if (harvests() && u.dirty) {
            expect(visited || (found && found->attributes.permissions.write), "a write is lost");
        }
        const bool maps = op == Operation::map || op == Operation::map_if_absent;
        const bool takes_young = maps || op == Operation::clear_young;
        const bool takes_dirty = maps || harvests();
        if (!found || (!takes_young && !takes_dirty)) {
            return;
        }
        // A run that was broken on the way has noted it for all of its leaves.
        Range unit{found->ipa.value, found->size};
        for (const Range& run : runs_) {
            unit = run.first <= u.ipa && u.ipa < run.first + run.second ? run : unit;
        }
        table_.for_each_leaf(Ipa{unit.first}, unit.second, [&](const Mapping& m) {
            oracle_.change(m.ipa.value, m.size, [&](Attributes& a) {
                if (takes_young && u.young) {
                    a.access_flag = m.attributes.access_flag;
                }
                if (takes_dirty && u.dirty) {
                    a.permissions.write = m.attributes.permissions.write;
                }
            });
        });
    }

    // What annotate() has left at an address.
    std::optional<std::uint32_t> annotation(std::uint64_t ipa) const {
        const auto found = annotations_.find(ipa);
        return found ? std::optional{annotation_of(found->attributes)} : std::nullopt;
    }

private:
    std::uint64_t page() const { return geometry_.page_size(); }
    bool harvests() const {
        return request_.operation == Operation::collect_dirty ||
               request_.operation == Operation::track_writes;
    }

    // What map_if_absent() must not replace.
    std::vector<Error> what_stands_there() const {
        std::vector<Error> all;
        if (oracle_.any(request_.ipa, request_.length)) {
            all.push_back(Error::already_mapped);
        }
        if (annotations_.any(request_.ipa, request_.length)) {
            all.push_back(Error::annotated);
        }
        return all;
    }

    // Any entry of a contiguous run may note an access to any page of it. So what one entry notes
    // the run has noted, for an operation that asks for it and for leaves that leave the run.
    void merge_runs() {
        const Operation op = request_.operation;
        for (const auto& [start, size] : runs_) {
            bool young = false;
            bool dirty = false;
            oracle_.change(start, size, [&](const Attributes& a) {
                young |= a.access_flag;
                dirty |= a.dbm && a.permissions.write;
            });
            bool left = false;
            table_.for_each_leaf(Ipa{start}, size,
                                 [&](const Mapping& m) { left |= !m.contiguous; });
            oracle_.change(start, size, [&](Attributes& a) {
                a.access_flag |= young && (left || op == Operation::clear_young);
                a.permissions.write |= a.dbm && dirty && (left || harvests());
            });
        }
    }
    // Where a writable-clean leaf is mapped again that hardware has made dirty, and only what may
    // change in place is new, it stays dirty; where it is broken on the way it need not.
    void record_map() {
        const RandomRequest& r = request_;
        const IntervalMap old = oracle_;
        oracle_.map(r.ipa, r.length, r.pa, r.attributes);
        if (!r.attributes.dbm || r.attributes.permissions.write) {
            return;
        }
        table_.for_each_leaf(Ipa{r.ipa}, r.length, [&](const Mapping& m) {
            const auto before = old.find(m.ipa.value);
            if (!before || !before->attributes.dbm || !before->attributes.permissions.write ||
                before->pa != m.pa.value || before->attributes.type != r.attributes.type ||
                before->attributes.fnxs != r.attributes.fnxs) {
                return;
            }
            expect(m.attributes.permissions.write || touched_ != Range{m.ipa.value, m.size},
                   "what was written is forgotten");
            oracle_.change(m.ipa.value, m.size, [&](Attributes& a) {
                a.permissions.write = m.attributes.permissions.write;
            });
        });
    }

    // Exactly what has the state is reported, once.
    template <class HasState>
    void expect_visited(HasState&& has_state) {
        std::uint64_t bytes = 0;
        for (const auto& [start, size] : visited_) {
            bytes += size;
            const auto there = oracle_.find(start);
            expect(there && has_state(there->attributes), "reported without reason");
        }
        std::uint64_t wanted = 0;
        oracle_.change(touched_.first, touched_.second, [](Attributes&) {}); // borders at both ends
        for (const auto& [start, interval] : oracle_.intervals()) {
            if (start >= touched_.first && start < touched_.first + touched_.second &&
                has_state(interval.attributes)) {
                wanted += interval.end - start;
            }
        }
        // What hardware did meanwhile may have come too late.
        expect(bytes == wanted || update_, "not all that has the state is reported");
    }

    // Each leaf of what was just mapped is as large as the conditions allow: tried by brute force
    // with every size.
    void expect_largest_leaves() {
        const RandomRequest& r = request_;
        table_.for_each_leaf(Ipa{r.ipa}, r.length, [&](const Mapping& m) {
            std::uint64_t best = page();
            for (Level level = geometry_.initial_level(); level < page_level; ++level) {
                const std::uint64_t size = geometry_.entry_size(level);
                const std::uint64_t start = m.ipa.value / size * size;
                const bool fits = geometry_.can_map(size) && size <= r.max_size && start >= r.ipa &&
                                  start + size <= r.end() && (r.pa + (start - r.ipa)) % size == 0;
                best = std::max(best, fits ? size : 0);
            }
            expect(m.size == best, "not the largest leaf that is possible");
        });
    }

    // A block is as young, and as dirty, as any of the leaves that it was made of.
    void merge_hardware_state() {
        table_.for_each_leaf(Ipa{request_.ipa}, request_.length, [&](const Mapping& m) {
            bool young = false;
            bool dirty = false;
            oracle_.change(m.ipa.value, m.size, [&](const Attributes& a) {
                young |= a.access_flag;
                dirty |= a.dbm && a.permissions.write;
            });
            oracle_.change(m.ipa.value, m.size, [&](Attributes& a) {
                a.access_flag |= young;
                a.permissions.write |= dirty;
            });
        });
    }

    const Geometry& geometry_;
    const Stage2<TestPort>& table_;
    LeafUnits units_;
    IntervalMap oracle_ = {};
    IntervalMap annotations_ = {}; // of which only the software bits count
    RandomRequest request_ = {};
    Range touched_ = {}; // the leaf of relax() and make_young(), the whole leaves of a sweep
    std::vector<Range> visited_ = {};
    std::vector<Range> runs_ = {};              // marked as contiguous before the operation
    std::optional<HardwareUpdate> update_ = {}; // beside the operation
    std::vector<std::string> failures_ = {};
};

} // namespace twofold::test
