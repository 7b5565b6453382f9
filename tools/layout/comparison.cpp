// SPDX-License-Identifier: MIT
// Every legal layout of one IPA size.
#include "tools/layout/comparison.hpp"

#include "tools/text/columns.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace twofold::tool {

namespace {

std::vector<std::uint64_t> sizes_of(const Geometry& geometry) {
    std::vector<std::uint64_t> sizes;
    for (Level level = geometry.initial_level(); level <= page_level; ++level) {
        if (geometry.leaf_allowed(level)) {
            sizes.push_back(geometry.entry_size(level));
        }
    }
    return sizes;
}

bool is_choice(const CpuFeatures& features, GeometryRequest request, Prefer prefer,
               const Geometry& geometry) {
    request.prefer = prefer;
    request.initial_level.reset();
    const auto chosen = Geometry::make(features, request);
    return chosen && *chosen == geometry;
}

} // namespace

Result<Comparison> compare_layouts(std::string cpu, const CpuFeatures& features, unsigned ipa_bits,
                                   unsigned pa_bits, std::optional<Granule> only) {
    Comparison comparison{.cpu = std::move(cpu), .ipa_bits = ipa_bits, .rows = {}};
    Error error = Error::granule_not_supported;
    for (const Granule granule : all_granules) {
        for (const bool lpa2 : {false, true}) {
            GeometryRequest request{
                .granule = granule, .ipa_bits = ipa_bits, .pa_bits = pa_bits, .lpa2 = lpa2};
            if (only.value_or(granule) != granule || (lpa2 && !features.has_lpa2(granule))) {
                continue;
            }
            // Without a given level the error is about the size, not about one level.
            if (const auto any = Geometry::make(features, request); !any) {
                error = any.error();
                continue;
            }
            for (Level level = -1; level <= page_level; ++level) {
                request.initial_level = level;
                const auto geometry = Geometry::make(features, request);
                if (geometry) {
                    comparison.rows.push_back(
                        {.geometry = *geometry,
                         .fewest_levels =
                             is_choice(features, request, Prefer::fewest_levels, *geometry),
                         .fewest_root_pages =
                             is_choice(features, request, Prefer::fewest_root_pages, *geometry)});
                }
            }
        }
    }
    if (comparison.rows.empty()) {
        return Failure{std::string{to_string(error)}};
    }
    return comparison;
}

std::string comparison_text(const Comparison& comparison) {
    Columns table{{Align::left, Align::left, Align::right, Align::right, Align::right, Align::right,
                   Align::left, Align::left}};
    table.add({"granule", "LPA2", "initial level", "levels", "root tables", "root memory", "maps",
               "chosen for"});
    for (const Comparison::Row& row : comparison.rows) {
        const Geometry& geometry = row.geometry;
        std::vector<std::string> sizes;
        for (const std::uint64_t size : sizes_of(geometry)) {
            sizes.push_back(size_words(size));
        }
        std::vector<std::string_view> choices;
        if (row.fewest_levels) {
            choices.emplace_back("levels");
        }
        if (row.fewest_root_pages) {
            choices.emplace_back("root");
        }
        table.add({granule_words(geometry.granule()), geometry.lpa2() ? "yes" : "no",
                   fmt::format("{}", geometry.initial_level()),
                   fmt::format("{}", geometry.levels()), fmt::format("{}", geometry.root_tables()),
                   size_words(geometry.root_bytes()), fmt::format("{}", fmt::join(sizes, ", ")),
                   fmt::format("{}", fmt::join(choices, ", "))});
    }
    return fmt::format("{} of a {}-bit IPA; CPU: {}\n\n",
                       counted(comparison.rows.size(), "legal layout"), comparison.ipa_bits,
                       comparison.cpu) +
           table.text(2);
}

nlohmann::ordered_json comparison_json(const Comparison& comparison) {
    auto layouts = nlohmann::ordered_json::array();
    for (const Comparison::Row& row : comparison.rows) {
        const Geometry& geometry = row.geometry;
        layouts.push_back(
            {{"granule", geometry.page_size()},
             {"pa_bits", geometry.pa_bits()},
             {"lpa2", geometry.lpa2()},
             {"initial_level", geometry.initial_level()},
             {"levels", geometry.levels()},
             {"root", {{"tables", geometry.root_tables()}, {"bytes", geometry.root_bytes()}}},
             {"sizes", sizes_of(geometry)},
             {"fewest_levels", row.fewest_levels},
             {"fewest_root_pages", row.fewest_root_pages}});
    }
    return {{"cpu", comparison.cpu}, {"ipa_bits", comparison.ipa_bits}, {"layouts", layouts}};
}

} // namespace twofold::tool
