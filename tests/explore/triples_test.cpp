// SPDX-License-Identifier: MIT
// Three CPUs, and CPUs with more than one thing to do: those that have met badly elsewhere.
#include "exploring.hpp"

#include <array>
#include <span>

namespace twofold::test {

namespace {

struct Call {
    Verb verb;
    Form form;
};
using Triple = std::array<Call, 3>;

constexpr std::array triples{
    // Removed, and installed again by whoever comes first.
    Triple{{{Verb::unmap, Form::first},
            {Verb::map_if_absent, Form::first},
            {Verb::hardware_write, Form::first}}},
    Triple{{{Verb::unmap, Form::first},
            {Verb::map_if_absent, Form::first},
            {Verb::map_if_absent, Form::second}}},
    Triple{{{Verb::unmap, Form::first},
            {Verb::unmap, Form::second},
            {Verb::map_if_absent, Form::first}}},
    Triple{{{Verb::unmap, Form::all},
            {Verb::map_if_absent, Form::first},
            {Verb::lookup, Form::first}}},
    Triple{{{Verb::annotate, Form::first},
            {Verb::map_if_absent, Form::first},
            {Verb::unmap, Form::first}}},
    // The size of leaves changes under faults and hardware.
    Triple{{{Verb::collapse, Form::all},
            {Verb::relax, Form::first},
            {Verb::hardware_write, Form::first}}},
    Triple{{{Verb::collapse, Form::all},
            {Verb::unmap, Form::first},
            {Verb::map_if_absent, Form::first}}},
    Triple{{{Verb::split, Form::first},
            {Verb::collect_dirty, Form::first},
            {Verb::hardware_write, Form::first}}},
    Triple{
        {{Verb::split, Form::first}, {Verb::relax, Form::first}, {Verb::make_young, Form::second}}},
    Triple{{{Verb::map, Form::first}, {Verb::relax, Form::first}, {Verb::unmap, Form::all}}},
    // Permissions taken away and given, noted by hardware.
    Triple{{{Verb::write_protect, Form::all},
            {Verb::relax, Form::first},
            {Verb::hardware_write, Form::first}}},
    Triple{{{Verb::collect_dirty, Form::all},
            {Verb::hardware_write, Form::first},
            {Verb::hardware_write, Form::second}}},
    Triple{{{Verb::track_writes, Form::all},
            {Verb::hardware_write, Form::first},
            {Verb::collect_dirty, Form::first}}},
    Triple{{{Verb::track_writes, Form::first},
            {Verb::protect, Form::first},
            {Verb::relax, Form::first}}},
    Triple{{{Verb::protect, Form::first},
            {Verb::relax, Form::first},
            {Verb::make_young, Form::first}}},
    Triple{{{Verb::test_and_clear_young, Form::first},
            {Verb::make_young, Form::first},
            {Verb::hardware_read, Form::first}}},
};

// A block, unmapped as one leaf, is a table before who wanted a part of it has looked again.
constexpr std::array block_triples{
    Triple{{{Verb::protect, Form::first},
            {Verb::unmap, Form::all},
            {Verb::map_if_absent, Form::first}}},
    Triple{{{Verb::unmap, Form::first},
            {Verb::unmap, Form::all},
            {Verb::map_if_absent, Form::second}}},
    Triple{
        {{Verb::map, Form::first}, {Verb::unmap, Form::all}, {Verb::map_if_absent, Form::second}}},
    Triple{{{Verb::annotate, Form::first},
            {Verb::unmap, Form::all},
            {Verb::map_if_absent, Form::first}}},
    Triple{
        {{Verb::split, Form::first}, {Verb::unmap, Form::all}, {Verb::map_if_absent, Form::first}}},
    Triple{{{Verb::write_protect, Form::first},
            {Verb::unmap, Form::all},
            {Verb::map_if_absent, Form::first}}},
    Triple{{{Verb::collect_dirty, Form::first},
            {Verb::unmap, Form::all},
            {Verb::map_if_absent, Form::first}}},
    Triple{{{Verb::track_writes, Form::first},
            {Verb::unmap, Form::all},
            {Verb::map_if_absent, Form::first}}},
};

// Fewer places to stop at than for pairs.
Place place_of_triples() {
    Place place = place_4k();
    place.stops = {0, 1, 511};
    return place;
}

void explore(Exploring& exploring, const Place& place, const Layout& layout,
             std::span<const Triple> some) {
    for (const Triple& triple : some) {
        std::vector<std::vector<Operation>> programs;
        for (const Call& call : triple) {
            programs.push_back({operation(place, call.verb, call.form)});
        }
        exploring.explore(place, layout, std::move(programs));
    }
}

class Triples : public testing::TestWithParam<std::size_t> {};
class BlockTriples : public Triples {};

TEST_P(Triples, EndLikeSomeOrder) {
    const Place place = place_of_triples();
    const Layout layout = layouts(place)[GetParam()];
    Exploring exploring{std::string{"three CPUs, "} + layout.name};
    explore(exploring, place, layout, triples);
}

TEST_P(BlockTriples, EndLikeSomeOrder) {
    const Place place = place_of_triples();
    const Layout layout = layouts(place)[GetParam()];
    Exploring exploring{std::string{"three CPUs and a block, "} + layout.name};
    explore(exploring, place, layout, block_triples);
}

// The second thing a CPU does comes before its discharge of the first.
TEST_P(Triples, EndLikeSomeOrderWithTwoCallsInOneProgram) {
    const Place place = place_of_triples();
    const Layout layout = layouts(place)[GetParam()];
    Exploring exploring{std::string{"two calls, "} + layout.name};
    const auto call = [&](Verb verb, Form form) { return operation(place, verb, form); };
    for (const Verb other : {Verb::map, Verb::map_if_absent, Verb::unmap, Verb::relax,
                             Verb::hardware_write, Verb::split}) {
        const Operation beside = call(other, Form::first);
        exploring.explore(
            place, layout,
            {{call(Verb::unmap, Form::first), call(Verb::map, Form::first)}, {beside}});
        exploring.explore(
            place, layout,
            {{call(Verb::unmap, Form::second), call(Verb::unmap, Form::first)}, {beside}});
        exploring.explore(
            place, layout,
            {{call(Verb::write_protect, Form::all), call(Verb::collapse, Form::all)}, {beside}});
        exploring.explore(place, layout,
                          {{call(Verb::map, Form::first), call(Verb::unmap, Form::all)}, {beside}});
    }
}

std::string layout_name(const testing::TestParamInfo<std::size_t>& layout) {
    std::string name = layouts(place_4k())[layout.param].name;
    std::ranges::replace(name, ' ', '_');
    return name;
}

// The last leaf of a table, a block, a clean block, a full table of runs.
INSTANTIATE_TEST_SUITE_P(Layouts, Triples, testing::Values(2, 4, 5, 7), layout_name);
INSTANTIATE_TEST_SUITE_P(Layouts, BlockTriples, testing::Values(4, 5), layout_name);

} // namespace

} // namespace twofold::test
