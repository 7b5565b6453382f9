// SPDX-License-Identifier: MIT
// The small tables where operations meet, and what stands in them: all of it below the first entry
// of the initial level.
#pragma once

#include "scenario.hpp"

#include <string>
#include <vector>

namespace twofold::test {

// A geometry with two entries at the top, and the sizes that operations are about: what a leaf in a
// table below maps, and what the entry that points to that table covers.
struct Place {
    Regime regime = {};
    std::uint64_t leaf = 0x1000;
    std::uint64_t block = 0x20'0000;
    std::uint64_t run = 0x1'0000; // a contiguous run of leaves
    std::uint64_t page = 0x1000;
    // Bound: others go on before accesses to these entries of a table only - the first leaves, what
    // follows them, the ends of the first contiguous run and of the table.
    std::vector<unsigned> stops = {0, 1, 2, 15, 16, 511};
};

Place place_4k();
Place place_4k_bbm2();      // FEAT_BBM level 2
Place place_three_levels(); // leaves of 2 MiB under a 1 GiB entry
Place place_16k();
Place place_64k();

// Leaf 0, leaf 1, the whole block; the first page of leaf 1, where leaves are larger than pages.
enum class Form : std::uint8_t { first, second, all, page };

Operation operation(const Place& place, Verb verb, Form form);
// Each call in each form in which it meets others.
std::vector<Operation> every_operation(const Place& place);
// Those that change the shape of the table, and those of faults and of hardware; where there are
// three levels, also of a page below.
std::vector<Operation> main_operations(const Place& place);

std::vector<Layout> layouts(const Place& place);

} // namespace twofold::test
