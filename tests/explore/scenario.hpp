// SPDX-License-Identifier: MIT
// Scenario: a table with something in it, and what two or three CPUs do to it at the same time. The
// table at the end, and what each operation said, have to be what some order of the operations
// gives, one after the other; an operation that said "again" has not been.
#pragma once

#include "explorer.hpp"
#include "operation.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace twofold::test {

// What stands in the table before.
struct Layout {
    const char* name = "";
    std::function<void(Stage2<ExplorePort>&, Invalidation&)> fill = {};
};

// Of a page: where it is mapped and how, or what stands there in place of a mapping.
struct PageContent {
    std::uint64_t pa = 0;
    std::uint64_t bits = 0;
    bool operator==(const PageContent&) const = default;
};
// A stretch of pages that differ in their address only.
struct ContentRun {
    std::uint64_t ipa = 0;
    std::uint64_t length = 0;
    PageContent first = {};
    bool operator==(const ContentRun&) const = default;
};

struct Regime {
    CpuFeatures features = {};
    GeometryRequest geometry = {};
};

class Scenario : public Explored {
public:
    static constexpr unsigned max_cpus = 3;

    // One program for each CPU; the addresses at which the TLBs are watched.
    Scenario(const Regime& regime, Layout layout, std::vector<std::vector<Operation>> programs,
             std::vector<std::uint64_t> watched);

    World& world() override { return world_; }
    void begin() override;
    void run(unsigned cpu) override;
    void end() override;

    std::string name() const;
    // Distinct ends that were judged.
    std::size_t ends() const { return judged_; }

private:
    static constexpr unsigned max_operations = 3; // of one CPU
    using Results = std::array<std::array<Result, max_operations>, max_cpus>;

    // A table in a World, made anew for each run and never destroyed.
    class Bench {
    public:
        void build(World& world, ExplorePort& port, const Regime& regime, const Layout& layout);
        Stage2<ExplorePort>& table() {
            return *reinterpret_cast<Stage2<ExplorePort>*>(storage_.data());
        }
        std::uint64_t engine_state() const;

    private:
        alignas(Stage2<ExplorePort>) std::array<std::byte, sizeof(Stage2<ExplorePort>)> storage_{};
    };
    struct End {
        std::vector<ContentRun> content = {};
        Results results = {};
        bool operator==(const End&) const = default;
    };

    WalkShape shape(const World& world, const Stage2<ExplorePort>& table) const;
    std::vector<ContentRun> content(const World& world, const WalkShape& shape) const;
    // Every end of the operations that were done, one after the other.
    const std::vector<End>& sequential_ends(const Results& results);
    End run_in_order(const std::vector<std::uint8_t>& order, const Results& done);

    Regime regime_;
    Layout layout_;
    std::vector<std::vector<Operation>> programs_;
    std::vector<std::vector<std::string>> names_ = {};
    std::vector<std::uint64_t> watched_;
    World world_;
    ExplorePort port_{world_};
    Bench bench_ = {};
    World alone_; // for one operation after the other
    ExplorePort alone_port_{alone_};
    Bench alone_bench_ = {};
    Results results_ = {};
    std::map<std::string, std::vector<End>> sequential_ = {};
    std::size_t judged_ = 0;
};

} // namespace twofold::test
