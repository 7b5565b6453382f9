// SPDX-License-Identifier: MIT
// The explorer finds what it is there to find: toy operations, each once right and once with a race
// or a step left out, and the number of interleavings of programs whose number is known.
#include "explore_port.hpp"
#include "explorer.hpp"

#include <twofold/arch/tlbi.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

namespace twofold::test {

namespace {

// 4K granule, 2 entries at level 2, each for 512 pages. By hand: AF, SH inner, S2AP read-write,
// MemAttr 0b0110, and the type.
constexpr std::uint64_t page_bits = 0x7db;
constexpr std::uint64_t block_bits = 0x7d9;
constexpr std::uint64_t page_a = 0x4000'0000 | page_bits;
constexpr std::uint64_t page_b = 0x5000'0000 | page_bits;
constexpr std::uint64_t write_bit = 0x80;
constexpr std::uint64_t dirty_bit_modifier = std::uint64_t{1} << 51;

// A table of pages under the first root entry; the first page is mapped to page_a.
class Toy : public Explored {
public:
    using Program = std::function<void(Toy&)>;
    using Judge = std::function<void(Toy&)>;

    Toy(std::vector<Program> programs, Judge judge = {})
        : programs_{std::move(programs)},
          judge_{std::move(judge)},
          world_{static_cast<unsigned>(programs_.size()), 12, 4} {}

    World& world() override { return world_; }
    void begin() override {
        world_.begin();
        root = *port.allocate(4096);
        leaves = *port.allocate(4096);
        port.table(root).store(0, leaves.value | 3);
        port.table(leaves).store(0, page_a);
        tickets = {};
        world_.go({.root = root.value}, {0});
    }
    void run(unsigned cpu) override { programs_[cpu](*this); }
    void end() override {
        if (judge_) {
            judge_(*this);
        }
    }

    std::uint64_t leaf(unsigned i) { return world_.peek(leaves.value + 8 * i); }
    std::uint64_t entry(unsigned i) { return world_.peek(root.value + 8 * i); }

    void dsb(Barrier kind) { port.barrier(kind); }
    // The order of the manual, with one step left out.
    void invalidate(const std::string& without = "", bool tables = false) {
        if (without != "first DSB") {
            dsb(Barrier::dsb_ishst);
        }
        if (without != "IPAS2") {
            port.tlbi({.kind = TlbiKind::ipas2,
                       .scope = without == "broadcast" ? InvalidationScope::local
                                                       : InvalidationScope::inner_shareable,
                       .last_level = !tables,
                       .operand = without == "level" ? std::uint64_t{0b0110} << 44 : 0});
        }
        if (without != "second DSB") {
            dsb(Barrier::dsb_ish);
        }
        if (without != "VMALLE1") {
            port.tlbi({.kind = TlbiKind::vmalle1});
        }
        if (without != "last DSB") {
            dsb(Barrier::dsb_ish);
        }
    }

private:
    std::vector<Program> programs_;
    Judge judge_;
    World world_;

public:
    ExplorePort port{world_};
    Pa root = {};
    Pa leaves = {};
    std::array<unsigned, 2> tickets = {};
};

Exploration explored(std::vector<Toy::Program> programs, Toy::Judge judge = {}) {
    Toy toy{std::move(programs), std::move(judge)};
    return explore(toy);
}

void expect_found(const Exploration& found, const std::string& words) {
    EXPECT_NE(found.failure.find(words), std::string::npos)
        << "wanted: " << words << "\nfound: " << found.failure << "\n"
        << found.story;
}
void expect_none(const Exploration& found) {
    EXPECT_EQ(found.failure, "") << found.story;
    EXPECT_GT(found.schedules, 0U);
}

// Each CPU reads an entry and then writes it. In four of the six orders of two of them both read
// first; who reads first makes no difference then, so that four are left.
TEST(Explorer, TriesEveryOrder) {
    std::vector<std::uint64_t> ends;
    const auto add = [](Toy& toy) {
        const std::uint64_t old = toy.port.table(toy.leaves).load(7);
        toy.port.table(toy.leaves).publish(7, old + 4);
    };
    const auto judge = [&](Toy& toy) { ends.push_back(toy.leaf(7)); };
    const auto two = explored({add, add}, judge);
    expect_none(two);
    EXPECT_EQ(two.schedules, 4U);
    EXPECT_EQ(std::ranges::count(ends, 12U), 0);
    for (const std::uint64_t sum : {4U, 8U}) {
        EXPECT_GE(std::ranges::count(ends, sum), 1) << sum;
    }
    ends.clear();
    expect_none(explored({add, add, add}, judge));
    for (const std::uint64_t sum : {4U, 8U, 12U}) {
        EXPECT_GE(std::ranges::count(ends, sum), 1) << sum;
    }
}

TEST(Explorer, ALostUpdateIsFound) {
    const auto add = [](Toy& toy) {
        const std::uint64_t old = toy.port.table(toy.leaves).load(7);
        toy.port.table(toy.leaves).publish(7, old + 4);
    };
    const auto add_atomically = [](Toy& toy) {
        auto table = toy.port.table(toy.leaves);
        for (;;) {
            const std::uint64_t old = table.load(7);
            if (table.compare_exchange(7, old, old + 4)) {
                return;
            }
        }
    };
    const auto judge = [](Toy& toy) {
        if (toy.leaf(7) != 8) {
            toy.world().report("an update is lost");
        }
    };
    expect_found(explored({add, add}, judge), "an update is lost");
    expect_none(explored({add_atomically, add_atomically}, judge));
}

TEST(Explorer, ABoundThatIsMetIsAFailure) {
    const auto spin = [](Toy& toy) {
        while (toy.port.table(toy.leaves).load(7) == 0) {
        }
    };
    const auto set = [](Toy& toy) { toy.port.table(toy.leaves).publish(7, 4); };
    Toy toy{{spin, set}};
    expect_found(explore(toy, {.states = 1'000, .steps = 100}), "does not come to an end");
    Toy again{{set, set, set}};
    expect_found(explore(again, {.states = 5, .steps = 100}), "more states than the bound");
}

// unmap, then somebody else maps another page there: right with a tombstone that keeps the entry
// until the invalidation is complete.
void unmap(Toy& toy, std::uint64_t tombstone, const std::string& without = "") {
    auto table = toy.port.table(toy.leaves);
    table.exchange(0, tombstone);
    toy.invalidate(without);
    toy.world().settled();
    if (tombstone != 0) {
        table.publish(0, 0);
    }
}
void map(Toy& toy) { toy.port.table(toy.leaves).compare_exchange(0, 0, page_b); }

TEST(Explorer, AnUnmapWithoutTombstoneIsFound) {
    const auto wrong = explored({[](Toy& toy) { unmap(toy, 0); }, map});
    expect_found(wrong, "two translations at once");
    EXPECT_NE(wrong.story.find("cpu 1  cas"), std::string::npos) << wrong.story;
    expect_none(explored({[](Toy& toy) { unmap(toy, 4); }, map}));
}

TEST(Explorer, EachStepOfAnInvalidationIsNeeded) {
    expect_none(explored({[](Toy& toy) { unmap(toy, 4); }}));
    for (const char* without :
         {"first DSB", "IPAS2", "second DSB", "VMALLE1", "last DSB", "level", "broadcast"}) {
        SCOPED_TRACE(without);
        expect_found(explored({[&](Toy& toy) { unmap(toy, 4, without); }}), "may still hold");
    }
}

TEST(Explorer, AChangeThatNeedsABreakIsFound) {
    const auto replace = [](Toy& toy) { toy.port.table(toy.leaves).exchange(0, page_b); };
    expect_found(explored({replace}), "two translations at once");
    const auto to_block = [](Toy& toy) {
        toy.port.table(toy.root).exchange(0, 0x4000'0000 | block_bits);
    };
    expect_found(explored({to_block}), "two translations at once");
    const auto mark_run = [](Toy& toy) {
        toy.port.table(toy.leaves).exchange(0, page_a | std::uint64_t{1} << 52);
    };
    expect_found(explored({mark_run}), "two translations at once");
    // A neighbour that claims to be in a run with the watched page.
    const auto mark_neighbour = [](Toy& toy) {
        toy.port.table(toy.leaves).publish(3, (page_b + 0x3000) | std::uint64_t{1} << 52);
    };
    expect_found(explored({mark_neighbour}), "two translations at once");
}

TEST(Explorer, PermissionsTakenAwayHaveToLeaveTheTlbs) {
    const auto protect = [](const char* without) {
        return [without](Toy& toy) {
            toy.port.table(toy.leaves).clear_bits(0, write_bit);
            toy.invalidate(without);
            toy.world().settled();
        };
    };
    expect_none(explored({protect("")}));
    expect_found(explored({protect("VMALLE1")}), "may still hold");
    expect_found(explored({protect("broadcast")}), "may still hold");
}

TEST(Explorer, PermissionsGivenNeedOnlyThisCpu) {
    const auto relax = [](bool invalidated) {
        return [invalidated](Toy& toy) {
            // Execution for EL1 and EL0 is taken away first, for all.
            auto table = toy.port.table(toy.leaves);
            table.exchange(0, page_a & ~write_bit);
            toy.invalidate();
            toy.world().settled();
            table.compare_exchange(0, page_a & ~write_bit, page_a);
            if (invalidated) {
                toy.dsb(Barrier::dsb_nshst);
                const auto local = InvalidationScope::local;
                toy.port.tlbi({.kind = TlbiKind::ipas2, .scope = local, .last_level = true});
                toy.dsb(Barrier::dsb_nsh);
                toy.port.tlbi({.kind = TlbiKind::vmalle1, .scope = local});
                toy.dsb(Barrier::dsb_nsh);
            }
            toy.world().settled();
        };
    };
    expect_none(explored({relax(true)}));
    expect_found(explored({relax(false)}), "this CPU may still hold the weaker");
}

// The table of pages goes, while another CPU reads in it.
TEST(Explorer, ATableWaitsForReadersAndWalkers) {
    struct Steps {
        bool tables = true;  // TLBI for tables, not for leaves only
        bool section = true; // the reader says that it reads
        bool invalidated = true;
    };
    const auto run = [](Steps steps) {
        const auto drop = [steps](Toy& toy) {
            const auto section = toy.port.section();
            toy.port.table(toy.root).exchange(0, 0);
            if (steps.invalidated) {
                toy.invalidate("", steps.tables);
            }
            toy.port.retire(toy.leaves, 4096);
        };
        const auto read = [steps](Toy& toy) {
            const auto look = [&] {
                const std::uint64_t d = toy.port.table(toy.root).load(0);
                if (d != 0) {
                    toy.port.table(Pa{d & ~std::uint64_t{0xfff}}).load(3);
                }
            };
            if (steps.section) {
                const auto section = toy.port.section();
                look();
            } else {
                look();
            }
        };
        return explored({drop, read});
    };
    expect_none(run({}));
    expect_found(run({.section = false}), "was given back");
    expect_found(run({.tables = false}), "a walker may still read");
    expect_found(run({.invalidated = false}), "a walker may still read");
}

TEST(Explorer, MemoryIsNeitherLostNorGivenBackTwice) {
    expect_found(explored({[](Toy& toy) { (void)toy.port.allocate(4096); }}), "nothing leads to");
    expect_found(explored({[](Toy& toy) {
                     const Pa pa = *toy.port.allocate(4096);
                     toy.port.free(pa, 4096);
                     toy.port.free(pa, 4096);
                 }}),
                 "twice");
    expect_found(explored({[](Toy& toy) { toy.port.free(toy.leaves, 4096); }}), "may still read");
    expect_found(explored({[](Toy& toy) { toy.port.table(toy.leaves).store(9, 4); }}),
                 "plain store");
    expect_found(explored({[](Toy& toy) { toy.port.table(toy.leaves).publish(0, 4); }}),
                 "over a valid entry");
}

// Hardware that writes through the entry, against a sweep that reads and then stores.
TEST(Explorer, ADirtyPageThatIsLostIsFound) {
    const auto make_clean = [](bool atomically) {
        return [atomically](Toy& toy) {
            auto table = toy.port.table(toy.leaves);
            const std::uint64_t before = table.load(1);
            const std::uint64_t clean = (0x4000'1000 | page_bits | dirty_bit_modifier) & ~write_bit;
            toy.tickets[0] = (before & write_bit) != 0 ? 1 : 0;
            if (atomically) {
                toy.tickets[0] = (table.clear_bits(1, write_bit) & write_bit) != 0 ? 1 : 0;
            } else {
                table.exchange(1, clean);
            }
        };
    };
    const auto hardware = [](Toy& toy) {
        const std::uint64_t table = toy.leaves.value;
        const auto d = toy.world().hardware_load(0, table, 3, 1);
        if (d && (*d & 1) != 0) {
            toy.tickets[1] =
                toy.world().hardware_update(0, table, 3, 1, *d, *d | write_bit) ? 1 : 0;
        }
    };
    const auto fill = [](Toy& toy) {
        toy.port.table(toy.leaves)
            .publish(1, (0x4000'1000 | page_bits | dirty_bit_modifier) & ~write_bit);
    };
    const auto judge = [](Toy& toy) {
        const bool noted = toy.tickets[0] != 0 || (toy.leaf(1) & write_bit) != 0;
        if (toy.tickets[1] != 0 && !noted) {
            toy.world().report("a dirty page is lost");
        }
    };
    const auto both = [&](bool atomically) {
        return explored({[=](Toy& toy) {
                             fill(toy);
                             make_clean(atomically)(toy);
                         },
                         hardware},
                        judge);
    };
    expect_found(both(false), "a dirty page is lost");
    expect_none(both(true));
}

} // namespace

} // namespace twofold::test
