// SPDX-License-Identifier: MIT
#include "layouts.hpp"

namespace twofold::test {

namespace {

constexpr Pa memory{0x1'0000'0000};
constexpr Pa other_memory{0x2'0000'0000};

Regime regime(Granule granule, unsigned ipa_bits, Level initial_level, unsigned bbm) {
    CpuFeatures f;
    f.pa_bits = 40;
    f.granule_4k = f.granule_16k = f.granule_64k = true;
    f.ttst = f.xnx = f.access_flag = f.dirty_state = f.fwb = f.ttl = f.tlbi_range = true;
    f.bbm = static_cast<std::uint8_t>(bbm);
    return {.features = f,
            .geometry = {.granule = granule, .ipa_bits = ipa_bits, .initial_level = initial_level}};
}

// One stretch from the start, dirty and accessed or neither.
Layout filled(const char* name, std::uint64_t length, std::uint64_t max_size, bool used) {
    return {.name = name, .fill = [=](Stage2<ExplorePort>& table, Invalidation&) {
                (void)table.map_if_absent(
                    {.ipa = Ipa{0},
                     .pa = memory,
                     .length = length,
                     .attributes = {.permissions = {.read = true, .write = used},
                                    .access_flag = used,
                                    .dbm = true},
                     .max_size = max_size});
            }};
}

// The same, where hardware notes nothing of what is written.
Layout writable(const char* name, std::uint64_t length, std::uint64_t max_size) {
    return {.name = name, .fill = [=](Stage2<ExplorePort>& table, Invalidation&) {
                (void)table.map_if_absent(
                    {.ipa = Ipa{0},
                     .pa = memory,
                     .length = length,
                     .attributes = {.permissions = {.read = true, .write = true}},
                     .max_size = max_size});
            }};
}

} // namespace

Place place_4k() { return {.regime = regime(Granule::k4, 22, 2, 0)}; }
Place place_4k_bbm2() { return {.regime = regime(Granule::k4, 22, 2, 2)}; }
Place place_three_levels() {
    return {
        .regime = regime(Granule::k4, 31, 1, 0), .leaf = 2 * MiB, .block = GiB, .run = 32 * MiB};
}
Place place_16k() {
    return {.regime = regime(Granule::k16, 26, 2, 0),
            .leaf = 16 * KiB,
            .block = 32 * MiB,
            .run = 2 * MiB,
            .page = 16 * KiB,
            .stops = {0, 1, 2, 127, 128, 2047}};
}
Place place_64k() {
    return {.regime = regime(Granule::k64, 30, 2, 0),
            .leaf = 64 * KiB,
            .block = 512 * MiB,
            .run = 2 * MiB,
            .page = 64 * KiB,
            .stops = {0, 1, 2, 31, 32, 8191}};
}

Operation operation(const Place& place, Verb verb, Form form) {
    const std::uint64_t start = form == Form::second || form == Form::page ? place.leaf : 0;
    return {.verb = verb,
            .ipa = Ipa{start},
            .length = form == Form::all    ? place.block
                      : form == Form::page ? place.page
                                           : place.leaf,
            .pa = other_memory + start,
            .leaf = place.leaf};
}

std::vector<Operation> every_operation(const Place& place) {
    std::vector<Operation> all;
    for (const Verb verb :
         {Verb::map, Verb::map_if_absent, Verb::unmap, Verb::protect, Verb::relax,
          Verb::write_protect, Verb::make_young, Verb::test_and_clear_young, Verb::collect_dirty,
          Verb::track_writes, Verb::annotate, Verb::hardware_write}) {
        all.push_back(operation(place, verb, Form::first));
        all.push_back(operation(place, verb, Form::second));
    }
    for (const Verb verb : {Verb::lookup, Verb::hardware_read, Verb::split}) {
        all.push_back(operation(place, verb, Form::first));
    }
    for (const Verb verb : {Verb::map, Verb::map_if_absent, Verb::unmap, Verb::protect,
                            Verb::write_protect, Verb::test_and_clear_young, Verb::collect_dirty,
                            Verb::track_writes, Verb::annotate, Verb::collapse}) {
        all.push_back(operation(place, verb, Form::all));
    }
    return all;
}

std::vector<Operation> main_operations(const Place& place) {
    std::vector<Operation> all;
    for (const Verb verb : {Verb::map, Verb::map_if_absent, Verb::unmap, Verb::relax,
                            Verb::annotate, Verb::hardware_write, Verb::split}) {
        all.push_back(operation(place, verb, Form::first));
    }
    all.push_back(operation(place, Verb::map_if_absent, Form::second));
    for (const Verb verb : {Verb::unmap, Verb::collect_dirty, Verb::collapse}) {
        all.push_back(operation(place, verb, Form::all));
    }
    if (place.page != place.leaf) {
        for (const Verb verb : {Verb::map_if_absent, Verb::unmap}) {
            all.push_back(operation(place, verb, Form::page));
        }
    }
    return all;
}

std::vector<Layout> layouts(const Place& place) {
    const std::uint64_t leaf = place.leaf;
    const std::uint64_t block = place.block;
    return {
        {.name = "empty", .fill = [](Stage2<ExplorePort>&, Invalidation&) {}},
        {.name = "annotation",
         .fill = [=](Stage2<ExplorePort>& table,
                     Invalidation& owed) { (void)table.annotate(Ipa{0}, leaf, 9, owed); }},
        filled("last leaf", leaf, leaf, true),
        {.name = "mixed leaves",
         .fill =
             [=](Stage2<ExplorePort>& table, Invalidation& owed) {
                 filled("", 2 * leaf, leaf, false).fill(table, owed);
                 (void)table.relax(Ipa{0}, {.write = true}, owed);
                 (void)table.make_young(Ipa{0});
                 (void)table.annotate(Ipa{5 * leaf}, leaf, 9, owed);
             }},
        filled("block", block, block, true),
        filled("clean block", block, block, false),
        filled("full table", block, leaf, true),
        filled("full table of clean runs", block, place.run, false),
        filled("one run", place.run, place.run, true),
        writable("writable leaves", 2 * leaf, leaf),
        writable("writable run", place.run, place.run),
    };
}

} // namespace twofold::test
