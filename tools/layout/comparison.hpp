// SPDX-License-Identifier: MIT
// Comparison: every legal layout of one IPA size on a CPU.
#pragma once

#include "tools/result.hpp"

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

struct Comparison {
    std::string cpu;
    unsigned ipa_bits = 0;

    struct Row {
        Geometry geometry;
        bool fewest_levels = false;     // what Prefer::fewest_levels gives
        bool fewest_root_pages = false; // what Prefer::fewest_root_pages gives
    };
    std::vector<Row> rows;
};

// Every granule, or only the one given. If nothing is legal it fails as the last thing tried did.
Result<Comparison> compare_layouts(std::string cpu, const CpuFeatures& features, unsigned ipa_bits,
                                   unsigned pa_bits, std::optional<Granule> only);

std::string comparison_text(const Comparison& comparison);

// {"cpu": "max", "ipa_bits": 40, "layouts": [{"granule": 4096, "pa_bits": 48, "lpa2": false,
//   "initial_level": 1, "levels": 3, "root": {"tables": 2, "bytes": 8192}, "sizes": [...],
//   "fewest_levels": true, "fewest_root_pages": false}, ...]}
nlohmann::ordered_json comparison_json(const Comparison& comparison);

} // namespace twofold::tool
