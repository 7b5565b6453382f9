// SPDX-License-Identifier: MIT
// Operation: one call of Stage2, or one access by hardware, as part of a scenario.
#pragma once

#include "explore_port.hpp"

#include <twofold/table/stage2.hpp>

#include <cstdint>
#include <string>

namespace twofold::test {

enum class Verb : std::uint8_t {
    map,
    map_if_absent,
    unmap,
    protect,
    relax,
    write_protect,
    make_young,
    test_and_clear_young,
    collect_dirty,
    track_writes,
    split,
    collapse,
    annotate,
    lookup,
    hardware_read,
    hardware_write,
};

struct Operation {
    Verb verb = Verb::lookup;
    Ipa ipa = {};
    std::uint64_t length = 0;
    Pa pa = {};             // of map
    std::uint64_t leaf = 0; // of split: to this size

    bool by_hardware() const { return verb == Verb::hardware_read || verb == Verb::hardware_write; }
};

std::string to_string(const Operation& operation);

// What came of it.
struct Result {
    enum class Kind : std::uint8_t {
        none,  // another operation was in the way: as if it had not been called
        done,  // or done up to `next`
        error, // refused, with a reason that says something about the table
    };
    Kind kind = Kind::none;
    Error error = {};
    Ipa next = {};           // how far a change of a range came
    std::uint64_t value = 0; // what it found, as a number that tells findings apart

    bool operator==(const Result&) const = default;
};

// Runs it on the calling CPU. What it owes is added to `owed`.
Result run(Stage2<ExplorePort>& table, World& world, const Operation& operation,
           Invalidation& owed);

} // namespace twofold::test
