// SPDX-License-Identifier: MIT
// Long random sequences of operations in every geometry. After each, the walker's translation of
// many addresses must be what a plain map of intervals says; during each, an adversary watches
// every store; now and then an allocation fails, and then nothing may have changed.
#include "adversary.hpp"
#include "interval_map.hpp"

#include <twofold/table/stage2.hpp>

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <sstream>

namespace twofold::test {
namespace {

class Machine {
public:
    Machine(const Geometry& geometry, const CpuFeatures& features, std::uint64_t seed)
        : geometry_{geometry},
          features_{features},
          random_{seed},
          // Tables in the upper half of the output space, so that all their address bits count.
          port_{Pa{std::uint64_t{1} << (geometry.pa_bits() - 1)}},
          table_{port_, geometry, features, *Stage2<HostPort>::allocate_root(port_, geometry)},
          config_{walk_config(features, geometry, table_.root(),
                              {.hardware_access_flag = false, .vmid16 = features.vmid16})},
          adversary_{port_, geometry_, features, config_, table_.root()} {
        pick_windows();
    }
    ~Machine() { adversary_.watch({}); }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    void step() {
        const Request r = pick();
        watch(r);
        if (below(10) == 0) {
            port_.allocations_until_failure = below(6);
        }
        const auto before = below(8) == 0 || port_.allocations_until_failure
                                ? std::optional{leaves()}
                                : std::nullopt;
        const std::size_t tables_before = port_.live();
        const auto result = apply(r);
        const bool ran_out = !port_.allocations_until_failure && port_.failures != failures_;
        failures_ = port_.failures;
        port_.allocations_until_failure.reset();
        if (!result) {
            const bool expected = ran_out ? result.error() == Error::out_of_memory
                                          : result.error() == r.expected_error;
            EXPECT_TRUE(expected) << to_string(result.error()) << describe(r);
            if (r.kind == Kind::split) {
                // Some blocks may be split already: the comparison below says whether all is there.
            } else if (before) {
                EXPECT_EQ(*before, leaves()) << "an error changed something" << describe(r);
            }
            if (r.kind != Kind::split) {
                EXPECT_EQ(port_.live(), tables_before) << "an error kept tables" << describe(r);
            }
        } else {
            EXPECT_FALSE(r.expected_error) << describe(r);
            EXPECT_FALSE(ran_out) << "success in spite of a failed allocation" << describe(r);
            record(r);
            if (r.kind == Kind::map || r.kind == Kind::map_if_absent) {
                expect_largest_leaves(r);
            }
        }
        // Batches: what is owed is not always discharged at once.
        if (below(3) != 0) {
            settle();
        }
        compare(r);
        for (const auto& failure : adversary_.failures()) {
            ADD_FAILURE() << failure << describe(r);
        }
    }

    void settle() {
        table_.discharge(owed_);
        adversary_.expect_clean();
        EXPECT_EQ(port_.live(), table_.counters().tables + 1);
    }

    // At the end nothing is left.
    void finish() {
        watch({});
        EXPECT_TRUE(table_.unmap(Ipa{0}, geometry_.ipa_limit(), owed_));
        settle();
        EXPECT_EQ(table_.counters().tables, 0U);
        EXPECT_EQ(port_.live(), 1U);
        EXPECT_TRUE(leaves().empty());
    }

private:
    enum class Kind {
        map,
        map_if_absent,
        unmap,
        protect,
        relax,
        make_young,
        write_protect,
        clear_young,
        split,
        collapse
    };
    struct Request {
        Kind kind = Kind::map;
        std::uint64_t ipa = 0;
        std::uint64_t length = 0;
        std::uint64_t pa = 0;
        Attributes attributes = {};
        std::uint64_t max_size = ~std::uint64_t{0};
        std::optional<Error> expected_error = {};
    };

    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    std::uint64_t page() const { return geometry_.page_size(); }

    // A few places where things meet: the start, the end, borders of large entries.
    void pick_windows() {
        windows_ = {0, geometry_.ipa_limit()};
        for (Level level = geometry_.initial_level(); level < page_level; ++level) {
            const std::uint64_t size = geometry_.entry_size(level);
            windows_.push_back(size * below(geometry_.ipa_limit() / size));
        }
    }

    Request pick() {
        Request r;
        r.kind = static_cast<Kind>(below(10));
        // A size around that of some level's entry, so that operations meet entries of every kind.
        const Level level = geometry_.initial_level() + static_cast<int>(below(geometry_.levels()));
        const std::uint64_t entry = geometry_.entry_size(level);
        std::uint64_t unit = below(2) == 0 ? entry : std::max(page(), entry >> below(6));
        std::uint64_t length = unit * (1 + below(4));
        if (below(4) == 0) {
            length += page() * below(3);
        }
        length = std::min(length, geometry_.ipa_limit());
        const std::uint64_t around = windows_[below(windows_.size())];
        const std::uint64_t back = unit * below(3) + (below(3) == 0 ? page() * below(4) : 0);
        std::uint64_t ipa =
            around - std::min(around, back + (around == geometry_.ipa_limit() ? length : 0));
        ipa = std::min(ipa, geometry_.ipa_limit() - length);
        r.ipa = align_down(ipa, page());
        r.length = align_down(length, page());
        pick_pa(r);
        // Each block that is split takes a table.
        while (r.kind == Kind::split && leaves_in(r) > 16) {
            r.length = std::max(page(), align_down(r.length / 2, page()));
        }
        pick_attributes(r);
        if (r.kind == Kind::map_if_absent && oracle_.any(r.ipa, r.length)) {
            r.expected_error = Error::already_mapped;
        }
        if (r.kind == Kind::map_if_absent && owed_.overlaps(Ipa{r.ipa}, r.length)) {
            settle();
        }
        if ((r.kind == Kind::relax || r.kind == Kind::make_young) && !oracle_.find(r.ipa)) {
            r.expected_error = Error::not_mapped;
        }
        return r;
    }

    std::uint64_t leaves_in(const Request& r) const {
        std::uint64_t count = 0;
        table_.for_each_leaf(Ipa{r.ipa}, r.length, [&](const Mapping&) { ++count; });
        return count;
    }

    void pick_pa(Request& r) {
        const std::uint64_t limit = std::uint64_t{1} << geometry_.pa_bits();
        // Mostly congruent to the IPA modulo a large size, so that blocks appear.
        Level level = geometry_.top_leaf_level();
        if (below(3) == 0) {
            const int levels = page_level - level + 1;
            level += static_cast<int>(below(static_cast<std::uint64_t>(levels)));
        }
        const std::uint64_t modulus = geometry_.entry_size(level);
        const std::uint64_t start = r.ipa % modulus;
        const std::uint64_t room = limit > start + r.length ? limit - start - r.length : 0;
        r.pa = start + (room / modulus != 0 ? below(room / modulus) * modulus : 0);
        if (r.pa + r.length > limit) {
            r.pa = 0;
        }
        // Keep the number of descriptors in bounds.
        const std::uint64_t leaf = largest_leaf(r);
        r.length = std::min(r.length, std::max(page(), leaf * 600));
        if (below(6) == 0 && r.length / page() < 1500) {
            r.max_size = page() << below(12);
        }
    }
    // The largest size of which IPA and PA are the same remainder.
    std::uint64_t largest_leaf(const Request& r) const {
        Level level = geometry_.top_leaf_level();
        while (((r.ipa ^ r.pa) & (geometry_.entry_size(level) - 1)) != 0) {
            ++level;
        }
        return geometry_.entry_size(level);
    }

    void pick_attributes(Request& r) {
        constexpr MemoryType types[] = {MemoryType::normal_wb, MemoryType::normal_wb,
                                        MemoryType::normal_nc, MemoryType::device_nGnRE};
        Attributes& a = r.attributes;
        a.type = types[below(4)];
        a.permissions = {.read = true, .write = below(3) != 0};
        a.permissions.execute_el1 = below(2) == 0;
        a.permissions.execute_el0 = features_.xnx ? below(2) == 0 : a.permissions.execute_el1;
        a.access_flag = below(8) != 0;
        a.software = static_cast<std::uint8_t>(below(16));
        if (r.kind == Kind::map && below(3) == 0) {
            // The same again, or only other permissions: what may be done in place.
            if (const auto old = oracle_.find(r.ipa)) {
                const auto permissions = a.permissions;
                r.pa = old->pa;
                r.length = std::min(r.length, page() * 512);
                if (!geometry_.fits(Pa{r.pa}, r.length)) {
                    r.length = page();
                }
                a = old->attributes;
                if (below(2) == 0) {
                    a.permissions = permissions;
                }
            }
        }
    }

    std::expected<void, Error> apply(const Request& r) {
        const MapRequest m{.ipa = Ipa{r.ipa},
                           .pa = Pa{r.pa},
                           .length = r.length,
                           .attributes = r.attributes,
                           .max_size = r.max_size};
        switch (r.kind) {
        case Kind::map:
            return table_.map(m, owed_);
        case Kind::map_if_absent:
            return table_.map_if_absent(m);
        case Kind::unmap:
            return table_.unmap(m.ipa, r.length, owed_);
        case Kind::protect:
            return table_.protect(m.ipa, r.length, r.attributes.permissions, owed_);
        case Kind::relax:
            relaxed_ = leaf_at(r.ipa);
            return table_.relax(m.ipa, r.attributes.permissions, owed_);
        case Kind::make_young:
            relaxed_ = leaf_at(r.ipa);
            return table_.make_young(m.ipa);
        case Kind::write_protect:
            relaxed_ = whole_leaves(r);
            return table_.write_protect(m.ipa, r.length, owed_);
        case Kind::clear_young:
            relaxed_ = whole_leaves(r);
            return table_.test_and_clear_young(
                m.ipa, r.length, [](Ipa, std::uint64_t) {}, &owed_);
        case Kind::split:
            return table_.split(m.ipa, r.length, split_size(r), owed_);
        case Kind::collapse:
            if (const auto made = table_.collapse(m.ipa, r.length, owed_); !made) {
                return std::unexpected(made.error());
            }
            return {};
        }
        return {};
    }

    // relax() and make_young() act on the leaf around the address, whose size is the engine's
    // choice.
    std::pair<std::uint64_t, std::uint64_t> leaf_at(std::uint64_t ipa) const {
        const auto found = table_.lookup(Ipa{ipa});
        return found->mapping ? std::pair{found->mapping->ipa.value, found->mapping->size}
                              : std::pair{ipa, std::uint64_t{0}};
    }

    // The range with all of the leaves at its ends.
    std::pair<std::uint64_t, std::uint64_t> whole_leaves(const Request& r) const {
        const auto first = leaf_at(r.ipa);
        const auto last = leaf_at(r.ipa + r.length - page());
        const std::uint64_t end = std::max(r.ipa + r.length, last.first + last.second);
        return {first.first, end - first.first};
    }
    // One or two levels below the largest leaf of the range: few enough descriptors.
    std::uint64_t split_size(const Request& r) const {
        Level level = page_level;
        table_.for_each_leaf(Ipa{r.ipa}, r.length,
                             [&](const Mapping& m) { level = std::min(level, m.level); });
        return geometry_.entry_size(std::min(level + 1, page_level));
    }

    void record(const Request& r) {
        switch (r.kind) {
        case Kind::map:
        case Kind::map_if_absent:
            oracle_.map(r.ipa, r.length, r.pa, r.attributes);
            break;
        case Kind::unmap:
            oracle_.unmap(r.ipa, r.length);
            break;
        case Kind::protect:
            oracle_.change(r.ipa, r.length,
                           [&](Attributes& a) { a.permissions = r.attributes.permissions; });
            break;
        case Kind::relax:
            oracle_.change(relaxed_.first, relaxed_.second, [&](Attributes& a) {
                a.permissions = a.permissions | r.attributes.permissions;
            });
            break;
        case Kind::make_young:
            oracle_.change(relaxed_.first, relaxed_.second,
                           [](Attributes& a) { a.access_flag = true; });
            break;
        case Kind::write_protect:
            oracle_.change(relaxed_.first, relaxed_.second,
                           [](Attributes& a) { a.permissions.write = false; });
            break;
        case Kind::clear_young:
            oracle_.change(relaxed_.first, relaxed_.second,
                           [](Attributes& a) { a.access_flag = false; });
            break;
        case Kind::split:
            break; // nothing that a guest could tell
        case Kind::collapse:
            merge_access_flags(r);
            break;
        }
    }

    // Each leaf of what was just mapped is as large as the five conditions allow: tried by brute
    // force with every size.
    void expect_largest_leaves(const Request& r) {
        table_.for_each_leaf(Ipa{r.ipa}, r.length, [&](const Mapping& m) {
            std::uint64_t best = page();
            for (Level level = geometry_.initial_level(); level < page_level; ++level) {
                const std::uint64_t size = geometry_.entry_size(level);
                const std::uint64_t start = m.ipa.value / size * size;
                const bool fits = geometry_.can_map(size) && size <= r.max_size && start >= r.ipa &&
                                  start + size <= r.ipa + r.length &&
                                  (r.pa + (start - r.ipa)) % size == 0;
                best = std::max(best, fits ? size : 0);
            }
            EXPECT_EQ(m.size, best) << "at ipa 0x" << std::hex << m.ipa.value << describe(r);
        });
    }

    // A block is as young as the youngest of the leaves that it was made of.
    void merge_access_flags(const Request& r) {
        table_.for_each_leaf(Ipa{r.ipa}, r.length, [&](const Mapping& m) {
            bool young = false;
            oracle_.change(m.ipa.value, m.size,
                           [&](const Attributes& a) { young |= a.access_flag; });
            EXPECT_EQ(m.attributes.access_flag, young) << describe(r);
            oracle_.change(m.ipa.value, m.size, [&](Attributes& a) { a.access_flag = young; });
        });
    }

    std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, int>> leaves() const {
        std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, int>> all;
        table_.for_each_leaf(Ipa{0}, geometry_.ipa_limit(), [&](const Mapping& m) {
            all.emplace_back(
                m.ipa.value, m.pa.value,
                *AttributeFormat{features_.fwb, features_.xnx, geometry_.lpa2()}.encode(
                    m.attributes),
                m.level);
        });
        return all;
    }

    void watch(const Request& r) {
        if (!owed_.empty()) {
            return; // the old addresses still have something to show
        }
        std::vector<Ipa> addresses;
        for (const std::uint64_t ipa :
             {r.ipa, r.ipa - page(), r.ipa + r.length - page(), r.ipa + r.length,
              r.ipa + align_down(r.length / 2, page()), windows_[below(windows_.size())]}) {
            if (ipa < geometry_.ipa_limit()) {
                addresses.emplace_back(ipa);
            }
        }
        adversary_.watch(addresses);
    }

    void compare(const Request& r) {
        std::vector<std::uint64_t> samples;
        for (const std::uint64_t edge : {r.ipa, r.ipa + r.length}) {
            samples.insert(samples.end(), {edge - page(), edge - 1, edge, edge + page() - 1});
        }
        for (int i = 0; i < 4; ++i) {
            samples.push_back(r.ipa + below(std::max<std::uint64_t>(r.length, 1)));
            samples.push_back(below(geometry_.ipa_limit()));
        }
        for (const auto& [start, interval] : oracle_.intervals()) {
            if (below(8) == 0) {
                samples.insert(samples.end(), {start - 1, start, interval.end - 1, interval.end});
            }
        }
        for (const std::uint64_t ipa : samples) {
            if (ipa < geometry_.ipa_limit() && !compare_at(Ipa{ipa})) {
                FAIL() << "at ipa 0x" << std::hex << ipa << describe(r);
            }
        }
    }

    // All accesses at one address: outcome, output, memory type.
    bool compare_at(Ipa ipa) {
        const auto want = oracle_.find(ipa.value);
        struct {
            model::AccessKind kind;
            model::AccessLevel level;
            bool allowed;
        } const accesses[] = {
            {model::AccessKind::load, model::AccessLevel::el1,
             want && want->attributes.permissions.read},
            {model::AccessKind::store, model::AccessLevel::el0,
             want && want->attributes.permissions.write},
            {model::AccessKind::fetch, model::AccessLevel::el1,
             want && want->attributes.permissions.execute_el1 && !is_device(want->attributes.type)},
            {model::AccessKind::fetch, model::AccessLevel::el0,
             want && want->attributes.permissions.execute_el0 && !is_device(want->attributes.type)},
        };
        for (const auto& access : accesses) {
            const auto got =
                model::walk(config_, port_, ipa, {.kind = access.kind, .level = access.level});
            if (!want) {
                EXPECT_TRUE(got.faulted() && got.fault.kind == model::FaultKind::translation);
            } else if (!want->attributes.access_flag) {
                EXPECT_TRUE(got.faulted() && got.fault.kind == model::FaultKind::access_flag);
            } else if (!access.allowed) {
                EXPECT_TRUE(got.faulted() && got.fault.kind == model::FaultKind::permission);
            } else {
                EXPECT_TRUE(got.translated());
                EXPECT_EQ(got.translation.pa.value, want->pa);
                EXPECT_EQ(got.translation.stage2.type == model::MemoryType::device,
                          is_device(want->attributes.type));
                if (got.translation.stage2.type == model::MemoryType::normal) {
                    EXPECT_EQ(got.translation.stage2.inner == model::Cacheability::write_back,
                              want->attributes.type == MemoryType::normal_wb);
                }
            }
        }
        // And what the engine itself says about it.
        const auto found = table_.lookup(ipa);
        if (want) {
            EXPECT_TRUE(found->mapping);
            if (found->mapping) {
                EXPECT_EQ(found->mapping->pa.value + (ipa - found->mapping->ipa), want->pa);
                EXPECT_EQ(found->mapping->attributes, want->attributes);
            }
        } else {
            EXPECT_FALSE(found->mapping);
        }
        return !::testing::Test::HasFailure();
    }

    std::string describe(const Request& r) const {
        std::ostringstream out;
        constexpr const char* names[] = {"map",   "map_if_absent", "unmap",         "protect",
                                         "relax", "make_young",    "write_protect", "clear_young",
                                         "split", "collapse"};
        out << "\n"
            << names[static_cast<int>(r.kind)] << std::hex << " ipa 0x" << r.ipa << " length 0x"
            << r.length << " pa 0x" << r.pa << " max 0x" << r.max_size << " in "
            << name_of(geometry_);
        return out.str();
    }

    Geometry geometry_;
    CpuFeatures features_;
    std::mt19937_64 random_;
    HostPort port_;
    Stage2<HostPort> table_;
    model::WalkConfig config_;
    Adversary adversary_;
    IntervalMap oracle_ = {};
    Invalidation owed_ = {};
    std::vector<std::uint64_t> windows_ = {};
    std::pair<std::uint64_t, std::uint64_t> relaxed_ = {};
    unsigned failures_ = 0;
};

void run(const CpuFeatures& features, unsigned steps, std::uint64_t seed) {
    const auto geometries = every_geometry(features);
    ASSERT_FALSE(geometries.empty());
    for (const Geometry& geometry : geometries) {
        SCOPED_TRACE(name_of(geometry));
        Machine machine{geometry, features, seed++};
        for (unsigned i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
            machine.step();
        }
        machine.settle();
        machine.finish();
        if (::testing::Test::HasFailure()) {
            return;
        }
    }
}

TEST(RandomOperations, EveryGeometryOfACpuWithEverything) { run(full_features(), 120, 1); }

// Armv8.0: no FWB, XNX, range or hinted TLBI, small input sizes or LPA2.
TEST(RandomOperations, EveryGeometryOfAnArmv80Cpu) {
    CpuFeatures f = full_features();
    f.pa_bits = 44;
    f.lpa2_4k = f.lpa2_16k = f.ttst = f.xnx = f.fwb = f.ttl = f.tlbi_range = false;
    f.access_flag = f.dirty_state = f.vmid16 = false;
    run(f, 120, 1000);
}

} // namespace
} // namespace twofold::test
