// SPDX-License-Identifier: MIT
// A grace period ends with the last section that could have seen what was unlinked, no earlier and
// not much later.
#include <twofold/table/epochs.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace twofold::test {

namespace {

using ThreeCpus = Epochs<3>;

// What one reclaim() gives back.
std::vector<Retired*> reclaimed(ThreeCpus& epochs) {
    std::vector<Retired*> all;
    const unsigned count = epochs.reclaim([&](Retired& r) { all.push_back(&r); });
    EXPECT_EQ(count, all.size());
    return all;
}

TEST(Epochs, WithoutSectionsNothingWaits) {
    ThreeCpus epochs;
    EXPECT_TRUE(reclaimed(epochs).empty());
    Retired a;
    epochs.retire(a);
    EXPECT_EQ(reclaimed(epochs), std::vector{&a});
    EXPECT_TRUE(reclaimed(epochs).empty()) << "given back twice";
}

TEST(Epochs, ASectionKeepsWhatIsRetiredDuringIt) {
    ThreeCpus epochs;
    Retired a;
    for (unsigned cpu = 0; cpu < 3; ++cpu) {
        {
            const auto section = epochs.section(cpu);
            epochs.retire(a);
            EXPECT_TRUE(reclaimed(epochs).empty()) << cpu;
            EXPECT_TRUE(reclaimed(epochs).empty()) << cpu;
        }
        EXPECT_EQ(reclaimed(epochs), std::vector{&a}) << cpu;
    }
}

TEST(Epochs, ALaterSectionKeepsNothing) {
    ThreeCpus epochs;
    Retired a;
    epochs.retire(a);
    const auto later = epochs.section(1);
    EXPECT_EQ(reclaimed(epochs), std::vector{&a});
}

TEST(Epochs, TheOldestSectionDecides) {
    ThreeCpus epochs;
    Retired early;
    Retired late;
    {
        const auto first = epochs.section(0);
        epochs.retire(early);
        {
            const auto second = epochs.section(1);
            epochs.retire(late);
        }
        EXPECT_TRUE(reclaimed(epochs).empty());
    }
    EXPECT_EQ(reclaimed(epochs).size(), 2U);
}

TEST(Epochs, OnlyWhatCanBeSeenWaits) {
    ThreeCpus epochs;
    Retired early;
    Retired middle;
    Retired late;
    epochs.retire(early);
    {
        const auto section = epochs.section(2);
        epochs.retire(middle);
        epochs.retire(late);
        EXPECT_EQ(reclaimed(epochs), std::vector{&early});
    }
    EXPECT_EQ(reclaimed(epochs).size(), 2U);
}

TEST(Epochs, SectionsNest) {
    ThreeCpus epochs;
    Retired a;
    Retired b;
    {
        const auto outer = epochs.section(0);
        epochs.retire(a);
        {
            const auto inner = epochs.section(0);
            epochs.retire(b);
        }
        EXPECT_TRUE(reclaimed(epochs).empty()) << "the inner section's end is not the end";
    }
    EXPECT_EQ(reclaimed(epochs).size(), 2U);
}

TEST(Epochs, AMarkPassesWhenTheSectionsBeforeItHaveEnded) {
    ThreeCpus epochs;
    EXPECT_TRUE(epochs.passed(epochs.mark()));
    std::uint64_t mark = 0;
    {
        const auto before = epochs.section(0);
        mark = epochs.mark();
        EXPECT_FALSE(epochs.passed(mark));
        const auto after = epochs.section(1);
        EXPECT_FALSE(epochs.passed(mark));
    }
    EXPECT_TRUE(epochs.passed(mark));
    {
        const auto after = epochs.section(1);
        EXPECT_TRUE(epochs.passed(mark));
    }
}

// Nodes go round: linked, read by all, unlinked, given back, linked again. A node that is given
// back is no longer marked as alive, so a reader that still sees it notices.
TEST(Epochs, ReadersNeverSeeWhatIsGivenBack) {
    constexpr unsigned readers = 3;
    constexpr unsigned rounds = 4'000;
    struct Node {
        Retired retired = {};
        std::uint64_t alive = 0; // plain: a race with its reset is found by the sanitizer, too
    };
    static_assert(offsetof(Node, retired) == 0);
    std::array<Node, 16> nodes;
    std::vector<Node*> free;
    free.reserve(nodes.size());
    for (Node& node : nodes) {
        free.push_back(&node);
    }
    Epochs<readers + 1> epochs;
    std::atomic<Node*> current = nullptr;
    std::atomic<bool> stop = false;
    std::atomic<unsigned> dead_seen = 0;
    std::atomic<std::uint64_t> reads = 0;

    std::vector<std::thread> threads;
    for (unsigned cpu = 0; cpu < readers; ++cpu) {
        threads.emplace_back([&, cpu] {
            while (!stop.load()) {
                const auto section = epochs.section(cpu);
                const Node* node = current.load(std::memory_order_acquire);
                for (unsigned i = 0; node != nullptr && i < 8; ++i) {
                    dead_seen += node->alive == 1 ? 0 : 1;
                    ++reads;
                }
            }
        });
    }
    for (unsigned round = 0; round < rounds || reads.load() < rounds; ++round) {
        if (free.empty()) {
            epochs.reclaim([&](Retired& r) {
                Node& node = reinterpret_cast<Node&>(r);
                node.alive = 0;
                free.push_back(&node);
            });
            if (free.empty()) {
                std::this_thread::yield();
            }
            continue;
        }
        Node* next = free.back();
        free.pop_back();
        next->alive = 1;
        if (Node* old = current.exchange(next, std::memory_order_acq_rel)) {
            epochs.retire(old->retired);
        }
    }
    stop.store(true);
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(dead_seen.load(), 0U);
    unsigned waiting = epochs.reclaim([&](Retired&) {});
    EXPECT_EQ(waiting + free.size() + 1, nodes.size()) << "a node was lost";
}

// Several threads retire and reclaim at once: each node comes back exactly once.
TEST(Epochs, NothingIsLostBetweenReclaimers) {
    constexpr unsigned workers = 3;
    constexpr unsigned each = 4'000;
    struct Node {
        Retired retired = {};
        std::atomic<unsigned> given_back = 0;
    };
    std::vector<Node> nodes(workers * each);
    Epochs<workers> epochs;
    const auto give_back = [](Retired& r) { ++reinterpret_cast<Node&>(r).given_back; };
    std::vector<std::thread> threads;
    for (unsigned cpu = 0; cpu < workers; ++cpu) {
        threads.emplace_back([&, cpu] {
            for (unsigned i = 0; i < each; ++i) {
                const auto section = epochs.section(cpu);
                epochs.retire(nodes[cpu * each + i].retired);
                if (i % 8 == cpu) {
                    epochs.reclaim(give_back);
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    epochs.reclaim(give_back);
    for (const Node& node : nodes) {
        ASSERT_EQ(node.given_back.load(), 1U);
    }
}

} // namespace

} // namespace twofold::test
