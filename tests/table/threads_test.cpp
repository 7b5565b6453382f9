// SPDX-License-Identifier: MIT
// Threads that do to one table whatever they like, at full speed: faults, changes of ranges, and a
// walker that sets AF and dirty state. At the end the table is consistent and nothing is lost.
#include "geometries.hpp"
#include "threaded_port.hpp"

#include <twofold/model/walker.hpp>
#include <twofold/table/stage2.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace twofold::test {

namespace {

// Three stripes of 1 GiB, of each of which the first 4 MiB are in use. Whatever is mapped comes
// from one of two stretches of memory, at the same place.
class Guest {
public:
    static constexpr std::uint64_t page = 4 * KiB;
    static constexpr std::uint64_t block = 2 * MiB;
    static constexpr std::uint64_t used = 4 * MiB;
    static constexpr unsigned stripes = 3;
    static constexpr std::array<std::uint64_t, 2> memory{0x10'0000'0000, 0x20'0000'0000};

    explicit Guest(unsigned bbm)
        : features{features_of(bbm)},
          geometry{*Geometry::make(features, {.granule = Granule::k4, .ipa_bits = 34})},
          table{port, geometry, features, *Stage2<ThreadedPort>::allocate_root(port, geometry)},
          config{walk_config(
              features, geometry, table.root(),
              VtcrOptions{.hardware_access_flag = true, .hardware_dirty_state = true})} {
        port.scarce = true;
    }

    static CpuFeatures features_of(unsigned bbm) {
        CpuFeatures f = full_features();
        f.bbm = static_cast<std::uint8_t>(bbm);
        return f;
    }

    struct Range {
        Ipa ipa = {};
        std::uint64_t length = 0;
    };
    // One page, some pages, or whole blocks.
    static Range range(std::mt19937_64& random) {
        const std::uint64_t start = random() % stripes * GiB;
        const std::uint64_t pages = used / page;
        const std::uint64_t first = random() % pages;
        switch (random() % 4) {
        case 0:
            return {Ipa{start + first * page}, page};
        case 1:
            return {Ipa{start + align_down(first * page, block)}, block};
        case 2:
            return {Ipa{start}, used};
        default:
            return {Ipa{start + first * page}, (1 + random() % (pages - first)) * page};
        }
    }
    static Attributes attributes(std::mt19937_64& random) {
        return {.permissions = {.read = true, .write = random() % 2 == 0},
                .access_flag = random() % 2 == 0,
                .dbm = random() % 2 == 0};
    }
    static MapRequest request(std::mt19937_64& random, Range range, std::uint64_t max_size) {
        return {.ipa = range.ipa,
                .pa = Pa{memory[random() % 2] + range.ipa.value},
                .length = range.length,
                .attributes = attributes(random),
                .max_size = max_size};
    }

    void check(Ipa ipa, const std::optional<Mapping>& mapping) {
        if (mapping) {
            const std::uint64_t pa = mapping->pa.value + (ipa - mapping->ipa);
            if (pa != memory[0] + ipa.value && pa != memory[1] + ipa.value) {
                ++port.wrong;
            }
        }
    }

    // What a CPU does for its guest, a leaf at a time.
    void faults(std::mt19937_64& random) {
        Invalidation owed;
        const Ipa page_ipa = range(random).ipa;
        switch (random() % 6) {
        case 0:
        case 1:
            note(table.map_if_absent(request(random, {page_ipa, page}, page)));
            break;
        case 2:
            note(table.map_if_absent(request(random, {page_ipa.align_down(block), block}, block)));
            break;
        case 3:
            note(table.relax(page_ipa, {.write = true, .execute_el1 = true}, owed));
            break;
        case 4:
            note(table.make_young(page_ipa));
            break;
        default:
            check(page_ipa, table.lookup(page_ipa)->mapping);
            break;
        }
        table.discharge(owed);
    }

    // What the owner of the memory does, in steps or at once; now and then several things are owed
    // together.
    void change(std::mt19937_64& random) {
        Invalidation owed;
        for (std::uint64_t calls = 1 + random() % 3; calls != 0; --calls) {
            change_once(random, owed);
        }
        table.discharge(owed);
    }
    void change_once(std::mt19937_64& random, Invalidation& owed) {
        const Range r = range(random);
        Progress progress{.budget = random() % 2 == 0 ? Progress::unlimited : 1 + random() % 600};
        const auto visit = [](Ipa, std::uint64_t) {};
        switch (random() % 11) {
        case 0:
            return note(
                table.map(request(random, r, random() % 2 == 0 ? page : block), owed, &progress));
        case 1:
        case 2:
            return note(table.unmap(r.ipa, r.length, owed, &progress));
        case 3:
            return note(table.protect(r.ipa, r.length, {.read = true}, owed, &progress));
        case 4:
            return note(table.write_protect(r.ipa, r.length, owed, &progress));
        case 5:
            return note(table.test_and_clear_young(r.ipa, r.length, visit,
                                                   random() % 2 == 0 ? &owed : nullptr, &progress));
        case 6:
            return note(table.collect_dirty(r.ipa, r.length, owed, visit, &progress));
        case 7:
            return note(table.split(r.ipa, r.length, page, owed, &progress));
        case 8:
            return note(table.track_writes(r.ipa, r.length, owed, visit, &progress));
        case 9: {
            const auto made = table.collapse(r.ipa, r.length, owed);
            return note(made ? std::expected<void, Error>{} : std::unexpected(made.error()));
        }
        default:
            return note(table.annotate(r.ipa, r.length, 5, owed, &progress));
        }
    }

    // A walker's tables stay as long as it is in them, as a TLBI waits for it.
    void walk(std::mt19937_64& random) {
        const Ipa ipa = range(random).ipa;
        const auto section = port.section();
        const auto result = model::walk(
            config, port, ipa,
            {.kind = random() % 2 == 0 ? model::AccessKind::store : model::AccessKind::load});
        if (result.translated()) {
            const std::uint64_t pa = result.translation.pa.value;
            port.wrong += pa != memory[0] + ipa.value && pa != memory[1] + ipa.value ? 1U : 0U;
            ++walked;
        }
    }

    void note(const std::expected<void, Error>& r) {
        if (r) {
            ++done;
        } else if (r.error() == Error::again) {
            ++again;
        } else if (r.error() != Error::out_of_memory && r.error() != Error::not_mapped &&
                   r.error() != Error::already_mapped && r.error() != Error::annotated) {
            ++port.wrong;
        }
    }

    CpuFeatures features;
    Geometry geometry;
    ThreadedPort port;
    Stage2<ThreadedPort> table;
    model::WalkConfig config;
    std::atomic<std::uint64_t> done = 0;
    std::atomic<std::uint64_t> again = 0;
    std::atomic<std::uint64_t> walked = 0;
};

// The walker and the engine say the same of every page, now that nobody else is here.
void expect_consistent(Guest& guest) {
    for (unsigned stripe = 0; stripe < Guest::stripes; ++stripe) {
        for (std::uint64_t at = 0; at < Guest::used; at += Guest::page) {
            const Ipa ipa{stripe * GiB + at};
            const auto found = guest.table.lookup(ipa);
            guest.check(ipa, found->mapping);
            const auto walked =
                model::walk(guest.config, guest.port, ipa, {.kind = model::AccessKind::at_read});
            ASSERT_FALSE(invalid_entry::is_broken(found->raw) && (found->raw & 1) == 0)
                << "left behind at " << std::hex << ipa.value;
            ASSERT_EQ(walked.translated(), found->mapping.has_value()) << std::hex << ipa.value;
            if (found->mapping) {
                ASSERT_EQ(walked.translation.pa, found->mapping->pa + (ipa - found->mapping->ipa));
            }
        }
    }
    EXPECT_EQ(guest.port.wrong.load(), 0U);
    guest.port.reclaim();
    // The root is one allocation.
    EXPECT_EQ(guest.table.counters().tables, guest.port.live() - 1);
}

class Threads : public testing::TestWithParam<unsigned> {};

TEST_P(Threads, LeaveAConsistentTable) {
    constexpr std::chrono::milliseconds time{2000};
    Guest guest{GetParam()};
    std::atomic<bool> stop = false;
    const auto repeat = [&](unsigned id, void (Guest::*act)(std::mt19937_64&)) {
        participant = id;
        std::mt19937_64 random{id};
        while (!stop.load(std::memory_order_relaxed)) {
            for (unsigned i = 0; i < 16; ++i) {
                (guest.*act)(random);
            }
        }
    };
    std::vector<std::thread> threads;
    constexpr std::array<void (Guest::*)(std::mt19937_64&), participants - 1> roles{
        &Guest::faults, &Guest::faults, &Guest::change, &Guest::change, &Guest::walk};
    for (unsigned id = 1; id < participants; ++id) {
        threads.emplace_back(repeat, id, roles[id - 1]);
    }
    std::this_thread::sleep_for(time);
    stop.store(true);
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_GT(guest.done.load(), 1'000U);
    EXPECT_GT(guest.walked.load(), 100U);
    guest.port.scarce = false;
    expect_consistent(guest);

    Invalidation owed;
    EXPECT_TRUE(guest.table.unmap(Ipa{0}, guest.geometry.ipa_limit(), owed));
    guest.table.discharge(owed);
    guest.port.reclaim();
    EXPECT_EQ(guest.table.counters().tables, 0U);
    EXPECT_EQ(guest.port.live(), 1U) << "tables are lost";
    EXPECT_EQ(guest.port.wrong.load(), 0U);
}

// Without FEAT_BBM, and with level 2 of it.
INSTANTIATE_TEST_SUITE_P(Bbm, Threads, testing::Values(0U, 2U),
                         [](const auto& bbm) { return "Level" + std::to_string(bbm.param); });

} // namespace

} // namespace twofold::test
