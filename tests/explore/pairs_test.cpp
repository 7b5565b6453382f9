// SPDX-License-Identifier: MIT
// Every pair of operations, in every layout, in every interleaving; in other geometries the pairs
// of those that change the shape of the table.
#include "exploring.hpp"

namespace twofold::test {

namespace {

void explore_pairs(const std::string& name, const Place& place, const Layout& layout,
                   const std::vector<Operation>& operations) {
    Exploring exploring{name + layout.name};
    for (std::size_t a = 0; a < operations.size(); ++a) {
        for (std::size_t b = a; b < operations.size(); ++b) {
            exploring.explore(place, layout, {{operations[a]}, {operations[b]}});
        }
    }
}

void explore_main_pairs(const std::string& name, const Place& place, std::size_t layout) {
    explore_pairs(name, place, layouts(place)[layout], main_operations(place));
}

std::string name_of(const testing::TestParamInfo<std::size_t>& layout) {
    std::string name = layouts(place_4k())[layout.param].name;
    std::ranges::replace(name, ' ', '_');
    return name;
}

class Pairs : public testing::TestWithParam<std::size_t> {};

TEST_P(Pairs, EndLikeSomeOrder) {
    const Place place = place_4k();
    explore_pairs("", place, layouts(place)[GetParam()], every_operation(place));
}
TEST_P(Pairs, EndLikeSomeOrderWhereSizesMayChangeInUse) {
    explore_main_pairs("BBM 2, ", place_4k_bbm2(), GetParam());
}
TEST_P(Pairs, EndLikeSomeOrderInThreeLevels) {
    explore_main_pairs("1 GiB, ", place_three_levels(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Layouts, Pairs, testing::Range(std::size_t{0}, layouts(place_4k()).size()),
                         name_of);

// Their tables are long (2048 and 8192 entries), so fewer layouts are tried.
class LongTables : public testing::TestWithParam<std::size_t> {};

TEST_P(LongTables, EndLikeSomeOrderWith16K) {
    explore_main_pairs("16K, ", place_16k(), GetParam());
}
TEST_P(LongTables, EndLikeSomeOrderWith64K) {
    explore_main_pairs("64K, ", place_64k(), GetParam());
}

// Mixed leaves, a block, a clean block, a full table of runs.
INSTANTIATE_TEST_SUITE_P(Layouts, LongTables, testing::Values(3, 4, 5, 7), name_of);

} // namespace

} // namespace twofold::test
