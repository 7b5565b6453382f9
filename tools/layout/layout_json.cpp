// SPDX-License-Identifier: MIT
// A layout as JSON.
#include "tools/decode/decoded.hpp"
#include "tools/layout/layout_words.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

Json levels_json(const Layout& layout) {
    Json levels = Json::array();
    for (const LayoutLevel& level : layout.levels) {
        levels.push_back({{"level", level.level},
                          {"ipa_high_bit", level.high_bit},
                          {"ipa_low_bit", level.low_bit},
                          {"width", level.width()},
                          {"entries", level.entries},
                          {"entry_bytes", level.entry_bytes},
                          {"table", level.table_allowed},
                          {"leaf", level.leaf_allowed},
                          {"contiguous_run", level.contiguous_run}});
    }
    return levels;
}

Json sizes_json(const Layout& layout) {
    Json sizes = Json::array();
    for (const MappableSize& size : layout.sizes) {
        sizes.push_back({{"bytes", size.bytes}, {"level", size.level}, {"entries", size.entries}});
    }
    return sizes;
}

Json vtcr_json(const Layout& layout) {
    return {{"value", fmt::format("{:#018x}", layout.vtcr.value)},
            {"fields", fields_json(layout.vtcr_fields)}};
}

Json memory_json(const Layout& layout) {
    Json mappings = Json::array();
    for (const GuestTables& tables : layout.tables) {
        mappings.push_back({{"bytes", tables.bytes},
                            {"level", tables.level},
                            {"entries", tables.entries},
                            {"tables", tables.tables},
                            {"table_bytes", tables.table_bytes}});
    }
    return {{"bytes", layout.memory}, {"mappings", mappings}};
}

Json linux_json(const LinuxWords& words) {
    Json levels = Json::array();
    for (const LinuxLevel& level : words.levels) {
        levels.push_back({{"level", level.level}, {"name", level.name}, {"folded", level.folded}});
    }
    Json blocks = Json::array();
    for (const LinuxBlock& block : words.blocks) {
        blocks.push_back({{"name", block.name},
                          {"bytes", block.bytes},
                          {"allowed", block.allowed},
                          {"reason", block.reason}});
    }
    return {{"levels", levels}, {"blocks", blocks}};
}

} // namespace

nlohmann::ordered_json layout_json(const Layout& layout) {
    const Geometry& geometry = layout.geometry;
    return {
        {"cpu", layout.cpu},
        {"granule", geometry.page_size()},
        {"ipa_bits", geometry.ipa_bits()},
        {"pa_bits", geometry.pa_bits()},
        {"lpa2", geometry.lpa2()},
        {"initial_level", geometry.initial_level()},
        {"root", {{"tables", geometry.root_tables()}, {"bytes", geometry.root_bytes()}}},
        {"levels", levels_json(layout)},
        {"sizes", sizes_json(layout)},
        {"memory", memory_json(layout)},
        {"vtcr", vtcr_json(layout)},
        {"linux", linux_json(layout.linux)},
    };
}

} // namespace twofold::tool
