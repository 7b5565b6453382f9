// SPDX-License-Identifier: MIT
// explore: every interleaving of the programs of a few CPUs, up to those that no CPU can tell from
// one that was tried. Stateful search by running again from the beginning: the schedules with the
// fewest preemptions come first, so that what goes wrong is shown in a simple way; a schedule that
// comes to a state that was seen is not followed further. Complete within its bounds; a search that
// meets one says so and has failed.
#pragma once

#include "world.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace twofold::test {

// What is explored: programs over a World.
class Explored {
public:
    virtual ~Explored() = default;
    virtual World& world() = 0;
    // World::begin() to World::go(), and what stands between: the same in each run.
    virtual void begin() = 0;
    // The program of one CPU. It owns nothing outside its stack and the World.
    virtual void run(unsigned cpu) = 0;
    // All programs have ended: reports what is wrong with where that led to.
    virtual void end() = 0;
};

struct ExplorationBounds {
    std::uint64_t states = 2'000'000;
    std::uint64_t steps = 200'000; // of one CPU, in one schedule
};

struct Exploration {
    std::uint64_t schedules = 0; // followed to their end
    std::uint64_t states = 0;
    std::uint64_t runs = 0;   // those that ended in a known state included
    std::uint64_t rounds = 0; // searches until it was known which entries are shared
    std::size_t longest = 0;  // steps at which the scheduler could choose, in one schedule
    // What went wrong, and the schedule that led there.
    std::string failure = {};
    std::string story = {};
};

Exploration explore(Explored& explored, const ExplorationBounds& bounds = {});

} // namespace twofold::test
