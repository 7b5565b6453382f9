// SPDX-License-Identifier: MIT
// RandomMachine: a Stage2 under operations drawn from Choices. After each, the walker's translation
// of many addresses must be what a plain map of intervals says; during each, an adversary watches
// every store, and hardware may set AF and dirty state; now and then an allocation fails, and then
// nothing may have changed.
#pragma once

#include "adversary.hpp"
#include "guest_view.hpp"
#include "hardware_access.hpp"
#include "perform.hpp"
#include "random_request.hpp"
#include "walk_comparison.hpp"

#include <twofold/table/stage2.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace twofold::test {

class RandomMachine {
public:
    RandomMachine(const Geometry& geometry, const CpuFeatures& features, Choices& choices)
        : geometry_{geometry},
          features_{features},
          choices_{choices},
          source_{geometry_, features_, choices},
          // Tables in the upper half of the output space, so that all their address bits count.
          port_{Pa{std::uint64_t{1} << (geometry.pa_bits() - 1)}},
          adversary_{port_, geometry_, features_},
          table_{adversary_.port(), geometry, features,
                 *Stage2<TestPort>::allocate_root(adversary_.port(), geometry)},
          config_{walk_config(features, geometry, table_.root(), {.vmid16 = features.vmid16})},
          hardware_{geometry_,
                    walk_config(features, geometry, table_.root(), VtcrOptions::of(features))},
          view_{geometry_, table_} {
        adversary_.start(table_.root());
    }
    ~RandomMachine() {
        port_.on_atomic = {};
        table_.discharge(owed_);
        adversary_.stop();
    }
    RandomMachine(const RandomMachine&) = delete;
    RandomMachine& operator=(const RandomMachine&) = delete;

    // One operation and all that is to be checked after it.
    void step() {
        request_ = source_.next(view_.map());
        RandomRequest& r = request_;
        const auto expected = prepare();
        if (trace_) {
            std::fprintf(stderr, "%s\n", describe(r, geometry_).c_str());
        }
        if (choices_.one_in(10)) {
            port_.allocations_until_failure = choices_.below(6);
        }
        disturb();
        const bool keep =
            !disturbance_ && (choices_.one_in(8) || port_.allocations_until_failure.has_value());
        const auto before = keep ? leaves() : std::vector<Leaf>{};
        const std::size_t tables_before = port_.live();
        const auto result = apply();
        port_.on_atomic = {};
        view_.hardware(update_);
        const bool ran_out = port_.failures != failed_before_;
        failed_before_ = port_.failures;
        port_.allocations_until_failure.reset();
        if (!result) {
            expect(ran_out ? result.error() == Error::out_of_memory
                           : std::ranges::count(expected, result.error()) != 0,
                   to_string(result.error()));
            if (r.operation == Operation::split) { // of which a part may be done
                view_.succeeded();
            } else if (progress_.next > Ipa{r.ipa}) {
                view_.got_to(progress_.next.value);
                view_.succeeded();
            } else {
                expect(!keep || before == leaves(), "an error changed something");
                expect(port_.live() == tables_before, "an error kept tables");
            }
        } else {
            expect(expected.empty(), "success where there is an error");
            expect(!ran_out, "success in spite of a failed allocation");
            view_.succeeded();
        }
        view_.check_update();
        // Batches: what is owed is not always discharged at once.
        if (!choices_.one_in(3)) {
            settle();
        }
        compare();
        access_between();
        for (const auto& failure : adversary_.failures()) {
            expect(false, failure);
        }
    }

    void settle() {
        table_.discharge(owed_);
        adversary_.expect_clean();
        expect(port_.live() == table_.counters().tables + 1, "a table is lost");
    }

    // At the end nothing is left.
    void finish() {
        expect(table_.unmap(Ipa{0}, geometry_.ipa_limit(), owed_).has_value(), "the last unmap");
        settle();
        expect(table_.counters().tables == 0 && port_.live() == 1, "tables are left");
        expect(leaves().empty(), "leaves are left");
    }

    // Whether to say each operation before it is done.
    void trace(bool on) { trace_ = on; }
    // What went wrong, with the operation at which it did.
    const std::vector<std::string>& failures() const { return view_.failures(); }

private:
    static constexpr unsigned most_calls = 100'000;
    using Leaf = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, Level>;

    std::uint64_t page() const { return geometry_.page_size(); }

    void expect(bool good, std::string_view what) { view_.expect(good, what); }

    // The errors that the request may end with; where there are some it has to.
    std::vector<Error> prepare() {
        RandomRequest& r = request_;
        update_.reset();
        progress_ = {};
        // Each block that is split takes a table.
        while (r.operation == Operation::split && leaves_in(r) > 16) {
            r.length = std::max(page(), align_down(r.length / 2, page()));
        }
        if (r.operation == Operation::map_if_absent && owed_.overlaps(Ipa{r.ipa}, r.length)) {
            settle();
        }
        split_size_ = r.operation == Operation::split ? split_size() : 0;
        return view_.begin(r);
    }

    std::uint64_t leaves_in(const RandomRequest& r) const {
        std::uint64_t count = 0;
        table_.for_each_leaf(Ipa{r.ipa}, r.length, [&](const Mapping&) { ++count; });
        return count;
    }

    std::expected<void, Error> apply() {
        if (!request_.budget || request_.operation == Operation::relax ||
            request_.operation == Operation::make_young) {
            return call(nullptr);
        }
        for (unsigned calls = 0; calls < most_calls; ++calls) {
            const Ipa before = progress_.next;
            progress_.budget = *request_.budget;
            if (auto result = call(&progress_); !result) {
                return result;
            }
            if (progress_.next >= Ipa{request_.end()}) {
                return {};
            }
            expect(progress_.next > before, "a step that does nothing");
        }
        expect(false, "steps without end");
        return {};
    }

    std::expected<void, Error> call(Progress* progress) {
        const auto visit = [&](Ipa start, std::uint64_t size) { view_.visit(start, size); };
        return perform(table_, request_, split_size_, owed_, progress, visit);
    }

    // One level below the largest leaf of the range: few enough descriptors.
    std::uint64_t split_size() const {
        Level level = page_level;
        table_.for_each_leaf(Ipa{request_.ipa}, request_.length,
                             [&](const Mapping& m) { level = std::min(level, m.level); });
        return geometry_.entry_size(std::min(level + 1, page_level));
    }

    // An access of the guest in the middle of the operation.
    void disturb() {
        disturbance_.reset();
        if (!features_.dirty_state || !choices_.one_in(3)) {
            return;
        }
        disturbance_ = choices_.below(8);
        const std::uint64_t at = request_.ipa + page() * choices_.below(request_.length / page());
        const bool store = choices_.one_in(2);
        port_.on_atomic = [this, at, store](std::uint64_t&) {
            if (disturbance_ && (*disturbance_)-- == 0) {
                update_ = hardware_.access(port_, at, store);
                disturbance_ = ~std::uint64_t{0};
            }
        };
    }

    // An access of the guest between operations.
    void access_between() {
        if (!features_.dirty_state || !choices_.one_in(2)) {
            return;
        }
        const std::uint64_t at = request_.ipa + page() * choices_.below(request_.length / page());
        const bool store = choices_.one_in(2);
        const auto want = view_.map().find(at);
        const auto update = hardware_.access(port_, at, store);
        const bool allowed =
            want && (store ? want->attributes.permissions.write || want->attributes.dbm
                           : want->attributes.permissions.read);
        expect(hardware_.translated() == allowed, "an access ends otherwise than it should");
        if (update) {
            expect(want.has_value(), "hardware found a leaf where there is none");
            view_.hardware(update);
        }
    }

    std::vector<Leaf> leaves() const {
        const AttributeFormat format{features_.fwb, features_.xnx, geometry_.lpa2()};
        std::vector<Leaf> all;
        table_.for_each_leaf(Ipa{0}, geometry_.ipa_limit(), [&](const Mapping& m) {
            all.emplace_back(m.ipa.value, m.pa.value, *format.encode(m.attributes), m.level);
        });
        return all;
    }

    void compare() {
        const RandomRequest& r = request_;
        std::vector<std::uint64_t> samples;
        for (const std::uint64_t edge : {r.ipa, r.end()}) {
            samples.insert(samples.end(), {edge - page(), edge - 1, edge, edge + page() - 1});
        }
        for (int i = 0; i < 4; ++i) {
            samples.push_back(r.ipa + choices_.below(r.length));
            samples.push_back(choices_.below(geometry_.ipa_limit()));
        }
        for (const auto& [start, interval] : view_.map().intervals()) {
            if (choices_.one_in(8)) {
                samples.insert(samples.end(), {start - 1, start, interval.end - 1, interval.end});
            }
        }
        for (const std::uint64_t ipa : samples) {
            if (ipa < geometry_.ipa_limit()) {
                compare_at(Ipa{ipa});
            }
        }
    }

    void compare_at(Ipa ipa) {
        const auto want = view_.map().find(ipa.value);
        if (const auto wrong = compare_walk(config_, port_, ipa, want)) {
            std::ostringstream out;
            out << *wrong << " at ipa 0x" << std::hex << ipa.value;
            expect(false, out.str());
        }
        // And what the engine itself says about it.
        const auto found = table_.lookup(ipa);
        expect(found->mapping.has_value() == want.has_value(), "lookup() finds something else");
        expect(found->annotation == view_.annotation(ipa.value), "lookup() finds no annotation");
        if (want && found->mapping) {
            expect(found->mapping->pa.value + (ipa - found->mapping->ipa) == want->pa,
                   "lookup() finds another output");
            expect(found->mapping->attributes == want->attributes,
                   "lookup() finds other attributes");
        }
    }

    Geometry geometry_;
    CpuFeatures features_;
    Choices& choices_;
    RequestSource source_;
    HostPort port_;
    Adversary adversary_;
    Stage2<TestPort> table_;
    model::WalkConfig config_; // without hardware updates: to look
    HardwareAccess hardware_;
    GuestView view_;
    Invalidation owed_ = {};

    RandomRequest request_ = {};
    std::optional<std::uint64_t> disturbance_ = {}; // atomics until an access of the guest
    std::optional<HardwareUpdate> update_ = {};     // what that changed
    Progress progress_ = {};                        // of an operation in steps
    std::uint64_t split_size_ = 0;
    unsigned failed_before_ = 0;
    bool trace_ = false;
};

} // namespace twofold::test
