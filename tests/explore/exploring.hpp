// SPDX-License-Identifier: MIT
// Exploring: explores scenarios one after the other, and says how many states that took.
#pragma once

#include "layouts.hpp"
#include "scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace twofold::test {

class Exploring {
public:
    explicit Exploring(std::string what) : what_{std::move(what)} {}
    ~Exploring() {
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
        std::printf("%-34s %5llu scenarios %8llu schedules %9llu states (at most %llu of %llu in "
                    "one) %6.1f s\n",
                    what_.c_str(), number(scenarios_), number(schedules_), number(states_),
                    number(largest_), number(ExplorationBounds{}.states), time.count());
    }
    Exploring(const Exploring&) = delete;
    Exploring& operator=(const Exploring&) = delete;

    void explore(const Place& place, const Layout& layout,
                 std::vector<std::vector<Operation>> programs) {
        constexpr unsigned enough = 8; // failures to print
        if (failures_ == enough) {
            return;
        }
        Scenario scenario{place.regime, layout, std::move(programs), {0, place.leaf}};
        scenario.world().stop_only_at(place.stops);
        const Exploration e = test::explore(scenario);
        ++scenarios_;
        schedules_ += e.schedules;
        states_ += e.states;
        largest_ = std::max(largest_, e.states);
        if (!e.failure.empty()) {
            ++failures_;
            ADD_FAILURE() << scenario.name() << "\n" << e.failure << "\n" << e.story;
        }
        EXPECT_GT(e.schedules + failures_, 0U) << scenario.name();
    }

private:
    static unsigned long long number(std::uint64_t n) { return n; }

    std::string what_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::uint64_t scenarios_ = 0;
    std::uint64_t schedules_ = 0;
    std::uint64_t states_ = 0;
    std::uint64_t largest_ = 0;
    unsigned failures_ = 0;
};

} // namespace twofold::test
